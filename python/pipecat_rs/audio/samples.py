"""Small things done to 16-bit samples."""

from __future__ import annotations

SPEAKING_THRESHOLD = 20
"""Samples up to this value are silence. Real speech reaches several hundred."""


def is_silence(audio: bytes) -> bool:
    """Whether a piece of audio is silent.

    Args:
        audio: 16-bit samples, free of background noise.

    Returns:
        True if no sample is louder than `SPEAKING_THRESHOLD`, also if there is none.
    """
    samples = memoryview(audio[: len(audio) & ~1]).cast("h")
    if not samples:
        return True
    return max(samples) <= SPEAKING_THRESHOLD and min(samples) >= -SPEAKING_THRESHOLD


def scale_audio(audio: bytes, factor: float) -> bytes:
    """Multiply samples, clipping at full scale.

    Args:
        audio: 16-bit samples.
        factor: 1.0 changes nothing, 0.5 halves.

    Returns:
        16-bit samples.
    """
    import numpy as np

    scaled = np.frombuffer(audio, np.int16).astype(np.float32) * factor
    return np.clip(scaled, -32768, 32767).astype(np.int16).tobytes()
