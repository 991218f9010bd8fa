"""A transport that talks to a bot in RTVI, as a client of it."""

from __future__ import annotations

import json
from typing import Any

from pipecat_rs.serializers.base_serializer import RTVI_LABEL
from pipecat_rs.serializers.rtvi_client import RTVIClientSerializer
from pipecat_rs.transports.websocket.client import (
    WebsocketClientInputTransport,
    WebsocketClientParams,
    WebsocketClientTransport,
)
from pipecat_rs.transports.websocket.connection import Message, WebsocketConnection

PROTOCOL_VERSION = "2.2.0"
"""The version of RTVI that is spoken."""


class RTVIClientTransport(WebsocketClientTransport):
    """Talks to a bot that speaks RTVI over a WebSocket. Each says to the other that it is ready.

    Events: `on_connected` and `on_disconnected` (transport, websocket), and `on_bot_ready`
    (transport).
    """

    _declared_events = {  # noqa: RUF012 - annotated in the base
        **WebsocketClientTransport._declared_events,
        "on_bot_ready": False,
    }

    def __init__(self, uri: str, params: WebsocketClientParams | None = None) -> None:
        """Initialize the transport.

        Args:
            uri: ``ws://`` or ``wss://``, with host and path.
            params: The settings. Unless they say otherwise messages are RTVI's; audio never has the
                header of a WAV file.
        """
        params = params or WebsocketClientParams()
        params.serializer = params.serializer or RTVIClientSerializer()
        params.add_wav_header = False
        super().__init__(uri, params)
        self._bot_ready = False

    @property
    def bot_ready(self) -> bool:
        """Whether the bot has said that it is ready."""
        return self._bot_ready

    def input(self) -> WebsocketClientInputTransport:
        """The processor that hears the bot."""
        if self._input is None:
            self._input = _Input(self, self._params)
        return self._input

    async def _dial(self, holder: Any) -> WebsocketConnection | None:
        websocket = await super()._dial(holder)
        if websocket is not None and websocket.is_open:
            data = {"version": PROTOCOL_VERSION, "about": {"library": "pipecat"}}
            ready = {"label": RTVI_LABEL, "type": "client-ready", "id": "client-ready"}
            await websocket.send(json.dumps({**ready, "data": data}))
        return websocket

    async def _told(self, message: Message) -> None:
        """Look whether the bot says that it is ready."""
        if self._bot_ready or not _is_bot_ready(message):
            return
        self._bot_ready = True
        await self._call_event_handler("on_bot_ready")


class _Input(WebsocketClientInputTransport):
    """Lets the transport see messages first."""

    async def _handle_message(self, message: Message) -> None:
        transport = self._transport
        assert isinstance(transport, RTVIClientTransport)
        await transport._told(message)
        await super()._handle_message(message)


def _is_bot_ready(message: Message) -> bool:
    try:
        told = json.loads(message)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(told, dict)
        and told.get("label") == RTVI_LABEL
        and told.get("type") == "bot-ready"
    )
