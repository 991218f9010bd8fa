"""Acronyms, letter by letter."""

from __future__ import annotations

import re

from pipecat_rs.frames.text import TextType

__all__ = ["normalize_acronyms"]

_ACRONYM = re.compile(r"\b[A-Z]{2,}\b")


async def normalize_acronyms(text: str, text_type: str | TextType) -> str:
    """Return a text with spaces between the letters of words in capitals: "the A P I".

    Args:
        text: The text.
        text_type: Its type; it makes no difference.
    """
    return _ACRONYM.sub(lambda acronym: " ".join(acronym[0]), text)
