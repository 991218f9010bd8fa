"""Tags in text, such as SSML: whatever stands between ``<`` and ``>``, by whatever name.

A ``<`` that no ``>`` follows is read in two ways. In a fragment, such as one word of a stream, it
is a tag cut in two, and the rest belongs to it. In a complete text it is a character of its own, as
in "5 < 10".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

__all__ = [
    "raw_offset_after_clean_chars",
    "split_markup_runs",
    "strip_complete_markup",
    "strip_markup",
]

_TAG_OF_FRAGMENT = re.compile(r"<[^>]*>?")
_TAG = re.compile(r"<[^>]+>")
_SPACES = re.compile(r"\s(?:.*\s)?", re.DOTALL)
"""From the first space to the last one."""


def strip_markup(text: str) -> str:
    """Return a fragment of text without tags; one that is not closed takes the rest with it.

    Args:
        text: The fragment.
    """
    return _TAG_OF_FRAGMENT.sub("", text)


def strip_complete_markup(text: str) -> str:
    """Return a complete text without tags; a ``<`` that nothing closes stays.

    Args:
        text: The text.
    """
    kept = []
    begin = 0
    for tag in _tags(text):
        kept.append(text[begin : tag.start()])
        begin = tag.end()
    kept.append(text[begin:])
    return "".join(kept)


def raw_offset_after_clean_chars(text: str, n: int) -> int:
    """Return the index in a fragment behind the nth character that is left without its tags.

    Args:
        text: The fragment, tags included.
        n: How many characters of `strip_markup`'s result.

    Returns:
        The index; the length of the fragment if it has fewer of them.
    """
    if n <= 0:
        return 0
    begin = 0
    for tag in _TAG_OF_FRAGMENT.finditer(text):
        if n <= tag.start() - begin:
            break
        n -= tag.start() - begin
        begin = tag.end()
    return min(begin + n, len(text))


def split_markup_runs(text: str) -> list[str]:
    """Split a complete text into runs of words with tags and of words without.

    A space inside a tag does not divide it; a space between two words with tags is a run.

    Args:
        text: The text.

    Returns:
        The runs, which are the text when put together.
    """
    cuts = [0]
    begin = 0
    for tag in _tags(text):
        spaces = _SPACES.search(text, begin, tag.start())
        if spaces and begin:
            cuts.append(spaces.start())  # the end of the word that the last tag is in
        if spaces:
            cuts.append(spaces.end())
        begin = tag.end()
    spaces = _SPACES.search(text, begin)
    if spaces and begin:
        cuts.append(spaces.start())
    cuts.append(len(text))
    return [text[i:j] for i, j in pairwise(cuts) if i < j]


def _tags(text: str) -> Iterator[re.Match[str]]:
    """Yield the tags of a complete text."""
    # Behind the last ">", each "<" would be followed to the end in vain.
    return _TAG.finditer(text, 0, text.rfind(">") + 1)
