"""Telephone numbers, digit by digit."""

from __future__ import annotations

import re

from pipecat_rs.frames.text import TextType

__all__ = ["expand_phone_numbers"]

_PHONE_NUMBER = re.compile(
    r"""
    (?<!\d)
    (?:\+?1[\s.-]?)?        # the country
    \(?\d{3}\)?[\s.-]?      # the area
    \d{3}[\s.-]?\d{4}
    (?!\d)
    """,
    re.VERBOSE,
)


async def expand_phone_numbers(text: str, text_type: str | TextType) -> str:
    """Return a text with North American telephone numbers as single digits: "1 2 3 4 5 6 7 8 9 0".

    Args:
        text: The text.
        text_type: Its type; it makes no difference.
    """
    return _PHONE_NUMBER.sub(lambda number: " ".join(filter(str.isdecimal, number[0])), text)
