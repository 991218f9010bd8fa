"""Small things done to 16-bit samples."""

from __future__ import annotations

import io
import wave

from pipecat_rs.audio import dsp

SPEAKING_THRESHOLD = 20
"""Samples up to this value are silence. Real speech reaches several hundred."""


def whole_samples(audio: bytes | bytearray | memoryview) -> bytes | bytearray | memoryview:
    """Return audio without half a sample at its end."""
    return audio[: len(audio) & ~1] if len(audio) & 1 else audio


def is_silence(pcm_bytes: bytes) -> bool:
    """Whether a piece of audio is silent.

    Args:
        pcm_bytes: 16-bit samples, free of background noise.

    Returns:
        True if no sample is louder than `SPEAKING_THRESHOLD`, also if there is none.
    """
    return dsp.is_silence(whole_samples(pcm_bytes))


def scale_audio(audio: bytes, factor: float) -> bytes:
    """Multiply samples, clipping at full scale.

    Args:
        audio: 16-bit samples.
        factor: 1.0 changes nothing, 0.5 halves.

    Returns:
        16-bit samples.
    """
    return dsp.scale(audio, factor)


def wav_bytes(
    pcm: bytes | bytearray | memoryview, sample_rate: int, num_channels: int = 1
) -> bytes:
    """Return audio as a WAV file in memory. Bytes that make no whole frame are left out.

    Args:
        pcm: 16-bit samples.
        sample_rate: Their rate, in Hz.
        num_channels: Number of their interleaved channels.
    """
    data = memoryview(pcm).cast("B")
    whole = len(data) - len(data) % (2 * num_channels)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(num_channels)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(data[:whole])
    return buffer.getvalue()
