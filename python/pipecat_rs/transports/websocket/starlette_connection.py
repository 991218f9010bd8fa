"""A Starlette or FastAPI WebSocket, with the face of a native connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from pipecat_rs import _core
from pipecat_rs.transports.websocket.connection import Message

logger = logging.getLogger(__name__)

_DISCONNECT = "websocket.disconnect"


class StarletteConnection:
    """A WebSocket that an ASGI server has accepted: its socket is read and written on the loop.

    What comes is still parsed in Rust, and audio still goes from there into the pipeline.
    """

    def __init__(self, websocket: Any, close_timeout: float) -> None:
        """Hold a socket.

        Args:
            websocket: The ``starlette.websockets.WebSocket``, accepted.
            close_timeout: Longest wait for the closing handshake, in seconds.
        """
        self._websocket = websocket
        self._close_timeout = close_timeout
        self._closed = asyncio.Event()
        self._on_closed: list[Callable[[StarletteConnection], None]] = []
        self._reader: asyncio.Task[None] | None = None
        self._closer: asyncio.Task[None] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._finishing = False
        self.close_code: int | None = None
        self.close_reason = ""
        self.closed_by = ""

    @property
    def is_open(self) -> bool:
        """Whether messages can still be sent."""
        state = self._websocket.application_state
        return (
            not self._closed.is_set()
            and self._closer is None
            and state.name == "CONNECTED"
            and self._websocket.client_state.name == "CONNECTED"
        )

    async def send(self, data: Message) -> None:
        """Send a message.

        Args:
            data: Text or bytes.

        Raises:
            ConnectionError: If the peer is gone.
        """
        if not self.is_open:
            raise ConnectionError("the WebSocket is closed")
        try:
            if isinstance(data, str):
                await self._websocket.send_text(data)
            else:
                await self._websocket.send_bytes(data)
        except Exception as error:
            # Each ASGI server raises errors of its own when the peer has gone.
            raise ConnectionError(f"the WebSocket does not send: {error!r}") from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send what waits, and say goodbye: each for the close time-out at most.

        Args:
            code: Of the close frame.
            reason: Of the close frame.
        """
        if self.is_open and self._sender is not None:
            self._finishing = True
            self._ready.set()
            await asyncio.wait({self._sender}, timeout=self._close_timeout)
        if self.is_open:
            # Not cancelled when the wait is over: some servers' close() cannot be.
            self._closer = asyncio.create_task(self._say_goodbye(code, reason), name="close")
            await asyncio.wait({self._closer}, timeout=self._close_timeout)
        self._ended(code, reason, "us")
        running = asyncio.current_task()
        own = [task for task in (self._reader, self._sender) if task and task is not running]
        self._reader = self._sender = None
        for task in own:
            task.cancel()
        if own:
            await asyncio.wait(own, timeout=self._close_timeout)

    async def wait_closed(self) -> None:
        """Wait for its end."""
        await self._closed.wait()

    async def _say_goodbye(self, code: int, reason: str) -> None:
        try:
            await self._websocket.close(code, reason or None)
        except Exception as error:
            logger.debug("closing the WebSocket: %r", error)

    # ---- for transports

    def _read_natively(self, audio_input: _core.AudioInput) -> None:
        self._reader = asyncio.create_task(self._read(audio_input.feed), name="websocket_reader")

    def _read_with(self, on_message: Callable[[Message], None]) -> None:
        self._reader = asyncio.create_task(self._read(on_message), name="websocket_reader")

    def _take_from(
        self, output: _core.WireOutput, serializer: _core.WireSerializer, input_rate: int
    ) -> None:
        """Send what a native output has, as it comes."""
        output.attach_loop(self._ready.set, serializer, input_rate)
        self._sender = asyncio.create_task(self._send_from(output), name="websocket_sender")

    async def _send_from(self, output: _core.WireOutput) -> None:
        while True:
            while (message := output.take()) is not None:
                try:
                    await self.send(message)
                except ConnectionError as error:
                    # The reader hears of the end, and tells of it.
                    logger.debug("%r: %s", self, error)
                    return
            if self._finishing:
                return
            self._ready.clear()
            await self._ready.wait()

    def _when_closed(self, call: Callable[[Any], None]) -> None:
        self._on_closed.append(call)

    async def _read(self, on_message: Callable[[Message], None]) -> None:
        code, reason, by = None, "", "error"
        try:
            while True:
                message = await self._websocket.receive()
                if message["type"] == _DISCONNECT:
                    code, reason, by = message.get("code"), message.get("reason") or "", "peer"
                    return
                data = message.get("bytes")
                on_message(message.get("text") if data is None else data)
        except asyncio.CancelledError:
            by = "us"
            raise
        except Exception as error:
            reason = repr(error)
        finally:
            self._ended(code, reason, by if self._closer is None else "us")

    def _ended(self, code: int | None, reason: str, by: str) -> None:
        if self._closed.is_set():
            return
        self.close_code, self.close_reason, self.closed_by = code, reason, by
        self._closed.set()
        listeners, self._on_closed = self._on_closed, []
        for call in listeners:
            call(self)

    def __repr__(self) -> str:
        return f"StarletteConnection({self._websocket!r})"
