"""The native stages as Python sees them: bytes for bytes, arrays for arrays, however it is cut."""

import asyncio
import math
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat_rs.audio import dsp

RATE = 16_000


def noise(samples: int, level: int = 8_000, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(-level, level, samples, dtype=np.int16)


def tone(
    frequency: float, seconds: float, rate: int = RATE, amplitude: float = 8_000
) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.int16)


def decibels(samples: np.ndarray) -> float:
    meter = dsp.LevelMeter()
    meter.process(samples)
    return meter.rms_dbfs


def background() -> dsp.BackgroundSound:
    made = dsp.BackgroundSound(0.5, fade=77)
    made.add("hum", dsp.Sound(noise(331, 3_000)))
    made.play("hum")
    made.volume = 0.9
    return made


STAGES: dict[str, Callable[[], Any]] = {
    "8 to 16 kHz": lambda: dsp.Resampler(8_000, 16_000),
    "24 to 16 kHz": lambda: dsp.Resampler(24_000, 16_000),
    "44.1 to 48 kHz, stereo": lambda: dsp.Resampler(44_100, 48_000, 2),
    "equal rates": lambda: dsp.Resampler(RATE, RATE),
    "to stereo": lambda: dsp.ChannelMapper(1, 2),
    "to mono": lambda: dsp.ChannelMapper(2, 1),
    "gain": lambda: dsp.Gain.from_db(-3.5),
    "limiter": lambda: dsp.SoftLimiter(0.2),
    "fade in": lambda: dsp.Fade("in", 700),
    "fade out": lambda: dsp.Fade("out", 300, curve="linear", channels=2),
    "denoiser": lambda: dsp.Denoiser(RATE),
    "echo canceller": lambda: dsp.EchoCanceller(RATE),
    "background": background,
}


def through(stage: Any, pieces: list[bytes]) -> bytes:
    process = stage.mix if isinstance(stage, dsp.BackgroundSound) else stage.process
    output = b"".join(process(piece) for piece in pieces)
    return output + (stage.flush() if hasattr(stage, "flush") else b"")


@pytest.mark.parametrize("name", STAGES)
@settings(deadline=None, max_examples=15)
@given(cuts=st.lists(st.integers(0, 2_000), max_size=6))
def test_how_a_stream_is_cut_makes_no_difference(name: str, cuts: list[int]):
    audio = noise(2_000).tobytes()
    ends = [0, *sorted(cuts), 2_000]
    pieces = [audio[2 * begin : 2 * end] for begin, end in pairwise(ends)]
    assert through(STAGES[name](), pieces) == through(STAGES[name](), [audio])


@pytest.mark.parametrize("name", STAGES)
def test_every_kind_of_buffer_is_taken_and_arrays_give_arrays(name: str):
    samples = noise(1_600)
    audio = samples.tobytes()

    def process(given: Any) -> Any:
        stage = STAGES[name]()
        return stage.mix(given) if isinstance(stage, dsp.BackgroundSound) else stage.process(given)

    expected = process(audio)
    assert type(expected) is bytes
    for given_ in (bytearray(audio), memoryview(audio), memoryview(audio).cast("h")):
        assert process(given_) == expected
    array = process(samples)
    assert (array.dtype, array.ndim, array.tobytes()) == (np.int16, 1, expected)
    assert process(samples.reshape(-1, 2)).tobytes() == expected
    assert process(np.repeat(samples, 2)[::2]).tobytes() == expected


@pytest.mark.parametrize(
    ("audio", "error", "message"),
    [
        (b"abc", ValueError, "whole 16-bit samples; 3 bytes do not"),
        (np.zeros(4), TypeError, "items of int16"),
        (np.zeros(4, np.uint8), TypeError, "items of int16"),
        ("text", TypeError, "bytes or an array of 16-bit samples, not str"),
        (None, TypeError, "not NoneType"),
    ],
)
def test_what_is_no_audio_is_refused(audio: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        dsp.Gain(1.0).process(audio)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dsp.Resampler(100, 16_000), "100 Hz is not supported"),
        (lambda: dsp.Resampler(8_000, 16_000, 3), "3 channels are not supported"),
        (lambda: dsp.ChannelMapper(1, 6), "6 channels"),
        (lambda: dsp.Denoiser(96_000), "4000 to 48000 Hz"),
        (lambda: dsp.EchoCanceller(22_050), "steps of 100"),
        (lambda: dsp.Fade("up", 3), 'not "up"'),  # type: ignore[arg-type]
        (lambda: dsp.Fade("in", 3, curve="round"), 'not "round"'),  # type: ignore[arg-type]
        (lambda: dsp.Chunker(-4), "at least one byte, not -4"),
        (lambda: dsp.dtmf_tone("12", 8_000, 1), "no key"),
        (lambda: dsp.LoudnessMeter(16_000).volume(bytes(20)), "needs 6400 samples"),
    ],
)
def test_what_cannot_be_made_says_why(make: Callable[[], Any], message: str):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("given_rate", "wanted"), [(8_000, 16_000), (24_000, 16_000)])
def test_a_resampler_lags_no_more_than_it_says(given_rate: int, wanted: int):
    resampler = dsp.Resampler(given_rate, wanted)
    assert 0 < resampler.latency < given_rate // 50
    out = 0
    for frames in range(80, 8_000, 80):
        out += len(resampler.process(bytes(160))) // 2
        assert out >= (frames - resampler.latency) * wanted // given_rate
    assert out + len(resampler.flush()) // 2 == (7_920 * wanted) // given_rate


def test_a_whole_piece_is_converted_by_itself():
    resampler = dsp.Resampler(24_000, 16_000)
    audio = noise(2_400).tobytes()
    once = resampler.convert(audio)
    resampler.process(noise(999, seed=2))
    assert resampler.convert(audio) == once
    assert len(once) == 3_200


@given(st.lists(st.integers(-32_768, 32_767), max_size=40), st.lists(st.integers(-32_768, 32_767)))
def test_mixing_clamps_as_numpy_would(first: list[int], second: list[int]):
    length = max(len(first), len(second))
    expected = [
        sum(pair)
        for pair in zip(*(x + [0] * (length - len(x)) for x in (first, second)), strict=True)
    ]
    mixed = dsp.mix(np.array(first, np.int16), np.array(second, np.int16))
    assert mixed.tolist() == np.clip(expected, -32_768, 32_767).astype(int).tolist()


def test_sides_of_stereo():
    stereo = dsp.interleave(np.array([1, 2, 3], np.int16), np.array([4, 5], np.int16))
    assert stereo.tolist() == [1, 4, 2, 5]
    left, right = dsp.deinterleave(stereo.tobytes() + b"xx")
    assert (left, right) == (stereo[::2].tobytes(), stereo[1::2].tobytes())


def test_a_mixer_waits_for_all_streams_or_does_not():
    mixer = dsp.Mixer(2)
    mixer.push(0, np.array([100, 200, 300], np.int16))
    mixer.push(1, np.array([10], np.int16).tobytes(), 2.0)
    assert (mixer.streams, mixer.ready) == (2, 1)
    assert np.frombuffer(mixer.take(), np.int16).tolist() == [120]
    assert np.frombuffer(mixer.drain(4), np.int16).tolist() == [200, 300, 0, 0]
    with pytest.raises(IndexError, match="no stream 2: the mixer has 2"):
        mixer.push(2, b"")


def test_levels():
    meter = dsp.LevelMeter()
    assert (meter.peak_dbfs, meter.rms_dbfs) == (-math.inf, -math.inf)
    meter.process(tone(1_000, 1.0, amplitude=32_767))
    assert meter.peak_dbfs == pytest.approx(0, abs=0.01)
    assert meter.rms_dbfs == pytest.approx(-3.01, abs=0.01)


def test_volume_is_that_of_the_latest_400_ms():
    tracker = dsp.VolumeTracker(RATE)
    tracker.process(noise(6_399))
    assert tracker.volume() == 0
    for piece in np.array_split(tone(1_000, 0.5), 7):
        tracker.process(piece)
    expected = dsp.LoudnessMeter(RATE).volume(tone(1_000, 0.5)[-6_400:])
    assert tracker.volume() == pytest.approx(expected, abs=1e-6)


def test_silence():
    detector = dsp.SilenceDetector()
    detector.process(np.array([0, 500, 3, -3], np.int16))
    detector.process(bytes(10))
    assert (detector.has_heard, detector.silent_samples) == (True, 7)


def test_noise_is_suppressed_and_a_voice_is_not_lost():
    rumble = np.convolve(noise(2 * RATE, 6_000), np.ones(24) / 24, "same").astype(np.int16)
    denoiser = dsp.Denoiser(RATE)
    cleaned = np.frombuffer(denoiser.process(rumble).tobytes() + denoiser.flush(), np.int16)
    assert cleaned.size == rumble.size
    assert decibels(cleaned[RATE:]) < decibels(rumble[RATE:]) - 15


def test_echo_is_cancelled_by_20_db():
    bursts = noise(8 * RATE, 9_000) * (np.arange(8 * RATE) // (RATE // 4) % 2)
    played = bursts.astype(np.int16)
    heard = np.zeros(8 * RATE)
    for ms, gain in ((30, 0.4), (37, -0.2), (52, 0.1)):
        delay = ms * RATE // 1_000
        heard[delay:] += gain * played[:-delay]
    canceller = dsp.EchoCanceller(RATE)
    left = []
    for at in range(0, 8 * RATE, RATE // 50):
        canceller.render(played[at : at + RATE // 50])
        left.append(canceller.process(heard[at : at + RATE // 50].astype(np.int16)))
    enhancement = decibels(heard.astype(np.int16)[5 * RATE :]) - decibels(
        np.concatenate(left)[5 * RATE :]
    )
    assert enhancement > 20


def test_a_recorder_leaves_a_valid_file_at_any_time(tmp_path):
    import wave

    def recorded() -> bytes:
        with wave.open(str(tmp_path / "a.wav")) as file:
            assert (file.getframerate(), file.getnchannels()) == (RATE, 2)
            return file.readframes(file.getnframes())

    recorder = dsp.WavRecorder(tmp_path / "a.wav", RATE, 2)
    recorder.process(noise(7))
    recorder.sync()
    assert recorded() == noise(7)[:6].tobytes()
    recorder.process(noise(7)[:1])
    recorder.finish()
    recorder.finish()
    assert len(recorded()) == 16
    with pytest.raises(ValueError, match="finished"):
        recorder.process(b"")
    with pytest.raises(OSError):
        dsp.WavRecorder(tmp_path / "none" / "a.wav", RATE)


async def test_a_stage_may_be_used_on_any_thread():
    resampler, piece = dsp.Resampler(48_000, 16_000), noise(4_800).tobytes()
    threads: set[int] = set()

    def convert() -> bytes:
        threads.add(threading.get_ident())
        return resampler.convert(piece)

    results = await asyncio.gather(*(asyncio.to_thread(convert) for _ in range(8)))
    assert len(set(results)) == 1
    assert threading.get_ident() not in threads
