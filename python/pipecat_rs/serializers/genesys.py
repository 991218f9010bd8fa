"""Genesys AudioHook: a session between Genesys Cloud and a bot.

Messages of the session are JSON, audio is binary: µ-law at 8 kHz, of the customer alone or of the
customer and the agent side by side.
"""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from pipecat_rs import _core
from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.wire_format import WireFormatSerializer

logger = logging.getLogger(__name__)


class AudioHookMessageType(StrEnum):
    """Types of messages of the protocol."""

    OPEN = "open"
    OPENED = "opened"
    CLOSE = "close"
    CLOSED = "closed"
    PAUSE = "pause"
    RESUMED = "resumed"
    PING = "ping"
    PONG = "pong"
    UPDATE = "update"
    EVENT = "event"
    ERROR = "error"
    DISCONNECT = "disconnect"


class AudioHookChannel(StrEnum):
    """The sides of a call that are streamed."""

    EXTERNAL = "external"
    INTERNAL = "internal"
    BOTH = "both"


class AudioHookMediaFormat(StrEnum):
    """How audio is written."""

    PCMU = "PCMU"
    L16 = "L16"


class GenesysAudioHookSerializer(WireFormatSerializer):
    """Speaks Genesys AudioHook.

    Openings, pings and closings are answered on their own: `deserialize` returns the answer as a
    frame to send at once. Of two sides of a call, the customer's is heard. While the session is
    paused or not open, no audio passes.

    Events, each with the serializer and the message:

    - ``on_open``, ``on_update``, ``on_pause``, ``on_ping``, ``on_dtmf``, ``on_error``
    - ``on_close``: variables set here are part of the answer.

    With handlers of these, a connection's messages pass through Python.
    """

    PROTOCOL_VERSION = "2"

    _format = "genesys"
    _wire_rate_param = "genesys_sample_rate"
    _EVENTS: ClassVar[dict[str, str]] = {
        "open": "on_open",
        "close": "on_close",
        "ping": "on_ping",
        "pause": "on_pause",
        "update": "on_update",
        "error": "on_error",
        "dtmf": "on_dtmf",
    }

    @dataclass(kw_only=True)
    class InputParams(FrameSerializer.InputParams):
        """Parameters.

        Attributes:
            genesys_sample_rate: Genesys's sample rate, in Hz.
            sample_rate: The pipeline's input rate in Hz, if it is to be another one than the
                pipeline says.
            channel: The sides that are streamed, until Genesys says which.
            media_format: How audio is written.
            process_external: Not used; the customer's side is what is heard.
            process_internal: Not used.
            supported_languages: Codes of the languages that the bot speaks, such as ``en-US``.
            selected_language: The one that it begins with.
            start_paused: Whether the session begins with a pause.
        """

        genesys_sample_rate: int = 8000
        sample_rate: int | None = None
        channel: AudioHookChannel = AudioHookChannel.EXTERNAL
        media_format: AudioHookMediaFormat = AudioHookMediaFormat.PCMU
        process_external: bool = True
        process_internal: bool = False
        supported_languages: list[str] | None = None
        selected_language: str | None = None
        start_paused: bool = False

    def __init__(self, params: InputParams | None = None, **kwargs: Any) -> None:
        """Make the serializer of a session.

        Args:
            params: The parameters.
            **kwargs: For the base class, such as ``name``.
        """
        super().__init__(params or GenesysAudioHookSerializer.InputParams(), **kwargs)
        self._first_session_id = str(uuid.uuid4())
        for event in self._EVENTS.values():
            self._register_event_handler(event)

    def _settings(self) -> dict[str, Any]:
        params = self._params
        return {
            **super()._settings(),
            "channel": str(params.channel),
            "media_format": str(params.media_format),
            "supported_languages": params.supported_languages,
            "selected_language": params.selected_language,
            "start_paused": params.start_paused,
            "session_id": self._first_session_id,
        }

    # ---- the session

    def _session(self, name: str) -> Any:
        return json.loads(self._wire.session() or "{}")[name]

    @property
    def session_id(self) -> str:
        """The session's id: Genesys's own, once it has opened the session."""
        return self._session("session_id")

    @property
    def conversation_id(self) -> str | None:
        """The id of the conversation that the session is of."""
        return self._session("conversation_id")

    @property
    def is_open(self) -> bool:
        """Whether the session is open."""
        return self._session("is_open")

    @property
    def is_paused(self) -> bool:
        """Whether audio is held."""
        return self._session("is_paused")

    @property
    def participant(self) -> dict[str, Any] | None:
        """Who calls: ``ani``, ``dnis`` and more."""
        return self._session("participant")

    @property
    def input_variables(self) -> dict[str, Any] | None:
        """Variables that the flow in Architect has given."""
        return self._session("input_variables")

    @property
    def output_variables(self) -> dict[str, Any] | None:
        """Variables that the flow is given at the end."""
        return self._session("output_variables")

    def set_output_variables(self, variables: dict[str, Any]) -> None:
        """Set the variables that the flow is given at the end.

        Args:
            variables: Values for JSON, by name.
        """
        self._wire.control("output_variables", json.dumps(variables))

    # ---- messages of the protocol

    def _message(self, kind: AudioHookMessageType, parameters: dict[str, Any]) -> dict[str, Any]:
        return json.loads(self._wire.control(kind.value, json.dumps(parameters)) or "null")

    def create_opened_response(
        self,
        start_paused: bool = False,
        supported_languages: list[str] | None = None,
        selected_language: str | None = None,
    ) -> dict[str, Any]:
        """Return the answer to an opening. The session is open with it.

        Args:
            start_paused: Whether it begins with a pause.
            supported_languages: Languages that the bot speaks.
            selected_language: The one that it begins with.
        """
        opening = {
            "start_paused": start_paused,
            "supported_languages": supported_languages,
            "selected_language": selected_language,
        }
        return self._message(AudioHookMessageType.OPENED, opening)

    def create_closed_response(
        self, output_variables: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the answer to a closing. The session is over with it.

        Args:
            output_variables: Variables that the flow is given.
        """
        parameters = {"outputVariables": output_variables} if output_variables else {}
        return self._message(AudioHookMessageType.CLOSED, parameters)

    def create_pong_response(self) -> dict[str, Any]:
        """Return the answer to a ping."""
        return self._message(AudioHookMessageType.PONG, {})

    def create_resumed_response(self) -> dict[str, Any]:
        """Return the message that ends a pause; audio passes again."""
        return self._message(AudioHookMessageType.RESUMED, {})

    def create_barge_in_event(self) -> dict[str, Any]:
        """Return the message that has Genesys drop what it has not played."""
        entities = [{"type": "barge_in", "data": {}}]
        return self._message(AudioHookMessageType.EVENT, {"entities": entities})

    def create_disconnect_message(
        self,
        reason: str = "completed",
        action: str = "transfer",
        output_variables: dict[str, Any] | None = None,
        info: str | None = None,
    ) -> dict[str, Any]:
        """Return the message with which the bot ends the session.

        Args:
            reason: Why: ``completed`` or ``error``.
            action: What the flow is to do: ``transfer`` or ``finished``.
            output_variables: Further variables that it is given.
            info: Anything else to say.
        """
        variables = {"action": action, **(output_variables or {})}
        parameters: dict[str, Any] = {"reason": reason, "outputVariables": variables}
        if info:
            parameters["info"] = info
        return self._message(AudioHookMessageType.DISCONNECT, parameters)

    def create_error_message(
        self, code: int, message: str, retryable: bool = False
    ) -> dict[str, Any]:
        """Return a message that something is wrong.

        Args:
            code: The error's code.
            message: What is wrong.
            retryable: Whether trying again may help.
        """
        logger.error("%s: error %s is told to Genesys: %s", self, code, message)
        parameters = {"code": code, "message": message, "retryable": retryable}
        return self._message(AudioHookMessageType.ERROR, parameters)

    # ---- frames

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Return the message that carries a frame. With the pipeline's end the session is ended.

        Args:
            frame: The frame. Messages of the application pass if they are of the protocol: with a
                ``version``.

        Returns:
            The message, or None if there is nothing to send.

        Raises:
            ValueError: If the format cannot carry such audio.
        """
        if isinstance(frame, EndFrame | CancelFrame):
            variables = self.output_variables
            return json.dumps(self.create_disconnect_message(output_variables=variables))
        return await super().serialize(frame)

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Return the frame that a message carries, and call the handlers of its event.

        Args:
            data: The message. One that makes no sense is logged and ignored.

        Returns:
            Audio, a key, an answer to send at once, or None.
        """
        event, message = self._event_of(data)
        if event == "on_close":
            await self._call_event_handler(event, message)
        frame = await super().deserialize(data)
        if event == "on_error":
            logger.error("%s: Genesys tells of an error: %s", self, message.get("parameters"))
        if event is not None and event != "on_close":
            await self._call_event_handler(event, message)
        return frame

    def _event_of(self, data: str | bytes) -> tuple[str | None, dict[str, Any]]:
        if isinstance(data, bytes):
            return None, {}
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            return None, {}  # said by who decodes it
        if not isinstance(message, dict):
            return None, {}
        kind = message.get("type")
        return (self._EVENTS.get(kind) if isinstance(kind, str) else None), message

    def _native(self) -> _core.WireSerializer | None:
        heard = any(handlers.handlers for handlers in (self._event_handlers or {}).values())
        return None if heard else super()._native()
