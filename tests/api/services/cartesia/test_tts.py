"""Text-to-speech with Cartesia, against a fake of its server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes.cartesia import FakeCartesia
from fakes.websocket_server import black_hole
from pipecat_rs.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    TTSUpdateSettingsFrame,
)
from pipecat_rs.metrics.metrics import TTFBMetricsData, TTSUsageMetricsData
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.services.cartesia import CartesiaTTSService
from pipecat_rs.services.cartesia.tts import CartesiaEmotion, GenerationConfig
from pipecat_rs.services.tts_service import TextAggregationMode
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.utils.errors import ErrorCategory
from support.passage import passage
from support.waiting import calls_of

RATE = 24_000
MEASURED = PipelineParams(enable_metrics=True, enable_usage_metrics=True)


@pytest.fixture
async def server() -> AsyncIterator[FakeCartesia]:
    async with FakeCartesia.running() as server:
        yield server


def service(url: str, **kwargs: Any) -> CartesiaTTSService:
    """A service that tries again at once, and is as impatient as it can be."""
    kwargs.setdefault("settings", CartesiaTTSService.Settings(voice="ann"))
    kwargs.setdefault("reconnect_backoff_min_wait", 0)
    kwargs.setdefault("reconnect_backoff_max_wait", 0)
    kwargs.setdefault("stop_frame_timeout_s", 3)
    kwargs.setdefault("ws_open_timeout", 5)
    return CartesiaTTSService(
        api_key="secret-key",
        url=f"{url}/tts/websocket",
        ws_close_timeout=0.2,
        **kwargs,
    )


def answer(*tokens: str) -> list[Any]:
    return [
        LLMFullResponseStartFrame(),
        *(LLMTextFrame(token) for token in tokens),
        LLMFullResponseEndFrame(),
    ]


def words(frames: list[Any]) -> list[str]:
    return [frame.text for frame in frames]


async def test_an_answer_is_spoken_and_its_words_are_told(server: FakeCartesia):
    tts = service(server.url)
    connected = calls_of(tts, "on_connected")
    async with passage(tts, params=MEASURED) as ways:
        await ways.send(*answer("Hello there. ", "How are you?"))
        await ways.down.wait_for(TTSStoppedFrame)
        await ways.end()
    await connected.wait()
    down = ways.down
    assert words(down.frames(TTSTextFrame)) == ["Hello", "there.", "How", "are", "you?"]
    started = down.frames(TTSStartedFrame)[0]
    assert {frame.context_id for frame in down.frames(TTSAudioRawFrame)} == {started.context_id}
    assert sum(len(frame.audio) for frame in down.frames(TTSAudioRawFrame)) == RATE // 2 * 2
    times = [frame.pts for frame in down.frames(TTSTextFrame)]
    assert [time - times[0] for time in times] == pytest.approx([0, 1e8, 2e8, 3e8, 4e8], abs=1e3)
    measures = [data for frame in down.frames(MetricsFrame) for data in frame.data]
    assert any(isinstance(data, TTFBMetricsData) and data.value > 0 for data in measures)
    assert sum(d.value for d in measures if isinstance(d, TTSUsageMetricsData)) == 24

    connection = server.connection
    assert connection.path == "/tts/websocket"
    assert connection.headers["X-API-Key"] == "secret-key"
    assert connection.headers["Cartesia-Version"] == "2026-03-01"
    first, second, last = connection.messages
    assert first == {
        "transcript": "Hello there.",
        "continue": True,
        "context_id": started.context_id,
        "model_id": "sonic-3.6",
        "voice": {"mode": "id", "id": "ann"},
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": RATE},
        "add_timestamps": True,
        "use_normalized_timestamps": False,
        "max_buffer_delay_ms": 0,
        "language": "en",
    }
    assert (second["transcript"], second["continue"]) == ("How are you?", True)
    assert (last["transcript"], last["continue"]) == ("", False)


async def test_settings_stand_in_each_message(server: FakeCartesia):
    tts = service(
        server.url,
        extra_headers={"X-Extra": "1"},
        text_aggregation_mode=TextAggregationMode.TOKEN,
        settings=CartesiaTTSService.Settings(
            voice="bob",
            model="sonic-2",
            language=Language.ES_MX,
            generation_config=GenerationConfig(speed=1.2, emotion=CartesiaEmotion.CALM),
            pronunciation_dict_id="d",
        ),
    )
    async with passage(tts) as ways:
        await ways.send(*answer("Hola"))
        await ways.down.wait_for(TTSStoppedFrame)
    assert server.connection.headers["X-Extra"] == "1"
    message = server.connection.messages[0]
    assert message["language"] == "es-MX" and message["model_id"] == "sonic-2"
    assert message["generation_config"] == {"speed": 1.2, "emotion": "calm"}
    assert message["pronunciation_dict_id"] == "d"
    assert "max_buffer_delay_ms" not in message


async def test_the_form_of_older_programs():
    params = CartesiaTTSService.InputParams(language=Language.FR)
    with pytest.warns(DeprecationWarning) as caught:
        tts = CartesiaTTSService(
            api_key="k", voice_id="bob", model="sonic", params=params, cartesia_version="2025-01-01"
        )
    assert {w.filename for w in caught} == {__file__}
    assert (tts.settings.voice, tts.settings.model) == ("bob", "sonic")
    assert tts.settings.language == "fr"


async def test_tags_are_not_words(server: FakeCartesia):
    tts = service(server.url)
    text = f"{tts.EMOTION_TAG(CartesiaEmotion.HAPPY)} Dial to {tts.SPELL('12')}. {tts.PAUSE_TAG(1)}"
    assert tts.VOLUME_TAG(0.5) == '<volume ratio="0.5" />'
    assert tts.SPEED_TAG(1.5) == '<speed ratio="1.5" />'
    server.answering = False
    async with passage(tts) as ways:
        await ways.send(TTSSpeakFrame(text))
        message = await server.message(transcript=text.strip())
        tokens = ['<emotion value="happy" />', "Dial", "to<spell>12</spell>.", '<break time="1s"/>']
        connection, context_id = server.connection, message["context_id"]
        await connection.send(type="chunk", context_id=context_id, data="AAAA")
        times = {"words": tokens, "start": [0, 0.1, 0.2, 0.3], "end": [0.1, 0.2, 0.3, 0.4]}
        await connection.send(type="timestamps", context_id=context_id, word_timestamps=times)
        await server.done(context_id)
        await ways.down.wait_for(TTSStoppedFrame)
    assert words(ways.down.frames(TTSTextFrame)) == ["Dial", "to 12."]


async def test_an_interruption_cancels_the_request_at_once(server: FakeCartesia):
    server.answering = False
    async with passage(service(server.url)) as ways:
        await ways.send(TTSSpeakFrame("A long story."))
        context_id = (await server.message(transcript="A long story."))["context_id"]
        await server.speak("A long", context_id, RATE)
        await ways.down.wait_for(TTSTextFrame, count=2)
        await ways.send(InterruptionFrame())
        await server.message(context_id=context_id, cancel=True)
        await server.speak("story.", context_id, RATE)
        server.answering = True
        await ways.send(TTSSpeakFrame("Yes?"))
        await ways.down.wait_for(TTSStoppedFrame)
    assert words(ways.down.frames(TTSTextFrame)) == ["A", "long", "Yes?"]


async def test_the_end_waits_for_what_is_to_be_spoken(server: FakeCartesia):
    server.answering = False
    async with passage(service(server.url, stop_frame_timeout_s=5)) as ways:
        await ways.send(TTSSpeakFrame("Good bye."))
        ending = asyncio.create_task(ways.end())
        context_id = (await server.message(transcript="", **{"continue": False}))["context_id"]
        await server.speak("Good bye.", context_id, RATE)
        await server.done(context_id)
        await ending
    assert words(ways.down.frames(TTSTextFrame)) == ["Good", "bye."]


async def test_a_lost_request_is_made_again(server: FakeCartesia):
    server.answering = False
    async with passage(service(server.url)) as ways:
        await ways.send(*answer("One. ", "Two."))
        await server.message(transcript="", **{"continue": False})
        server.answering = True
        server.connection.drop()
        await server.connected(2)
        await ways.down.wait_for(TTSStoppedFrame)
    again = [message["transcript"] for message in server.connections[1].messages]
    assert again == ["One.", "Two.", ""]
    assert words(ways.down.frames(TTSTextFrame)) == ["One.", "Two."]


async def test_a_closed_idle_connection_is_made_anew(server: FakeCartesia):
    async with passage(service(server.url)) as ways:
        await (await server.connected()).websocket.close()
        await server.connected(2)
        await ways.send(TTSSpeakFrame("Hello."))
        await ways.down.wait_for(TTSTextFrame)
    assert not ways.up.frames(ErrorFrame)


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (401, ErrorCategory.AUTHENTICATION),
        (402, ErrorCategory.QUOTA),
        (404, ErrorCategory.INVALID_REQUEST),
        (429, ErrorCategory.RATE_LIMIT),
        (500, ErrorCategory.SERVER),
    ],
)
async def test_errors_have_a_category(server: FakeCartesia, status: int, category: ErrorCategory):
    server.answering = False
    tts = service(server.url, stop_frame_timeout_s=60)
    async with passage(tts) as ways:
        await ways.send(TTSSpeakFrame("Hello."))
        context_id = (await server.message(transcript="Hello."))["context_id"]
        await server.fail(context_id, status, "This is wrong.")
        error = await ways.up.wait_for(ErrorFrame)
        assert (error.category, tts.is_usable) == (category, not category.is_permanent)
        assert "This is wrong." in error.error
        await ways.down.wait_for(TTSStoppedFrame)


async def test_a_refused_key_is_permanent_and_said_once(server: FakeCartesia):
    server.refuse(401)
    tts = service(server.url)
    failures = calls_of(tts, "on_connection_error")
    async with passage(tts) as ways:
        error = await ways.up.wait_for(ErrorFrame)
        assert error.category is ErrorCategory.AUTHENTICATION and not tts.is_usable
        await ways.send(TTSSpeakFrame("Hello?"))
        await ways.end()
    assert len(failures) == 1 and server.handshakes == 1


async def test_without_reconnecting_the_next_text_connects(server: FakeCartesia):
    async with passage(service(server.url, reconnect_on_error=False)) as ways:
        (await server.connected()).drop()
        await ways.up.wait_for(ErrorFrame)
        await ways.send(TTSSpeakFrame("Hello?"))
        await ways.down.wait_for(TTSTextFrame)
    assert len(server.connections) == 2


async def test_another_voice_begins_with_the_next_sentence(server: FakeCartesia):
    async with passage(service(server.url)) as ways:
        await ways.send(
            LLMFullResponseStartFrame(),
            LLMTextFrame("I was Ann. "),
            LLMTextFrame("I "),
            TTSUpdateSettingsFrame(delta=CartesiaTTSService.Settings(voice="bob")),
            LLMTextFrame("am Bob."),
            LLMFullResponseEndFrame(),
        )
        await ways.down.wait_for(TTSStoppedFrame, count=2)
    said = {m["transcript"]: m["voice"]["id"] for m in server.connection.messages}
    assert (said["I was Ann."], said["I am Bob."]) == ("ann", "bob")
    assert len(server.connections) == 1


@pytest.mark.parametrize("how", ["end", "cancel"])
async def test_a_peer_that_stops_answering_holds_up_nothing(server: FakeCartesia, how: str):
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
        error = await ways.up.wait_for(ErrorFrame)
        assert error.category is ErrorCategory.CONNECTIVITY
        await ways.end()
