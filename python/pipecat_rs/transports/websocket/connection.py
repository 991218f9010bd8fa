"""A peer's WebSocket, as events and bots get it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pipecat_rs import _core

logger = logging.getLogger(__name__)

Message = str | bytes


class WebsocketConnection:
    """One WebSocket, whichever side opened it. Reading, writing and keeping it alive are native.

    Until a transport takes it over, messages can be read one by one, to find out what kind of call
    it is. A message that cannot be sent because the peer is gone raises `ConnectionError`.
    """

    def __init__(self, native: _core.WebSocketConnection) -> None:
        """Hold a connection.

        Args:
            native: The connection.
        """
        self._native = native
        self._messages: deque[Message] = deque()
        self._arrived: asyncio.Event | None = None
        self._closed = asyncio.Event()
        self._close_code: int | None = None
        self._close_reason = ""
        self._closed_by = ""
        self._input: _core.AudioInput | None = None
        self._on_message: Callable[[Message], None] | None = None
        self._on_closed: list[Callable[[WebsocketConnection], None]] = []
        self._headers: Mapping[str, str] | None = None

    # ---- who it is

    @property
    def remote_address(self) -> tuple[str, int]:
        """Address and port of the peer."""
        return self._native.peer

    @property
    def path(self) -> str:
        """What was asked for, with its query."""
        return self._native.path

    @property
    def query_params(self) -> Mapping[str, str]:
        """The query of the path; of a name given twice, the last value."""
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the handshake, by name in lower case."""
        if self._headers is None:
            self._headers = {name.lower(): value for name, value in self._native.headers}
        return self._headers

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that was agreed on."""
        return self._native.subprotocol

    # ---- its end

    @property
    def is_open(self) -> bool:
        """Whether messages can still be sent."""
        return not self._closed.is_set() and self._native.is_open

    @property
    def close_code(self) -> int | None:
        """Code of the close frame, once there was one."""
        return self._close_code

    @property
    def close_reason(self) -> str:
        """Why it was closed, in words; empty while it is open."""
        return self._close_reason

    @property
    def closed_by(self) -> str:
        """What ended it: ``peer``, ``us``, ``error`` or ``timeout``; empty while it is open."""
        return self._closed_by

    async def wait_closed(self) -> None:
        """Wait for its end. Begins to read, since the end comes behind what was sent before it."""
        self._begin()
        await self._closed.wait()

    async def close(
        self, code: int = 1000, reason: str = "", *, patience: float | None = None
    ) -> None:
        """Say goodbye and wait for the end, for the close time-out at most.

        Args:
            code: Of the close frame.
            reason: Of the close frame, at most 123 bytes.
            patience: Longest wait in seconds, if that is less. What is queued still goes out then,
                without anybody who waits for it.
        """
        self._begin()
        self._native.close(code, reason)
        if patience is None:
            await self._closed.wait()
            return
        try:
            async with asyncio.timeout(patience):
                await self._closed.wait()
        except TimeoutError:
            logger.debug("%s: the peer does not answer the goodbye", self)

    # ---- messages

    async def send(self, data: Message) -> None:
        """Send a message.

        Args:
            data: Text or bytes.

        Raises:
            ConnectionError: If the peer is gone.
            BufferError: If it does not read, and too much waits for it already.
        """
        self._native.send(data)

    async def recv(self) -> Message:
        """Return the next message.

        Raises:
            ConnectionError: If the connection is closed and all has been read.
            RuntimeError: If a transport reads it already.
        """
        if self._input is not None or self._on_message is not None:
            raise RuntimeError(f"{self}: a transport reads this connection already")
        self._begin()
        arrived = self._arrived
        assert arrived is not None
        while not self._messages:
            if self._closed.is_set():
                raise ConnectionError(f"{self} is closed: {self._close_reason}")
            arrived.clear()
            await arrived.wait()
        return self._messages.popleft()

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Iterate over the messages until the connection is closed."""
        while True:
            try:
                message = await self.recv()
            except ConnectionError:
                return
            yield message

    async def iter_text(self) -> AsyncIterator[str]:
        """Iterate over the messages as text, as Starlette's WebSocket does."""
        async for message in self:
            yield message if isinstance(message, str) else message.decode()

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """Iterate over the messages as bytes, as Starlette's WebSocket does."""
        async for message in self:
            yield message if isinstance(message, bytes) else message.encode()

    async def receive_text(self) -> str:
        """Return the next message as text, as Starlette's WebSocket does."""
        message = await self.recv()
        return message if isinstance(message, str) else message.decode()

    async def send_text(self, data: str) -> None:
        """Send text, as Starlette's WebSocket does."""
        await self.send(data)

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes, as Starlette's WebSocket does."""
        await self.send(data)

    # ---- for transports

    def _read_natively(self, audio_input: _core.AudioInput) -> None:
        """Let a native input read from now on; what was read and not taken goes to it first."""
        self._input = audio_input
        backlog, self._messages = list(self._messages), deque()
        self._native.receive_natively(audio_input, backlog)

    def _read_with(self, on_message: Callable[[Message], None]) -> None:
        """Hand messages to a function from now on; what was read and not taken goes to it first."""
        self._on_message = on_message
        while self._messages:
            on_message(self._messages.popleft())
        self._begin()

    def _take_from(
        self, output: _core.WireOutput, serializer: _core.WireSerializer, input_rate: int
    ) -> None:
        """Let a native output send from now on."""
        output.attach(self._native, serializer, input_rate)

    def _when_closed(self, call: Callable[[WebsocketConnection], None]) -> None:
        self._on_closed.append(call)

    def _begin(self) -> None:
        if self._arrived is None and self._input is None:
            self._arrived = asyncio.Event()
            if not self._closed.is_set():
                self._native.receive(self._message, self._ended)

    def _message(self, message: Message) -> None:
        if self._on_message is not None:
            self._on_message(message)
        else:
            self._messages.append(message)
            if self._arrived is not None:
                self._arrived.set()

    def _ended(self, code: int | None, reason: str, by: str) -> None:
        self._close_code, self._close_reason, self._closed_by = code, reason, by
        self._closed.set()
        if self._arrived is not None:
            self._arrived.set()
        listeners, self._on_closed = self._on_closed, []
        for call in listeners:
            call(self)
        self._input = self._on_message = None  # each of them holds its transport
        self._native.release()

    def __repr__(self) -> str:
        address, port = self.remote_address
        return f"WebsocketConnection({address}:{port}{self.path})"


def native_options(**options: Any) -> dict[str, Any]:
    """Return the options that are set, for the native server or client."""
    return {name: value for name, value in options.items() if value is not None}
