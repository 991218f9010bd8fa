"""What voice activity detection finds in audio, told by a processor as frames."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from pipecat_rs import _core
from pipecat_rs.audio.vad.events import VoiceActivityFrame
from pipecat_rs.audio.vad.native_analyzer import NativeVADAnalyzer
from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer, VADState
from pipecat_rs.audio.vad.vad_controller import VADController
from pipecat_rs.frames.frames import (
    Frame,
    InputAudioRawFrame,
    UserSpeakingFrame,
    VADParamsUpdateFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)

_logger = logging.getLogger(__name__)

_DRAIN_SECS = 2.0
"""How long the end of a session waits for audio that is still being looked at."""


class SpeechAnnouncer(VADController):
    """A `VADController` whose owner broadcasts frames when speech starts, goes on and stops.

    If the analyzer's network is native, so is the detection: audio is listened to on its way past
    the owner's seat, which is shown events alone.
    """

    def __init__(
        self,
        owner: FrameProcessor,
        vad_analyzer: VADAnalyzer,
        *,
        push: Callable[[Frame, FrameDirection], Awaitable[None]] | None = None,
        broadcast: Callable[..., Awaitable[None]] | None = None,
        listens_behind: bool = False,
        passes_audio: bool = True,
        **kwargs: Any,
    ) -> None:
        """Make a controller.

        Args:
            owner: The processor that broadcasts.
            vad_analyzer: The analyzer.
            push: What pushes a frame, if not the owner's `push_frame`.
            broadcast: What broadcasts a frame, if not the owner's `broadcast_frame`.
            listens_behind: Whether to listen to what the owner pushes, and not to what comes to it.
            passes_audio: Whether audio goes on behind the owner, if it is listened to there.
            **kwargs: For `VADController`.
        """
        super().__init__(vad_analyzer, **kwargs)
        self._owner = owner
        self._push_frame = push or owner.push_frame
        self._broadcast_frame = broadcast or owner.broadcast_frame
        self._native = vad_analyzer if isinstance(vad_analyzer, NativeVADAnalyzer) else None
        if self._native is not None and not self._native.runs_natively:
            self._native = None
        self._listens_behind = listens_behind
        self._activity = _core.VoiceActivity(listens_behind, passes_audio)
        self._marks = 0
        self._drained = asyncio.Event()
        self.add_event_handler("on_speech_started", self._tell_start)
        self.add_event_handler("on_speech_stopped", self._tell_stop)
        self.add_event_handler("on_speech_activity", self._tell_activity)
        self.add_event_handler("on_push_frame", self._push)
        self.add_event_handler("on_broadcast_frame", self._broadcast)

    @property
    def is_native(self) -> bool:
        """Whether audio is listened to without Python."""
        return self._native is not None

    # ---- where it listens

    def interest(
        self, own: tuple[type[Frame], ...] | None, *, needs_audio: bool
    ) -> tuple[type[Frame], ...] | None:
        """Return what the owner is to be shown.

        Args:
            own: What it handles by itself; None for everything.
            needs_audio: Whether it has another use for audio, or wants it by its own words.
        """
        if own is None:
            return None
        own = (*own, VADParamsUpdateFrame)
        if not self.is_native:
            return (*own, InputAudioRawFrame)
        if not needs_audio:
            own = tuple(kind for kind in own if kind is not InputAudioRawFrame)
        return (*own, VoiceActivityFrame)

    def layout(self, interest: tuple[type[Frame], ...] | None) -> tuple[Any, ...]:
        """Describe the owner's seat, with the native detector beside it, to the engine.

        Args:
            interest: What the owner is shown.
        """
        seat = ("processor", self._owner, interest)
        if not self.is_native:
            return seat
        detector = ("native", f"{self._owner}::vad", self._activity)
        return ("sequence", [seat, detector] if self._listens_behind else [detector, seat])

    def set_deaf(self, deaf: bool) -> None:
        """Say whether audio that passes is not listened to.

        Args:
            deaf: Whether it is not.
        """
        self._activity.deaf = deaf

    # ---- life cycle

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Load the analyzer and begin to listen.

        Args:
            setup: What the task gives to its processors.
        """
        if self._native is None:
            await super().setup(setup)
            return
        await super(VADController, self).setup(setup.task_manager)
        await self._native.load()
        self._native.begin_following(
            self._activity,
            setup.audio_in_sample_rate,
            activity_period=self._speech_activity_period,
            idle_timeout=self._audio_idle_timeout,
        )

    async def cleanup(self) -> None:
        """Listen no longer, and release the analyzer."""
        if self._native is not None:
            dropped = self._activity.dropped()
            if dropped:
                _logger.warning(
                    "%s: %d windows of 32 ms were not listened to: the machine cannot keep up",
                    self._owner,
                    dropped,
                )
            self._native.end_following(self._activity)
        await super().cleanup()

    async def drain(self) -> None:
        """Wait until all audio so far has been listened to, and what was found in it been told.

        Its owner has to be able to process events meanwhile.
        """
        if self._native is None:
            return
        self._marks += 1
        self._drained.clear()
        if not self._activity.drain(self._marks):
            return
        try:
            await asyncio.wait_for(self._drained.wait(), _DRAIN_SECS)
        except TimeoutError:
            _logger.warning("%s: the end does not wait for voice activity any longer", self._owner)

    # ---- frames

    async def process_frame(self, frame: Frame) -> None:
        """Look at an audio frame, take over new parameters, or tell what was found natively.

        Args:
            frame: The frame; others than these are ignored.
        """
        if isinstance(frame, VoiceActivityFrame):
            await self._take_event(frame)
        elif self._native is None or not isinstance(frame, InputAudioRawFrame):
            await super().process_frame(frame)

    async def hear(self, frame: InputAudioRawFrame, *, passes_detector: bool) -> None:
        """Look at an audio frame that the owner has.

        Args:
            frame: The audio.
            passes_detector: Whether the native detector meets it as well.
        """
        if self._native is None:
            await self.process_frame(frame)
        elif not passes_detector:
            self._activity.hear(frame.audio, frame.sample_rate, frame.num_channels)

    async def _take_event(self, frame: VoiceActivityFrame) -> None:
        match frame.kind:
            case "started":
                self._vad_state = VADState.SPEAKING
                await self._call_event_handler("on_speech_started")
            case "activity" if self._vad_state is VADState.SPEAKING:
                await self._call_event_handler("on_speech_activity")
            case "stopped" | "ceased" if self._vad_state is VADState.SPEAKING:
                self._vad_state = VADState.QUIET
                if frame.kind == "ceased":
                    _logger.warning("%s: the audio has ceased while somebody spoke", self)
                await self._call_event_handler("on_speech_stopped")
            case "drained" if frame.mark == self._marks:
                self._drained.set()
            case "unread":
                self._activity.hear_unread()
            case "failed":
                await self._owner.push_error(f"Voice activity detection fails: {frame.error}")
            case _:
                pass

    async def stop(self) -> None:
        """Stop watching for audio that ceases. The analyzer stays as it is: it may be shared."""
        await super().stop()
        if self._native is not None:
            # Nobody is to be told after the end that the audio has ceased.
            self._vad_state = VADState.QUIET

    # ---- telling

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
