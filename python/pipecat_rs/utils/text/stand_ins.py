"""Characters that stand for others while a text is worked on."""

from __future__ import annotations

from itertools import islice

__all__ = ["stand_ins"]

_PRIVATE_USE = range(0xE000, 0xF900)


def stand_ins(text: str, count: int) -> list[str]:
    """Return so many characters that do not occur in a text.

    Args:
        text: The text.
        count: How many.
    """
    taken = set(text)
    free = (chr(code) for code in _PRIVATE_USE if chr(code) not in taken)
    # A text that has all 6,400 of them is none.
    return [*islice(free, count), *map(chr, _PRIVATE_USE)][:count]
