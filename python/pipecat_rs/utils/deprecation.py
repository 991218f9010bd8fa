"""Warnings about what pipecat has deprecated.

They are plain DeprecationWarnings: Python shows each place once, and only in the program's own
main module unless asked for more.
"""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.renamed_field import renamed_init_field

if TYPE_CHECKING:
    from typing_extensions import deprecated

__all__ = [
    "DEPRECATION_MESSAGE_RE",
    "deprecated",
    "renamed_init_field",
    "warn_deprecated",
    "warn_deprecated_read",
]

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

    class deprecated:
        """Mark a class or a function as deprecated (PEP 702, which Python has from 3.13 on).

        A call of the function, or an instance of the class itself, warns; a subclass does not.

        Attributes:
            message: What is said.
            category: Class of the warning; None for no warning, only the mark.
            stacklevel: Whose line the warning names: 1 is the caller's, 2 its caller's.
        """

        def __init__(
            self,
            message: str,
            /,
            *,
            category: type[Warning] | None = DeprecationWarning,
            stacklevel: int = 1,
        ) -> None:
            self.message = message
            self.category = category
            self.stacklevel = stacklevel

        def __call__(self, marked: Any, /) -> Any:
            if self.category is None:
                marked.__deprecated__ = self.message
                return marked
            if isinstance(marked, type):
                return self._warn_when_built(marked)

            @functools.wraps(marked)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                warnings.warn(self.message, self.category, stacklevel=self.stacklevel + 1)
                return marked(*args, **kwargs)

            if inspect.iscoroutinefunction(marked):
                _mark_as_coroutine_function(wrapper)
            marked.__deprecated__ = wrapper.__deprecated__ = self.message
            return wrapper

        def _warn_when_built(self, cls: type) -> type:
            init = cls.__init__

            @functools.wraps(init)
            def __init__(built: Any, *args: Any, **kwargs: Any) -> None:
                if type(built) is cls:
                    warnings.warn(self.message, self.category, stacklevel=self.stacklevel + 1)
                init(built, *args, **kwargs)

            cls.__init__ = __init__
            cls.__deprecated__ = self.message
            return cls

    def _mark_as_coroutine_function(wrapper: Callable[..., Any]) -> None:
        if hasattr(inspect, "markcoroutinefunction"):  # from Python 3.12 on
            inspect.markcoroutinefunction(wrapper)
        else:
            import asyncio

            wrapper._is_coroutine = asyncio.coroutines._is_coroutine


@deprecated(
    "`warn_deprecated_read` is deprecated since 1.13.0 and will be removed in 2.0.0. "
    "Use `warn_deprecated` instead."
)
def warn_deprecated_read(message: str) -> None:
    """Warn that a deprecated field is read. To be called by the `__getattribute__` that sees it.

    Args:
        message: The message, in the form of `DEPRECATION_MESSAGE_RE`.
    """
    # From here over the decorator and __getattribute__ to the line that reads.
    warn_deprecated(message, stacklevel=4)
