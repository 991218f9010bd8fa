"""Dates as they are said in the United States."""

from __future__ import annotations

import datetime
import re

from pipecat_rs.frames.text import TextType
from pipecat_rs.utils.text.transforms.spoken_number import load_number_words

__all__ = ["normalize_dates"]

_YEAR_FIRST = re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b")
_YEAR_LAST = re.compile(r"\b(?P<month>\d{1,2})[/-](?P<day>\d{1,2})[/-](?P<year>\d{4})\b")
# Not by `strftime`, which names them in the language of the process.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


async def normalize_dates(text: str, text_type: str | TextType) -> str:
    """Return a text with dates spelled out: "May 10th, two thousand and twenty-three".

    ``2023-05-10``, ``05/10/2023`` and ``05-10-2023`` are understood, the latter two with the month
    first. What is no day of the calendar stays as it is.

    Args:
        text: The text.
        text_type: Its type; it makes no difference.

    Raises:
        MissingDependencyError: If num2words is not installed.
    """
    number_words = load_number_words("normalize_dates")

    def spelled_out(match: re.Match[str]) -> str:
        try:
            date = datetime.date(int(match["year"]), int(match["month"]), int(match["day"]))
        except ValueError:
            return match[0]
        return f"{_MONTHS[date.month - 1]} {_ordinal(date.day)}, {number_words(date.year)}"

    return _YEAR_LAST.sub(spelled_out, _YEAR_FIRST.sub(spelled_out, text))


def _ordinal(day: int) -> str:
    teen = 11 <= day <= 13
    return f"{day}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
