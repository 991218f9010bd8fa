"""Loudness after ITU-R BS.1770: how loud audio is to the ear, in LUFS.

The two filters of its K-weighting, a shelf for the head and a high pass, are applied to each
block's spectrum rather than to its samples: only the power behind them is asked for, and that is
the same up to the ringing at a block's edges.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_SECS = 0.4
"""Length of a block, in seconds: the least that can be measured."""

_OVERLAP = 0.75
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OFFSET_LUFS = -0.691

# The standard prints its filters for 48 kHz; these are the analogue ones behind them, from which
# those for any rate follow.
_SHELF_HZ, _SHELF_Q, _SHELF_DB = 1681.974450955533, 0.7071752369554196, 3.999843853973347
_SHELF_BAND_EXPONENT = 0.4996667741545416
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773


def integrated_loudness(samples: NDArray[np.float32], sample_rate: int) -> float:
    """Measure the loudness of mono audio, without its silent and quiet blocks.

    Args:
        samples: The samples, full scale at 1.
        sample_rate: Their rate, in Hz.

    Returns:
        The loudness in LUFS; minus infinity for silence.

    Raises:
        ValueError: If the audio is shorter than `BLOCK_SECS`.
    """
    block = round(BLOCK_SECS * sample_rate)
    if samples.size < block:
        raise ValueError(
            f"loudness needs {BLOCK_SECS} s of audio, got {samples.size / sample_rate:.3f} s"
        )
    hop = round(block * (1 - _OVERLAP))
    blocks = np.lib.stride_tricks.sliding_window_view(samples, block)[::hop]
    power = _weighted_power(blocks, sample_rate)
    power = power[_lufs(power) > _ABSOLUTE_GATE_LUFS]
    if power.size:
        power = power[_lufs(power) > _lufs(power.mean()) + _RELATIVE_GATE_LU]
    return float(_lufs(power.mean())) if power.size else float("-inf")


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return _OFFSET_LUFS + 10 * np.log10(power)


def _weighted_power(blocks: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """Return the mean square of each block behind the K-weighting."""
    length = blocks.shape[-1]
    energy = np.abs(np.fft.rfft(blocks, axis=-1)) ** 2
    # All bins but the first, and the last of an even length, stand for two.
    energy[:, 1 : (length + 1) // 2] *= 2
    return (energy * _k_weighting(length, sample_rate)).sum(axis=-1) / length**2


@lru_cache(maxsize=8)
def _k_weighting(length: int, sample_rate: int) -> NDArray[np.float64]:
    """Return the filters' gain of power at the bins of a block's spectrum."""
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(length))

    k, poles = _poles(_SHELF_HZ, _SHELF_Q, sample_rate)
    high = 10 ** (_SHELF_DB / 20)
    band = high**_SHELF_BAND_EXPONENT * k / _SHELF_Q
    zeros = (high + band + k * k, 2 * (k * k - high), high - band + k * k)
    shelf = np.polyval(zeros[::-1], z) / np.polyval(poles[::-1], z)

    _, poles = _poles(_HIGH_PASS_HZ, _HIGH_PASS_Q, sample_rate)
    # The standard's high pass has the numerator 1 - 2z + z² at every rate, so that its gain is
    # not quite 1 at high frequencies.
    high_pass = poles[0] * (1 - z) ** 2 / np.polyval(poles[::-1], z)
    return np.abs(shelf * high_pass) ** 2


def _poles(
    frequency: float, quality: float, sample_rate: int
) -> tuple[float, tuple[float, float, float]]:
    """Return a filter's warped frequency, and its denominator by rising powers of z."""
    k = float(np.tan(np.pi * frequency / sample_rate))
    return k, (1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k)
