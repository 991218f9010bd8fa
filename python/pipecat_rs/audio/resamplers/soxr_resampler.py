"""Sample rate conversion of whole pieces of audio with libsoxr."""

from __future__ import annotations

import asyncio
from typing import Any

from pipecat_rs.audio.resamplers.base_audio_resampler import BaseAudioResampler, SoxrQuality
from pipecat_rs.audio.resamplers.soxr_stream_resampler import open_soxr_stream


class SOXRAudioResampler(BaseAudioResampler):
    """Converts each piece by itself: for a whole file, not for a stream of pieces."""

    def __init__(self, *, quality: SoxrQuality = "VHQ", **kwargs: Any) -> None:
        """Initialize the resampler.

        Args:
            quality: soxr's preset.
            **kwargs: Not used; accepted so that resamplers can be exchanged.
        """
        self._quality: SoxrQuality = quality

    async def resample(self, audio: bytes, in_rate: int, out_rate: int) -> bytes:
        """Convert a whole piece of audio, in a thread.

        Args:
            audio: 16-bit mono samples.
            in_rate: Their rate, in Hz.
            out_rate: The rate wanted, in Hz.

        Returns:
            16-bit mono samples.

        Raises:
            ImportError: If soxr is not installed.
        """
        if in_rate == out_rate:
            return audio
        return await asyncio.to_thread(self._resample, audio, in_rate, out_rate)

    def _resample(self, audio: bytes, in_rate: int, out_rate: int) -> bytes:
        import numpy as np

        stream = open_soxr_stream(in_rate, out_rate, quality=self._quality)
        return stream.resample_chunk(np.frombuffer(audio, np.int16), last=True).tobytes()
