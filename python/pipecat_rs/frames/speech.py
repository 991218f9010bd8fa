"""Frames about speaking aloud: what to say, and the bounds of what a service synthesizes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

from pipecat_rs.frames.base import ControlFrame, DataFrame
from pipecat_rs.frames.text import TextType


@dataclass(repr=False, eq=False)
class TTSSpeakFrame(DataFrame):
    """Text for the text-to-speech service to say, whatever the language model does.

    Attributes:
        text: The text.
        append_to_context: Whether what was said is written to the conversation context.
        text_type: The type that the text frames of this utterance carry.
    """

    text: str
    append_to_context: bool = True
    text_type: TextType | str = TextType.SENTENCE

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.append_to_context is None:
            warnings.warn(
                "`TTSSpeakFrame(append_to_context=None)` is deprecated since 1.4.0 and will be "
                "removed in 2.0.0. Use `append_to_context=True` instead.",
                DeprecationWarning,
                stacklevel=3,
            )
            self.append_to_context = True


@dataclass(repr=False, eq=False)
class BotBackchannelFrame(TTSSpeakFrame):
    """A short acknowledgement for the bot to say while the user speaks.

    Attributes:
        append_to_context: Whether it is written to the conversation context.
    """

    append_to_context: bool = False
    text_type: TextType | str = field(default=TextType.BACKCHANNEL, init=False)
    interruptible: bool = field(default=False, init=False)


@dataclass(repr=False, eq=False)
class TTSStartedFrame(ControlFrame):
    """The audio of one synthesis request begins.

    Attributes:
        context_id: The synthesis request, or None.
        append_to_context: Whether its text is written to the conversation context.
    """

    context_id: str | None = None
    append_to_context: bool = True


@dataclass(repr=False, eq=False)
class TTSStoppedFrame(ControlFrame):
    """The audio of one synthesis request is complete.

    Attributes:
        context_id: The synthesis request, or None.
    """

    context_id: str | None = None
