"""Frames of text: written by language models, spoken by the bot, heard from the user."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.base import DataFrame, SystemFrame
from pipecat_rs.frames.renamed_field import renamed_init_field
from pipecat_rs.frames.timestamp import format_pts

if TYPE_CHECKING:
    from pipecat_rs.transcriptions.language import Language


class TextType(StrEnum):
    """What a piece of text is. An application may use strings of its own as well."""

    BACKCHANNEL = "backchannel"
    SENTENCE = "sentence"
    TOKEN = "token"
    WORD = "word"


_AGGREGATED_BY = (
    "`aggregated_by` is deprecated since 1.13.0 and will be removed in 2.0.0. "
    "Use `text_type` instead."
)


@dataclass(repr=False, eq=False)
class TextFrame(DataFrame):
    """A piece of text.

    Attributes:
        text: The text.
        skip_tts: Whether the text-to-speech service leaves it out; None if not decided.
        includes_inter_frame_spaces: Whether the text brings the spaces that separate it from
            its neighbours.
        append_to_context: Whether it is written to the conversation context.
    """

    text: str
    skip_tts: bool | None = field(default=None, init=False)
    includes_inter_frame_spaces: bool = field(default=False, init=False)
    append_to_context: bool = field(default=True, init=False)

    def __str__(self) -> str:
        return f"{self.name}(pts: {format_pts(self.pts)}, text: [{self.text}])"


@dataclass(repr=False, eq=False)
class LLMTextFrame(TextFrame):
    """A token or more of a language model's answer. It brings its spaces."""

    includes_inter_frame_spaces: bool = field(default=True, init=False)


class VisionTextFrame(LLMTextFrame):
    """A token or more of a vision model's answer."""


@renamed_init_field("aggregated_by", "text_type", _AGGREGATED_BY)
@dataclass(repr=False, eq=False)
class AggregatedTextFrame(TextFrame):
    """Text put together from smaller pieces, such as a sentence of tokens.

    Attributes:
        text_type: What the text is.
        context_id: The synthesis request that it belongs to, or None.
        raw_text: The text before it was prepared for speaking, or None if that is the same.
        will_be_spoken: Whether a text-to-speech service takes it up.
    """

    text_type: TextType | str
    context_id: str | None = None
    raw_text: str | None = None
    will_be_spoken: bool = field(default=False, init=False)

    @property
    def aggregated_by(self) -> TextType | str:
        """The deprecated name of `text_type`."""
        warnings.warn(_AGGREGATED_BY, DeprecationWarning, stacklevel=2)
        return self.text_type

    @aggregated_by.setter
    def aggregated_by(self, value: TextType | str) -> None:
        warnings.warn(_AGGREGATED_BY, DeprecationWarning, stacklevel=2)
        self.text_type = value


@renamed_init_field("aggregated_by", "text_type", _AGGREGATED_BY)
@dataclass(repr=False, eq=False)
class TTSTextFrame(AggregatedTextFrame):
    """Text as it is being spoken.

    Attributes:
        segment_id: Number of the text segment that it belongs to, or None.
    """

    segment_id: int | None = None


@renamed_init_field("aggregated_by", "text_type", _AGGREGATED_BY)
@dataclass(repr=False, eq=False)
class AggregatedTextProgressFrame(DataFrame):
    """How far the speaking of one text segment has come.

    Attributes:
        segment_id: Number of the segment.
        context_id: The synthesis request that it belongs to, or None.
        text: The whole segment.
        text_type: What the text is.
        accumulated_text: The part that was spoken.
        remaining_text: The part that was not spoken yet.
    """

    segment_id: int
    context_id: str | None
    text: str
    text_type: TextType | str
    accumulated_text: str
    remaining_text: str

    @property
    def aggregated_by(self) -> TextType | str:
        """The deprecated name of `text_type`."""
        warnings.warn(_AGGREGATED_BY, DeprecationWarning, stacklevel=2)
        return self.text_type

    @aggregated_by.setter
    def aggregated_by(self, value: TextType | str) -> None:
        warnings.warn(_AGGREGATED_BY, DeprecationWarning, stacklevel=2)
        self.text_type = value


class _HeardText:
    """How frames with words of a user describe themselves."""

    name: str
    user_id: str
    text: str
    language: Language | None
    timestamp: str

    def __str__(self) -> str:
        return (
            f"{self.name}(user: {self.user_id}, text: [{self.text}], "
            f"language: {self.language}, timestamp: {self.timestamp})"
        )


@dataclass(repr=False, eq=False)
class TranscriptionFrame(_HeardText, TextFrame):
    """What a user said, as the speech-to-text service understood it for good.

    Attributes:
        user_id: Identifier of the user.
        timestamp: When it was said, as ISO 8601.
        language: The language, if known.
        result: The service's own result object, or None.
        finalized: Whether the service says that nothing of this utterance follows.
    """

    user_id: str
    timestamp: str
    language: Language | None = None
    result: Any | None = None
    finalized: bool = False


@dataclass(repr=False, eq=False)
class InterimTranscriptionFrame(_HeardText, TextFrame):
    """What a user seems to be saying, which may still change.

    Attributes:
        user_id: Identifier of the user.
        timestamp: When it was said, as ISO 8601.
        language: The language, if known.
        result: The service's own result object, or None.
    """

    user_id: str
    timestamp: str
    language: Language | None = None
    result: Any | None = None


@dataclass(repr=False, eq=False)
class EagerTranscriptionFrame(_HeardText, TextFrame):
    """What a user said up to an end of turn that the service expects but is not yet sure of.

    Attributes:
        user_id: Identifier of the user.
        timestamp: When it was said, as ISO 8601.
        language: The language, if known.
        result: The service's own result object, or None.
    """

    user_id: str
    timestamp: str
    language: Language | None = None
    result: Any | None = None


@dataclass(repr=False, eq=False)
class TranslationFrame(_HeardText, TextFrame):
    """What a user said, in another language.

    Attributes:
        user_id: Identifier of the user.
        timestamp: When it was said, as ISO 8601.
        language: The language of the translation, if known.
    """

    user_id: str
    timestamp: str
    language: Language | None = None


@dataclass(repr=False, eq=False)
class UserBackchannelFrame(DataFrame):
    """A short acknowledgement of the user, which takes no turn.

    Attributes:
        text: The words.
        user_id: Identifier of the user.
        timestamp: When it was said, as ISO 8601.
    """

    text: str
    user_id: str
    timestamp: str

    def __str__(self) -> str:
        return (
            f"{self.name}(user: {self.user_id}, text: [{self.text}], timestamp: {self.timestamp})"
        )


class InputTextRawFrame(SystemFrame, TextFrame):
    """Text that a user typed, from a transport. Being a system frame, it overtakes."""

    def __str__(self) -> str:
        return (
            f"{self.name}(pts: {format_pts(self.pts)}, source: {self.transport_source}, "
            f"text: [{self.text}])"
        )
