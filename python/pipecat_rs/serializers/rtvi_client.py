"""The client's side of RTVI: a pipeline that talks to a bot, instead of being one."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from typing import Any

from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMarkerResponseFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    TranscriptionFrame,
    TTSTextFrame,
)
from pipecat_rs.serializers.base_serializer import RTVI_LABEL, FrameSerializer
from pipecat_rs.utils.text.base_text_aggregator import TextType

logger = logging.getLogger(__name__)


class RTVIClientSerializer(FrameSerializer):
    """Turns a client's audio and messages into RTVI, and what a bot tells into frames.

    Messages that a client builds itself (``client-ready``, ``send-text``) are sent as they are, if
    they have RTVI's label.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Make a serializer.

        Args:
            **kwargs: For the base class, such as ``name``.
        """
        super().__init__(FrameSerializer.InputParams(ignore_rtvi_messages=False), **kwargs)
        self._last_id = 0

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Return the message that carries a frame: audio, or a message of RTVI.

        Args:
            frame: The frame.

        Returns:
            The message, or None if there is nothing to send.
        """
        if isinstance(frame, OutputTransportMessageFrame | OutputTransportMessageUrgentFrame):
            message = frame.message
            of_rtvi = isinstance(message, dict) and message.get("label") == RTVI_LABEL
            return json.dumps(message) if of_rtvi else None
        if not isinstance(frame, OutputAudioRawFrame):
            return None
        self._last_id += 1
        data = {
            "base64Audio": base64.b64encode(frame.audio).decode("ascii"),
            "sampleRate": frame.sample_rate,
            "numChannels": frame.num_channels,
        }
        return json.dumps(
            {"label": RTVI_LABEL, "type": "raw-audio", "id": str(self._last_id), "data": data}
        )

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Return the frame for what a bot tells.

        Args:
            data: The message.

        Returns:
            The frame, or None if the message has none, or is none of RTVI.
        """
        try:
            message = json.loads(data)
        except (ValueError, TypeError, RecursionError) as error:
            logger.debug("%s: a message is ignored: %s", self, error)
            return None
        if not isinstance(message, dict) or message.get("label") != RTVI_LABEL:
            return None
        kind, told = message.get("type"), message.get("data")
        make = _FRAMES.get(kind) if isinstance(kind, str) else None
        if make is None:
            return None
        try:
            return make(told if isinstance(told, dict) else {})
        except TypeError as error:
            logger.debug("%s: a message of type %s is ignored: %s", self, kind, error)
            return None


def _marker(told: dict[str, Any]) -> Frame:
    return LLMMarkerResponseFrame(
        raw=told.get("raw", ""),
        marker=told.get("text") or None,
        kind=told.get("kind"),
        markers=list(told.get("markers") or []),
    )


def _spoken(told: dict[str, Any]) -> Frame:
    # Whether it is a word or a sentence is not on the wire.
    return TTSTextFrame(text=told.get("text", ""), text_type=TextType.SENTENCE)


def _call_begins(told: dict[str, Any]) -> Frame:
    # A bot may keep names and arguments to itself.
    return FunctionCallInProgressFrame(
        function_name=told.get("function_name") or "",
        tool_call_id=told.get("tool_call_id", ""),
        arguments=told.get("arguments") or {},
    )


def _call_ends(told: dict[str, Any]) -> Frame:
    name, call = told.get("function_name") or "", told.get("tool_call_id", "")
    if told.get("cancelled"):
        return FunctionCallCancelFrame(function_name=name, tool_call_id=call)
    return FunctionCallResultFrame(
        function_name=name, tool_call_id=call, arguments={}, result=told.get("result")
    )


def _heard(told: dict[str, Any]) -> Frame:
    made_by = TranscriptionFrame if told.get("final", True) else InterimTranscriptionFrame
    return made_by(
        text=told.get("text", ""),
        user_id=told.get("user_id", ""),
        timestamp=told.get("timestamp", ""),
    )


_FRAMES: dict[str, Callable[[dict[str, Any]], Frame]] = {
    "bot-llm-started": lambda told: LLMFullResponseStartFrame(),
    "bot-llm-text": lambda told: LLMTextFrame(text=told.get("text", "")),
    "bot-llm-marker": _marker,
    "bot-llm-stopped": lambda told: LLMFullResponseEndFrame(),
    "bot-tts-text": _spoken,
    "bot-started-speaking": lambda told: BotStartedSpeakingFrame(),
    "bot-stopped-speaking": lambda told: BotStoppedSpeakingFrame(),
    "bot-interrupted": lambda told: InterruptionFrame(),
    "llm-function-call-in-progress": _call_begins,
    "llm-function-call-stopped": _call_ends,
    "user-transcription": _heard,
}
"""The frame for each type of message."""
