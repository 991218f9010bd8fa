"""Audio from a provider, at the sample rate of the pipeline."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from pipecat_rs.frames.frames import Frame, TTSAudioRawFrame
from pipecat_rs.processors.frame_processor import FrameProcessorSetup
from pipecat_rs.services.ai_service import AIService

_BYTES_PER_SAMPLE = 2


class StreamedAudio(AIService):
    """Base of a service that makes audio frames of bytes, 16-bit mono, as they come."""

    def __init__(self, *, sample_rate: int | None = None, **kwargs: Any) -> None:
        """Make a service.

        Args:
            sample_rate: Sample rate of the audio in Hz, or None for that of the pipeline's output.
            **kwargs: For `AIService`.
        """
        super().__init__(**kwargs)
        self._init_sample_rate = sample_rate
        self._sample_rate = 0
        self._resampler: Any = None

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Take over the sample rate.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        self._sample_rate = self._init_sample_rate or setup.audio_out_sample_rate

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio, in Hz; 0 before the set-up."""
        return self._sample_rate

    @property
    def chunk_size(self) -> int:
        """How much to take from a provider at a time: half a second, in bytes."""
        return int(self.sample_rate * 0.5 * _BYTES_PER_SAMPLE)

    async def _stream_audio_frames_from_iterator(
        self,
        iterator: AsyncIterator[bytes],
        *,
        strip_wav_header: bool = False,
        in_sample_rate: int | None = None,
        context_id: str | None = None,
    ) -> AsyncGenerator[Frame, None]:
        """Make audio frames of chunks of bytes, resampled if need be.

        Args:
            iterator: The chunks, which may cut samples in two.
            strip_wav_header: Whether the first chunk begins with a WAV header, which then says the
                sample rate.
            in_sample_rate: Sample rate of the audio in Hz; it wins over the header's.
            context_id: The request.

        Yields:
            The audio frames.
        """
        rest = b""
        rate = in_sample_rate
        async for piece in iterator:
            chunk = piece
            if strip_wav_header and chunk.startswith(b"RIFF"):
                rate = rate or int.from_bytes(chunk[24:28], "little")
                chunk = chunk[44:]
            strip_wav_header = False
            chunk = rest + chunk
            whole = len(chunk) - len(chunk) % _BYTES_PER_SAMPLE
            chunk, rest = chunk[:whole], chunk[whole:]
            audio = await self._at_own_rate(chunk, rate) if chunk else b""
            if audio:
                yield TTSAudioRawFrame(audio, self.sample_rate, 1, context_id=context_id)
        if rest:
            audio = await self._at_own_rate(rest + b"\x00", rate)
            yield TTSAudioRawFrame(audio, self.sample_rate, 1, context_id=context_id)

    async def _at_own_rate(self, audio: bytes, rate: int | None) -> bytes:
        if not rate or rate == self.sample_rate:
            return audio
        if self._resampler is None:
            from pipecat_rs.audio.utils import create_stream_resampler

            self._resampler = create_stream_resampler()
        return await self._resampler.resample(audio, rate, self.sample_rate)
