"""The sign for a value that was not given, where None is a value of its own."""

from __future__ import annotations

from typing import Literal, TypeGuard, TypeVar

_T = TypeVar("_T")


class NotGiven:
    """The class of `NOT_GIVEN`. It has this one instance, which is false."""

    _instance: NotGiven | None = None

    def __new__(cls) -> NotGiven:
        """Return the one instance."""
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> Literal[False]:
        return False

    def __reduce__(self) -> tuple[type[NotGiven], tuple[()]]:
        # Copies and pickles stay the one instance.
        return (NotGiven, ())


NOT_GIVEN: NotGiven = NotGiven()
"""The sign."""


def is_given(value: _T | NotGiven) -> TypeGuard[_T]:
    """Return whether a value was given.

    Args:
        value: The value.
    """
    return not isinstance(value, NotGiven)


def assert_given(value: _T | NotGiven) -> _T:
    """Return a value that must have been given.

    Args:
        value: The value.

    Raises:
        RuntimeError: If it was not.
    """
    if not is_given(value):
        raise RuntimeError("Expected a value, got NOT_GIVEN")
    return value


def require_given(value: _T | NotGiven | None, what: str) -> _T:
    """Return a value that must have been given and must not be empty.

    Args:
        value: The value.
        what: What it is called in the error.

    Raises:
        RuntimeError: If it was not given.
        ValueError: If it is None or an empty string.
    """
    value = assert_given(value)
    if value is None or value == "":
        raise ValueError(f"{what} must be specified")
    return value
