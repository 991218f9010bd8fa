"""The caller's end of the wire formats: what a client or a telephone provider sends and gets."""

from __future__ import annotations

import json
import uuid
from typing import Any, Protocol

from pipecat_rs import _core
from pipecat_rs.transports.websocket.connection import Message

__all__ = ["CallerWire", "caller_wire"]


class CallerWire(Protocol):
    """What a caller says and hears in one format."""

    def opening(self) -> list[Message]:
        """Return what is sent before any audio."""
        ...

    def audio(self, audio: bytes) -> Message | None:
        """Return the message that carries audio. None: later, with more."""
        ...

    def decode(self, message: Message) -> list[tuple[Any, ...]]:
        """Return what a message of the bot says, as `_core.WireSerializer.decode` does."""
        ...

    def closing(self) -> Message | None:
        """Return what is sent at the end."""
        ...


def caller_wire(format: str, rate: int) -> CallerWire:
    """Make the caller's end of a format.

    Args:
        format: ``protobuf``, ``pcm`` or ``twilio``.
        rate: Of the audio on this side, in Hz.
    """
    if format == "twilio":
        return _Twilio(rate)
    return _Plain("raw_pcm" if format == "pcm" else format, rate)


class _Plain:
    """A format in which both sides say the same."""

    def __init__(self, format: str, rate: int) -> None:
        self._wire = _core.WireSerializer(format)
        self._wire.set_rates(rate, rate)
        self._rate = rate
        self._resampler: _core.Resampler | None = None

    def opening(self) -> list[Message]:
        return []

    def audio(self, audio: bytes) -> Message | None:
        return self._wire.audio(audio, self._rate, 1)

    def decode(self, message: Message) -> list[tuple[Any, ...]]:
        return [self._at_own_rate(said) for said in self._wire.decode(message)]

    def closing(self) -> Message | None:
        return None

    def _at_own_rate(self, said: tuple[Any, ...]) -> tuple[Any, ...]:
        match said:
            case ("audio", audio, rate, channels):
                if channels != 1:
                    audio = _core.ChannelMapper(channels, 1).process(audio)
                if rate != self._rate:
                    if self._resampler is None or self._resampler.input_rate != rate:
                        self._resampler = _core.Resampler(rate, self._rate)
                    audio = self._resampler.process(audio)
                return ("audio", audio, self._rate, 1)
            case _:
                return said


class _Twilio(_Plain):
    """Twilio's end of its media streams."""

    def __init__(self, rate: int) -> None:
        self._stream, self._call = f"MZ{uuid.uuid4().hex}", f"CA{uuid.uuid4().hex}"
        self._wire = _core.WireSerializer("twilio", {"stream_id": self._stream})
        self._wire.set_rates(rate, rate)
        self._rate = rate
        self._resampler = None

    def opening(self) -> list[Message]:
        start = {
            "accountSid": "AC00000000000000000000000000000000",
            "streamSid": self._stream,
            "callSid": self._call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {},
        }
        return [
            json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}),
            json.dumps({"event": "start", "streamSid": self._stream, "start": start}),
        ]

    def decode(self, message: Message) -> list[tuple[Any, ...]]:
        event = json.loads(message).get("event")
        if event == "clear":
            return [("interruption",)]
        if event == "mark":
            return [("reply", message)]  # it is told back when it was played
        return super().decode(message)

    def closing(self) -> Message | None:
        stop = {"callSid": self._call}
        return json.dumps({"event": "stop", "streamSid": self._stream, "stop": stop})
