"""A transport that is a client of a WebSocket server."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pipecat_rs import _core
from pipecat_rs.frames.frames import StartFrame
from pipecat_rs.processors.frame_processor import FrameProcessorSetup
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.transports.base_transport import TransportParams
from pipecat_rs.transports.websocket.connection import WebsocketConnection
from pipecat_rs.transports.websocket.shared_wire import SharedWireTransport, WireHalf
from pipecat_rs.transports.websocket.wire_input import WireInputTransport
from pipecat_rs.transports.websocket.wire_output import WireOutputTransport

logger = logging.getLogger(__name__)


class WebsocketClientParams(TransportParams):
    """Settings of a WebSocket client.

    Attributes:
        add_wav_header: Whether each message of audio is a WAV file.
        additional_headers: Sent with the handshake.
        serializer: The format of the messages; protobuf frames unless it is given.
        ca_certificates: PEM text of the authorities to trust with ``wss://``; None for the
            public ones.
    """

    add_wav_header: bool = True
    additional_headers: dict[str, str] | None = None
    serializer: FrameSerializer | None = None
    ca_certificates: str | None = None


class WebsocketClientInputTransport(WireHalf, WireInputTransport):
    """Hears the server."""

    def __init__(
        self, transport: WebsocketClientTransport, params: WebsocketClientParams, **kwargs: Any
    ) -> None:
        """Initialize the input.

        Args:
            transport: The transport, which has the connection.
            params: Its settings.
            **kwargs: For the base class.
        """
        super().__init__(params, params.serializer, **kwargs)
        self._transport = transport

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Connect.

        Args:
            setup: What the pipeline task hands to its processors.
        """
        await super().setup(setup)
        await self._transport._connect(self)

    async def start(self, frame: StartFrame) -> None:
        """Begin to read.

        Args:
            frame: The StartFrame.
        """
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._transport._listen(self)


class WebsocketClientOutputTransport(WireHalf, WireOutputTransport):
    """Speaks to the server."""

    # A server tells of its interruptions: telling it of them in return would go on for ever.
    _tells_interruptions = False

    def __init__(
        self, transport: WebsocketClientTransport, params: WebsocketClientParams, **kwargs: Any
    ) -> None:
        """Initialize the output.

        Args:
            transport: The transport, which has the connection.
            params: Its settings.
            **kwargs: For the base class.
        """
        super().__init__(params, params.serializer, **kwargs)
        self._transport = transport

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Connect.

        Args:
            setup: What the pipeline task hands to its processors.
        """
        await super().setup(setup)
        websocket = await self._transport._connect(self)
        if websocket is not None:
            self._attach(websocket)

    async def start(self, frame: StartFrame) -> None:
        """Begin to play.

        Args:
            frame: The StartFrame.
        """
        await super().start(frame)
        await self.set_transport_ready(frame)


class WebsocketClientTransport(SharedWireTransport):
    """Talks to a WebSocket server, over one connection that is made in set-up.

    Events: `on_connected` and `on_disconnected` (transport, websocket).
    """

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_connected": False,
        "on_disconnected": False,
    }

    def __init__(self, uri: str, params: WebsocketClientParams | None = None) -> None:
        """Initialize the transport.

        Args:
            uri: ``ws://`` or ``wss://``, with host and path.
            params: The settings.
        """
        super().__init__()
        self._uri = uri
        self._params = params or WebsocketClientParams()
        if self._params.serializer is None:
            from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer

            self._params.serializer = ProtobufFrameSerializer()
        self._input: WebsocketClientInputTransport | None = None
        self._output: WebsocketClientOutputTransport | None = None
        self._dialling: asyncio.Task[WebsocketConnection | None] | None = None
        self._websocket: WebsocketConnection | None = None

    def input(self) -> WebsocketClientInputTransport:
        """The processor that hears the server."""
        if self._input is None:
            self._input = WebsocketClientInputTransport(self, self._params)
        return self._input

    def output(self) -> WebsocketClientOutputTransport:
        """The processor that speaks to the server."""
        if self._output is None:
            self._output = WebsocketClientOutputTransport(self, self._params)
        return self._output

    async def _connect(self, holder: Any) -> WebsocketConnection | None:
        """Connect, once for both halves, which are set up at the same time."""
        self._hold(holder)
        dialling = self._dialling
        if dialling is None:
            dialling = self._dialling = holder.create_task(self._dial(holder), "connect")
        return await asyncio.shield(dialling)

    async def _dial(self, holder: Any) -> WebsocketConnection | None:
        headers = list((self._params.additional_headers or {}).items())
        options: dict[str, Any] = {}
        if self._params.ca_certificates is not None:
            options["ca_certificates"] = self._params.ca_certificates
        try:
            native = await _core._websocket_connect(self._uri, headers, [], options)
        except ConnectionError as error:
            await holder.push_error(f"{self}: {error}", exception=error)
            return None
        websocket = self._websocket = WebsocketConnection(native)
        websocket._when_closed(self._gone)
        await self._call_event_handler("on_connected", websocket)
        return websocket

    def _listen(self, audio_input: WebsocketClientInputTransport) -> None:
        if self._websocket is not None and self._websocket.is_open:
            audio_input._attach(self._websocket)

    def _gone(self, websocket: WebsocketConnection) -> None:
        if self._output is not None:
            self._output._detach()
        owner = self._input or self._output
        if owner is not None:
            owner.create_task(self._call_event_handler("on_disconnected", websocket), "server_gone")

    async def _close(self) -> None:
        self._dialling = None
        # Kept until it is closed: who is cancelled while waiting leaves that to clean-up.
        websocket = self._websocket
        if websocket is not None:
            await websocket.close()
            self._websocket = None
