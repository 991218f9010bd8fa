"""Numbers in English words, by num2words."""

from __future__ import annotations

from collections.abc import Callable

from pipecat_rs.exceptions import MissingDependencyError

__all__ = ["digit_by_digit", "load_number_words"]


def load_number_words(needed_by: str) -> Callable[[int | float], str | None]:
    """Return a function that says a number in words, or None if it has no name for it.

    Args:
        needed_by: What asks, for the error.

    Raises:
        MissingDependencyError: If num2words is not installed.
    """
    try:
        from num2words import num2words
    except ImportError as error:
        raise MissingDependencyError.of("num2words", needed_by=needed_by, extra="text") from error

    def number_words(number: int | float) -> str | None:
        try:
            return num2words(number, lang="en")
        except OverflowError:
            return None

    return number_words


def digit_by_digit(whole: str, fraction: str | None = None) -> str:
    """Return a number's digits with spaces between them.

    Args:
        whole: The digits before the point.
        fraction: Those behind it, if any.
    """
    return " ".join(whole) + (f" point {' '.join(fraction)}" if fraction else "")
