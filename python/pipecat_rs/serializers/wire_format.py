"""Serializers whose format is native."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs import _core
from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.frames.frames import (
    AudioRawFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InputTransportMessageFrame,
    InterruptionFrame,
    OutputDTMFFrame,
    OutputDTMFUrgentFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    TextFrame,
    TranscriptionFrame,
)
from pipecat_rs.serializers.base_serializer import FrameSerializer

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup

logger = logging.getLogger(__name__)

_OURS = "pipecat_rs.serializers."
_OVERRIDABLE = ("serialize", "deserialize", "should_ignore_frame")
_KEYS = {entry.value: entry for entry in KeypadEntry}


class WireFormatSerializer(FrameSerializer):
    """Turns frames into messages, and back, by a native format.

    The format is made when it is first needed, with the parameters as they are then.
    """

    _format: ClassVar[str]
    """Its name, as `_core.WireSerializer` takes it."""

    _wire_rate_param: ClassVar[str | None] = None
    """The parameter that has the wire's sample rate."""

    _made: _core.WireSerializer | None = None
    _rates: tuple[int, int] | None = None
    _has_complained = False

    def _settings(self) -> dict[str, Any]:
        """The format's settings."""
        params = self._params
        settings: dict[str, Any] = {"ignore_rtvi_messages": params.ignore_rtvi_messages}
        if self._wire_rate_param is not None:
            settings["wire_sample_rate"] = getattr(params, self._wire_rate_param)
            settings["sample_rate"] = params.sample_rate or None
        return settings

    @property
    def _wire(self) -> _core.WireSerializer:
        if self._made is None:
            self._made = _core.WireSerializer(
                self._format,
                self._settings(),
                resampler_clear_after_secs=self._params.resampler_clear_after_secs,
            )
            if self._rates is not None:
                self._made.set_rates(*self._rates)
        return self._made

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Learn the pipeline's sample rates.

        Args:
            setup: What processors are given before they start.
        """
        self._rates = (setup.audio_in_sample_rate, setup.audio_out_sample_rate)
        if self._made is not None:
            self._made.set_rates(*self._rates)

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Return the message that carries a frame.

        Args:
            frame: The frame: audio, an interruption, a key or a message of the application.

        Returns:
            The message, or None if there is nothing to send.

        Raises:
            ValueError: If the format cannot carry such audio.
        """
        if isinstance(frame, InterruptionFrame):
            return self._wire.interruption()
        if isinstance(frame, AudioRawFrame):
            return self._wire.audio(frame.audio, frame.sample_rate, frame.num_channels)
        if isinstance(frame, OutputTransportMessageFrame | OutputTransportMessageUrgentFrame):
            if self.should_ignore_frame(frame):
                return None
            return self._wire.application(json.dumps(frame.message))
        if isinstance(frame, OutputDTMFFrame | OutputDTMFUrgentFrame):
            return self._keys(frame.buttons or ())
        return None

    def _keys(self, buttons: Sequence[KeypadEntry]) -> str | bytes | None:
        """The message that presses keys: one at a time, or none at all."""
        return self._wire.dtmf(buttons[0].value) if len(buttons) == 1 else None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Return the frame that a message carries.

        Args:
            data: The message. One that makes no sense is logged and ignored.

        Returns:
            The frame, or None if there is none in it.
        """
        frame: Frame | None = None
        for said in self._decode(data):
            frame = frame or self._frame_of(*said)
        return frame

    def _decode(self, data: str | bytes) -> list[tuple[Any, ...]]:
        wire = self._wire
        try:
            return wire.decode(data)
        except ValueError as error:
            self._complain(error)
            return []

    def _complain(self, error: Exception) -> None:
        """Say why a message is ignored: aloud once, as a peer may send any number of them."""
        level = logging.DEBUG if self._has_complained else logging.WARNING
        self._has_complained = True
        logger.log(level, "%s: a message is ignored: %s", self, error)

    def _frame_of(self, kind: str, *values: Any) -> Frame | None:
        match kind, values:
            case "audio", (audio, sample_rate, channels):
                return InputAudioRawFrame(
                    audio=audio, sample_rate=sample_rate, num_channels=channels
                )
            case "dtmf", (key,):
                # A to D are keys that the frame does not know.
                return InputDTMFFrame(_KEYS[key]) if key in _KEYS else None
            case "application", (text,):
                return InputTransportMessageFrame(message=json.loads(text))
            case "reply", (reply,):
                return OutputTransportMessageUrgentFrame(message=json.loads(reply))
            case "text", (text,):
                return TextFrame(text)
            case "transcription", (text, user_id, timestamp):
                return TranscriptionFrame(text, user_id, timestamp)
            case "interruption", ():
                return InterruptionFrame()
            case _:
                logger.debug("%s: the peer says %s %s", self, kind, values)
                return None

    def _native(self) -> _core.WireSerializer | None:
        for name in _OVERRIDABLE:
            function = getattr(type(self), name)
            if name in vars(self) or not function.__module__.startswith(_OURS):
                return None
        return self._wire
