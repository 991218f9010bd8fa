"""Amounts of money in words."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipecat_rs.frames.text import TextType
from pipecat_rs.utils.text.transforms.spoken_number import digit_by_digit, load_number_words

__all__ = ["expand_currency"]


class _Unit(NamedTuple):
    one: str
    many: str


_DOLLAR, _CENT = _Unit("dollar", "dollars"), _Unit("cent", "cents")
_UNITS: dict[str, tuple[_Unit, _Unit | None]] = {
    "$": (_DOLLAR, _CENT),
    "€": (_Unit("euro", "euros"), _CENT),
    "£": (_Unit("pound", "pounds"), _Unit("penny", "pence")),
    "¥": (_Unit("yen", "yen"), None),
    "₹": (_Unit("rupee", "rupees"), _Unit("paisa", "paise")),
}
"""Each sign's unit and its hundredth, if there is one."""

_AMOUNT = re.compile(
    rf"(?P<sign>[{re.escape(''.join(_UNITS))}])\s*(?P<whole>\d{{1,3}}(?:,\d{{3}})*|\d+)\b"
    r"(?:\.(?P<fraction>\d+))?"
)


async def expand_currency(text: str, text_type: str | TextType) -> str:
    """Return a text with amounts in words: "forty-two dollars and fifty cents".

    Fractions of a hundredth are left out.

    Args:
        text: The text.
        text_type: Its type; it makes no difference.

    Raises:
        MissingDependencyError: If num2words is not installed.
    """
    number_words = load_number_words("expand_currency")

    def amount_in(digits: str, unit: _Unit) -> str:
        try:
            number = int(digits)
        except ValueError:  # more digits than Python reads
            return f"{digit_by_digit(digits)} {unit.many}"
        words = number_words(number) or digit_by_digit(digits)
        return f"{words} {unit.one if number == 1 else unit.many}"

    def in_words(amount: re.Match[str]) -> str:
        unit, hundredth = _UNITS[amount["sign"]]
        words = amount_in(amount["whole"].replace(",", ""), unit)
        hundredths = (amount["fraction"] or "")[:2].ljust(2, "0")
        if hundredth is None or int(hundredths) == 0:
            return words
        return f"{words} and {amount_in(hundredths, hundredth)}"

    return _AMOUNT.sub(in_words, text)
