"""Values of environment variables."""

from __future__ import annotations

import os

__all__ = ["InvalidEnvVarValueError", "env_truthy"]

_TRUE = frozenset(("1", "true", "yes", "y", "on"))
_FALSE = frozenset(("0", "false", "no", "n", "off", ""))


class InvalidEnvVarValueError(ValueError):
    """An environment variable has a value that means nothing.

    Attributes:
        name: The variable.
        value: Its value.
        expected: What it could be, in words.
    """

    def __init__(self, name: str, value: str, expected: str) -> None:
        """Describe the error.

        Args:
            name: The variable.
            value: Its value.
            expected: What it could be, in words.
        """
        super().__init__(f"environment variable {name!r} is {value!r}, and should be {expected}")
        self.name = name
        self.value = value
        self.expected = expected

    def __reduce__(self) -> tuple[type[InvalidEnvVarValueError], tuple[str, str, str]]:
        # An exception is otherwise made anew, in a copy or a pickle, from its message alone.
        return type(self), (self.name, self.value, self.expected)


def env_truthy(name: str, default: bool = False) -> bool:
    """Return whether an environment variable says yes: 1, true, yes, y or on, in any case.

    Args:
        name: The variable.
        default: What holds if it is not set; an empty one says no.

    Raises:
        InvalidEnvVarValueError: If it says neither yes nor no.
    """
    value = os.environ.get(name)
    if value is None:
        return default
    answer = value.strip().lower()
    if answer not in _TRUE | _FALSE:
        raise InvalidEnvVarValueError(name, value, expected="true or false")
    return answer in _TRUE
