"""Text-to-speech with ElevenLabs, against a fake of its server."""

import asyncio
import os
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes.elevenlabs import FakeElevenLabs
from fakes.websocket_server import black_hole
from pipecat_rs.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    TTSUpdateSettingsFrame,
)
from pipecat_rs.services.elevenlabs import ElevenLabsTTSService
from pipecat_rs.services.elevenlabs.tts import PronunciationDictionaryLocator
from pipecat_rs.services.tts_service import TextAggregationMode
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.utils.errors import ErrorCategory
from support.passage import passage
from support.waiting import calls_of, settle, until

RATE = 24_000


@pytest.fixture
async def server() -> AsyncIterator[FakeElevenLabs]:
    async with FakeElevenLabs.running() as server:
        yield server


def service(url: str, *, voice: str | None = "ann", **kwargs: Any) -> ElevenLabsTTSService:
    """A service that tries again at once, and is as impatient as it can be."""
    kwargs.setdefault("settings", ElevenLabsTTSService.Settings(voice=voice))
    kwargs.setdefault("reconnect_backoff_min_wait", 0)
    kwargs.setdefault("reconnect_backoff_max_wait", 0)
    kwargs.setdefault("stop_frame_timeout_s", 3)
    kwargs.setdefault("ws_open_timeout", 5)
    return ElevenLabsTTSService(api_key="secret-key", url=url, ws_close_timeout=0.2, **kwargs)


def answer(*tokens: str) -> list[Any]:
    return [
        LLMFullResponseStartFrame(),
        *(LLMTextFrame(token) for token in tokens),
        LLMFullResponseEndFrame(),
    ]


def words(frames: list[Any]) -> list[str]:
    return [frame.text for frame in frames]


async def test_an_answer_is_spoken_and_its_words_are_told(server: FakeElevenLabs):
    tts = service(server.url)
    async with passage(tts) as ways:
        await ways.send(*answer("Hello there. ", "How are you?"))
        await ways.down.wait_for(TTSStoppedFrame)
        await ways.end()
    down = ways.down
    assert words(down.frames(TTSTextFrame)) == ["Hello", "there.", "How", "are", "you?"]
    started = down.frames(TTSStartedFrame)[0]
    heard = down.frames(TTSAudioRawFrame)
    assert {frame.context_id for frame in heard} == {started.context_id}
    characters = len("Hello there. ") + len("How are you? ")
    assert sum(len(frame.audio) for frame in heard) == characters * RATE // 100 * 2
    times = [frame.pts for frame in down.frames(TTSTextFrame)]
    assert times == sorted(times) and len(set(times)) == len(times)
    # "How" is the 14th character, 10 ms each.
    assert times[2] - times[0] == pytest.approx(130e6, abs=1e3)
    assert not ways.up.frames(ErrorFrame)

    connection = server.connection
    assert connection.path == "/v1/text-to-speech/ann/multi-stream-input"
    assert connection.headers["xi-api-key"] == "secret-key"
    assert connection.query == {
        "model_id": ["eleven_flash_v2_5"],
        "output_format": ["pcm_24000"],
        "auto_mode": ["true"],
    }
    context_id = started.context_id
    assert connection.messages == [
        {"text": " ", "context_id": context_id},
        {"text": "Hello there. ", "context_id": context_id},
        {"text": "How are you? ", "context_id": context_id},
        {"context_id": context_id, "flush": True},
        {"context_id": context_id, "close_context": True},
        {"close_socket": True},
    ]


async def test_settings_stand_in_the_address_and_in_the_opening(server: FakeElevenLabs):
    with pytest.warns(DeprecationWarning, match="pronunciation_dictionary_locators"):
        tts = service(
            server.url,
            enable_ssml_parsing=True,
            enable_logging=False,
            sample_rate=16_000,
            text_aggregation_mode=TextAggregationMode.TOKEN,
            pronunciation_dictionary_locators=[
                PronunciationDictionaryLocator(pronunciation_dictionary_id="d", version_id="1")
            ],
            settings=ElevenLabsTTSService.Settings(
                voice="an/n",
                model="eleven_turbo_v2_5",
                language=Language.DE_AT,
                stability=0.4,
                speed=1.1,
                apply_text_normalization="on",
            ),
        )
    async with passage(tts) as ways:
        await ways.send(*answer("Ser", "vus"))
        await ways.down.wait_for(TTSStoppedFrame)
    connection = server.connection
    assert connection.path == "/v1/text-to-speech/an%2Fn/multi-stream-input"
    assert connection.query == {
        "model_id": ["eleven_turbo_v2_5"],
        "output_format": ["pcm_16000"],
        "auto_mode": ["false"],
        "enable_ssml_parsing": ["true"],
        "enable_logging": ["false"],
        "apply_text_normalization": ["on"],
        "language_code": ["de"],
    }
    opening, first, second = connection.messages[:3]
    assert opening["voice_settings"] == {"stability": 0.4, "speed": 1.1}
    assert opening["pronunciation_dictionary_locators"] == [
        {"pronunciation_dictionary_id": "d", "version_id": "1"}
    ]
    assert (first["text"], second["text"]) == ("Ser", "vus")
    assert words(ways.down.frames(TTSTextFrame)) == ["Servus"]


async def test_the_form_of_older_programs(server: FakeElevenLabs):
    with pytest.warns(DeprecationWarning) as caught:
        params = ElevenLabsTTSService.InputParams(language=Language.FR, stability=0.5)
        tts = ElevenLabsTTSService(
            api_key="k", voice_id="bob", model="eleven_v3", params=params, url=server.url
        )
    assert {w.filename for w in caught} == {__file__}
    assert (tts.settings.voice, tts.settings.model) == ("bob", "eleven_v3")
    assert (tts.settings.language, tts.settings.stability) == ("fr", 0.5)


async def test_a_rate_that_is_not_to_be_had_is_made(server: FakeElevenLabs):
    async with passage(service(server.url, sample_rate=12_000)) as ways:
        await ways.send(TTSSpeakFrame("Hello there, my friend."))
        await ways.down.wait_for(TTSStoppedFrame)
    assert server.connection.query["output_format"] == ["pcm_24000"]
    assert {frame.sample_rate for frame in ways.down.frames(TTSAudioRawFrame)} == {12_000}


async def test_an_interruption_closes_the_request_at_once(server: FakeElevenLabs):
    server.answering = False
    async with passage(service(server.url)) as ways:
        await ways.send(TTSSpeakFrame("A long story."))
        context_id = (await server.message(text="A long story. "))["context_id"]
        await server.speak("A long ", context_id)
        await ways.down.wait_for(TTSAudioRawFrame)
        await ways.send(InterruptionFrame())
        await server.message(context_id=context_id, close_context=True)
        await server.speak("story.", context_id)
        server.answering = True
        await ways.send(TTSSpeakFrame("Yes?"))
        await ways.down.wait_for(TTSStoppedFrame)
    said = [frame.context_id for frame in ways.down.frames(TTSAudioRawFrame)]
    assert said[0] == context_id and said.count(context_id) == 1 and len(said) == 2
    assert words(ways.down.frames(TTSTextFrame))[-1] == "Yes?"


async def test_a_peer_that_does_not_read_holds_up_no_interruption(server: FakeElevenLabs):
    server.answering = False
    async with passage(service(server.url, ws_send_timeout=0.5)) as ways:
        await ways.send(TTSSpeakFrame("Hello."))
        await server.message(text="Hello. ")
        server.stop_reading()
        # More than the buffers of a connection take, and not to be compressed.
        await ways.send(TTSSpeakFrame(os.urandom(4_000_000).hex()), InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame, timeout=2)


async def test_a_lost_request_is_made_again_unless_it_was_heard(server: FakeElevenLabs):
    server.answering = False
    tts = service(server.url, pause_frame_processing=False)
    async with passage(tts) as ways:
        await ways.send(TTSSpeakFrame("First."), TTSSpeakFrame("Second."))
        first = await server.message(text="First. ")
        second = await server.message(text="Second. ")
        await server.speak("Fir", first["context_id"])
        await ways.down.wait_for(TTSAudioRawFrame)
        server.answering = True
        server.connection.drop()
        await server.connected(2)
        await ways.down.wait_for(TTSStoppedFrame, count=2)
    again = [message for message in server.connections[1].messages if message.get("text")]
    assert [message["context_id"] for message in again] == [second["context_id"]] * 2
    assert words(ways.down.frames(TTSTextFrame)) == ["Second."]
    assert not ways.up.frames(ErrorFrame)


async def test_text_that_comes_while_it_connects_again_is_spoken(server: FakeElevenLabs):
    async with passage(service(server.url, stop_frame_timeout_s=3)) as ways:
        await server.connected()
        server.refuse(503)
        failures = calls_of(ways.task, "on_pipeline_error")
        server.connection.drop()
        await ways.send(TTSSpeakFrame("Still there?"))
        await ways.down.wait_for(TTSStoppedFrame)
        await failures.wait()
    assert words(ways.down.frames(TTSTextFrame)) == ["Still", "there?"]


async def test_a_service_that_gives_up_lets_go_of_what_waits(server: FakeElevenLabs):
    tts = service(server.url, stop_frame_timeout_s=60)
    # The handler of the user's document takes no arguments.
    failures = 0

    @tts.event_handler("on_connection_error")
    async def handle_error() -> None:
        nonlocal failures
        failures += 1

    async with passage(tts) as ways:
        await server.connected()
        server.answering = False
        await ways.send(TTSSpeakFrame("Hello?"))
        await server.message(text="Hello? ")
        server.refuse_all()
        server.connection.drop()
        await ways.down.wait_for(TTSStoppedFrame)
        assert not tts.is_usable
        await until(lambda: failures == 3)
        await ways.end()


@pytest.mark.parametrize(
    ("said", "category"),
    [
        ("quota_exceeded", ErrorCategory.QUOTA),
        ("invalid_api_key", ErrorCategory.AUTHENTICATION),
        ("voice_id_does_not_exist", ErrorCategory.INVALID_REQUEST),
        ("something_new", ErrorCategory.UNKNOWN),
    ],
)
async def test_errors_have_a_category(server: FakeElevenLabs, said: str, category: ErrorCategory):
    server.answering = False
    tts = service(server.url)
    async with passage(tts) as ways:
        await ways.send(TTSSpeakFrame("Hello."))
        context_id = (await server.message(text="Hello. "))["context_id"]
        await server.connection.send(
            error=said, message="This is wrong.", code=1008, contextId=context_id
        )
        error = await ways.up.wait_for(ErrorFrame)
        assert (error.category, tts.is_usable) == (category, not category.is_permanent)
        assert "This is wrong." in error.error
        await ways.down.wait_for(TTSStoppedFrame)


async def test_a_message_that_is_no_json_costs_nothing_else(server: FakeElevenLabs):
    async with passage(service(server.url)) as ways:
        await (await server.connected()).websocket.send("{ this is no JSON")
        await ways.send(TTSSpeakFrame("Hello."))
        await ways.down.wait_for(TTSTextFrame)
        assert "not understood" in (await ways.up.wait_for(ErrorFrame)).error


async def test_another_voice_needs_another_connection(server: FakeElevenLabs):
    async with passage(service(server.url)) as ways:
        await ways.send(TTSSpeakFrame("Hello."))
        await ways.down.wait_for(TTSStoppedFrame)
        delta = ElevenLabsTTSService.Settings(voice="bob")
        await ways.send(TTSUpdateSettingsFrame(delta=delta), TTSSpeakFrame("Hi."))
        await ways.down.wait_for(TTSStoppedFrame, count=2)
    assert server.connection.path == "/v1/text-to-speech/bob/multi-stream-input"
    assert server.connections[0].messages[-1] == {"close_socket": True}


async def test_another_manner_begins_with_the_next_sentence(server: FakeElevenLabs):
    async with passage(service(server.url)) as ways:
        delta = ElevenLabsTTSService.Settings(speed=1.2)
        await ways.send(
            LLMFullResponseStartFrame(),
            LLMTextFrame("Slowly. "),
            LLMTextFrame("And "),
            TTSUpdateSettingsFrame(delta=delta),
            LLMTextFrame("fast."),
            LLMFullResponseEndFrame(),
        )
        await ways.down.wait_for(TTSStoppedFrame, count=2)
    openings = [m for m in server.connection.messages if m.get("text") == " "]
    assert [m.get("voice_settings") for m in openings] == [None, {"speed": 1.2}]
    assert words(ways.down.frames(TTSTextFrame)) == ["Slowly.", "And", "fast."]


async def test_an_idle_connection_is_kept(server: FakeElevenLabs, monkeypatch):
    monkeypatch.setattr(ElevenLabsTTSService, "keepalive_secs", 0.001)
    server.answering = False
    async with passage(service(server.url)) as ways:
        await server.connected()
        assert await server.message(text="") == {"text": ""}
        await ways.send(TTSSpeakFrame("Hello."))
        context_id = (await server.message(text="Hello. "))["context_id"]
        await server.message(text="", context_id=context_id)


async def test_without_a_voice_it_says_so():
    tts = service("ws://127.0.0.1:1", voice=None)
    async with passage(tts) as ways:
        error = await ways.up.wait_for(ErrorFrame)
        assert error.category is ErrorCategory.INVALID_REQUEST and "voice" in error.error


async def test_chinese_has_no_words(server: FakeElevenLabs):
    settings = ElevenLabsTTSService.Settings(voice="ann", language=Language.ZH)
    async with passage(service(server.url, settings=settings)) as ways:
        await ways.send(TTSSpeakFrame("你好。"))
        said = await ways.down.wait_for(TTSTextFrame)
        assert said.text == "你好。" and said.includes_inter_frame_spaces


@pytest.mark.parametrize("how", ["end", "cancel"])
async def test_a_peer_that_stops_answering_holds_up_nothing(server: FakeElevenLabs, how: str):
    async with passage(service(server.url, ws_send_timeout=0.05, stop_frame_timeout_s=0.3)) as ways:
        await server.connected()
        server.stop_reading()
        await ways.send(TTSSpeakFrame("Hello?"))
        if how == "end":
            await ways.end()
        else:
            await ways.task.cancel()
            await asyncio.wait_for(ways.run, 5)


async def test_a_black_hole_holds_up_nothing():
    async with black_hole() as url, passage(service(url, ws_open_timeout=0.2)) as ways:
        await ways.down.wait_for(StartFrame)
        error = await ways.up.wait_for(ErrorFrame)
        assert error.category is ErrorCategory.CONNECTIVITY
        await ways.end()


async def test_nothing_is_asked_for_before_the_setup():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        service("ws://127.0.0.1:1")
    await settle()
