"""The providers' ends of telephone calls, with messages as the providers have published them."""

from __future__ import annotations

import base64
import json
from typing import Any, ClassVar

from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.exotel import ExotelFrameSerializer
from pipecat_rs.serializers.genesys import GenesysAudioHookSerializer
from pipecat_rs.serializers.plivo import PlivoFrameSerializer
from pipecat_rs.serializers.telnyx import TelnyxFrameSerializer
from pipecat_rs.serializers.twilio import TwilioFrameSerializer
from pipecat_rs.serializers.vonage import VonageFrameSerializer

Message = str | bytes
STREAM, CALL = "stream-1", "call-1"


class Phone:
    """What a provider sends, and how what it is sent is read.

    Attributes:
        rate: Sample rate on the wire, in Hz.
        sample_bytes: Bytes of a sample on the wire.
        parsed: Whether `parse_telephony_websocket` knows it.
        keys: Whether it has a message for keys that the bot presses.
        hangs_up: Whether calls are ended by a request.
    """

    rate: ClassVar[int] = 8000
    sample_bytes: ClassVar[int] = 1
    parsed: ClassVar[bool] = True
    keys: ClassVar[bool] = False
    hangs_up: ClassVar[bool] = False

    def __init__(self) -> None:
        self._sequence = 0

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    @property
    def name(self) -> str:
        return type(self).__name__.lower()

    @property
    def chunk(self) -> int:
        """Bytes of 20 ms on the wire."""
        return self.rate // 50 * self.sample_bytes

    def opening(self) -> list[str]:
        """What comes first."""
        raise NotImplementedError

    def media(self, payload: bytes) -> Message:
        """Audio of the caller."""
        raise NotImplementedError

    def dtmf(self, digit: str) -> str:
        """A key that the caller presses."""
        raise NotImplementedError

    def stop(self) -> list[str]:
        """What says that the stream is over."""
        raise NotImplementedError

    def read(self, message: Message) -> tuple[str, Any]:
        """What the bot says: ``audio``, ``clear``, ``dtmf`` or ``other``, and what it is of."""
        raise NotImplementedError

    def serializer(self, rest: str) -> FrameSerializer:
        """The bot's serializer, with the provider's REST API at an address."""
        raise NotImplementedError


def text(**message: Any) -> str:
    return json.dumps(message)


def coded(payload: bytes) -> str:
    return base64.b64encode(payload).decode()


class Twilio(Phone):
    hangs_up = True

    def opening(self) -> list[str]:
        start = {
            "accountSid": "AC1",
            "streamSid": STREAM,
            "callSid": CALL,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"from_number": "+15550001"},
        }
        number = str(self._next())
        return [
            text(event="connected", protocol="Call", version="1.0.0"),
            text(event="start", sequenceNumber=number, start=start, streamSid=STREAM),
        ]

    def media(self, payload: bytes) -> str:
        media = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": coded(payload)}
        number = str(self._next())
        return text(event="media", sequenceNumber=number, media=media, streamSid=STREAM)

    def dtmf(self, digit: str) -> str:
        pressed = {"track": "inbound_track", "digit": digit}
        return text(event="dtmf", streamSid=STREAM, sequenceNumber=str(self._next()), dtmf=pressed)

    def stop(self) -> list[str]:
        stop = {"accountSid": "AC1", "callSid": CALL}
        return [
            text(event="stop", sequenceNumber=str(self._next()), stop=stop, streamSid=STREAM),
        ]

    def read(self, message: Message) -> tuple[str, Any]:
        said = json.loads(message)
        assert said["streamSid"] == STREAM
        match said["event"]:
            case "media":
                return "audio", base64.b64decode(said["media"]["payload"])
            case "clear":
                return "clear", None
        return "other", said

    def serializer(self, rest: str) -> FrameSerializer:
        return TwilioFrameSerializer(STREAM, CALL, "AC1", "token", base_url=rest)


class Telnyx(Phone):
    hangs_up = True

    def opening(self) -> list[str]:
        start = {
            "user_id": "user-1",
            "call_control_id": CALL,
            "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
            "from": "+15550001",
            "to": "+15550002",
        }
        number = str(self._next())
        return [
            text(event="connected", version="1.0.0"),
            text(event="start", sequence_number=number, start=start, stream_id=STREAM),
        ]

    def media(self, payload: bytes) -> str:
        media = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": coded(payload)}
        number = str(self._next())
        return text(event="media", sequence_number=number, media=media, stream_id=STREAM)

    def dtmf(self, digit: str) -> str:
        number = str(self._next())
        return text(
            event="dtmf",
            stream_id=STREAM,
            occurred_at="2022-11-24T10:10:08.126628Z",
            sequence_number=number,
            dtmf={"digit": digit},
        )

    def stop(self) -> list[str]:
        stop = {"user_id": "user-1", "call_control_id": CALL}
        number = str(self._next())
        return [text(event="stop", sequence_number=number, stop=stop, stream_id=STREAM)]

    def read(self, message: Message) -> tuple[str, Any]:
        said = json.loads(message)
        match said["event"]:
            case "media":
                return "audio", base64.b64decode(said["media"]["payload"])
            case "clear":
                return "clear", None
        return "other", said

    def serializer(self, rest: str) -> FrameSerializer:
        class There(TelnyxFrameSerializer):
            _api_url = rest

        return There(STREAM, "PCMU", "PCMU", CALL, "key")


class Plivo(Phone):
    keys = True
    hangs_up = True

    def opening(self) -> list[str]:
        start = {
            "callId": CALL,
            "streamId": STREAM,
            "accountId": "account-1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        }
        return [text(sequenceNumber=0, event="start", start=start, extra_headers="{}")]

    def media(self, payload: bytes) -> str:
        media = {"track": "inbound", "timestamp": "5", "chunk": 1, "payload": coded(payload)}
        number = self._next()
        return text(
            sequenceNumber=number, streamId=STREAM, event="media", media=media, extra_headers=""
        )

    def dtmf(self, digit: str) -> str:
        pressed = {"track": "inbound", "digit": digit, "timestamp": "5"}
        return text(event="dtmf", sequenceNumber=self._next(), streamId=STREAM, dtmf=pressed)

    def stop(self) -> list[str]:
        return [text(event="stop", sequenceNumber=self._next(), streamId=STREAM)]

    def read(self, message: Message) -> tuple[str, Any]:
        said = json.loads(message)
        match said["event"]:
            case "playAudio":
                media = said["media"]
                assert (media["contentType"], media["sampleRate"]) == ("audio/x-mulaw", 8000)
                return "audio", base64.b64decode(media["payload"])
            case "clearAudio":
                assert said["streamId"] == STREAM
                return "clear", None
            case "sendDTMF":
                return "dtmf", said["dtmf"]
        return "other", said

    def serializer(self, rest: str) -> FrameSerializer:
        class There(PlivoFrameSerializer):
            _api_url = rest

        return There(STREAM, CALL, "account-1", "token")


class Exotel(Phone):
    sample_bytes = 2

    def opening(self) -> list[str]:
        start = {
            "stream_sid": STREAM,
            "call_sid": CALL,
            "account_sid": "account-1",
            "from": "0123",
            "to": "0456",
            "custom_parameters": {"plan": "gold"},
            "media_format": {"encoding": "base64", "sample_rate": "8000"},
        }
        number = self._next()
        return [
            text(event="connected"),
            text(event="start", sequence_number=number, stream_sid=STREAM, start=start),
        ]

    def media(self, payload: bytes) -> str:
        media = {"chunk": 2, "timestamp": "10", "payload": coded(payload)}
        number = self._next()
        return text(event="media", sequence_number=number, stream_sid=STREAM, media=media)

    def dtmf(self, digit: str) -> str:
        pressed = {"duration": "80", "digit": digit}
        number = self._next()
        return text(event="dtmf", sequence_number=number, stream_sid=STREAM, dtmf=pressed)

    def stop(self) -> list[str]:
        stop = {"call_sid": CALL, "account_sid": "account-1", "reason": "callended"}
        number = self._next()
        return [text(event="stop", sequence_number=number, stream_sid=STREAM, stop=stop)]

    def read(self, message: Message) -> tuple[str, Any]:
        said = json.loads(message)
        assert said["stream_sid"] == STREAM
        match said["event"]:
            case "media":
                return "audio", base64.b64decode(said["media"]["payload"])
            case "clear":
                return "clear", None
        return "other", said

    def serializer(self, rest: str) -> FrameSerializer:
        return ExotelFrameSerializer(STREAM, CALL)


class Vonage(Phone):
    rate = 16000
    sample_bytes = 2
    parsed = False

    def opening(self) -> list[str]:
        content = "audio/l16;rate=16000"
        return [json.dumps({"event": "websocket:connected", "content-type": content, "user": "7"})]

    def media(self, payload: bytes) -> bytes:
        return payload

    def dtmf(self, digit: str) -> str:
        return text(event="websocket:dtmf", digit=digit, duration=260)

    def stop(self) -> list[str]:
        return []  # it closes the socket

    def read(self, message: Message) -> tuple[str, Any]:
        if isinstance(message, bytes):
            return "audio", message
        said = json.loads(message)
        return ("clear", None) if said.get("action") == "clear" else ("other", said)

    def serializer(self, rest: str) -> FrameSerializer:
        return VonageFrameSerializer()


class Genesys(Phone):
    parsed = False

    def _message(self, kind: str, **parameters: Any) -> str:
        return json.dumps(
            {
                "version": "2",
                "id": STREAM,
                "type": kind,
                "seq": self._next(),
                "serverseq": 0,
                "position": "PT0S",
                "parameters": parameters,
            }
        )

    def opening(self) -> list[str]:
        participant = {"id": "p-1", "ani": "+1555", "aniName": "Ann", "dnis": "+1666"}
        media = [{"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000}]
        return [
            self._message(
                "open",
                organizationId="o-1",
                conversationId=CALL,
                participant=participant,
                media=media,
                language="en-US",
            )
        ]

    def media(self, payload: bytes) -> bytes:
        return payload

    def dtmf(self, digit: str) -> str:
        return self._message("dtmf", digit=digit)

    def stop(self) -> list[str]:
        return [self._message("close", reason="end")]

    def read(self, message: Message) -> tuple[str, Any]:
        if isinstance(message, bytes):
            return "audio", message
        said = json.loads(message)
        assert said["id"] == STREAM
        entities = said.get("parameters", {}).get("entities", [])
        if said["type"] == "event" and entities and entities[0]["type"] == "barge_in":
            return "clear", None
        return "other", said

    def serializer(self, rest: str) -> FrameSerializer:
        return GenesysAudioHookSerializer()


PHONES: list[type[Phone]] = [Twilio, Telnyx, Plivo, Exotel, Vonage, Genesys]
