"""Sample rate conversion of whole pieces of audio, under the name that pipecat has for it."""

from __future__ import annotations

import asyncio
from typing import Any

from pipecat_rs.audio.dsp import Resampler
from pipecat_rs.audio.resamplers.base_audio_resampler import BaseAudioResampler, SoxrQuality

_ON_LOOP_BYTES = 48_000
"""What is converted without a thread: it takes less than the way to one and back."""


class SOXRAudioResampler(BaseAudioResampler):
    """Converts each piece by itself: for a whole file, not for a stream of pieces.

    It does what soxr does at its quality HQ, without soxr.
    """

    def __init__(self, *, quality: SoxrQuality = "VHQ", **kwargs: Any) -> None:
        """Initialize the resampler.

        Args:
            quality: Not used: there is one quality, as good as soxr's HQ.
            **kwargs: Not used; accepted so that resamplers can be exchanged.
        """
        self._resampler: Resampler | None = None

    async def resample(self, audio: bytes, in_rate: int, out_rate: int) -> bytes:
        """Convert a whole piece of audio; in a thread if it is long.

        Args:
            audio: 16-bit mono samples.
            in_rate: Their rate, in Hz.
            out_rate: The rate wanted, in Hz.

        Returns:
            16-bit mono samples.

        Raises:
            ValueError: If a rate is not from 4000 to 384000 Hz.
        """
        if in_rate == out_rate:
            return audio
        if len(audio) <= _ON_LOOP_BYTES:
            return self._convert(audio, in_rate, out_rate)
        return await asyncio.to_thread(self._convert, audio, in_rate, out_rate)

    def _convert(self, audio: bytes, in_rate: int, out_rate: int) -> bytes:
        resampler = self._resampler
        if not resampler or (resampler.input_rate, resampler.output_rate) != (in_rate, out_rate):
            resampler = self._resampler = Resampler(in_rate, out_rate)
        return resampler.convert(audio)
