"""The bases of services with a WebSocket, as a service of the user's own would use them."""

import asyncio
import importlib.util
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from fakes.websocket_server import FakeWebsocketServer
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher, ServiceSwitcherStrategy
from pipecat_rs.processors.frame_processor import FrameProcessorSetup
from pipecat_rs.services import stt_service, tts_service
from pipecat_rs.services.cartesia import CartesiaTTSService
from pipecat_rs.services.deepgram import DeepgramSTTService
from pipecat_rs.services.elevenlabs import ElevenLabsTTSService
from pipecat_rs.services.settings import STTSettings, TTSSettings
from pipecat_rs.services.stt_service import WebsocketSTTService
from pipecat_rs.services.tts_service import InterruptibleTTSService, WebsocketTTSService
from pipecat_rs.utils.network import QuickFailureTracker, exponential_backoff_time
from support.passage import passage
from support.waiting import calls_of, until, within

IMPATIENT = {
    "reconnect_backoff_min_wait": 0,
    "reconnect_backoff_max_wait": 0,
    "ws_open_timeout": 5,
    "ws_close_timeout": 0.2,
}


@pytest.fixture
async def server() -> AsyncIterator[FakeWebsocketServer]:
    async with FakeWebsocketServer.running() as server:
        yield server


class _Plain:
    """Connects as services of pipecat do."""

    url: str

    async def setup(self, setup: FrameProcessorSetup) -> None:
        await super().setup(setup)
        await self._connect()

    async def _connect(self) -> None:
        await super()._connect()
        await self._connect_websocket()
        self._receiver = self.create_task(self._receive_task_handler(self._report_error))

    async def _disconnect(self) -> None:
        await super()._disconnect()
        if getattr(self, "_receiver", None) is not None:
            await self.cancel_task(self._receiver)
            self._receiver = None
        await self._disconnect_websocket()

    async def _connect_websocket(self) -> None:
        self._websocket = await self._websocket_connect(self.url)
        await self._call_event_handler("on_connected")

    async def _disconnect_websocket(self) -> None:
        if self._websocket is not None:
            await self._websocket.close()
            self._websocket = None

    async def _receive_messages(self) -> None:
        async for message in self._websocket:
            self.received.append(message)


class Ears(_Plain, WebsocketSTTService):
    def __init__(self, url: str, **kwargs) -> None:
        super().__init__(settings=STTSettings(model=None, language=None), **IMPATIENT, **kwargs)
        self.url, self.received = url, []

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        await self._websocket.send(audio)
        yield None


class Mouth(_Plain, InterruptibleTTSService):
    def __init__(self, url: str, **kwargs) -> None:
        settings = TTSSettings(model=None, voice="v", language=None)
        super().__init__(settings=settings, push_start_frame=True, **IMPATIENT, **kwargs)
        self.url, self.received = url, []

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        await self._websocket.send(json.dumps({"text": text}))
        yield None

    async def _send_keepalive(self) -> None:
        await self._websocket.send(json.dumps({"alive": True}))


def audio(value: int) -> InputAudioRawFrame:
    return InputAudioRawFrame(bytes((value, 0)) * 1600, 16_000, 1)


async def test_audio_that_comes_while_it_connects_again_is_sent_afterwards(server):
    ears = Ears(server.url)
    async with passage(ears) as ways:
        first = await server.connected()
        server.refuse_all()
        first.drop()
        await ways.up.wait_for(ErrorFrame)
        server.refuse_all(False)
        await ways.send(audio(1), audio(2))
        second = await server.connected(2)
        await ways.send(audio(3))
        wanted = b"".join(audio(value).audio for value in (1, 2, 3))
        await server.wait_for(lambda: second.audio.endswith(wanted[-3200:]))
        assert wanted.endswith(second.audio)


async def test_silence_keeps_an_idle_connection(server):
    async with passage(Ears(server.url, keepalive_timeout=0, keepalive_interval=0.001)):
        connection = await server.connected()
        await server.wait_for(lambda: connection.audio)
        assert not any(connection.audio)


async def test_an_interruption_replaces_a_connection_that_cannot_be_told(server):
    mouth = Mouth(server.url)
    async with passage(mouth) as ways:
        await ways.send(InterruptionFrame(), TTSSpeakFrame("Hello."))
        await server.message(text="Hello.")
        await ways.send(BotStartedSpeakingFrame(), InterruptionFrame())
        await server.connected(2)
        await ways.send(TTSSpeakFrame("Yes?"))
        await server.message(text="Yes?")
        mouth._create_keepalive_task(0.001)
        await server.message(alive=True)
        await mouth._cancel_keepalive_task()
    assert len(server.connections) == 2


async def test_a_write_that_the_peer_does_not_take_drops_the_connection(server):
    mouth = Mouth(server.url, ws_send_timeout=0.05)
    async with passage(mouth) as ways:
        first = await server.connected()
        server.stop_reading()
        await ways.send(TTSSpeakFrame(os.urandom(4_000_000).hex()))
        await server.connected(2)
        first.drop()


async def test_send_with_retry_of_older_programs(server):
    mouth = Mouth(server.url)
    connected = calls_of(mouth, "on_connected")
    async with passage(mouth):
        (await server.connected()).drop()
        await connected.wait(2)
        with pytest.warns(DeprecationWarning, match="send_with_retry"):
            await mouth.send_with_retry(json.dumps({"again": 1}), mouth._report_error)
        await server.message(again=1)


async def test_a_confirmation_is_waited_for_and_not_for_ever(server):
    mouth = Mouth(server.url)
    confirmed, seen = asyncio.Event(), []

    async def messages() -> AsyncGenerator[str, None]:
        yield "hello"
        yield "ready"
        yield "later"

    async def handle(message: str) -> None:
        seen.append(message)
        if message == "ready":
            confirmed.set()

    came = messages()
    assert await mouth._receive_until_confirmed(came, confirmed, handle, 1.0)
    assert seen == ["hello", "ready"] and [message async for message in came] == ["later"]
    confirmed.clear()
    assert not await mouth._receive_until_confirmed(came, confirmed, handle, 1.0)

    async def never() -> AsyncGenerator[str, None]:
        await asyncio.Event().wait()
        yield ""

    with pytest.raises(ConnectionError, match="not confirmed"):
        await within(mouth._receive_until_confirmed(never(), confirmed, handle, 0.001))


async def test_the_documents_fallback(server):
    """The handler takes no arguments; the switch comes from it, by the strategy."""

    class FallbackStrategy(ServiceSwitcherStrategy):
        def __init__(self) -> None:
            self._current = 0

        def select(self, services: list) -> int:
            return self._current

        def on_error(self) -> None:
            self._current = (self._current + 1) % 2

    class Spare(WebsocketTTSService):
        async def _connect_websocket(self) -> None: ...

        async def _disconnect_websocket(self) -> None: ...

        async def _receive_messages(self) -> None: ...

        async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
            yield TTSAudioRawFrame(b"\1\0" * 240, 24_000, 1, context_id=context_id)

    server.refuse_all()
    primary_tts = CartesiaTTSService(
        api_key="k", url=server.url, settings=CartesiaTTSService.Settings(voice="v"), **IMPATIENT
    )
    secondary_tts = Spare(settings=TTSSettings(model=None, voice="v", language=None))
    fallback_strategy = FallbackStrategy()
    switcher = ServiceSwitcher(services=[primary_tts, secondary_tts], strategy=fallback_strategy)
    failed = calls_of(primary_tts, "on_connection_error")

    @primary_tts.event_handler("on_connection_error")
    async def handle_error() -> None:
        if fallback_strategy._current == 0:
            fallback_strategy.on_error()

    async with passage(switcher) as ways:
        await failed.wait()
        await until(lambda: fallback_strategy._current == 1)
        await ways.send(TTSSpeakFrame("Hello."))
        await ways.down.wait_for(TTSAudioRawFrame)


@pytest.mark.parametrize(
    ("make", "extra"),
    [
        (lambda: DeepgramSTTService(api_key="k"), "deepgram"),
        (lambda: CartesiaTTSService(api_key="k"), "cartesia"),
        (lambda: ElevenLabsTTSService(api_key="k"), "elevenlabs"),
        (lambda: Mouth(""), "websocket"),
    ],
)
def test_a_missing_package_is_named(monkeypatch, make, extra: str):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingDependencyError, match=rf"websockets(.|\n)*\[{extra}\]"):
        make()


def test_the_names_are_where_pipecat_has_them():
    for name in ("WordTTSService", "WebsocketWordTTSService", "InterruptibleWordTTSService"):
        assert issubclass(getattr(tts_service, name), tts_service.TTSService)
    for name in ("AudioContextTTSService", "AudioContextWordTTSService"):
        assert issubclass(getattr(tts_service, name), WebsocketTTSService)
    with pytest.raises(AttributeError):
        _ = tts_service.no_such_name  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        _ = stt_service.no_such_name  # type: ignore[attr-defined]


def test_waits_grow_up_to_a_bound():
    assert [exponential_backoff_time(n, 0, 10) for n in (1, 2, 3, 4, 5)] == [1, 2, 4, 8, 10]
    assert [exponential_backoff_time(n) for n in (1, 4, 9)] == [4, 8, 10]
    assert exponential_backoff_time(10_000) == 10


def test_connections_that_do_not_last_are_counted():
    tracker = QuickFailureTracker(min_stable_duration=5, max_consecutive_failures=2)
    assert not tracker.record(1).should_give_up
    assert not tracker.record(6).is_quick_failure
    assert [tracker.record(1).should_give_up for _ in range(2)] == [False, True]
    tracker.reset()
    assert not tracker.record(1).should_give_up
