"""Warnings about what pipecat has deprecated.

They are plain DeprecationWarnings: Python shows each place once, and only in the program's own
main module unless asked for more.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.renamed_field import renamed_init_field

if TYPE_CHECKING:
    from typing_extensions import deprecated

__all__ = ["DEPRECATION_MESSAGE_RE", "deprecated", "renamed_init_field", "warn_deprecated"]

DEPRECATION_MESSAGE_RE = re.compile(
    r"^`(?P<subject>[^`]+)` is deprecated since (?P<version>\d+\.\d+\.\d+) "
    r"and will be removed in (?P<removal>\d+\.\d+\.\d+)\. "
    r"(?:Use (?P<replacement>.+) instead\.|No replacement\.)"
)
"""The form of every message: subject, version of pipecat, removal, replacement."""


def warn_deprecated(message: str, stacklevel: int = 1) -> None:
    """Warn that something deprecated is used.

    Args:
        message: The message, in the form of `DEPRECATION_MESSAGE_RE`.
        stacklevel: Whose line the warning names: 1 is the caller's, 2 its caller's.
    """
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel + 1)


if not TYPE_CHECKING:

    def deprecated(message: str) -> Callable[[Any], Any]:
        """Mark a class or a function as deprecated (PEP 702, which Python has from 3.13 on).

        A call of the function, or an instance of the class itself, warns; a subclass does not.
        """

        def decorate(marked: Any) -> Any:
            if isinstance(marked, type):
                return _warn_when_built(marked, message)

            @functools.wraps(marked)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                return marked(*args, **kwargs)

            wrapper.__deprecated__ = message
            return wrapper

        return decorate

    def _warn_when_built(cls: type, message: str) -> type:
        init = cls.__init__

        @functools.wraps(init)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            if type(self) is cls:
                warnings.warn(message, DeprecationWarning, stacklevel=2)
            init(self, *args, **kwargs)

        cls.__init__ = __init__
        cls.__deprecated__ = message
        return cls
