"""Events of speech in a stream of audio frames."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer, VADState
from pipecat_rs.frames.frames import (
    Frame,
    InputAudioRawFrame,
    SpeechControlParamsFrame,
    VADParamsUpdateFrame,
)
from pipecat_rs.utils.base_object import BaseObject

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessorSetup

_logger = logging.getLogger(__name__)


class VADController(BaseObject):
    """Has an analyzer look at audio frames and says when speech starts, goes on and stops.

    If the audio ceases while somebody speaks, as when a microphone is muted, the speech is taken to
    have stopped.

    Events, all awaited in place: `on_speech_started`, `on_speech_stopped`, `on_speech_activity`
    (again and again while there is speech), `on_push_frame` (frame, direction) and
    `on_broadcast_frame` (class of the frame, its fields), which the owner fulfils.
    """

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_speech_started": True,
        "on_speech_stopped": True,
        "on_speech_activity": True,
        "on_push_frame": True,
        "on_broadcast_frame": True,
    }

    def __init__(
        self,
        vad_analyzer: VADAnalyzer,
        *,
        speech_activity_period: float = 0.2,
        audio_idle_timeout: float = 1.0,
    ) -> None:
        """Make a controller.

        Args:
            vad_analyzer: The analyzer.
            speech_activity_period: Least time from one `on_speech_activity` to the next, in
                seconds.
            audio_idle_timeout: Time without audio after which speech has stopped, in seconds; 0
                for never.
        """
        super().__init__()
        self._vad_analyzer = vad_analyzer
        self._vad_state = VADState.QUIET
        self._speech_activity_period = speech_activity_period
        self._speech_activity_time = float("-inf")
        self._audio_idle_timeout = audio_idle_timeout
        self._last_audio_time = 0.0
        self._audio_idle_task: asyncio.Task[Any] | None = None

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Load the analyzer and set its sample rate.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup.task_manager)
        await self._vad_analyzer.load()
        self._vad_analyzer.set_sample_rate(setup.audio_in_sample_rate)

    async def start(self) -> None:
        """Announce the analyzer's parameters."""
        await self.broadcast_frame(SpeechControlParamsFrame, vad_params=self._vad_analyzer.params)

    async def stop(self) -> None:
        """Stop watching for audio that ceases. The analyzer stays as it is: it may be shared."""
        task, self._audio_idle_task = self._audio_idle_task, None
        if task is not None:
            await self.cancel_task(task)

    async def cleanup(self) -> None:
        """Release the analyzer."""
        await super().cleanup()
        await self.stop()
        await self._vad_analyzer.cleanup()

    async def process_frame(self, frame: Frame) -> None:
        """Look at an audio frame, or take over new parameters.

        Args:
            frame: The frame; others than these are ignored.
        """
        if isinstance(frame, InputAudioRawFrame):
            await self._handle_audio(frame)
        elif isinstance(frame, VADParamsUpdateFrame):
            self._vad_analyzer.set_params(frame.params)
            await self.broadcast_frame(SpeechControlParamsFrame, vad_params=frame.params)

    async def push_frame(self, frame: Frame, direction: FrameDirection | None = None) -> None:
        """Ask the owner to push a frame.

        Args:
            frame: The frame.
            direction: Which way; downstream if None.
        """
        if direction is None:
            from pipecat_rs.processors.frame_processor import FrameDirection as Direction

            direction = Direction.DOWNSTREAM
        await self._call_event_handler("on_push_frame", frame, direction)

    async def broadcast_frame(self, frame_cls: type[Frame], **kwargs: Any) -> None:
        """Ask the owner to push a frame both ways.

        Args:
            frame_cls: Class of the frame.
            **kwargs: Its fields.
        """
        await self._call_event_handler("on_broadcast_frame", frame_cls, **kwargs)

    async def _handle_audio(self, frame: InputAudioRawFrame) -> None:
        self._last_audio_time = asyncio.get_running_loop().time()
        state = await self._vad_analyzer.analyze_audio(frame.audio)
        if state is VADState.SPEAKING and self._vad_state is not VADState.SPEAKING:
            self._vad_state = state
            self._watch_for_idle_audio()
            await self._call_event_handler("on_speech_started")
        elif state is VADState.QUIET and self._vad_state is not VADState.QUIET:
            self._vad_state = state
            await self.stop()
            await self._call_event_handler("on_speech_stopped")
        if self._vad_state is VADState.SPEAKING:
            await self._maybe_report_activity()

    async def _maybe_report_activity(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._speech_activity_time >= self._speech_activity_period:
            self._speech_activity_time = now
            await self._call_event_handler("on_speech_activity")

    def _watch_for_idle_audio(self) -> None:
        # Only speech can be cut off, so there is nothing to watch while it is quiet.
        if self._audio_idle_timeout > 0 and self._audio_idle_task is None:
            self._audio_idle_task = self.create_task(self._stop_speech_when_audio_ceases())

    async def _stop_speech_when_audio_ceases(self) -> None:
        while (left := self._audio_idle_deadline() - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)
        self._audio_idle_task = None
        if self._vad_state is VADState.SPEAKING:
            _logger.warning("%s: the audio has ceased while somebody spoke", self)
            self._vad_state = VADState.QUIET
            await self._call_event_handler("on_speech_stopped")

    def _audio_idle_deadline(self) -> float:
        return self._last_audio_time + self._audio_idle_timeout
