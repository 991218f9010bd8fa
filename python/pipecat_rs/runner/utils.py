"""What bots and servers do when a connection begins."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from typing import Any, Protocol

from pipecat_rs.runner.transport_factory import create_transport
from pipecat_rs.runner.types import CallData, ExotelCallData, TelnyxCallData

__all__ = ["create_transport", "parse_telephony_websocket"]

logger = logging.getLogger(__name__)

_PARSED = "_pipecat_parsed_telephony"
_MESSAGES = 2
"""So many messages a provider needs to say which call it is."""


class _TextSocket(Protocol):
    """What is needed of a WebSocket: FastAPI's and Starlette's have it."""

    def iter_text(self) -> AsyncIterator[str]:
        """The text messages, until it is closed."""
        ...


async def parse_telephony_websocket(websocket: _TextSocket) -> tuple[str, CallData]:
    """Read which provider calls, and what it says of the call.

    At most two messages are read, and none after the one that names the call. A second call for
    the same WebSocket returns what the first one found.

    Args:
        websocket: An accepted WebSocket.

    Returns:
        ``twilio``, ``telnyx``, ``plivo``, ``exotel`` or ``unknown``, and the call's data.

    Raises:
        ValueError: If the WebSocket is closed before a message has come.
    """
    found = getattr(websocket, _PARSED, None)
    if isinstance(found, tuple):
        return found  # the messages can be read only once
    messages = websocket.iter_text()
    read = 0
    transport, message = "unknown", {}
    while read < _MESSAGES and transport == "unknown":
        try:
            text = await anext(messages)
        except StopAsyncIteration:
            if read:
                logger.warning("the telephony WebSocket was closed after its first message")
                break
            raise ValueError(
                "WebSocket closed before receiving telephony handshake messages: the caller hung "
                "up, or something else than a provider has connected"
            ) from None
        read += 1
        message = _object(text)
        transport = _provider(message)
    if transport == "unknown":
        logger.warning(
            "the first messages of a WebSocket are of no known telephony provider: is the right "
            "endpoint configured there?"
        )
    result = transport, _call_data(transport, message)
    setattr(websocket, _PARSED, result)
    logger.debug("%s calls: %s", *result)
    return result


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _start(message: dict[str, Any]) -> dict[str, Any]:
    start = message.get("start")
    return start if isinstance(start, dict) else {}


def _provider(message: dict[str, Any]) -> str:
    start = _start(message)
    is_start = message.get("event") == "start"
    if is_start and {"streamSid", "callSid"} <= start.keys():
        return "twilio"
    if "stream_id" in message and "call_control_id" in start:
        return "telnyx"
    if {"streamId", "callId"} <= start.keys():
        return "plivo"
    if is_start and {"stream_sid", "call_sid", "account_sid"} <= start.keys():
        return "exotel"
    return "unknown"


def _call_data(transport: str, message: dict[str, Any]) -> CallData:
    start = _start(message)
    match transport:
        case "twilio":
            # TwiML's own parameters: the program that set up the call gives the numbers along.
            given = start.get("customParameters")
            body = given if isinstance(given, dict) else {}
            return CallData(
                stream_id=start["streamSid"],
                call_id=start["callSid"],
                from_number=body.get("from_number"),
                to_number=body.get("to_number"),
                body=body,
            )
        case "telnyx":
            media = start.get("media_format")
            return TelnyxCallData(
                stream_id=message["stream_id"],
                call_id=start["call_control_id"],
                from_number=start.get("from", ""),
                to_number=start.get("to", ""),
                outbound_encoding=media.get("encoding") if isinstance(media, dict) else None,
            )
        case "plivo":
            return CallData(stream_id=start["streamId"], call_id=start["callId"])
        case "exotel":
            return ExotelCallData(
                stream_id=start["stream_sid"],
                call_id=start["call_sid"],
                from_number=start.get("from", ""),
                to_number=start.get("to", ""),
                account_sid=start["account_sid"],
                custom_parameters=start.get("custom_parameters", ""),
            )
        case _:
            return CallData()
