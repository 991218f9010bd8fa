"""pipecat's frames in protobuf, as its clients speak them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from pipecat_rs import _core
from pipecat_rs.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    TextFrame,
    TranscriptionFrame,
)
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.wire_format import WireFormatSerializer

logger = logging.getLogger(__name__)

_FIELDS = {
    "text": ("id", "name", "text"),
    "audio": ("id", "name", "audio", "sample_rate", "num_channels", "pts"),
    "transcription": ("id", "name", "text", "user_id", "timestamp"),
    "message": ("data",),
    "interruption": ("id", "name"),
}
"""Fields of each kind of frame in `frames.proto`."""

_OF_THE_FRAME = ("id", "name", "pts")
"""Fields that are set on a frame after it is made."""


@dataclass
class MessageFrame:
    """A message of the application as it is on the wire.

    Attributes:
        data: The message, as JSON text.
    """

    data: str


class ProtobufFrameSerializer(WireFormatSerializer):
    """Speaks `frames.proto`: text, audio, transcriptions, messages and interruptions.

    Frames of exactly the classes in `SERIALIZABLE_TYPES` are sent, and not those of subclasses.
    Messages of pipecat's client libraries pass: they are what most of it is for.
    """

    _format = "protobuf"

    SERIALIZABLE_TYPES: dict[type, str] = {  # noqa: RUF012 - as in pipecat
        TextFrame: "text",
        OutputAudioRawFrame: "audio",
        TranscriptionFrame: "transcription",
        MessageFrame: "message",
        InterruptionFrame: "interruption",
    }
    """The kind that each class of frames is on the wire."""
    SERIALIZABLE_FIELDS: dict[str, type] = {v: k for k, v in SERIALIZABLE_TYPES.items()}  # noqa: RUF012
    """The same, the other way round."""

    DESERIALIZABLE_TYPES: dict[type, str] = {  # noqa: RUF012
        TextFrame: "text",
        InputAudioRawFrame: "audio",
        TranscriptionFrame: "transcription",
        MessageFrame: "message",
        InterruptionFrame: "interruption",
    }
    """The kind that each class of frames has come from."""
    DESERIALIZABLE_FIELDS: dict[str, type] = {v: k for k, v in DESERIALIZABLE_TYPES.items()}  # noqa: RUF012
    """The same, the other way round."""

    def __init__(self, params: FrameSerializer.InputParams | None = None) -> None:
        """Make a serializer.

        Args:
            params: The parameters.
        """
        super().__init__(params)
        self._params.ignore_rtvi_messages = False

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Return the message that carries a frame.

        Args:
            frame: The frame.

        Returns:
            The message, or None if frames of this class are not sent.
        """
        sent: Any = frame
        if isinstance(frame, OutputTransportMessageFrame | OutputTransportMessageUrgentFrame):
            if self.should_ignore_frame(frame):
                return None
            sent = MessageFrame(data=json.dumps(frame.message))
        kind = self.SERIALIZABLE_TYPES.get(type(sent))
        if kind is None:
            logger.debug("%s: frames of class %s are not sent", self, type(sent).__name__)
            return None
        values = {name: getattr(sent, name, None) for name in _FIELDS[kind]}
        # What is zero or empty is not written, as nothing in the format tells it from what is not
        # there.
        return _core._encode_protobuf_frame(kind, **{k: v for k, v in values.items() if v})

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Return the frame that a message carries.

        Args:
            data: The message. One that makes no sense is logged and ignored.

        Returns:
            The frame, or None if there is none in it. Audio has the rate that the message says.
        """
        try:
            if isinstance(data, str):
                raise ValueError("a text message, where frames are binary")
            found = _core._decode_protobuf_frame(data)
            if found is None or found[0] not in self.DESERIALIZABLE_FIELDS:
                raise ValueError("no frame of a known kind")
            return self._frame_from(*found)
        except ValueError as error:  # JSON's too
            self._complain(error)
            return None

    def _frame_from(self, kind: str, values: dict[str, Any]) -> Frame:
        made_by = self.DESERIALIZABLE_FIELDS[kind]
        frame: Frame
        if made_by is MessageFrame:
            frame = InputTransportMessageFrame(message=json.loads(values["data"]))
        else:
            if kind == "audio" and not (values["sample_rate"] and values["num_channels"]):
                raise ValueError("audio without a rate or channels")
            frame = made_by(**{k: v for k, v in values.items() if k not in _OF_THE_FRAME})
        for name in _OF_THE_FRAME:
            if values.get(name):
                setattr(frame, name, values[name])
        return frame
