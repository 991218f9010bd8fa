"""The input half of a transport: the user's audio and video, as frames going downstream."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

from pipecat_rs.audio.vad.events import VoiceActivityFrame
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    FilterControlFrame,
    Frame,
    InputAudioRawFrame,
    InputImageRawFrame,
    InputTransportStartAudioStreamingFrame,
    StartFrame,
    StopFrame,
    VADParamsUpdateFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.processors.interest import declared_interest
from pipecat_rs.transports.base_transport import TransportParams

if TYPE_CHECKING:
    from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer
    from pipecat_rs.pipeline.capabilities import BotCapabilities
    from pipecat_rs.processors.audio.speech_announcer import SpeechAnnouncer
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup

logger = logging.getLogger(__name__)

INPUT_FRAMES: tuple[type[Frame], ...] = (
    InputAudioRawFrame,
    FilterControlFrame,
    InputTransportStartAudioStreamingFrame,
    VADParamsUpdateFrame,
    VoiceActivityFrame,
)
"""What a transport's input handles; everything else goes past it."""


class BaseInputTransport(FrameProcessor):
    """Base class of transport inputs.

    A subclass overrides `start`, `stop`, `cancel` and calls `push_audio_frame` for each piece of
    audio that it receives. Audio that comes from further up the pipeline takes the same path.
    """

    handles = INPUT_FRAMES

    def __init__(self, params: TransportParams, **kwargs: Any) -> None:
        """Initialize the input.

        Args:
            params: The transport's settings.
            **kwargs: For the base class.
        """
        super().__init__(**kwargs)
        self._params = params
        self._sample_rate = 0
        # After a StopFrame the peer may still send; nobody is to hear it until the next start.
        self._paused = False
        self._is_open = False
        self._vad = self._make_vad()

    @property
    def sample_rate(self) -> int:
        """Of the received audio, in Hz. 0 before `setup`."""
        return self._sample_rate

    @property
    def capabilities(self) -> BotCapabilities:
        """What this transport receives of the user.

        Whether that includes the screen is not known if the program decides which video to capture
        (`capture_participant_video`).
        """
        from pipecat_rs.pipeline.capabilities import BotCapabilities

        params = self._params
        screen_in: bool | None = None
        if not params.video_in_enabled:
            screen_in = False
        elif params.video_in_sources and self._supports_video_in_source("screenVideo"):
            screen_in = "screenVideo" in params.video_in_sources
        return BotCapabilities(
            audio_in=params.audio_in_enabled,
            video_in=params.video_in_enabled,
            screen_in=screen_in,
        )

    def _supports_video_in_source(self, video_source: str) -> bool:
        """Return whether a source named in the parameters is captured when its user connects.

        Args:
            video_source: "camera", "screenVideo" or a name of the transport's own.
        """
        return False

    def enable_audio_in_stream_on_start(self, enabled: bool) -> None:
        """Say whether audio is streamed from the start on.

        Args:
            enabled: False to wait for an `InputTransportStartAudioStreamingFrame`.
        """
        self._params.audio_in_stream_on_start = enabled

    def _layout(self) -> tuple[Any, ...]:
        interest = declared_interest(type(self))
        if self._vad is None:
            return ("processor", self, interest)
        # Behind this seat: what a subclass pushes from its socket, or natively, comes by there.
        return self._vad.layout(self._vad.interest(interest, needs_audio=True))

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Take the sample rate and start the audio filter.

        Args:
            setup: What the pipeline task hands to its processors.
        """
        await super().setup(setup)
        self._is_open = True
        self._sample_rate = self._params.audio_in_sample_rate or setup.audio_in_sample_rate
        if self._params.audio_in_filter:
            await self._params.audio_in_filter.start(self._sample_rate)
        if self._vad is not None:
            own_rate = dataclasses.replace(setup, audio_in_sample_rate=self._sample_rate)
            await self._vad.setup(own_rate)

    async def cleanup(self) -> None:
        """Stop the audio filter and the voice activity detection."""
        await super().cleanup()
        # The transport may have been stopped before its task is over.
        if not self._is_open:
            return
        self._is_open = False
        if self._params.audio_in_filter:
            await self._params.audio_in_filter.stop()
        if self._vad is not None:
            await self._vad.cleanup()

    async def start(self, frame: StartFrame) -> None:
        """Called when the StartFrame is on its way down the pipeline.

        Args:
            frame: The StartFrame.
        """
        self._paused = False

    async def stop(self, frame: EndFrame) -> None:
        """Called when the EndFrame is on its way down the pipeline.

        Args:
            frame: The EndFrame.
        """

    async def pause(self, frame: StopFrame) -> None:
        """Called on a StopFrame. Audio is ignored from here on.

        Args:
            frame: The StopFrame.
        """
        self._paused = True

    async def cancel(self, frame: CancelFrame) -> None:
        """Called on a CancelFrame, before it is passed on.

        Args:
            frame: The CancelFrame.
        """

    async def set_transport_ready(self, frame: StartFrame) -> None:
        """To be called by a subclass when it is connected.

        Args:
            frame: The StartFrame.
        """

    async def push_audio_frame(self, frame: InputAudioRawFrame) -> None:
        """Send received audio down the pipeline, through the filter if there is one.

        Args:
            frame: The audio.
        """
        if not self._params.audio_in_enabled or self._paused:
            return
        if self._params.audio_in_filter:
            frame.audio = await self._params.audio_in_filter.filter(frame.audio)
        # A filter that collects audio first gives nothing back for a while.
        if not frame.audio:
            return
        passes = self._params.audio_in_passthrough
        if passes:
            await self.push_frame(frame)
        if self._vad is not None:
            await self._vad.hear(frame, passes_detector=passes)

    async def push_video_frame(self, frame: InputImageRawFrame) -> None:
        """Send a received image down the pipeline.

        Args:
            frame: The image.
        """
        if self._params.video_in_enabled and not self._paused:
            await self.push_frame(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follow the pipeline's life cycle and pass everything on.

        Args:
            frame: The frame.
            direction: Where it is going.
        """
        await super().process_frame(frame, direction)
        match frame:
            case StartFrame():
                # Before start(): everybody is to see the StartFrame before the first audio.
                await self.push_frame(frame, direction)
                if self._vad is not None:
                    await self._vad.start()
                await self.start(frame)
            case CancelFrame():
                await self._stop_vad()
                await self.cancel(frame)
                await self.push_frame(frame, direction)
            case EndFrame():
                await self._drain_vad()
                await self.push_frame(frame, direction)
                await self._stop_vad()
                await self.stop(frame)
            case StopFrame():
                await self._drain_vad()
                await self.push_frame(frame, direction)
                await self._stop_vad()
                await self.pause(frame)
            case InputAudioRawFrame():
                await self.push_audio_frame(frame)
            case InputTransportStartAudioStreamingFrame():
                await self._start_audio_in_streaming()
            case VoiceActivityFrame():
                if self._vad is not None:
                    await self._vad.process_frame(frame)
            case FilterControlFrame() if self._params.audio_in_filter:
                await self._params.audio_in_filter.process_frame(frame)
            case VADParamsUpdateFrame() if self._vad is not None:
                await self.push_frame(frame, direction)
                await self._vad.process_frame(frame)
            case _:
                await self.push_frame(frame, direction)

    async def _start_audio_in_streaming(self) -> None:
        """Start to stream audio that was held back. For subclasses that can."""

    # ---- voice activity

    def _make_vad(self) -> SpeechAnnouncer | None:
        analyzer = self._params.vad_analyzer
        if analyzer is None and self._params.vad_enabled and self._params.audio_in_enabled:
            analyzer = self._default_vad_analyzer()
        if analyzer is None:
            return None
        from pipecat_rs.processors.audio.speech_announcer import SpeechAnnouncer

        passes_audio = self._params.audio_in_passthrough
        return SpeechAnnouncer(self, analyzer, listens_behind=True, passes_audio=passes_audio)

    def _default_vad_analyzer(self) -> VADAnalyzer:
        from pipecat_rs.audio.vad.silero import SileroVADAnalyzer

        try:
            return SileroVADAnalyzer()
        except MissingDependencyError as error:
            # Programs of older versions ask for it by rote and may have it elsewhere.
            from pipecat_rs.audio.vad.earshot import EarshotVADAnalyzer

            logger.warning(
                "%s: vad_enabled without Silero, so a smaller network listens. Give a "
                "vad_analyzer, or install Silero: %s",
                self,
                error,
            )
            return EarshotVADAnalyzer()

    async def _drain_vad(self) -> None:
        if self._vad is not None:
            await self._vad.drain()

    async def _stop_vad(self) -> None:
        if self._vad is not None:
            await self._vad.stop()
