"""Noise and echo filters of transports."""

import numpy as np
import pytest
from pipecat_rs.audio.filters.base_audio_filter import BaseAudioFilter
from pipecat_rs.audio.filters.echo_cancel_filter import EchoCancelFilter
from pipecat_rs.audio.filters.rnnoise_filter import RNNoiseFilter
from pipecat_rs.frames.frames import FilterEnableFrame, FilterUpdateSettingsFrame

RATE = 16_000
PIECE = RATE // 50


def rumble(seconds: float) -> np.ndarray:
    noise = np.random.default_rng(1).integers(-6_000, 6_000, round(seconds * RATE))
    return np.convolve(noise, np.ones(24) / 24, "same").astype(np.int16)


def pieces(samples: np.ndarray) -> list[bytes]:
    return [samples[at : at + PIECE].tobytes() for at in range(0, samples.size, PIECE)]


async def filtered(stage: BaseAudioFilter, samples: np.ndarray) -> np.ndarray:
    output = b"".join([await stage.filter(piece) for piece in pieces(samples)])
    return np.frombuffer(output, np.int16)


async def test_noise_is_suppressed():
    stage = RNNoiseFilter()
    await stage.start(RATE)
    noise = rumble(2)
    output = await filtered(stage, noise)
    late = noise.size - output.size
    assert 0 < late <= 0.045 * RATE
    assert output[RATE:].std() < noise[RATE:].std() / 5
    await stage.stop()


@pytest.mark.parametrize("make", [RNNoiseFilter, EchoCancelFilter])
async def test_switching_a_filter_off_and_on_loses_nothing(make):
    stage = make()
    await stage.start(RATE)
    noise = rumble(1.005)
    before = await filtered(stage, noise)
    await stage.process_frame(FilterEnableFrame(enable=False))
    await stage.process_frame(FilterUpdateSettingsFrame(settings={}))
    off = await filtered(stage, noise)
    assert before.size + off.size == 2 * noise.size
    assert (off[-noise.size :] == noise).all()
    await stage.process_frame(FilterEnableFrame(enable=True))
    assert (await filtered(stage, noise)).size >= noise.size - 0.045 * RATE
    await stage.stop()


@pytest.mark.parametrize("make", [RNNoiseFilter, EchoCancelFilter])
async def test_a_filter_that_is_not_started_changes_nothing(make):
    assert await make().filter(b"abcd") == b"abcd"


async def test_what_the_output_plays_is_taken_out_of_the_input():
    echo = EchoCancelFilter()
    await echo.start(RATE)
    await echo.reference.start(24_000)
    generator = np.random.default_rng(2)
    seconds = 8
    voice = generator.integers(-9_000, 9_000, seconds * RATE) * (
        np.arange(seconds * RATE) // (RATE // 4) % 2
    )
    played = voice.astype(np.int16)
    from pipecat_rs.audio.dsp import Resampler

    wide = Resampler(RATE, 24_000).convert(played)
    heard = np.zeros(played.size)
    for ms, gain in ((40, 0.4), (47, -0.2)):
        delay = ms * RATE // 1_000
        heard[delay:] += gain * played[:-delay]
    output = []
    for number, piece in enumerate(pieces(heard.astype(np.int16))):
        begin = number * 480
        chunk = wide[begin : begin + 480].tobytes()
        assert await echo.reference.filter(chunk) == chunk
        output.append(np.frombuffer(await echo.filter(piece), np.int16))
    left = np.concatenate(output)
    assert left.size == heard.size
    assert left[5 * RATE :].std() < heard[5 * RATE :].std() / 10
    await echo.reference.stop()
    await echo.stop()
