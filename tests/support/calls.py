"""Telephone calls over real sockets: a bot with a pipeline, and the provider's end of the call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import websockets
from pipecat_rs.frames.frames import Frame
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.frame_processor import FrameProcessor
from pipecat_rs.runner.utils import parse_telephony_websocket
from pipecat_rs.testing.recorder import Recorder
from pipecat_rs.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from websockets.asyncio.client import ClientConnection

from support.doors import door
from support.phones import Phone
from support.raw_peer import RawPeer, raw_peer
from support.tasks import task_of
from support.waiting import calls_of, within

NOBODY = "http://127.0.0.1:1"
"""A REST API that cannot be reached."""


class Bot:
    """What answers one call, on the loop of the test.

    Attributes:
        known: What the first messages said of the call, if they were looked at.
        task: The pipeline's task.
        heard: What reaches the pipeline's end.
        gone: Calls of `on_client_disconnected`.
    """

    def __init__(self, phone: Phone, rest: str, *middle: FrameProcessor, **params: Any) -> None:
        self.phone, self.rest, self.middle, self.params = phone, rest, middle, params
        self.known: Any = None
        self.task: Any = None
        self.transport: FastAPIWebsocketTransport
        self.heard = Recorder()
        self.gone: Any = None
        self.errors: Any = None
        self.connected = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, websocket: Any) -> None:
        if self.phone.parsed:
            self.known = await parse_telephony_websocket(websocket)
        options = {"audio_out_10ms_chunks": 2, "audio_out_end_silence_secs": 0, **self.params}
        options.setdefault("serializer", self.phone.serializer(self.rest))
        params = FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, **options)
        transport = self.transport = FastAPIWebsocketTransport(websocket, params)
        rate = self.phone.rate
        self.task = task_of(
            transport.input(),
            *self.middle,
            transport.output(),
            self.heard,
            params=PipelineParams(audio_in_sample_rate=rate, audio_out_sample_rate=rate),
        )
        self.gone = calls_of(transport, "on_client_disconnected")
        self.errors = calls_of(self.task, "on_pipeline_error")

        @transport.event_handler("on_client_connected")
        async def connected(_transport: object, _websocket: object) -> None:
            self.connected.set()

        @transport.event_handler("on_client_disconnected")
        async def hang_up(_transport: object, _websocket: object) -> None:
            await self.task.cancel()

        try:
            await self.task.run()
        finally:
            self.ended.set()

    async def say(self, *frames: Frame) -> None:
        await self.task.queue_frames(list(frames))


class Line:
    """The provider's end of a call."""

    def __init__(self, phone: Phone, socket: ClientConnection) -> None:
        self.phone, self.socket = phone, socket

    async def send(self, *messages: str | bytes) -> None:
        for message in messages:
            await self.socket.send(message)

    async def next(self) -> tuple[str, Any]:
        """What the bot says next."""
        return self.phone.read(await within(self.socket.recv()))

    async def hear(self, count: int) -> bytes:
        """Hear so many bytes of audio, or more."""
        heard = b""
        while len(heard) < count:
            kind, value = await self.next()
            heard += value if kind == "audio" else b""
        return heard

    async def until(self, wanted: str) -> Any:
        """Pass over all before something of a kind."""
        while True:
            kind, value = await self.next()
            if kind == wanted:
                return value

    async def rest(self) -> list[tuple[str, Any]]:
        """All that the bot says until it hangs up."""
        said = []
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                said.append(await self.next())
        return said


@contextlib.asynccontextmanager
async def call(
    kind: str,
    phone: Phone,
    *middle: FrameProcessor,
    rest: str = NOBODY,
    **params: Any,
) -> AsyncIterator[tuple[Bot, Line]]:
    """A call that has begun, through one of the doors."""
    bot = Bot(phone, rest, *middle, **params)
    async with door(kind, bot) as url, websockets.connect(url) as socket:
        line = Line(phone, socket)
        await line.send(*phone.opening())
        await within(bot.connected.wait())
        yield bot, line
    await within(bot.ended.wait(), 10)


@contextlib.asynccontextmanager
async def raw_call(
    kind: str, phone: Phone, *middle: FrameProcessor, server: Any = None, **params: Any
) -> AsyncIterator[tuple[Bot, RawPeer]]:
    """A call that has begun, whose provider has no manners."""
    bot = Bot(phone, NOBODY, *middle, **params)
    async with (
        door(kind, bot, **(server or {})) as url,
        raw_peer(url, receive_buffer=4096) as peer,
    ):
        await peer.send(*phone.opening())
        await within(bot.connected.wait())
        yield bot, peer
        await within(bot.ended.wait(), 15)
