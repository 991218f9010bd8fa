"""Loudness after ITU-R BS.1770: how loud audio is to the ear, in LUFS."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pipecat_rs.audio.dsp import LoudnessMeter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK_SECS = 0.4
"""Length of a block, in seconds: the least that can be measured."""


def integrated_loudness(
    audio: bytes | bytearray | memoryview | NDArray[np.int16], sample_rate: int
) -> float:
    """Measure the loudness of mono audio, without its silent and quiet blocks.

    Args:
        audio: 16-bit samples.
        sample_rate: Their rate, in Hz.

    Returns:
        The loudness in LUFS; minus infinity for silence.

    Raises:
        ValueError: If the audio is shorter than `BLOCK_SECS`.
    """
    return loudness_meter(sample_rate).integrated(audio)


@lru_cache(maxsize=8)
def loudness_meter(sample_rate: int) -> LoudnessMeter:
    """Return the meter of whole pieces at a rate, which keeps nothing of them.

    Args:
        sample_rate: In Hz.

    Raises:
        ValueError: If the rate is not from 4000 to 384000 Hz.
    """
    return LoudnessMeter(sample_rate)
