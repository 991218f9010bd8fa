"""A text in pieces, each beside what is spoken in its place."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cached_property

from pipecat_rs.utils.text.alnum_utils import alnum_only
from pipecat_rs.utils.text.markup_utils import split_markup_runs, strip_complete_markup

_SPACES = re.compile(r"(\s+)")


@dataclass(frozen=True)
class TextSegment:
    """A piece of a text.

    Attributes:
        original: The piece, as it is shown.
        tts: The piece, as it is sent to be spoken; "" if it is not.
        original_start: Where it begins in the text that is shown.
        original_end: Where it ends there.
    """

    original: str
    tts: str
    original_start: int
    original_end: int

    @cached_property
    def is_transformed(self) -> bool:
        """Whether no place inside the one is a place inside the other.

        So it is if the letters and digits are others, as with "$5" and "five dollars"; if there are
        more words, or fewer; and if there are tags, which only one of them has to cross.
        """
        return (
            strip_complete_markup(self.tts) != self.tts
            or alnum_only(self.original) != alnum_only(self.tts)
            or len(self.original.split()) != len(self.tts.split())
        )

    @property
    def tts_alnum_count(self) -> int:
        """Number of letters and digits that are spoken."""
        return len(alnum_only(self.tts))

    @property
    def original_alnum_count(self) -> int:
        """Number of letters and digits that are shown."""
        return len(alnum_only(self.original))


def cut_into_segments(tts_text: str, original_text: str) -> list[TextSegment]:
    """Cut a text where what is spoken begins or ceases to be what is shown.

    A tag in a piece that is spoken as it is shown gets a piece of its own, with the words that it
    touches, so that the words around it can be followed one by one.

    Args:
        tts_text: What is spoken.
        original_text: What is shown.
    """
    shown, spoken = _SPACES.split(original_text), _SPACES.split(tts_text)
    segments: list[TextSegment] = []
    at = 0
    matcher = difflib.SequenceMatcher(None, shown, spoken, autojunk=False)
    for kind, begin, end, tts_begin, tts_end in matcher.get_opcodes():
        original, tts = "".join(shown[begin:end]), "".join(spoken[tts_begin:tts_end])
        if kind == "equal":
            pieces = [(run, run) for run in split_markup_runs(original)]
        else:
            pieces = [(original, tts)]
        for piece, piece_tts in pieces:
            segments.append(TextSegment(piece, piece_tts, at, at + len(piece)))
            at += len(piece)
    return segments
