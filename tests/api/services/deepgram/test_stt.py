"""Speech-to-text with Deepgram, against a fake of its server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes.deepgram import FakeDeepgram
from fakes.websocket_server import black_hole
from pipecat_rs.frames.frames import (
    CancelFrame,
    ErrorFrame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    MetricsFrame,
    StartFrame,
    STTMetadataFrame,
    STTUpdateSettingsFrame,
    TranscriptionFrame,
    UserAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.metrics.metrics import STTUsageMetricsData, TTFBMetricsData
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.deepgram import DeepgramSTTService
from pipecat_rs.services.deepgram.stt import LiveOptions
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.utils.errors import ErrorCategory
from support.passage import passage
from support.waiting import calls_of, settle, until

RATE = 16_000
MEASURED = PipelineParams(enable_metrics=True, enable_usage_metrics=True)


@pytest.fixture
async def server() -> AsyncIterator[FakeDeepgram]:
    async with FakeDeepgram.running() as server:
        yield server


def service(url: str, **kwargs: Any) -> DeepgramSTTService:
    """A service that tries again at once, and is as impatient as it can be."""
    kwargs.setdefault("reconnect_backoff_min_wait", 0)
    kwargs.setdefault("reconnect_backoff_max_wait", 0)
    kwargs.setdefault("ws_open_timeout", 5)
    return DeepgramSTTService(api_key="secret-key", base_url=url, ws_close_timeout=0.2, **kwargs)


def audio(value: int, secs: float = 0.1) -> InputAudioRawFrame:
    return InputAudioRawFrame(bytes((value, 0)) * int(RATE * secs), RATE, 1)


async def test_audio_becomes_transcripts(server: FakeDeepgram):
    stt = service(server.url)
    connected, disconnected = calls_of(stt, "on_connected"), calls_of(stt, "on_disconnected")
    async with passage(stt) as ways:
        frame = UserAudioRawFrame(b"\x07\x00" * 1600, RATE, 1, user_id="ann")
        await ways.send(frame)
        await server.wait_for(lambda: server.connection.audio == frame.audio)
        await server.results("hello", final=False)
        heard = await ways.down.wait_for(InterimTranscriptionFrame)
        assert (heard.text, heard.user_id) == ("hello", "ann")
        await server.results("Hello there.", languages=["de"])
        said = await ways.down.wait_for(TranscriptionFrame)
        assert (said.text, said.user_id, said.language) == ("Hello there.", "ann", Language.DE)
        assert said.result["type"] == "Results" and not said.finalized
        await ways.end()
    assert server.connection.headers["Authorization"] == "Token secret-key"
    assert server.connection.path == "/v1/listen"
    assert server.connection.messages[-1] == {"type": "CloseStream"}
    await connected.wait()
    await disconnected.wait()


async def test_options_stand_in_the_address(server: FakeDeepgram):
    stt = service(
        server.url,
        sample_rate=8000,
        channels=2,
        tag="demo",
        mip_opt_out=True,
        addons={"foo": 1},
        settings=DeepgramSTTService.Settings(
            model="nova-2",
            language=Language.DE,
            keyterm=["one", "two three"],
            extra={"numerals": True, "vad_events": True},
        ),
    )
    async with passage(stt):
        query = (await server.connected()).query
    assert query == {
        "model": ["nova-2"],
        "language": ["de"],
        "detect_entities": ["false"],
        "diarize": ["false"],
        "dictation": ["false"],
        "interim_results": ["true"],
        "keyterm": ["one", "two three"],
        "numerals": ["true"],
        "punctuate": ["true"],
        "smart_format": ["false"],
        "vad_events": ["true"],
        "encoding": ["linear16"],
        "channels": ["2"],
        "multichannel": ["false"],
        "sample_rate": ["8000"],
        "tag": ["demo"],
        "mip_opt_out": ["true"],
        "foo": ["1"],
    }


async def test_live_options_of_older_programs(server: FakeDeepgram):
    with pytest.warns(DeprecationWarning, match="LiveOptions"):
        options = LiveOptions(model="nova-2", sample_rate=8000, endpointing=300, vad_events=True)
    assert options.language is None
    with pytest.warns(DeprecationWarning, match="live_options"):
        stt = service(server.url, live_options=options)
    async with passage(stt):
        query = (await server.connected()).query
    asked = {name: query[name] for name in ("model", "sample_rate", "endpointing", "vad_events")}
    assert asked == {
        "model": ["nova-2"],
        "sample_rate": ["8000"],
        "endpointing": ["300"],
        "vad_events": ["true"],
    }


def test_the_address_may_be_given_in_several_ways():
    def address(**kwargs: str) -> str:
        return DeepgramSTTService(api_key="k", **kwargs)._address

    assert address() == "wss://api.deepgram.com"
    assert address(base_url="my.host:8080/dg/") == "wss://my.host:8080/dg"
    assert address(base_url="https://my.host") == "wss://my.host"
    assert address(base_url="http://my.host") == "ws://my.host"
    with pytest.warns(DeprecationWarning, match="url"):
        assert address(url="ws://my.host") == "ws://my.host"


async def test_the_end_of_speech_asks_for_the_transcript(server: FakeDeepgram):
    server.last_words = "Good bye."
    async with passage(service(server.url), params=MEASURED) as ways:
        await ways.send(VADUserStartedSpeakingFrame(), audio(1))
        await ways.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await server.message(type="Finalize")
        said = await ways.down.wait_for(TranscriptionFrame)
        assert said.text == "Good bye." and said.finalized
        measures = [d for f in ways.down.frames(MetricsFrame) for d in f.data]
        assert [d.value.audio_seconds for d in measures if isinstance(d, STTUsageMetricsData)] == [
            pytest.approx(0.1)
        ]
        await until(
            lambda: any(
                isinstance(d, TTFBMetricsData) and d.value > 0
                for f in ways.down.frames(MetricsFrame)
                for d in f.data
            )
        )
        server.last_words = ""


async def test_the_last_words_come_before_the_end(server: FakeDeepgram):
    async with passage(service(server.url)) as ways:
        await ways.send(audio(1))
        server.last_words = "Wait for me!"
        await ways.end()
    assert [f.text for f in ways.down.frames(TranscriptionFrame)] == ["Wait for me!"]


async def test_audio_without_a_final_transcript_is_sent_again(server: FakeDeepgram):
    async with passage(service(server.url)) as ways:
        await ways.send(audio(1), audio(2))
        first = await server.connected()
        await server.wait_for(lambda: len(first.audio) == 2 * RATE * 2 // 10)
        await server.results("The first.", until=0.1)
        await ways.down.wait_for(TranscriptionFrame)
        first.drop()
        await server.wait_for(lambda: first.closed)
        await ways.send(audio(3))
        second = await server.connected(2)
        await server.wait_for(lambda: second.audio == audio(2).audio + audio(3).audio)
        # Positions count from the beginning of the connection, which is that of the second chunk.
        await server.results("The second.", until=0.1)
        await ways.down.wait_for(TranscriptionFrame, count=2)
        second.drop()
        third = await server.connected(3)
        await server.wait_for(lambda: third.audio == audio(3).audio)
    assert not ways.up.frames(ErrorFrame)


async def test_a_refused_key_is_permanent_and_said_once(server: FakeDeepgram):
    server.refuse(401, dg_error="Invalid credentials.")
    stt = service(server.url)
    failures = calls_of(stt, "on_connection_error")
    async with passage(stt) as ways:
        error = await ways.up.wait_for(ErrorFrame)
        assert error.category is ErrorCategory.AUTHENTICATION
        assert "Invalid credentials." in error.error and "secret-key" not in error.error
        assert not stt.is_usable
        await ways.send(audio(1))
        await ways.down.wait_for(InputAudioRawFrame)
        await ways.end()
    assert len(failures) == 1 and server.handshakes == 1


async def test_without_a_server_it_gives_up_after_a_few_attempts(server: FakeDeepgram):
    server.refuse_all()
    stt = service(server.url)
    failures = calls_of(stt, "on_connection_error")
    async with passage(stt) as ways:
        errors = [await ways.up.wait_for(ErrorFrame, count=n) for n in (1, 2, 3, 4)]
        assert {error.category for error in errors} == {ErrorCategory.SERVER}
        await until(lambda: not stt.is_usable)
        await settle()
    assert server.handshakes == len(failures) == 4


async def test_it_comes_back_when_the_server_does(server: FakeDeepgram):
    server.refuse(503, times=2)
    stt = service(server.url)
    async with passage(stt) as ways:
        await ways.send(audio(1))
        connection = await server.connected()
        await server.wait_for(lambda: connection.audio == audio(1).audio)
        assert stt.is_usable


async def test_connections_that_do_not_last_are_given_up(server: FakeDeepgram):
    server.hang_up_at_once()
    stt = service(server.url)
    async with passage(stt) as ways:
        await ways.up.wait_for(lambda f: isinstance(f, ErrorFrame) and "did not last" in f.error)
        assert not stt.is_usable


async def test_settings_make_a_new_connection_once_the_user_is_silent(server: FakeDeepgram):
    async with passage(service(server.url)) as ways:
        await ways.send(VADUserStartedSpeakingFrame(), audio(1))
        await ways.down.wait_for(InputAudioRawFrame)
        delta = DeepgramSTTService.Settings(language=Language.FR)
        await ways.send(STTUpdateSettingsFrame(delta=delta))
        await server.wait_for(lambda: server.connection.audio)
        await settle()
        assert len(server.connections) == 1
        await ways.send(VADUserStoppedSpeakingFrame())
        second = await server.connected(2)
        assert second.query["language"] == ["fr"]
        await server.wait_for(lambda: second.audio == audio(1).audio)


async def test_other_messages(server: FakeDeepgram):
    stt = service(server.url)
    started, ended = calls_of(stt, "on_speech_started"), calls_of(stt, "on_utterance_end")
    async with passage(stt) as ways:
        connection = await server.connected()
        await connection.send(type="SpeechStarted", channel=[0], timestamp=0.1)
        await connection.send(type="UtteranceEnd", channel=[0, 1], last_word_end=0.5)
        assert (await started.wait())[0]["timestamp"] == 0.1
        assert (await ended.wait())[0]["last_word_end"] == 0.5
        await connection.send(type="Error", description="Too loud.", variant="X")
        await connection.websocket.send("{ this is no JSON")
        await server.results("Still here.")
        await ways.down.wait_for(TranscriptionFrame)
        errors = [frame.error for frame in ways.up.frames(ErrorFrame)]
        assert "Too loud." in errors[0] and "not understood" in errors[1]
        assert stt.is_usable


async def test_an_idle_connection_is_kept(server: FakeDeepgram, monkeypatch):
    monkeypatch.setattr(DeepgramSTTService, "keepalive_secs", 0.001)
    async with passage(service(server.url)):
        await server.connected()
        await server.message(type="KeepAlive")


async def test_it_says_its_latency(server: FakeDeepgram):
    async with passage(service(server.url)) as ways:
        said = await ways.down.wait_for(STTMetadataFrame)
        assert said.ttfs_p99_latency == 0.35


@pytest.mark.parametrize("how", ["end", "cancel"])
async def test_a_peer_that_stops_answering_holds_up_nothing(server: FakeDeepgram, how: str):
    async with passage(service(server.url, ws_send_timeout=0.05)) as ways:
        await server.connected()
        server.stop_reading()
        await ways.send(audio(1))
        if how == "end":
            await ways.end()
        else:
            await ways.task.cancel()
            await asyncio.wait_for(ways.run, 5)
            assert ways.down.frames(CancelFrame)


async def test_a_black_hole_holds_up_nothing():
    async with black_hole() as url, passage(service(url, ws_open_timeout=0.2)) as ways:
        await ways.down.wait_for(StartFrame)
        error = await ways.up.wait_for(ErrorFrame, direction=FrameDirection.UPSTREAM)
        assert error.category is ErrorCategory.CONNECTIVITY
        await ways.end()
