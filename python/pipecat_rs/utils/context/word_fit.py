"""Where a reported word stands in a text that is being spoken.

Services report words in their own spelling: with a full stop that the text has not, in small
letters, without accents or tags, with the space before it or not. So a word is looked for in ways
that forgive more and more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from pipecat_rs.utils.text.alnum_utils import (
    fold_for_matching,
    has_alnum,
    strip_trailing_punctuation,
)
from pipecat_rs.utils.text.markup_utils import raw_offset_after_clean_chars, strip_markup


class Fit(Enum):
    """How a word and the rest of a text fit.

    Attributes:
        WITHIN: The word ends in it.
        BEYOND: It ends in the word, which goes on in the next text.
        SILENT: There is nothing in it that a word could be about.
        UNKNOWN: The word is about none of it, unless about the signs that come next.
    """

    WITHIN = "within"
    BEYOND = "beyond"
    SILENT = "silent"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class WordFit:
    """The place of a word.

    Attributes:
        kind: How it fits.
        advance: Number of characters of the text up to its end, where it ends in it.
        used: Number of characters of the word that the text has used up, where it goes on.
    """

    kind: Fit
    advance: int = 0
    used: int = 0


def fit_word(text: str, word: str, *, reach: int) -> WordFit:
    """Find a word in a text.

    Args:
        text: The text that is left.
        word: The word.
        reach: Number of words that may be skipped, as their reports may have been lost.
    """
    starts = _starts(text)
    fit = (
        _fit_at(text, word, starts)
        or _fit_at(fold_for_matching(text), fold_for_matching(word), starts, whole=True)
        or _fit_without_tags(text, word)
        or _fit_further_on(text, word, reach)
    )
    if fit is not None:
        return fit
    if not has_alnum(text):
        return WordFit(Fit.SILENT)
    return WordFit(Fit.UNKNOWN, advance=_end_of_signs(text))


def _fit_at(text: str, word: str, starts: Sequence[int], *, whole: bool = False) -> WordFit | None:
    """Compare a word with a text from several places on.

    With `whole`, a word of the text has to end where the word does: "account" is not in
    "accountant".
    """
    for spelling in _spellings(word):
        for start in starts:
            if text.startswith(spelling, start):
                end = start + len(spelling)
                if not (whole and text[end : end + 1].isalnum()):
                    return WordFit(Fit.WITHIN, advance=end)
            elif start < len(text) and spelling.startswith(text[start:]):
                return WordFit(Fit.BEYOND, used=len(text) - start)
    return None


def _fit_without_tags(text: str, word: str) -> WordFit | None:
    begin = len(text) - len(text.lstrip())
    spoken = strip_markup(text[begin:])
    for spelling in _spellings(strip_markup(word)):
        if spoken.startswith(spelling):
            end = raw_offset_after_clean_chars(text[begin:], len(spelling))
            return WordFit(Fit.WITHIN, advance=begin + end)
    return None


def _fit_further_on(text: str, word: str, reach: int) -> WordFit | None:
    if "<" in text:
        return None  # the name of a tag would look like a word
    beginnings = [
        i for i, c in enumerate(text) if c.isalnum() and not (i and text[i - 1].isalnum())
    ]
    folded, folded_word = fold_for_matching(text), fold_for_matching(word)
    for beginning in beginnings[1 : 1 + reach]:
        fit = _fit_at(folded, folded_word, (beginning,), whole=True)
        if fit is not None and fit.kind is Fit.WITHIN:
            return fit
    return None


def _starts(text: str) -> list[int]:
    """Return where a word may begin: at once, behind spaces, behind signs already spoken."""
    behind_spaces = behind_signs = len(text) - len(text.lstrip())
    while (
        behind_signs < len(text) and text[behind_signs] != "<" and not text[behind_signs].isalnum()
    ):
        behind_signs += 1
    return list(dict.fromkeys((0, behind_spaces, behind_signs)))


def _spellings(word: str) -> Iterator[str]:
    """Yield the word, then without the last sign at its end, then without all of them."""
    bare = strip_trailing_punctuation(word)
    spellings = (word,) if bare == word else (word, word[:-1], bare)
    yield from filter(None, dict.fromkeys(spellings))


def _end_of_signs(text: str) -> int:
    """Return where the next run of signs ends, spaces ahead of it included."""
    end = len(text) - len(text.lstrip())
    while end < len(text) and not (text[end].isalnum() or text[end].isspace()):
        end += 1
    return end
