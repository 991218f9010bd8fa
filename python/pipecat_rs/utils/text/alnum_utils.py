"""Text reduced to what two spellings of it have in common, and cursors that walk along it.

A speech service reports the words it says in its own spelling: without accents, with other
quotes, without the tags it was sent. These functions find the place in the text that was sent.
"""

from __future__ import annotations

import unicodedata

from pipecat_rs.utils.text.markup_utils import strip_complete_markup

__all__ = [
    "advance_by_alnums",
    "advance_by_chars",
    "alnum_only",
    "fold_for_matching",
    "fold_typography",
    "has_alnum",
    "strip_trailing_punctuation",
]

_TYPOGRAPHY = str.maketrans("‘’ʼ“”–—", "'''\"\"--")  # noqa: RUF001 - they are meant
"""Quotes and dashes of print, and those of ASCII. One for one, so that offsets stay."""


class _BaseLetters(dict[int, str]):
    """A table for `str.translate`: small letters without accents, worked out as they are met."""

    def __missing__(self, code: int) -> str:
        char = base = chr(code)
        if char.isalpha():
            # A letter with an accent comes apart into the letter and a mark (category Mn).
            first, *marks = unicodedata.normalize("NFD", char)
            accented = bool(marks) and unicodedata.category(marks[0]) == "Mn"
            base = (first if accented else char).lower()
        self[code] = base
        return base


_BASE_LETTERS = _BaseLetters()


def strip_trailing_punctuation(text: str) -> str:
    """Return a text without the punctuation at its very end.

    Args:
        text: The text.
    """
    end = len(text)
    while end and unicodedata.category(text[end - 1])[0] == "P":
        end -= 1
    return text[:end]


def fold_typography(text: str) -> str:
    """Return a text with typographic quotes and dashes in ASCII, character for character.

    Args:
        text: The text.
    """
    return text.translate(_TYPOGRAPHY)


def fold_for_matching(text: str) -> str:
    """Return a text in small letters, without accents and with ASCII quotes and dashes.

    The result is as long as the text, and each character stands where it stood: an offset found
    in one holds in the other.

    Args:
        text: The text.
    """
    return fold_typography(text.translate(_BASE_LETTERS))


def alnum_only(text: str) -> str:
    """Return the letters and digits of a text, small and without accents.

    What stands between ``<`` and ``>`` does not count. Each letter or digit is one character of
    the result, in every script.

    Args:
        text: The text.
    """
    kept = "".join(filter(str.isalnum, strip_complete_markup(text)))
    # Roman numerals have a case and are no letters.
    return kept.translate(_BASE_LETTERS).lower()


def has_alnum(text: str) -> bool:
    """Return whether a letter or digit is left of a text without its tags.

    Args:
        text: The text.
    """
    return any(map(str.isalnum, strip_complete_markup(text)))


def advance_by_chars(text: str, start_pos: int, n: int) -> int:
    """Return where a cursor stands once it has passed so many characters.

    Tags are crossed without being counted; those behind the last character are not crossed.

    Args:
        text: The text.
        start_pos: Where the cursor stands.
        n: How many characters.
    """
    tags = _Tags(text)
    pos, count = start_pos, 0
    while pos < len(text) and count < n:
        if text[pos] == "<":
            pos = tags.end(pos)
        else:
            pos += 1
            count += 1
    return pos


def advance_by_alnums(text: str, start_pos: int, n: int) -> int:
    """Return where a cursor stands once it has passed so many letters and digits.

    Tags and everything else are crossed without being counted, and so is the punctuation that
    follows directly: the cursor stands before the next space, tag, letter or digit.

    Args:
        text: The text.
        start_pos: Where the cursor stands.
        n: How many letters and digits.
    """
    tags = _Tags(text)
    pos, count = start_pos, 0
    while pos < len(text) and count < n:
        if text[pos] == "<":
            pos = tags.end(pos)
        else:
            count += text[pos].isalnum()
            pos += 1
    while pos < len(text) and text[pos] != "<" and not (text[pos].isalnum() or text[pos].isspace()):
        pos += 1
    return pos


class _Tags:
    """Where the tags of a text end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._last_end = text.rfind(">")

    def end(self, start: int) -> int:
        """Return the index behind a tag, or behind its ``<`` if no ``>`` comes."""
        if start > self._last_end:
            return start + 1
        return self._text.index(">", start) + 1
