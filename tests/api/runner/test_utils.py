"""Which provider calls, from the first messages of a WebSocket."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pipecat_rs.runner.types import CallData, ExotelCallData, TelnyxCallData
from pipecat_rs.runner.utils import parse_telephony_websocket


class Socket:
    """Has text messages, as Starlette's WebSocket; keeps those that are not read."""

    def __init__(self, *messages: Any) -> None:
        self.left = [one if isinstance(one, str) else json.dumps(one) for one in messages]

    async def iter_text(self) -> AsyncIterator[str]:
        while self.left:
            yield self.left.pop(0)


MEDIA = {"event": "media", "media": {"payload": "////"}}


async def test_twilio() -> None:
    custom = {"from_number": "+1", "to_number": "+2", "user": "u"}
    start = {"streamSid": "MZ1", "callSid": "CA1", "customParameters": custom}
    socket = Socket({"event": "connected"}, {"event": "start", "start": start}, MEDIA)
    transport, call = await parse_telephony_websocket(socket)

    assert transport == "twilio"
    assert (call.stream_id, call["call_id"], call.body) == ("MZ1", "CA1", custom)
    assert (call.from_number, call["to"]) == ("+1", "+2")
    assert len(socket.left) == 1, "the audio is left for the transport"
    assert await parse_telephony_websocket(socket) == (transport, call), "it is read once"


async def test_telnyx() -> None:
    start = {
        "call_control_id": "v3:C",
        "from": "+1",
        "to": "+2",
        "media_format": {"encoding": "PCMA"},
    }
    socket = Socket({"event": "connected"}, {"event": "start", "stream_id": "S", "start": start})
    transport, call = await parse_telephony_websocket(socket)

    assert transport == "telnyx"
    assert isinstance(call, TelnyxCallData)
    assert (call.stream_id, call.call_id, call.outbound_encoding) == ("S", "v3:C", "PCMA")
    assert (call.from_number, call.to_number) == ("+1", "+2")


async def test_plivo_begins_at_once() -> None:
    socket = Socket({"event": "start", "start": {"streamId": "P", "callId": "C"}}, MEDIA)
    transport, call = await parse_telephony_websocket(socket)

    assert (transport, call.stream_id, call.call_id) == ("plivo", "P", "C")
    assert len(socket.left) == 1


async def test_exotel() -> None:
    start = {
        "stream_sid": "E",
        "call_sid": "C",
        "account_sid": "A",
        "from": "1",
        "to": "2",
        "custom_parameters": {"k": "v"},
    }
    transport, call = await parse_telephony_websocket(
        Socket({"event": "connected"}, {"event": "start", "start": start})
    )

    assert transport == "exotel"
    assert isinstance(call, ExotelCallData)
    assert (call.stream_id, call.call_id, call.account_sid) == ("E", "C", "A")
    assert call.custom_parameters == {"k": "v"}


@pytest.mark.parametrize(
    "messages",
    [
        (MEDIA, MEDIA),
        ("no json", "[]"),
        ('"start"', '{"event": "start", "start": []}'),
        ("[" * 20_000, "{}"),
        ({"event": "start", "start": {"streamSid": "MZ1"}},),
    ],
)
async def test_anybody_else(messages: tuple[Any, ...], caplog: pytest.LogCaptureFixture) -> None:
    transport, call = await parse_telephony_websocket(Socket(*messages))

    assert (transport, call) == ("unknown", CallData())
    assert "no known telephony provider" in caplog.text


async def test_nobody() -> None:
    with pytest.raises(ValueError, match="closed before receiving"):
        await parse_telephony_websocket(Socket())
