"""The keys of a telephone."""

from __future__ import annotations

from enum import StrEnum


class KeypadEntry(StrEnum):
    """A key of a telephone keypad."""

    ONE = "1"
    TWO = "2"
    THREE = "3"
    FOUR = "4"
    FIVE = "5"
    SIX = "6"
    SEVEN = "7"
    EIGHT = "8"
    NINE = "9"
    ZERO = "0"
    POUND = "#"
    STAR = "*"
