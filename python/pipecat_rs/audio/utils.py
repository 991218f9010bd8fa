"""Small operations on raw audio: 16-bit little-endian PCM throughout, unless said otherwise."""

from __future__ import annotations

import io
import wave
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from pipecat_rs.audio.g711 import alaw_to_linear, linear_to_alaw, linear_to_ulaw, ulaw_to_linear
from pipecat_rs.audio.loudness import integrated_loudness
from pipecat_rs.audio.samples import SPEAKING_THRESHOLD, is_silence, scale_audio

if TYPE_CHECKING:
    from numpy.typing import NDArray

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

_QUIET_LUFS, _LOUD_LUFS = -110.0, -10.0
_INT16_RANGE = (-32768, 32767)
_BYTES_PER_SAMPLE = 2


def create_file_resampler(**kwargs: Any) -> BaseAudioResampler:
    """Return a resampler for whole files: soxr's, or one in numpy where soxr is missing.

    Args:
        **kwargs: See `SOXRAudioResampler`.
    """
    if find_spec("soxr") is None:
        from pipecat_rs.audio.resamplers.sinc_resampler import SincAudioResampler

        return SincAudioResampler(**kwargs)
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
    first, second = _samples(audio1), _samples(audio2)
    mixed = np.zeros(max(first.size, second.size), np.int32)
    mixed[: first.size] += first
    mixed[: second.size] += second
    return _pcm(mixed)


def interleave_stereo_audio(left_audio: bytes, right_audio: bytes) -> bytes:
    """Return two channels as stereo, as long as the shorter one."""
    left, right = _samples(left_audio), _samples(right_audio)
    length = min(left.size, right.size)
    return np.stack((left[:length], right[:length]), axis=1).tobytes()


def pcm_to_wav(
    pcm: bytes | bytearray | memoryview, sample_rate: int, num_channels: int = 1
) -> bytes:
    """Return audio as a WAV file in memory. Bytes that make no whole sample are left out.

    Args:
        pcm: The audio.
        sample_rate: Its sample rate, in Hz.
        num_channels: Number of its interleaved channels.
    """
    data = memoryview(pcm).cast("B")
    whole = len(data) - len(data) % (_BYTES_PER_SAMPLE * num_channels)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(num_channels)
        file.setsampwidth(_BYTES_PER_SAMPLE)
        file.setframerate(sample_rate)
        file.writeframes(data[:whole])
    return buffer.getvalue()


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
        ValueError: If the audio is shorter than that.
    """
    loudness = integrated_loudness(_mono(bytes(audio), 1), sample_rate)
    return normalize_value(loudness, _QUIET_LUFS, _LOUD_LUFS)


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
    return await resampler.resample(ulaw_to_linear(ulaw_bytes), in_rate, out_rate)


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
    return linear_to_ulaw(await resampler.resample(pcm_bytes, in_rate, out_rate))


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
    return await resampler.resample(alaw_to_linear(alaw_bytes), in_rate, out_rate)


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
    return linear_to_alaw(await resampler.resample(pcm_bytes, in_rate, out_rate))


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
    mono = _mono(pcm_bytes, num_channels)
    window = max(1, round(sample_rate * frame_ms / 1000))
    hop = max(1, round(sample_rate * hop_ms / 1000))
    if sample_rate <= 0 or mono.size < window:
        return None
    # Windows are centred on their hop; the edge is repeated, as a step would carry energy.
    padded = np.pad(mono, window // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    audible = windows.std(axis=1) > 10 ** (threshold_db / 20)
    return _start_of_first_run(audible, max(1, round(min_voiced_ms / hop_ms)), hop)


def _start_of_first_run(audible: NDArray[np.bool_], length: int, hop: int) -> int | None:
    """Return where the first unbroken run of at least `length` windows begins, in samples."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], audible, [False])).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    long_enough = np.flatnonzero(ends - begins >= length)
    return int(begins[long_enough[0]]) * hop if long_enough.size else None


def _samples(audio: bytes) -> NDArray[np.int16]:
    """Return audio as samples, without copying. Half a sample at its end is left out."""
    return np.frombuffer(memoryview(audio)[: len(audio) & ~1], np.int16)


def _mono(audio: bytes, num_channels: int) -> NDArray[np.float32]:
    """Return audio as one channel, with full scale at 1."""
    samples = _samples(audio)
    if num_channels > 1:
        whole = samples[: samples.size - samples.size % num_channels]
        return whole.reshape(-1, num_channels).mean(axis=1, dtype=np.float32) / np.float32(32768)
    return samples.astype(np.float32) / np.float32(32768)


def _pcm(samples: NDArray[Any]) -> bytes:
    return np.clip(samples, *_INT16_RANGE).astype(np.int16).tobytes()
