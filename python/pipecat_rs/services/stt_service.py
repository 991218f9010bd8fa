"""The bases of speech-to-text services: for a stream, and for one utterance at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextAssistantTurnFrame,
    StartFrame,
    STTMetadataFrame,
    STTMuteFrame,
    STTUpdateSettingsFrame,
    TranscriptionFrame,
    UserAudioRawFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.metrics.metrics import STTUsage
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.services.ai_service import AIService, service_language
from pipecat_rs.services.settings import STTSettings, is_given
from pipecat_rs.transcriptions.language import Language

if TYPE_CHECKING:
    from pipecat_rs.services.websocket_stt_service import WebsocketSTTService as WebsocketSTTService

_logger = logging.getLogger(__name__)

DEFAULT_TTFS_P99 = 1.0
"""Seconds from the end of speech to its transcript that are assumed of a service which says
nothing, 99th percentile."""

_BYTES_PER_SAMPLE = 2


class STTService(AIService):
    """Turns audio into transcripts, frame by frame: `run_stt` is given each chunk.

    Its time to first byte is that from the end of speech to the final transcript.

    Events: `on_connected`, `on_disconnected`, `on_connection_error` (with what is wrong).
    """

    handles = (
        *(AIService.handles or ()),
        InputAudioRawFrame,
        VADUserStartedSpeakingFrame,
        VADUserStoppedSpeakingFrame,
        UserStoppedSpeakingFrame,  # for the spans of a traced service
        STTUpdateSettingsFrame,
        STTMuteFrame,
        LLMContextAssistantTurnFrame,
    )

    Settings = STTSettings

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_connected": False,
        "on_disconnected": False,
        "on_connection_error": False,
    }

    def __init__(
        self,
        *,
        audio_passthrough: bool = True,
        sample_rate: int | None = None,
        stt_ttfb_timeout: float = 2.0,
        ttfs_p99_latency: float | None = None,
        settings: STTSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            audio_passthrough: Whether audio goes on to the processors behind.
            sample_rate: Sample rate of the audio in Hz, or None for that of the pipeline's input.
            stt_ttfb_timeout: How long a final transcript may take for its time to be reported, in
                seconds.
            ttfs_p99_latency: Seconds from the end of speech to its transcript, 99th percentile.
                Turn strategies wait for so long.
            settings: The settings, complete.
            **kwargs: For `AIService`.
        """
        super().__init__(settings=settings or STTSettings(), **kwargs)
        if isinstance(self._settings.language, str):
            self._settings.language = service_language(self, self._settings.language)
        self._audio_passthrough = audio_passthrough
        self._push_audio = type(self).push_frame
        self._init_sample_rate = sample_rate
        self._sample_rate = 0
        self._ttfs_p99_latency = ttfs_p99_latency
        self._muted = False
        self._user_id = ""
        self._user_speaking = False
        self._usage_secs = 0.0
        self._finalize_requested = False
        self._finalize_pending = False
        self._stt_ttfb_timeout = stt_ttfb_timeout
        self._ttfb_timeout_task: asyncio.Task[Any] | None = None
        self._last_transcript_time = 0.0

    @property
    def is_muted(self) -> bool:
        """Whether audio is ignored."""
        return self._muted

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio, in Hz; 0 before the set-up."""
        return self._sample_rate

    @property
    def supports_ttfs(self) -> bool:
        """Whether there is a time from the end of speech to the transcript.

        There is none if the provider decides where a turn ends.
        """
        return True

    def service_metadata_frame(self) -> STTMetadataFrame:
        """Return the latency, for turn strategies."""
        ttfs = self._ttfs_p99_latency if self.supports_ttfs else 0.0
        return STTMetadataFrame(
            service_name=self.name, ttfs_p99_latency=DEFAULT_TTFS_P99 if ttfs is None else ttfs
        )

    def language_to_service_language(self, language: Language) -> str | None:
        """Return the service's own code for a language.

        Args:
            language: The language.
        """
        return Language(language)

    @abstractmethod
    def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Transcribe audio.

        Args:
            audio: The audio, 16-bit mono.

        Yields:
            Transcripts, ErrorFrames, and None for nothing.
        """

    async def _process_assistant_turn(self, text: str) -> None:
        """Take note of what the assistant said, for services which use that.

        Args:
            text: What it said in the turn.
        """

    def request_finalize(self) -> None:
        """Take note that the provider was asked for the final transcript."""
        self._finalize_requested = True

    def confirm_finalize(self) -> None:
        """Take note that the provider confirms: the next transcript is the final one."""
        if self._finalize_requested:
            self._finalize_requested = False
            self._finalize_pending = True

    # ---- life cycle

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Take over the sample rate.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        self._sample_rate = self._init_sample_rate or setup.audio_in_sample_rate
        # What the services' own push_frame looks for is no audio; a user's may look for it.
        own = type(self).push_frame
        straight = own.__module__ == __name__ and self._spans is None
        self._push_audio = FrameProcessor.push_frame if straight else own

    async def stop(self, frame: EndFrame) -> None:
        """Report the usage that is left.

        Args:
            frame: The end frame.
        """
        await super().stop(frame)
        await self.emit_stt_usage_metrics()

    async def cancel(self, frame: CancelFrame) -> None:
        """Report the usage that is left.

        Args:
            frame: The cancel frame.
        """
        await super().cancel(frame)
        await self.emit_stt_usage_metrics()

    async def cleanup(self) -> None:
        """Give up the time measure."""
        await super().cleanup()
        await self._cancel_ttfb_timeout()

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        if is_given(delta.language) and isinstance(delta.language, str):
            delta.language = service_language(self, delta.language)
        return await super()._update_settings(delta)

    # ---- frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Transcribe audio, follow the voice, and pass frames on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        if isinstance(frame, InputAudioRawFrame):
            # Fifty a second: nothing that the base classes do is meant for them.
            await self.process_audio_frame(frame, direction)
            if self._audio_passthrough:
                await self._push_audio(self, frame, direction)
            return
        await super().process_frame(frame, direction)
        if isinstance(frame, STTUpdateSettingsFrame):
            await self._handle_settings_frame(frame, direction)
        elif isinstance(frame, STTMuteFrame):
            self._muted = frame.mute
        else:
            if isinstance(frame, VADUserStartedSpeakingFrame):
                await self._handle_vad_user_started_speaking(frame)
            elif isinstance(frame, VADUserStoppedSpeakingFrame):
                await self._handle_vad_user_stopped_speaking(frame)
            elif isinstance(frame, InterruptionFrame):
                await self._cancel_ttfb()
            elif isinstance(frame, LLMContextAssistantTurnFrame):
                await self._process_assistant_turn(frame.text)
            await self.push_frame(frame, direction)

    async def process_audio_frame(
        self, frame: InputAudioRawFrame, direction: FrameDirection
    ) -> None:
        """Transcribe one chunk of audio.

        Args:
            frame: The audio.
            direction: Which way it travels.
        """
        if self._muted or not self.is_usable or not frame.audio:
            return
        self._user_id = frame.user_id if isinstance(frame, UserAudioRawFrame) else ""
        self._record_stt_audio_usage(frame.audio)
        await self.process_generator(self.run_stt(frame.audio))

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push a frame; a transcript ends the measure of its time.

        Args:
            frame: The frame.
            direction: Which way.
        """
        if isinstance(frame, TranscriptionFrame):
            self._last_transcript_time = time.time()
            if self._finalize_pending:
                self._finalize_pending = False
                frame.finalized = True
            if frame.finalized:
                await self.stop_ttfb_metrics()
                await self._cancel_ttfb_timeout()
        await super().push_frame(frame, direction)

    # ---- measures

    async def emit_stt_usage_metrics(self) -> None:
        """Report how much audio was transcribed since the last report."""
        secs, self._usage_secs = self._usage_secs, 0.0
        if secs:
            await self.start_stt_usage_metrics(STTUsage(audio_seconds=secs))

    async def stop_ttfb_metrics(self, *, end_time: float | None = None) -> None:
        """End the measure of time to first byte and push it.

        Args:
            end_time: When the transcript came, if none was said to be final; None for now.
        """
        await super().stop_ttfb_metrics(end_time=end_time)
        if end_time is not None and self._spans is not None:
            self._spans.end_speech(end_time)

    async def _stop_pending_ttfb(self) -> None:
        """End a measure that waits for a final transcript."""
        if self._collector is not None and self._collector.is_measuring_ttfb:
            await self.stop_ttfb_metrics(end_time=self._last_transcript_time or None)

    def _record_stt_audio_usage(self, audio: bytes | bytearray) -> None:
        if self.sample_rate:
            self._usage_secs += len(audio) / (self.sample_rate * _BYTES_PER_SAMPLE)

    async def _handle_vad_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        await self._cancel_ttfb()
        self._user_speaking = True
        self._finalize_requested = False
        self._finalize_pending = False
        self._last_transcript_time = 0.0

    async def _handle_vad_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._user_speaking = False
        # Without the time that it took to be sure there is no end of speech to measure from.
        if frame.stop_secs == 0.0 or not self.metrics_enabled:
            return
        await self._cancel_ttfb_timeout()
        await self.start_ttfb_metrics(start_time=frame.timestamp - frame.stop_secs)
        self._ttfb_timeout_task = self.create_task(self._report_ttfb_late(), "stt_ttfb_timeout")

    async def _report_ttfb_late(self) -> None:
        """Report the time to the latest transcript, if none says that it is the final one."""
        await asyncio.sleep(self._stt_ttfb_timeout)
        self._ttfb_timeout_task = None
        if self._last_transcript_time:
            await self.stop_ttfb_metrics(end_time=self._last_transcript_time)
        else:
            await self.cancel_ttfb_metrics()

    async def _cancel_ttfb(self) -> None:
        await self._cancel_ttfb_timeout()
        await self.cancel_ttfb_metrics()

    async def _cancel_ttfb_timeout(self) -> None:
        task, self._ttfb_timeout_task = self._ttfb_timeout_task, None
        if task is not None:
            await self.cancel_task(task)


class SegmentedSTTService(STTService):
    """Turns whole utterances into transcripts: `run_stt` is given the audio from the start of
    speech to its end, as voice activity detection finds them.

    A second of audio from before the start is kept, as the detection takes its time, and a little
    silence is added at the end, without which models lose the last word. Utterances are transcribed
    in order, beside the processing of frames. A graceful end waits for those that are left.
    """

    def __init__(
        self,
        *,
        sample_rate: int | None = None,
        trailing_silence_secs: float = 0.5,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            sample_rate: Sample rate of the audio in Hz, or None for that of the pipeline's input.
            trailing_silence_secs: Silence added to each utterance, in seconds.
            **kwargs: For `STTService`.
        """
        super().__init__(sample_rate=sample_rate, **kwargs)
        self._trailing_silence_secs = trailing_silence_secs
        self._audio_buffer = bytearray()
        self._preroll_bytes = 0
        self._segments: asyncio.Queue[bytes] = asyncio.Queue()
        self._segment_task: asyncio.Task[Any] | None = None

    @property
    def wants_wav_segments(self) -> bool:
        """Whether `run_stt` is given a WAV file rather than bare samples."""
        return True

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Take over the sample rate.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        self._preroll_bytes = self.sample_rate * _BYTES_PER_SAMPLE

    async def start(self, frame: StartFrame) -> None:
        """Begin to transcribe.

        Args:
            frame: The start frame.
        """
        await super().start(frame)
        self._audio_buffer.clear()

    async def stop(self, frame: EndFrame) -> None:
        """Transcribe the utterances that are left.

        Args:
            frame: The end frame.
        """
        if self._segment_task is not None:
            await asyncio.wait((self._segment_task,))
        await super().stop(frame)

    async def cancel(self, frame: CancelFrame) -> None:
        """Drop the utterances that are left.

        Args:
            frame: The cancel frame.
        """
        await self._drop_segments()
        await super().cancel(frame)

    async def cleanup(self) -> None:
        """Drop the utterances that are left."""
        await super().cleanup()
        await self._drop_segments()

    async def process_audio_frame(
        self, frame: InputAudioRawFrame, direction: FrameDirection
    ) -> None:
        """Gather one chunk of audio; outside of speech only the latest second is kept.

        Args:
            frame: The audio.
            direction: Which way it travels.
        """
        if self._muted:
            return
        self._user_id = frame.user_id if isinstance(frame, UserAudioRawFrame) else ""
        self._audio_buffer += frame.audio
        surplus = len(self._audio_buffer) - self._preroll_bytes
        if surplus > 0 and not self._user_speaking:
            del self._audio_buffer[:surplus]

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push a frame; a transcript is final unless that of a later utterance is still to come.

        Args:
            frame: The frame.
            direction: Which way.
        """
        if isinstance(frame, TranscriptionFrame):
            frame.finalized = self._segments.empty() and not self._user_speaking
        await super().push_frame(frame, direction)

    async def _handle_vad_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        await super()._handle_vad_user_stopped_speaking(frame)
        silence = int(self.sample_rate * max(0.0, self._trailing_silence_secs))
        pcm = bytes(self._audio_buffer) + bytes(silence * _BYTES_PER_SAMPLE)
        self._audio_buffer.clear()
        if not self.is_usable:
            return
        self._record_stt_audio_usage(pcm)
        await self.emit_stt_usage_metrics()
        self._segments.put_nowait(self._as_segment(pcm))
        # A task only while there is work: an idle session has none.
        if self._segment_task is None:
            self._segment_task = self.create_task(self._transcribe_segments(), "segments")

    def _as_segment(self, pcm: bytes) -> bytes:
        if not self.wants_wav_segments:
            return pcm
        from pipecat_rs.audio.utils import pcm_to_wav

        return pcm_to_wav(pcm, self.sample_rate)

    async def _transcribe_segments(self) -> None:
        try:
            while not self._segments.empty():
                audio = self._segments.get_nowait()
                try:
                    await self.process_generator(self.run_stt(audio))
                except Exception as error:
                    await self.push_error(f"{self}: transcription failed: {error}", exception=error)
        finally:
            self._segment_task = None

    async def _drop_segments(self) -> None:
        while not self._segments.empty():
            self._segments.get_nowait()
        task, self._segment_task = self._segment_task, None
        if task is not None:
            await self.cancel_task(task)


def __getattr__(name: str) -> Any:
    """Return what pipecat has here too, and what is built on this module."""
    if name != "WebsocketSTTService":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pipecat_rs.services import websocket_stt_service

    return websocket_stt_service.WebsocketSTTService
