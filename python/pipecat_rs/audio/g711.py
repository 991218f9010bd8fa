"""G.711, the code of telephony: 8-bit μ-law and A-law to and from 16-bit linear samples.

Both directions are table look-ups. The tables follow ITU-T G.711 in the common 16-bit form, where
the code's 14 (μ-law) or 13 (A-law) bits are the upper ones of the sample.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ULAW_BIAS = 33
_ULAW_LARGEST = 8159 + _ULAW_BIAS


def ulaw_to_linear(audio: bytes) -> bytes:
    """Return μ-law audio as 16-bit samples."""
    return _ulaw_decoding()[np.frombuffer(audio, np.uint8)].tobytes()


def linear_to_ulaw(audio: bytes) -> bytes:
    """Return 16-bit samples as μ-law audio."""
    return _ulaw_encoding()[np.frombuffer(audio, np.uint16)].tobytes()


def alaw_to_linear(audio: bytes) -> bytes:
    """Return A-law audio as 16-bit samples."""
    return _alaw_decoding()[np.frombuffer(audio, np.uint8)].tobytes()


def linear_to_alaw(audio: bytes) -> bytes:
    """Return 16-bit samples as A-law audio."""
    return _alaw_encoding()[np.frombuffer(audio, np.uint16)].tobytes()


@cache
def _ulaw_decoding() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.uint8)
    segment = (code >> 4 & 7).astype(np.int32)
    step = (code & 15).astype(np.int32)
    magnitude = ((2 * step + _ULAW_BIAS) << segment) - _ULAW_BIAS
    return (np.where(code & 0x80, -magnitude, magnitude) * 4).astype(np.int16)


@cache
def _ulaw_encoding() -> NDArray[np.uint8]:
    sample = _all_samples() >> 2
    magnitude = np.minimum(np.abs(sample) + _ULAW_BIAS, _ULAW_LARGEST)
    # The largest magnitude takes the place behind the last one of its segment.
    segment = np.minimum(_bit_length(magnitude) - 6, 7)
    step = np.minimum((magnitude >> (segment + 1)) - 16, 15)
    code = segment << 4 | step
    return (~np.where(sample < 0, code | 0x80, code)).astype(np.uint8)


@cache
def _alaw_decoding() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment = (code >> 4 & 7).astype(np.int32)
    step = (code & 15).astype(np.int32)
    inner = 2 * step + 1
    magnitude = np.where(segment == 0, inner, (inner + 32) << np.maximum(segment - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) * 8).astype(np.int16)


@cache
def _alaw_encoding() -> NDArray[np.uint8]:
    sample = _all_samples() >> 3
    magnitude = np.where(sample < 0, -sample - 1, sample)
    segment = np.maximum(_bit_length(magnitude) - 5, 0)
    step = magnitude >> np.maximum(segment, 1) & 15
    code = segment << 4 | step
    return (np.where(sample < 0, code, code | 0x80) ^ 0x55).astype(np.uint8)


def _all_samples() -> NDArray[np.int32]:
    """Return every 16-bit sample, at the index of its bits."""
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)


def _bit_length(values: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.frexp(values)[1].astype(np.int32)
