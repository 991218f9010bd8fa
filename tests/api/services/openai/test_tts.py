"""OpenAI's voices, over the wire format of its speech interface."""

from typing import Any

import fakes.openai as api
import pytest
from fakes.http_server import FakeAnswer
from fakes.openai import FakeOpenAI
from pipecat_rs.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.services.openai import OpenAITTSService
from pipecat_rs.services.openai.tts import VALID_VOICES
from pipecat_rs.utils.errors import ErrorCategory
from support.passage import kinds, passage, passed

AT_24_KHZ = PipelineParams(audio_out_sample_rate=24_000)
PCM = bytes(range(200)) * 24


def service(fake: FakeOpenAI, **options: Any) -> OpenAITTSService:
    return OpenAITTSService(api_key="sk-test", base_url=fake.base_url, **options)


async def test_a_sentence_is_spoken():
    async with FakeOpenAI(api.speech(PCM[:999], PCM[999:])) as fake:
        tts = service(fake, voice="nova")
        down, up = await passed(tts, frames=[TTSSpeakFrame("Hello.")], params=AT_24_KHZ)
    audio = [frame for frame in down if isinstance(frame, TTSAudioRawFrame)]
    assert b"".join(frame.audio for frame in audio) == PCM
    assert {(frame.sample_rate, frame.num_channels) for frame in audio} == {(24_000, 1)}
    voice = (TTSStartedFrame, TTSAudioRawFrame, TTSTextFrame, TTSStoppedFrame)
    order = [k for k in kinds(down) if k in voice and k is not TTSAudioRawFrame]
    assert order == [TTSStartedFrame, TTSTextFrame, TTSStoppedFrame]
    assert not [frame for frame in up if isinstance(frame, ErrorFrame)]
    assert fake.last.path == "/v1/audio/speech"
    assert fake.last.headers["Authorization"] == "Bearer sk-test"
    assert fake.last.body == {
        "input": "Hello.",
        "model": "gpt-4o-mini-tts",
        "voice": "nova",
        "response_format": "pcm",
    }


async def test_audio_takes_the_rate_of_the_pipeline():
    params = PipelineParams(audio_out_sample_rate=16_000)
    async with FakeOpenAI(api.speech(bytes(48_000))) as fake:
        down, _ = await passed(service(fake), frames=[TTSSpeakFrame("Hello.")], params=params)
    audio = [frame for frame in down if isinstance(frame, TTSAudioRawFrame)]
    assert {frame.sample_rate for frame in audio} == {16_000}
    # The resampler keeps back what it needs of the past.
    assert 28_000 < sum(len(frame.audio) for frame in audio) <= 32_000


async def test_settings_are_part_of_the_request():
    settings = OpenAITTSService.Settings(
        model="tts-1", voice="onyx", instructions="Whisper.", speed=1.5
    )
    async with FakeOpenAI(api.speech(PCM)) as fake:
        tts = service(fake, settings=settings)
        await passed(tts, frames=[TTSSpeakFrame("Hello.")], params=AT_24_KHZ)
    expected = {"model": "tts-1", "voice": "onyx", "instructions": "Whisper.", "speed": 1.5}
    assert {name: fake.last.body[name] for name in expected} == expected


async def test_an_interruption_closes_the_connection():
    async with (
        FakeOpenAI(api.speech(PCM, stalls=True)) as fake,
        passage(service(fake), params=AT_24_KHZ) as ways,
    ):
        await ways.send(TTSSpeakFrame("A long story."))
        await ways.down.wait_for(TTSAudioRawFrame)
        await fake.wait_until_stalled()
        await ways.send(InterruptionFrame())
        await fake.wait_until_gone()
        await ways.end()


@pytest.mark.parametrize(
    ("answer", "category"),
    [
        (api.error(401, "Incorrect API key", "invalid_request_error"), "authentication"),
        (api.error(429, "Slow down", "requests", "rate_limit_exceeded"), "rate_limit"),
        (api.error(500, "Oops", "server_error"), "server"),
        (api.speech(PCM, cut=True), "connectivity"),
    ],
    ids=["401", "429", "500", "cut"],
)
async def test_what_goes_wrong_is_reported(answer, category):
    async with FakeOpenAI(answer) as fake:
        tts = service(fake)
        async with passage(tts, params=AT_24_KHZ) as ways:
            await ways.send(TTSSpeakFrame("Hello."))
            error = await ways.up.wait_for(ErrorFrame)
            await ways.end()
    assert error.category is ErrorCategory(category)
    assert error.processor is tts
    assert str(tts) in error.error


async def test_a_silent_provider_is_given_up(monkeypatch):
    monkeypatch.setattr("pipecat_rs.services.openai.tts._IDLE_SECS", 0.05)
    async with (
        FakeOpenAI(FakeAnswer(stalls_before_headers=True)) as fake,
        passage(service(fake), params=AT_24_KHZ) as ways,
    ):
        await ways.send(TTSSpeakFrame("Hello."))
        error = await ways.up.wait_for(ErrorFrame)
        await fake.wait_until_gone()
        await ways.end()
    assert error.category is ErrorCategory.CONNECTIVITY


async def test_a_voice_that_is_not_there_is_reported_and_not_asked_for():
    async with FakeOpenAI(api.speech(PCM)) as fake:
        _, up = await passed(service(fake, voice="robot"), frames=[TTSSpeakFrame("Hello.")])
        assert not fake.requests
    error = next(frame for frame in up if isinstance(frame, ErrorFrame))
    assert "'robot'" in error.error and "alloy" in error.error
    assert "alloy" in VALID_VOICES
