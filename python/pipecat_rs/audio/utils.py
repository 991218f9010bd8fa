"""Small operations on raw audio: 16-bit little-endian PCM throughout, unless said otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipecat_rs.audio import dsp
from pipecat_rs.audio.loudness import loudness_meter
from pipecat_rs.audio.samples import (
    SPEAKING_THRESHOLD,
    is_silence,
    scale_audio,
    wav_bytes,
    whole_samples,
)

if TYPE_CHECKING:
    from pipecat_rs.audio.resamplers.base_audio_resampler import BaseAudioResampler

__all__ = [
    "SPEAKING_THRESHOLD",
    "alaw_to_pcm",
    "calculate_audio_volume",
    "create_file_resampler",
    "create_stream_resampler",
    "detect_speech_onset",
    "exp_smoothing",
    "interleave_stereo_audio",
    "is_silence",
    "mix_audio",
    "normalize_value",
    "pcm_to_alaw",
    "pcm_to_ulaw",
    "pcm_to_wav",
    "scale_audio",
    "ulaw_to_pcm",
]


def create_file_resampler(**kwargs: Any) -> BaseAudioResampler:
    """Return a resampler for whole pieces of audio.

    Args:
        **kwargs: See `SOXRAudioResampler`.
    """
    from pipecat_rs.audio.resamplers.soxr_resampler import SOXRAudioResampler

    return SOXRAudioResampler(**kwargs)


def create_stream_resampler(**kwargs: Any) -> BaseAudioResampler:
    """Return a resampler for audio that comes in pieces.

    Args:
        **kwargs: See `SOXRStreamAudioResampler`.
    """
    from pipecat_rs.audio.resamplers.soxr_stream_resampler import SOXRStreamAudioResampler

    return SOXRStreamAudioResampler(**kwargs)


def mix_audio(audio1: bytes, audio2: bytes) -> bytes:
    """Return the sum of two streams, clipped; the shorter one is followed by silence."""
    return dsp.mix(whole_samples(audio1), whole_samples(audio2))


def interleave_stereo_audio(left_audio: bytes, right_audio: bytes) -> bytes:
    """Return two channels as stereo, as long as the shorter one."""
    return dsp.interleave(whole_samples(left_audio), whole_samples(right_audio))


def pcm_to_wav(
    pcm: bytes | bytearray | memoryview, sample_rate: int, num_channels: int = 1
) -> bytes:
    """Return audio as a WAV file in memory. Bytes that make no whole sample are left out.

    Args:
        pcm: The audio.
        sample_rate: Its sample rate, in Hz.
        num_channels: Number of its interleaved channels.
    """
    return wav_bytes(pcm, sample_rate, num_channels)


def normalize_value(value: float, min_value: float, max_value: float) -> float:
    """Return where a value lies in a range, from 0 to 1; beyond its ends it is 0 or 1."""
    return max(0.0, min(1.0, (value - min_value) / (max_value - min_value)))


def exp_smoothing(value: float, prev_value: float, factor: float) -> float:
    """Return the next value of an exponential smoothing.

    Args:
        value: The new value.
        prev_value: The last smoothed value.
        factor: Weight of the new value, from 0 to 1.
    """
    return prev_value + factor * (value - prev_value)


def calculate_audio_volume(audio: bytes | bytearray | memoryview, sample_rate: int) -> float:
    """Return how loud mono audio is to the ear, from 0 (quiet) to 1 (loud).

    Args:
        audio: The audio, at least 400 ms.
        sample_rate: Its sample rate, in Hz.

    Raises:
        ValueError: If the audio is shorter than that, or the rate not from 4000 to 384000 Hz.
    """
    return loudness_meter(sample_rate).volume(whole_samples(audio))


async def ulaw_to_pcm(
    ulaw_bytes: bytes, in_rate: int, out_rate: int, resampler: BaseAudioResampler
) -> bytes:
    """Return μ-law audio (G.711) as PCM at another rate.

    Args:
        ulaw_bytes: The audio, a byte for each sample.
        in_rate: Its sample rate, in Hz.
        out_rate: The sample rate wanted, in Hz.
        resampler: The stream's resampler.
    """
    return await resampler.resample(dsp.ulaw_to_linear(ulaw_bytes), in_rate, out_rate)


async def pcm_to_ulaw(
    pcm_bytes: bytes, in_rate: int, out_rate: int, resampler: BaseAudioResampler
) -> bytes:
    """Return PCM as μ-law audio (G.711) at another rate.

    Args:
        pcm_bytes: The audio.
        in_rate: Its sample rate, in Hz.
        out_rate: The sample rate wanted, in Hz.
        resampler: The stream's resampler.
    """
    audio = await resampler.resample(pcm_bytes, in_rate, out_rate)
    return dsp.linear_to_ulaw(audio, as_audioop=True)  # byte for byte what pipecat sends


async def alaw_to_pcm(
    alaw_bytes: bytes, in_rate: int, out_rate: int, resampler: BaseAudioResampler
) -> bytes:
    """Return A-law audio (G.711) as PCM at another rate.

    Args:
        alaw_bytes: The audio, a byte for each sample.
        in_rate: Its sample rate, in Hz.
        out_rate: The sample rate wanted, in Hz.
        resampler: The stream's resampler.
    """
    return await resampler.resample(dsp.alaw_to_linear(alaw_bytes), in_rate, out_rate)


async def pcm_to_alaw(
    pcm_bytes: bytes, in_rate: int, out_rate: int, resampler: BaseAudioResampler
) -> bytes:
    """Return PCM as A-law audio (G.711) at another rate.

    Args:
        pcm_bytes: The audio.
        in_rate: Its sample rate, in Hz.
        out_rate: The sample rate wanted, in Hz.
        resampler: The stream's resampler.
    """
    return dsp.linear_to_alaw(await resampler.resample(pcm_bytes, in_rate, out_rate))


def detect_speech_onset(
    pcm_bytes: bytes,
    sample_rate: int,
    num_channels: int = 1,
    *,
    frame_ms: float = 10.0,
    hop_ms: float = 1.0,
    threshold_db: float = -40.0,
    min_voiced_ms: float = 50.0,
) -> int | None:
    """Find where audio becomes audible and stays so.

    The energy of short windows decides rather than single samples, so that a click or the noise
    floor is not taken for speech.

    Args:
        pcm_bytes: The audio so far.
        sample_rate: Its sample rate, in Hz.
        num_channels: Number of its interleaved channels.
        frame_ms: Length of a window, in ms.
        hop_ms: From one window to the next, in ms: the precision of the result.
        threshold_db: Energy from which on a window is audible, in dB of full scale.
        min_voiced_ms: How long the windows must stay audible, in ms.

    Returns:
        Index of the sample of each channel at which it begins, or None if it has not yet.
    """
    if sample_rate <= 0:
        return None
    return dsp.find_onset(
        whole_samples(pcm_bytes),
        sample_rate,
        num_channels,
        frame_ms=frame_ms,
        hop_ms=hop_ms,
        threshold_db=threshold_db,
        min_voiced_ms=min_voiced_ms,
    )
