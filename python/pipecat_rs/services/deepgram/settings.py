"""What can be set on Deepgram's transcription, and how it is written into the address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from pipecat_rs.services.settings import STTSettings
from pipecat_rs.utils.deprecation import deprecated
from pipecat_rs.utils.types import NOT_GIVEN, NotGiven, is_given

if TYPE_CHECKING:
    from typing import Self


def _not_given() -> Any:
    return NOT_GIVEN


@dataclass
class DeepgramSTTSettings(STTSettings):
    """What Deepgram has. None leaves a setting out; `extra` has what is not named here.

    Attributes:
        detect_entities: Whether names, dates and the like are marked.
        diarize: Whether speakers are told apart.
        dictation: Whether spoken commands such as "comma" become punctuation.
        endpointing: Silence that ends a segment, in ms; False for none.
        interim_results: Whether there are transcripts of what is not final.
        keyterm: Terms to expect, one or a list.
        keywords: Words to expect, one or a list, for older models.
        numerals: Whether numbers are written in digits.
        profanity_filter: Whether profanity is left out.
        punctuate: Whether there is punctuation.
        redact: What to leave out, one kind or a list.
        replace: What to write instead of what, one rule or a list.
        search: Terms to look for, one or a list.
        smart_format: Whether dates, amounts and the like are formatted.
        utterance_end_ms: Gap between words that ends an utterance, in ms.
        version: Version of the model.
    """

    detect_entities: bool | NotGiven = field(default_factory=_not_given)
    diarize: bool | NotGiven = field(default_factory=_not_given)
    dictation: bool | NotGiven = field(default_factory=_not_given)
    endpointing: Any = field(default_factory=_not_given)
    interim_results: bool | NotGiven = field(default_factory=_not_given)
    keyterm: Any = field(default_factory=_not_given)
    keywords: Any = field(default_factory=_not_given)
    numerals: bool | NotGiven = field(default_factory=_not_given)
    profanity_filter: bool | NotGiven | None = field(default_factory=_not_given)
    punctuate: bool | NotGiven = field(default_factory=_not_given)
    redact: Any = field(default_factory=_not_given)
    replace: Any = field(default_factory=_not_given)
    search: Any = field(default_factory=_not_given)
    smart_format: bool | NotGiven = field(default_factory=_not_given)
    utterance_end_ms: int | NotGiven | None = field(default_factory=_not_given)
    version: str | NotGiven | None = field(default_factory=_not_given)

    @classmethod
    def defaults(cls) -> Self:
        """Return what a service has that is told nothing."""
        off = dict.fromkeys(("detect_entities", "diarize", "dictation", "numerals"), False)
        given = {**off, "smart_format": False, "interim_results": True, "punctuate": True}
        rest = {f.name: None for f in fields(cls) if f.name not in (*given, "extra")}
        return cls(**{**rest, **given, "model": "nova-3-general", "language": "en"})

    def with_extra_in_fields(self) -> Self:
        """Return a copy in which what `extra` has of the fields stands there.

        A field that is given wins over `extra`.
        """
        copy = self.copy()
        for name in [f.name for f in fields(self) if f.name != "extra"]:
            if name in copy.extra:
                value = copy.extra.pop(name)
                if not is_given(getattr(copy, name)):
                    setattr(copy, name, value)
        return copy


@deprecated(
    "`LiveOptions` is deprecated since 0.0.105 and will be removed in 2.0.0. Use "
    "`DeepgramSTTService.Settings` instead."
)
class LiveOptions:
    """Options as older programs give them: any of Deepgram's, by name."""

    def __init__(self, **options: Any) -> None:
        """Take the options.

        Args:
            **options: The options; None leaves one out.
        """
        self._options = options

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._options.get(name)

    def to_dict(self) -> dict[str, Any]:
        """Return the options that are given."""
        return {name: value for name, value in self._options.items() if value is not None}


def query_items(options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Write options as the items of a query; a list becomes one item for each of its values.

    Args:
        options: The options; None leaves one out.
    """
    for name, value in options.items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if one is not None and is_given(one):
                yield name, str(one).lower() if isinstance(one, bool) else str(one)
