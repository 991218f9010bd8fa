"""Units of measurement in words."""

from __future__ import annotations

import re

from pipecat_rs.frames.text import TextType

__all__ = ["expand_units"]

_UNITS: dict[str, tuple[str, str]] = {
    "km": ("kilometer", "kilometers"),
    "m": ("meter", "meters"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "mi": ("mile", "miles"),
    "ft": ("foot", "feet"),
    "in": ("inch", "inches"),
    "yd": ("yard", "yards"),
    "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"),
    "lb": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "l": ("liter", "liters"),
    "ml": ("milliliter", "milliliters"),
    "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "gb": ("gigabyte", "gigabytes"),
    "mb": ("megabyte", "megabytes"),
    "kb": ("kilobyte", "kilobytes"),
    "tb": ("terabyte", "terabytes"),
    "hz": ("hertz", "hertz"),
    "khz": ("kilohertz", "kilohertz"),
    "mhz": ("megahertz", "megahertz"),
    "ghz": ("gigahertz", "gigahertz"),
}
"""What one of each is called, and several."""

_ALSO_WORDS = ("in", "m", "g", "l")
"""Units only directly behind a number: "1 in 5" is no length."""

# The digits are taken as a whole, with or without a unit behind them: else a long number would be
# searched for the unit from each of its digits.
_DIGITS_OR_QUANTITY = re.compile(
    r"(?P<whole>\d++)(?:(?P<fraction>(?:\.\d++)?+)"
    rf"(?:\s*(?P<unit>{'|'.join(unit for unit in _UNITS if unit not in _ALSO_WORDS)})"
    rf"|(?P<close_unit>{'|'.join(_ALSO_WORDS)}))\b)?",
    re.IGNORECASE,
)


async def expand_units(text: str, text_type: str | TextType) -> str:
    """Return a text with units spelled out: "5 kilometers", "1 kilometer".

    Args:
        text: The text.
        text_type: Its type; it makes no difference.
    """
    return _DIGITS_OR_QUANTITY.sub(_spelled_out, text)


def _spelled_out(match: re.Match[str]) -> str:
    one_and_many = _UNITS.get((match["unit"] or match["close_unit"] or "").lower())
    if one_and_many is None:
        return match[0]
    number = match["whole"] + match["fraction"]
    # "1.0" goes with the plural.
    return f"{number} {one_and_many[number != '1']}"
