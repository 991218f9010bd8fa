"""A transport that is a WebSocket server for one client at a time.

For many callers in one process see `pipecat-rs serve`, which runs a bot for each connection.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import field
from typing import Any

from pipecat_rs import _core
from pipecat_rs.frames.frames import ClientConnectedFrame, StartFrame
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.transports.base_transport import TransportParams
from pipecat_rs.transports.websocket.connection import WebsocketConnection
from pipecat_rs.transports.websocket.shared_wire import SharedWireTransport, WireHalf
from pipecat_rs.transports.websocket.wire_input import WireInputTransport
from pipecat_rs.transports.websocket.wire_output import WireOutputTransport

logger = logging.getLogger(__name__)

CLOSE_GRACE_SECS = 5.0
"""How long clients have for the closing handshake when the server ends."""

_TRY_AGAIN_LATER = 1013


def default_allowed_origins() -> list[str]:
    """Return the origins of ``PIPECAT_ALLOWED_ORIGINS``, which are separated by commas."""
    origins = os.environ.get("PIPECAT_ALLOWED_ORIGINS", "")
    return [origin.strip() for origin in origins.split(",") if origin.strip()]


class SingleClientWebsocketServerParams(TransportParams):
    """Settings of a WebSocket server for one client.

    Attributes:
        add_wav_header: Whether each message of audio is a WAV file.
        serializer: The format of the messages.
        session_timeout: Seconds after which `on_session_timeout` is told of a client.
        allowed_origins: Origins of pages that may connect; a browser from elsewhere, and a client
            that does not say, are refused. Empty allows all.
    """

    add_wav_header: bool = False
    serializer: FrameSerializer | None = None
    session_timeout: int | None = None
    allowed_origins: list[str] = field(default_factory=default_allowed_origins)


class SingleClientWebsocketServerInputTransport(WireHalf, WireInputTransport):
    """Hears the client."""

    def __init__(
        self,
        transport: SingleClientWebsocketServerTransport,
        params: SingleClientWebsocketServerParams,
        **kwargs: Any,
    ) -> None:
        """Initialize the input.

        Args:
            transport: The transport, which has the server.
            params: Its settings.
            **kwargs: For the base class.
        """
        super().__init__(params, params.serializer, **kwargs)
        self._transport = transport

    async def start(self, frame: StartFrame) -> None:
        """Open the server's port.

        Args:
            frame: The StartFrame.
        """
        await super().start(frame)
        await self._transport._open(self)
        await self.set_transport_ready(frame)


class SingleClientWebsocketServerOutputTransport(WireHalf, WireOutputTransport):
    """Speaks to the client."""

    def __init__(
        self,
        transport: SingleClientWebsocketServerTransport,
        params: SingleClientWebsocketServerParams,
        **kwargs: Any,
    ) -> None:
        """Initialize the output.

        Args:
            transport: The transport, which has the server.
            params: Its settings.
            **kwargs: For the base class.
        """
        super().__init__(params, params.serializer, **kwargs)
        self._transport = transport

    async def start(self, frame: StartFrame) -> None:
        """Hold the server open.

        Args:
            frame: The StartFrame.
        """
        await super().start(frame)
        self._transport._hold(self)
        await self.set_transport_ready(frame)


class SingleClientWebsocketServerTransport(SharedWireTransport):
    """A WebSocket server for one client at a time; a second one is sent away.

    Events: `on_client_connected` and `on_client_disconnected` (transport, websocket),
    `on_session_timeout` (transport, websocket) and `on_websocket_ready` (transport), when the port
    is open. The websocket is a `WebsocketConnection`.
    """

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_client_connected": False,
        "on_client_disconnected": False,
        "on_session_timeout": False,
        "on_websocket_ready": False,
    }

    def __init__(
        self,
        params: SingleClientWebsocketServerParams,
        host: str = "localhost",
        port: int = 8765,
        input_name: str | None = None,
        output_name: str | None = None,
    ) -> None:
        """Initialize the transport. The port is opened when a pipeline starts.

        Args:
            params: The settings.
            host: Name or address to listen on.
            port: To listen on; 0 for any that is free, see `address`.
            input_name: Name of the input processor.
            output_name: Name of the output processor.
        """
        super().__init__(input_name=input_name, output_name=output_name)
        self._params = params
        self._host = host
        self._port = port
        self._input: SingleClientWebsocketServerInputTransport | None = None
        self._output: SingleClientWebsocketServerOutputTransport | None = None
        self._server: _core.WebSocketServer | None = None
        self._closing: asyncio.Task[None] | None = None
        self._client: WebsocketConnection | None = None
        self._session_timer: asyncio.TimerHandle | None = None

    @property
    def address(self) -> tuple[str, int] | None:
        """Address and port that it listens on; None while it does not."""
        return self._server.local_address if self._server is not None else None

    def input(self) -> SingleClientWebsocketServerInputTransport:
        """The processor that hears the client."""
        if self._input is None:
            self._input = SingleClientWebsocketServerInputTransport(
                self, self._params, name=self._input_name
            )
        return self._input

    def output(self) -> SingleClientWebsocketServerOutputTransport:
        """The processor that speaks to the client."""
        if self._output is None:
            self._output = SingleClientWebsocketServerOutputTransport(
                self, self._params, name=self._output_name
            )
        return self._output

    # ---- the server, which input and output hold open

    async def _open(self, holder: object) -> None:
        self._hold(holder)
        if self._server is not None:
            return
        options: dict[str, Any] = {}
        if self._params.allowed_origins:
            options["allowed_origins"] = list(self._params.allowed_origins)
        self._server = _core.WebSocketServer(self._host, self._port, options, self._connected)
        logger.info("%s: listening on %s:%d", self, *self._server.local_address)
        await self._call_event_handler("on_websocket_ready")

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            # In a task of its own: who is cancelled while waiting leaves nothing half closed, and
            # clean-up waits for it again.
            closing = self._shut(server)
            self._closing = asyncio.get_running_loop().create_task(closing, name=f"{self}::close")
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _shut(self, server: _core.WebSocketServer) -> None:
        server.stop_accepting()
        if self._client is not None:
            await self._client.close(1000, "the call is over")
        await server.close(CLOSE_GRACE_SECS)

    def _connected(self, native: _core.WebSocketConnection) -> None:
        websocket = WebsocketConnection(native)
        if self._client is not None and self._client.is_open:
            logger.warning("%s: %r is sent away, there is a client already", self, websocket)
            native.close(_TRY_AGAIN_LATER, "there is a client already")
            websocket._begin()
            return
        if self._output is None or self._input is None:
            logger.error(
                "%s: input() and output() must both be in the pipeline to serve a client", self
            )
            native.close(1011, "the server's pipeline is incomplete")
            websocket._begin()
            return
        logger.info("%s: %r is connected", self, websocket)
        self._client = websocket
        websocket._when_closed(self._disconnected)
        self._output._attach(websocket)
        self._input.create_task(self._welcome(websocket), "welcome_client")
        if self._params.session_timeout:
            self._session_timer = asyncio.get_running_loop().call_later(
                self._params.session_timeout, self._session_is_over, websocket
            )

    async def _welcome(self, websocket: WebsocketConnection) -> None:
        assert self._input is not None
        await self._call_event_handler("on_client_connected", websocket)
        await self._input.push_frame(ClientConnectedFrame())
        # Only now: a handler has been told of the client before its audio comes.
        if websocket.is_open:
            self._input._attach(websocket)

    def _session_is_over(self, websocket: WebsocketConnection) -> None:
        self._session_timer = None
        if self._input is not None and websocket is self._client and websocket.is_open:
            self._input.create_task(
                self._call_event_handler("on_session_timeout", websocket), "session_timeout"
            )

    def _disconnected(self, websocket: WebsocketConnection) -> None:
        logger.info("%s: %r is gone (%s)", self, websocket, websocket.close_reason)
        if self._session_timer is not None:
            self._session_timer.cancel()
            self._session_timer = None
        if self._client is websocket:
            self._client = None
        if self._output is not None:
            self._output._detach()
        if self._input is not None:
            self._input._detach()
            self._input.create_task(
                self._call_event_handler("on_client_disconnected", websocket), "client_gone"
            )


class WebsocketServerParams(SingleClientWebsocketServerParams):
    """Earlier name of `SingleClientWebsocketServerParams`."""


class WebsocketServerInputTransport(SingleClientWebsocketServerInputTransport):
    """Earlier name of `SingleClientWebsocketServerInputTransport`."""


class WebsocketServerOutputTransport(SingleClientWebsocketServerOutputTransport):
    """Earlier name of `SingleClientWebsocketServerOutputTransport`."""


class WebsocketServerTransport(SingleClientWebsocketServerTransport):
    """Earlier name of `SingleClientWebsocketServerTransport`."""
