"""WebSockets of Starlette's under a server that is late: its `send` waits until it is let go."""

import asyncio
from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    CancelFrame,
    EndFrame,
    InterruptionFrame,
    TTSAudioRawFrame,
)
from starlette.websockets import WebSocket
from support.calls import NOBODY, Bot
from support.phones import Exotel
from support.waiting import settle, until, within

OLD, NEW = b"\x01\x02", b"\x03\x04"


class LateServer:
    """The server's side of one socket."""

    def __init__(self) -> None:
        self.phone = Exotel()
        self.bot = Bot(self.phone, NOBODY, ws_close_timeout=5)
        self.sent: list[dict[str, Any]] = []
        self.begun = 0
        self.go = asyncio.Event()
        self._received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._received.put_nowait({"type": "websocket.connect"})
        self.receive(*self.phone.opening())

    def receive(self, *texts: str) -> None:
        for text in texts:
            self._received.put_nowait({"type": "websocket.receive", "text": text})

    async def _send(self, message: Any) -> None:
        self.begun += message["type"] == "websocket.send"
        if message["type"] != "websocket.accept":
            await self.go.wait()
            self.sent.append(message)

    async def run(self) -> None:
        scope = {"type": "websocket", "headers": [], "path": "/", "query_string": b""}
        websocket = WebSocket(scope, self._received.get, self._send)
        await websocket.accept()
        await self.bot(websocket)

    @property
    def said(self) -> list[tuple[str, Any]]:
        return [
            self.phone.read(message["text"]) if "text" in message else ("close", message["code"])
            for message in self.sent
        ]

    @property
    def player(self) -> Any:
        return self.bot.transport.output()._media_senders[None]

    async def say(self, sample: bytes, chunks: int) -> None:
        await self.bot.say(TTSAudioRawFrame(sample * 160 * chunks, 8000, 1))


@pytest.fixture
async def server():
    server = LateServer()
    run = asyncio.create_task(server.run())
    await within(server.bot.connected.wait())
    yield server
    server.go.set()
    await within(run)


async def test_the_last_words_are_sent_before_the_goodbye(server: LateServer) -> None:
    """They were dropped if the server was still busy with the word before."""
    await server.say(NEW, 10)
    await server.bot.say(EndFrame())
    await until(lambda: server.begun > 0)
    await until(lambda: server.player.silent)
    await settle()
    assert not server.sent
    server.go.set()
    await within(server.bot.ended.wait())
    assert server.said == [("audio", NEW * 160)] * 10 + [("close", 1000)]


async def test_an_interruption_takes_back_what_the_server_has_not_got(server: LateServer) -> None:
    """One message is the server's already; it comes before the `clear`."""
    await server.say(OLD, 100)
    await until(lambda: server.begun > 0)
    await until(lambda: bool(server.bot.heard.frames(BotStartedSpeakingFrame)))
    await server.bot.task.queue_frame(InterruptionFrame())
    await until(lambda: bool(server.bot.heard.frames(InterruptionFrame)))
    await server.say(NEW, 5)
    await server.bot.say(EndFrame())
    await until(lambda: server.player.silent)
    server.go.set()
    await within(server.bot.ended.wait())
    assert server.said == [
        ("audio", OLD * 160),
        ("clear", None),
        *[("audio", NEW * 160)] * 5,
        ("close", 1000),
    ]


async def test_a_server_that_never_comes_back_holds_the_end_up_for_the_close_timeout() -> None:
    server = LateServer()
    server.bot.params["ws_close_timeout"] = 0.05
    run = asyncio.create_task(server.run())
    await within(server.bot.connected.wait())
    await server.say(NEW, 3)
    await server.bot.say(EndFrame())
    await within(server.bot.ended.wait())
    assert not server.sent
    server.go.set()
    await within(run)


async def test_a_cancelled_call_closes_too(server: LateServer) -> None:
    server.go.set()
    await server.say(NEW, 100)
    await until(lambda: server.begun > 0)
    await server.bot.task.queue_frame(CancelFrame())
    await within(server.bot.ended.wait())
    assert server.said[-1] == ("close", 1000)
    assert len(server.said) < 50
