"""A fake provider behind a WebSocket on the loopback: notes what comes, and misbehaves on command.

What it says is its subclass's affair, in the provider's real wire format.
"""

import asyncio
import http
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from support.waiting import within
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response


class FakeConnection:
    """One connection, as the fake sees it.

    Attributes:
        path: Path of the address.
        query: Its query; each name has a list of values.
        headers: Headers of the handshake.
        received: Messages: bytes, or what was JSON.
        closed: Whether it is over.
    """

    def __init__(self, websocket: ServerConnection) -> None:
        assert websocket.request is not None
        address = urlsplit(websocket.request.path)
        self.path = address.path
        self.query = parse_qs(address.query)
        self.headers = websocket.request.headers
        self.received: list[Any] = []
        self.closed = False
        self.websocket = websocket

    @property
    def audio(self) -> bytes:
        """All the audio that has come."""
        return b"".join(m for m in self.received if isinstance(m, bytes))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The other messages that have come."""
        return [m for m in self.received if not isinstance(m, bytes)]

    async def send(self, **message: Any) -> None:
        """Send a JSON object."""
        await self.websocket.send(json.dumps(message))

    def drop(self) -> None:
        """Break the connection off, without a close."""
        self.websocket.transport.abort()


class FakeWebsocketServer:
    """A provider.

    Attributes:
        connections: All connections so far.
        handshakes: How many were asked for, refused ones included.
        answering: Whether it answers what comes; if not, the test does.
    """

    def __init__(self) -> None:
        self.connections: list[FakeConnection] = []
        self.handshakes = 0
        self.answering = True
        self._refusals: list[tuple[int, dict[str, str]]] = []
        self._refuses_all = False
        self._hangs_up_at_once = False
        self._changed = asyncio.Event()
        self._server: Any = None

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[Self]:
        """Serve for the length of a `with` block."""
        self = cls()
        self._server = await serve(
            self._serve, "127.0.0.1", 0, process_request=self._judge, close_timeout=0.1
        )
        try:
            yield self
        finally:
            for connection in self.connections:
                connection.drop()
            self._server.close()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Its address, without a path."""
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"ws://{host}:{port}"

    @property
    def connection(self) -> FakeConnection:
        """The latest connection."""
        return self.connections[-1]

    # ---- how it misbehaves

    def refuse(self, status: int, *, times: int = 1, **headers: str) -> None:
        """Refuse the next handshakes with an HTTP status."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._refusals += [(status, named)] * times

    def refuse_all(self, refuse: bool = True) -> None:
        """Refuse every handshake with a 503."""
        self._refuses_all = refuse

    def hang_up_at_once(self, hang_up: bool = True) -> None:
        """Take connections and close them in the same moment."""
        self._hangs_up_at_once = hang_up

    def stop_reading(self) -> None:
        """Leave what comes in the buffers, and answer no close and no ping."""
        for connection in self.connections:
            connection.websocket.transport.pause_reading()

    # ---- what it notes

    async def wait_for(self, condition: Callable[[], Any]) -> Any:
        """Wait until a condition holds, which is looked at whenever something happens here."""

        async def wait() -> Any:
            while not (found := condition()):
                self._changed.clear()
                await self._changed.wait()
            return found

        return await within(wait())

    async def connected(self, count: int = 1) -> FakeConnection:
        """Wait for a connection, and return it."""
        await self.wait_for(lambda: len(self.connections) >= count)
        return self.connections[count - 1]

    async def message(self, **fields: Any) -> dict[str, Any]:
        """Wait for a message with these fields on the latest connection, and return it."""

        def find() -> dict[str, Any] | None:
            for message in self.connection.messages if self.connections else ():
                if all(message.get(name) == value for name, value in fields.items()):
                    return message
            return None

        return await self.wait_for(find)

    # ---- for subclasses

    async def handle(self, connection: FakeConnection, message: Any) -> None:
        """Answer a message."""

    # ---- serving

    def _judge(self, _connection: ServerConnection, _request: Request) -> Response | None:
        self.handshakes += 1
        self._changed.set()
        if self._refuses_all:
            return _refusal(503, {})
        if self._refusals:
            return _refusal(*self._refusals.pop(0))
        return None

    async def _serve(self, websocket: ServerConnection) -> None:
        if self._hangs_up_at_once:
            await (await websocket.ping())  # the other side is to see the connection stand
            await websocket.close(1008, "go away")
            return
        connection = FakeConnection(websocket)
        self.connections.append(connection)
        self._changed.set()
        try:
            async for raw in websocket:
                message = raw if isinstance(raw, bytes) else json.loads(raw)
                connection.received.append(message)
                self._changed.set()
                if self.answering:
                    await self.handle(connection, message)
        except ConnectionClosed:
            pass
        finally:
            connection.closed = True
            self._changed.set()


def _refusal(status: int, headers: dict[str, str]) -> Response:
    return Response(status, http.HTTPStatus(status).phrase, Headers(headers), b"refused\n")


@asynccontextmanager
async def black_hole() -> AsyncIterator[str]:
    """The address of a server that takes TCP connections and never says a word."""
    writers: list[asyncio.StreamWriter] = []

    def swallow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"ws://{host}:{port}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()
