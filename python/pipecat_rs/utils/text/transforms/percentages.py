"""Percentages in words."""

from __future__ import annotations

import re

from pipecat_rs.frames.text import TextType
from pipecat_rs.utils.text.transforms.spoken_number import digit_by_digit, load_number_words

__all__ = ["expand_percentages"]

# The digits are taken as a whole, with or without the sign behind them: else a long number would be
# searched for the sign from each of its digits.
_DIGITS_OR_PERCENTAGE = re.compile(r"(?P<whole>\d++)(?P<rest>(?:\.(?P<fraction>\d++))?+\s*%)?")


async def expand_percentages(text: str, text_type: str | TextType) -> str:
    """Return a text with percentages in words: "fifty percent".

    Args:
        text: The text.
        text_type: Its type; it makes no difference.

    Raises:
        MissingDependencyError: If num2words is not installed.
    """
    number_words = load_number_words("expand_percentages")

    def in_words(match: re.Match[str]) -> str:
        whole, fraction = match["whole"], match["fraction"]
        if match["rest"] is None:
            return match[0]
        number = float(f"{whole}.{fraction}" if fraction else whole)
        return f"{number_words(number) or digit_by_digit(whole, fraction)} percent"

    return _DIGITS_OR_PERCENTAGE.sub(in_words, text)
