"""Frames between the pipeline and its transports: messages, keypad tones, connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.base import ControlFrame, DataFrame, SystemFrame

if TYPE_CHECKING:
    from typing import Self

    from pipecat_rs.audio.dtmf.types import KeypadEntry


class _Message:
    """How frames with a transport's message describe themselves."""

    name: str
    message: Any

    def __str__(self) -> str:
        return f"{self.name}(message: {self.message})"


@dataclass(repr=False, eq=False)
class OutputTransportMessageFrame(_Message, DataFrame):
    """A message for the transport to send, in order with the audio.

    Attributes:
        message: The message, in the transport's terms.
    """

    message: Any


@dataclass(repr=False, eq=False)
class OutputTransportMessageUrgentFrame(_Message, SystemFrame):
    """A message for the transport to send at once.

    Attributes:
        message: The message, in the transport's terms.
    """

    message: Any


@dataclass(repr=False, eq=False)
class InputTransportMessageFrame(_Message, SystemFrame):
    """A message that came in from a transport.

    Attributes:
        message: The message, in the transport's terms.
    """

    message: Any


@dataclass(repr=False, eq=False)
class DTMFFrame:
    """Mark of all frames with telephone keypad tones (DTMF)."""


class _OutputKeys(DTMFFrame):
    """What both output keypad frames do with their keys."""

    name: str
    button: KeypadEntry | None
    buttons: list[KeypadEntry] | None

    def _settle_keys(self) -> None:
        if self.buttons is None and self.button is not None:
            self.buttons = [self.button]
        if not self.buttons:
            raise ValueError(f"{type(self).__name__} needs `buttons` or `button`")

    def __str__(self) -> str:
        return f"{self.name}(buttons: {self.to_string()})"

    @classmethod
    def from_string(cls, buttons: str, **kwargs: Any) -> Self:
        """Build the frame from keys as one string, such as ``"123#"``.

        Raises:
            ValueError: If a character is no key.
        """
        from pipecat_rs.audio.dtmf.types import KeypadEntry  # the layer above; rarely needed

        return cls(buttons=[KeypadEntry(key) for key in buttons], **kwargs)  # type: ignore[call-arg]

    def to_string(self) -> str:
        """Return the keys as one string."""
        return "".join(key.value for key in self.buttons or ())


@dataclass(repr=False, eq=False)
class OutputDTMFFrame(_OutputKeys, DataFrame):
    """Keypad tones to send, in order with the audio.

    Attributes:
        button: One key; short for a list of one.
        buttons: The keys, in order.

    Raises:
        ValueError: If there is no key.
    """

    button: KeypadEntry | None = None
    buttons: list[KeypadEntry] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle_keys()


@dataclass(repr=False, eq=False)
class OutputDTMFUrgentFrame(_OutputKeys, SystemFrame):
    """Keypad tones to send at once.

    Attributes:
        button: One key; short for a list of one.
        buttons: The keys, in order.

    Raises:
        ValueError: If there is no key.
    """

    button: KeypadEntry | None = None
    buttons: list[KeypadEntry] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle_keys()


@dataclass(repr=False, eq=False)
class InputDTMFFrame(DTMFFrame, SystemFrame):
    """A key that the user pressed.

    Attributes:
        button: The key.
    """

    button: KeypadEntry

    def __str__(self) -> str:
        return f"{self.name}(tone: {self.button.value})"


class BotConnectedFrame(SystemFrame):
    """The bot has joined the transport's session."""


class ClientConnectedFrame(SystemFrame):
    """A client has connected to the transport."""


class OutputTransportReadyFrame(ControlFrame):
    """The output transport is ready to play."""


class InputTransportStartAudioStreamingFrame(ControlFrame):
    """The input transport may begin to deliver audio."""
