"""httpx and httpx2, whichever of them a provider's client library has brought.

The two are one library under two names: which one is there depends on the client's version, and
objects of one are accepted by the other's clients where only their fields are read. Neither is
needed, nor imported, until something here is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from pipecat_rs.exceptions import MissingDependencyError

__all__ = ["TIMEOUT_EXCEPTIONS", "AsyncHTTPClient", "connection_limits"]

AsyncHTTPClient: TypeAlias = Any
"""An ``AsyncClient`` of either library: whose, the client library decides that it is given to."""

if TYPE_CHECKING:
    TIMEOUT_EXCEPTIONS: tuple[type[Exception], ...]
    """What to catch if reading an answer takes too long; a member of each library installed."""


def connection_limits(**kwargs: Any) -> Any:
    """Return limits on connections that a client of either library accepts.

    Args:
        **kwargs: ``max_connections``, ``max_keepalive_connections`` and ``keepalive_expiry`` in
            seconds.

    Raises:
        MissingDependencyError: If neither library is installed.
    """
    for library in _libraries():
        return library.Limits(**kwargs)
    raise MissingDependencyError.of("httpx", needed_by="connection_limits", extra="http")


def __getattr__(name: str) -> Any:
    if name != "TIMEOUT_EXCEPTIONS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = tuple(library.TimeoutException for library in _libraries())
    globals()[name] = found  # asked for once
    return found


def _libraries() -> Iterator[ModuleType]:
    for name in ("httpx", "httpx2"):
        try:
            yield importlib.import_module(name)
        except ImportError:
            continue
