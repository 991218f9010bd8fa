"""A transport over a WebSocket that somebody else has accepted.

That is a FastAPI or Starlette application, or `pipecat-rs serve`, whose sockets are native.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import field
from typing import Any

from pipecat_rs.frames.frames import (
    ClientConnectedFrame,
    Frame,
    InterruptionFrame,
    StartFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.transports.base_transport import TransportParams
from pipecat_rs.transports.websocket.connection import Message, WebsocketConnection
from pipecat_rs.transports.websocket.server import default_allowed_origins
from pipecat_rs.transports.websocket.shared_wire import SharedWireTransport, WireHalf
from pipecat_rs.transports.websocket.starlette_connection import StarletteConnection
from pipecat_rs.transports.websocket.wire_input import WireInputTransport
from pipecat_rs.transports.websocket.wire_output import WireOutputTransport

logger = logging.getLogger(__name__)

WS_CLOSE_TIMEOUT_SECS = 0.5
"""How long the end of a pipeline waits for the peer's half of the closing handshake."""

_POLICY_VIOLATION = 1008


class FastAPIWebsocketParams(TransportParams):
    """Settings of a transport over an accepted WebSocket.

    Attributes:
        add_wav_header: Whether each message of audio is a WAV file.
        serializer: The format of the messages. Without one nothing is heard or sent.
        session_timeout: Seconds after which `on_session_timeout` is told of a client.
        fixed_audio_packet_size: If set, messages of raw audio have this many bytes each.
        allowed_origins: Origins of pages that may connect; a browser from elsewhere, and a client
            that does not say, are refused. Empty allows all.
        ws_close_timeout: Longest wait for the closing handshake, in seconds.
    """

    add_wav_header: bool = False
    serializer: FrameSerializer | None = None
    session_timeout: int | None = None
    fixed_audio_packet_size: int | None = None
    allowed_origins: list[str] = field(default_factory=default_allowed_origins)
    ws_close_timeout: float = WS_CLOSE_TIMEOUT_SECS


class FastAPIWebsocketInputTransport(WireHalf, WireInputTransport):
    """Hears the client."""

    def __init__(
        self, transport: FastAPIWebsocketTransport, params: FastAPIWebsocketParams, **kwargs: Any
    ) -> None:
        """Initialize the input.

        Args:
            transport: The transport, which has the socket.
            params: Its settings.
            **kwargs: For the base class.
        """
        super().__init__(params, params.serializer, **kwargs)
        self._transport = transport

    async def start(self, frame: StartFrame) -> None:
        """Begin to read.

        Args:
            frame: The StartFrame.
        """
        await super().start(frame)
        await self.set_transport_ready(frame)
        await self._transport._begin(self)


class FastAPIWebsocketOutputTransport(WireHalf, WireOutputTransport):
    """Speaks to the client."""

    def __init__(
        self, transport: FastAPIWebsocketTransport, params: FastAPIWebsocketParams, **kwargs: Any
    ) -> None:
        """Initialize the output.

        Args:
            transport: The transport, which has the socket.
            params: Its settings.
            **kwargs: For the base class.
        """
        super().__init__(params, params.serializer, **kwargs)
        self._transport = transport
        self._packet_size = params.fixed_audio_packet_size
        self._packet = bytearray()

    async def start(self, frame: StartFrame) -> None:
        """Begin to play.

        Args:
            frame: The StartFrame.
        """
        await super().start(frame)
        self._transport._hold(self)
        self._attach(self._transport.connection)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Forget the beginning of a packet when the user interrupts.

        Args:
            frame: The frame.
            direction: Where it is going.
        """
        if isinstance(frame, InterruptionFrame):
            self._packet.clear()
        await super().process_frame(frame, direction)

    def _plays_natively(self, destination: str | None) -> bool:
        return not self._packet_size and super()._plays_natively(destination)

    async def _write(self, frame: Frame, message: Message) -> None:
        if not self._packet_size or isinstance(message, str):
            await super()._write(frame, message)
            return
        self._packet += message
        while len(self._packet) >= self._packet_size:
            packet = bytes(self._packet[: self._packet_size])
            del self._packet[: self._packet_size]
            await super()._write(frame, packet)


class FastAPIWebsocketTransport(SharedWireTransport):
    """Talks over a WebSocket that was accepted elsewhere.

    Events: `on_client_connected`, `on_client_disconnected` and `on_session_timeout`
    (transport, websocket).
    """

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_client_connected": False,
        "on_client_disconnected": False,
        "on_session_timeout": False,
    }

    def __init__(
        self,
        websocket: Any,
        params: FastAPIWebsocketParams,
        input_name: str | None = None,
        output_name: str | None = None,
    ) -> None:
        """Initialize the transport.

        Args:
            websocket: An accepted WebSocket of FastAPI or Starlette, or the `WebsocketConnection`
                that `pipecat-rs serve` hands to a bot.
            params: The settings.
            input_name: Name of the input processor.
            output_name: Name of the output processor.
        """
        super().__init__(input_name=input_name, output_name=output_name)
        self._websocket = websocket
        self._params = params
        self._connection: WebsocketConnection | StarletteConnection | None = None
        self._input: FastAPIWebsocketInputTransport | None = None
        self._output: FastAPIWebsocketOutputTransport | None = None
        self._session_timer: asyncio.TimerHandle | None = None
        self._hung_up = False

    @property
    def connection(self) -> WebsocketConnection | StarletteConnection:
        """The socket, whoever owns it."""
        if self._connection is None:
            websocket = self._websocket
            self._connection = (
                websocket
                if isinstance(websocket, WebsocketConnection)
                else StarletteConnection(websocket, self._params.ws_close_timeout)
            )
            self._connection._when_closed(self._disconnected)
        return self._connection

    def input(self) -> FastAPIWebsocketInputTransport:
        """The processor that hears the client."""
        if self._input is None:
            self._input = FastAPIWebsocketInputTransport(self, self._params, name=self._input_name)
        return self._input

    def output(self) -> FastAPIWebsocketOutputTransport:
        """The processor that speaks to the client."""
        if self._output is None:
            self._output = FastAPIWebsocketOutputTransport(
                self, self._params, name=self._output_name
            )
        return self._output

    async def _begin(self, audio_input: FastAPIWebsocketInputTransport) -> None:
        self._hold(audio_input)
        connection = self.connection
        if not self._origin_is_allowed():
            logger.warning("%s: a page of another origin is refused", self)
            await connection.close(_POLICY_VIOLATION, "origin not allowed")
            return
        if self._params.session_timeout:
            self._session_timer = asyncio.get_running_loop().call_later(
                self._params.session_timeout, self._session_is_over
            )
        await self._call_event_handler("on_client_connected", self._websocket)
        await audio_input.push_frame(ClientConnectedFrame())
        if connection.is_open:
            audio_input._attach(connection)

    def _origin_is_allowed(self) -> bool:
        allowed = self._params.allowed_origins
        return not allowed or self._websocket.headers.get("origin") in allowed

    def _session_is_over(self) -> None:
        self._session_timer = None
        if self._input is not None and self.connection.is_open:
            self._input.create_task(
                self._call_event_handler("on_session_timeout", self._websocket), "session_timeout"
            )

    def _disconnected(self, connection: Any) -> None:
        if self._session_timer is not None:
            self._session_timer.cancel()
            self._session_timer = None
        if self._output is not None:
            self._output._detach()
        if self._input is not None:
            self._input._detach()
            # A close of our own is no news, even if the peer never answered it.
            if connection.closed_by != "us" and not self._hung_up:
                self._input.create_task(
                    self._call_event_handler("on_client_disconnected", self._websocket),
                    "client_gone",
                )

    async def _close(self) -> None:
        connection = self._connection
        if connection is None:
            return
        self._hung_up = True
        if isinstance(connection, WebsocketConnection):
            await connection.close(patience=self._params.ws_close_timeout)
        else:
            await connection.close()
