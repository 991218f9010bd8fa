"""What voice activity detection finds in audio, told by a processor as frames."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer
from pipecat_rs.audio.vad.vad_controller import VADController
from pipecat_rs.frames.frames import (
    Frame,
    UserSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


class SpeechAnnouncer(VADController):
    """A `VADController` whose owner broadcasts frames when speech starts, goes on and stops."""

    def __init__(
        self,
        owner: FrameProcessor,
        vad_analyzer: VADAnalyzer,
        *,
        push: Callable[[Frame, FrameDirection], Awaitable[None]] | None = None,
        broadcast: Callable[..., Awaitable[None]] | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a controller.

        Args:
            owner: The processor that broadcasts.
            vad_analyzer: The analyzer.
            push: What pushes a frame, if not the owner's `push_frame`.
            broadcast: What broadcasts a frame, if not the owner's `broadcast_frame`.
            **kwargs: For `VADController`.
        """
        super().__init__(vad_analyzer, **kwargs)
        self._push_frame = push or owner.push_frame
        self._broadcast_frame = broadcast or owner.broadcast_frame
        self.add_event_handler("on_speech_started", self._tell_start)
        self.add_event_handler("on_speech_stopped", self._tell_stop)
        self.add_event_handler("on_speech_activity", self._tell_activity)
        self.add_event_handler("on_push_frame", self._push)
        self.add_event_handler("on_broadcast_frame", self._broadcast)

    async def _tell_start(self, _controller: VADController) -> None:
        start_secs = self._vad_analyzer.params.start_secs
        await self._broadcast_frame(VADUserStartedSpeakingFrame, start_secs=start_secs)

    async def _tell_stop(self, _controller: VADController) -> None:
        stop_secs = self._vad_analyzer.params.stop_secs
        await self._broadcast_frame(VADUserStoppedSpeakingFrame, stop_secs=stop_secs)

    async def _tell_activity(self, _controller: VADController) -> None:
        await self._broadcast_frame(UserSpeakingFrame)

    async def _push(
        self, _controller: VADController, frame: Frame, direction: FrameDirection
    ) -> None:
        await self._push_frame(frame, direction)

    async def _broadcast(
        self, _controller: VADController, frame_cls: type[Frame], **kwargs: Any
    ) -> None:
        await self._broadcast_frame(frame_cls, **kwargs)
