"""Numbers in words."""

from __future__ import annotations

import re

from pipecat_rs.frames.text import TextType
from pipecat_rs.utils.text.transforms.spoken_number import digit_by_digit, load_number_words
from pipecat_rs.utils.text.transforms.text_transform import TextTransform

__all__ = ["expand_numbers"]

_NUMBER = re.compile(r"\b(?P<whole>\d{1,3}(?:,\d{3})*|\d+)(?:\.(?P<fraction>\d+))?\b")


def expand_numbers(digit_cutoff: int | None = 2025) -> TextTransform:
    """Return a transform that puts numbers into words: "forty-two", and "2 0 2 6" for large ones.

    Each digit behind a point is said: "one point five zero".

    Args:
        digit_cutoff: Numbers above it are read digit by digit; None for none of them.

    Raises:
        MissingDependencyError: If num2words is not installed.
    """
    number_words = load_number_words("expand_numbers")

    def in_words(number: re.Match[str]) -> str:
        digits, fraction = number["whole"].replace(",", ""), number["fraction"]
        try:
            whole = int(digits)
        except ValueError:  # more digits than Python reads
            return digit_by_digit(digits, fraction)
        words = number_words(whole)
        if words is None or (digit_cutoff is not None and whole > digit_cutoff):
            return digit_by_digit(digits, fraction)
        if not fraction:
            return words
        return f"{words} point {' '.join(str(number_words(int(digit))) for digit in fraction)}"

    async def transform(text: str, text_type: str | TextType) -> str:
        return _NUMBER.sub(in_words, text)

    return transform
