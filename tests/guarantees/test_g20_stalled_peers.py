"""G20 for the transports that own their sockets: a peer that stalls is one event, and no end waits.

That such peers leave nothing behind is seen to after every test. For calls that a server hands out
see `test_g20_peers_that_say_nothing.py`, and for telephony `test_calls_gone_wrong.py`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pipecat_rs import _core
from pipecat_rs.frames.frames import EndFrame, OutputTransportMessageUrgentFrame, TTSAudioRawFrame
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer
from pipecat_rs.transports.websocket.client import WebsocketClientParams, WebsocketClientTransport
from pipecat_rs.transports.websocket.server import (
    SingleClientWebsocketServerParams,
    SingleClientWebsocketServerTransport,
)
from support.bots import RATE
from support.raw_peer import RawPeer, raw_peer
from support.tasks import task_of
from support.waiting import calls_of, until, within

LIMITS = {
    "handshake_timeout_secs": 0.3,
    "ping_interval_secs": 0.3,
    "pong_timeout_secs": 0.3,
    "write_timeout_secs": 0.3,
    "close_timeout_secs": 0.3,
}
OPTIONS: dict[str, Any] = {
    "audio_in_enabled": True,
    "audio_out_enabled": True,
    "audio_out_end_silence_secs": 0,
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets that give up sooner than they would."""
    server, connect = _core.WebSocketServer, _core._websocket_connect

    def listen(host: str, port: int, options: dict[str, Any], *rest: Any) -> Any:
        return server(host, port, {**options, **LIMITS}, *rest)

    def dial(url: str, headers: Any, protocols: Any, options: dict[str, Any]) -> Any:
        return connect(url, headers, protocols, {**options, **LIMITS})

    monkeypatch.setattr(_core, "WebSocketServer", listen)
    monkeypatch.setattr(_core, "_websocket_connect", dial)


def task_with(transport: Any) -> PipelineTask:
    params = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
    return task_of(transport.input(), transport.output(), params=params)


class Serving:
    """A server for one client, in a running pipeline."""

    def __init__(self) -> None:
        params = SingleClientWebsocketServerParams(serializer=ProtobufFrameSerializer(), **OPTIONS)
        self.transport = SingleClientWebsocketServerTransport(params, host="127.0.0.1", port=0)
        self.connected = calls_of(self.transport, "on_client_connected")
        self.gone = calls_of(self.transport, "on_client_disconnected")
        self.task = task_with(self.transport)
        self.errors = calls_of(self.task, "on_pipeline_error")

    async def fill(self) -> None:
        """Send more than the sockets' buffers take."""
        await self.task.queue_frames(
            [
                OutputTransportMessageUrgentFrame({"all": "x" * 900_000}),
                TTSAudioRawFrame(bytes(RATE), RATE, 1),
            ]
        )


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[tuple[Serving, RawPeer]]:
    served = Serving()
    ready = calls_of(served.transport, "on_websocket_ready")
    run = asyncio.create_task(served.task.run())
    await ready.wait()
    assert served.transport.address is not None
    url = f"ws://127.0.0.1:{served.transport.address[1]}/"
    try:
        async with raw_peer(url, receive_buffer=4096) as peer:
            await served.connected.wait()
            yield served, peer
    finally:
        if not served.task.has_finished():
            await served.task.cancel()
        await within(run, 15)


async def test_g20_a_client_that_answers_no_ping_is_told_of_once() -> None:
    async with serving() as (served, _):
        (websocket,) = await served.gone.wait()
        assert websocket.closed_by == "timeout"
    assert len(served.gone) == 1
    assert not served.errors


async def test_g20_a_client_that_reads_nothing_is_told_of_once_and_the_next_is_served() -> None:
    async with serving() as (served, _):
        await served.fill()
        (websocket,) = await served.gone.wait()
        assert websocket.closed_by == "timeout"
        assert served.transport.address is not None
        async with raw_peer(f"ws://127.0.0.1:{served.transport.address[1]}/"):
            await served.connected.wait(2)
    assert len(served.errors) <= 1


async def test_g20_a_half_open_client_is_told_of_once() -> None:
    async with serving() as (served, peer):
        peer.half_close()
        await served.gone.wait()
    assert len(served.gone) == 1
    assert not served.errors


async def test_g20_the_end_waits_for_no_client_that_reads_nothing() -> None:
    async with serving() as (served, _):
        await served.fill()
        await served.task.queue_frame(EndFrame())
        await until(lambda: served.task.has_finished(), 10)
    assert len(served.gone) <= 1


@contextlib.asynccontextmanager
async def black_hole(*, shakes_hands: bool) -> AsyncIterator[str]:
    """A server that accepts, and says nothing more; or nothing more after the handshake."""
    stop = asyncio.Event()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if shakes_hands:
            writer.write(_answer(request))
        await stop.wait()
        writer.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        stop.set()
        server.close()
        await server.wait_closed()


def _answer(request: bytes) -> bytes:
    from websockets.utils import accept_key

    key = next(
        line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
    )
    accept = accept_key(key.partition(b":")[2].strip().decode())
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    ).encode()


async def test_g20_a_server_that_never_shakes_hands_is_one_error() -> None:
    async with black_hole(shakes_hands=False) as url:
        task = task_with(WebsocketClientTransport(url, WebsocketClientParams(**OPTIONS)))
        errors = calls_of(task, "on_pipeline_error")
        run = asyncio.create_task(task.run())
        (error,) = await errors.wait()
        assert url in error.error
        await task.queue_frame(EndFrame())
        await within(run, 10)
    assert len(errors) == 1


@pytest.mark.parametrize("ends_first", [False, True], ids=["it is told of", "the end waits not"])
async def test_g20_a_server_that_falls_silent(ends_first: bool) -> None:
    async with black_hole(shakes_hands=True) as url:
        transport = WebsocketClientTransport(url, WebsocketClientParams(**OPTIONS))
        connected = calls_of(transport, "on_connected")
        gone = calls_of(transport, "on_disconnected")
        task = task_with(transport)
        run = asyncio.create_task(task.run())
        await connected.wait()
        if not ends_first:
            (websocket,) = await gone.wait()
            assert websocket.closed_by == "timeout"
        await task.queue_frames([TTSAudioRawFrame(bytes(3200), RATE, 1), EndFrame()])
        await within(run, 10)
    assert len(gone) == 1
