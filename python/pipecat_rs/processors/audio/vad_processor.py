"""Voice activity detection as a processor of its own."""

from __future__ import annotations

from typing import Any

from pipecat_rs.audio.vad.events import VoiceActivityFrame
from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    StartFrame,
    StopFrame,
    VADParamsUpdateFrame,
)
from pipecat_rs.processors.audio.speech_announcer import SpeechAnnouncer
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.processors.interest import declared_interest


class VADProcessor(FrameProcessor):
    """Passes audio on at once, then says both ways when speech starts, goes on and stops.

    With an analyzer whose network is native, audio meets no Python here.
    """

    handles = (InputAudioRawFrame, VADParamsUpdateFrame)

    def __init__(
        self,
        *,
        vad_analyzer: VADAnalyzer,
        speech_activity_period: float = 0.2,
        audio_idle_timeout: float = 1.0,
        **kwargs: Any,
    ) -> None:
        """Make a processor.

        Args:
            vad_analyzer: The analyzer.
            speech_activity_period: Least time from one `UserSpeakingFrame` to the next, in seconds.
            audio_idle_timeout: Time without audio after which speech has stopped, in seconds; 0
                for never.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._vad_controller = SpeechAnnouncer(
            self,
            vad_analyzer,
            speech_activity_period=speech_activity_period,
            audio_idle_timeout=audio_idle_timeout,
        )

    def _layout(self) -> tuple[Any, ...]:
        own = declared_interest(type(self))
        # A subclass that says what it handles means it.
        needs_audio = type(self).handles is not VADProcessor.handles
        interest = self._vad_controller.interest(own, needs_audio=needs_audio)
        return self._vad_controller.layout(interest)

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Set the analyzer up.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        await self._vad_controller.setup(setup)

    async def cleanup(self) -> None:
        """Release the analyzer."""
        await super().cleanup()
        await self._vad_controller.cleanup()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a frame on and look at it.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, VoiceActivityFrame):
            await self._vad_controller.process_frame(frame)
            return
        if isinstance(frame, (EndFrame, StopFrame)):
            await self._vad_controller.drain()
        # On first: others start before anything is announced, and audio does not wait.
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            await self._vad_controller.start()
        elif isinstance(frame, (EndFrame, CancelFrame)):
            await self._vad_controller.stop()
        await self._vad_controller.process_frame(frame)
