"""Sample rate conversion of whole pieces of audio with numpy alone, where soxr is missing."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from math import ceil, gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from pipecat_rs.audio.resamplers.base_audio_resampler import BaseAudioResampler

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ZERO_CROSSINGS = 32
"""Length of the filter to either side. More of them narrow the band that it rolls off in."""
_KAISER_BETA = 10.0
"""Shape of the window: some 100 dB between the filter's pass and stop bands."""
_ROLL_OFF = 0.94
"""Where the filter begins to fall, as a share of the lower rate's Nyquist frequency."""


class SincAudioResampler(BaseAudioResampler):
    """Converts each piece by itself: for a whole file, not for a stream of pieces."""

    def __init__(self, **kwargs: Any) -> None:
        """Initialize the resampler.

        Args:
            **kwargs: Not used; accepted so that resamplers can be exchanged.
        """

    async def resample(self, audio: bytes, in_rate: int, out_rate: int) -> bytes:
        """Convert a whole piece of audio, in a thread.

        Args:
            audio: 16-bit mono samples.
            in_rate: Their rate, in Hz.
            out_rate: The rate wanted, in Hz.

        Returns:
            16-bit mono samples.
        """
        if in_rate == out_rate or not audio:
            return audio
        return await asyncio.to_thread(_resample, audio, in_rate, out_rate)


def _resample(audio: bytes, in_rate: int, out_rate: int) -> bytes:
    common = gcd(in_rate, out_rate)
    up, down = out_rate // common, in_rate // common
    samples = np.frombuffer(audio, np.int16).astype(np.float32)
    filters = _phases(up, down)
    taps = filters.shape[1]
    padded = np.pad(samples, (taps // 2 - 1, taps // 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)
    out = np.empty(ceil(samples.size * up / down), np.float32)
    # Outputs that are `up` apart stand at the same place between two input samples: they share
    # one row of the filter, and their windows are `down` apart.
    for phase in range(min(up, out.size)):
        target = out[phase::up]
        first = phase * down // up
        target[:] = windows[first::down][: target.size] @ filters[phase]
    return np.clip(np.rint(out), -32768, 32767).astype(np.int16).tobytes()


@lru_cache(maxsize=8)
def _phases(up: int, down: int) -> NDArray[np.float32]:
    """Return the low pass as seen from each of the places that an output can stand at."""
    cutoff = min(1.0, up / down) * _ROLL_OFF
    half = ceil(_ZERO_CROSSINGS / cutoff)
    offset = (np.arange(up) * down % up) / up
    # One tap more on the right, so that a window reaches as far on either side of its place.
    distance = np.arange(-half, half + 2)[None, :] - offset[:, None]
    reach = np.clip(1 - (distance / (half + 1)) ** 2, 0, None)
    window = np.i0(_KAISER_BETA * np.sqrt(reach)) / np.i0(_KAISER_BETA)
    taps = np.sinc(cutoff * distance) * window
    return (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
