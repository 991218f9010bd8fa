"""Methods of an object that several owners use, such as the client of two transports.

Owners come and go side by side. What makes the object ready is marked with `acquires` and runs for
the first owner; what undoes it is marked with `releases` and runs for the last.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

__all__ = ["acquires", "releases"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Method = Callable[_P, Awaitable[_T]]
_SharedMethod = Callable[_P, Coroutine[Any, Any, _T | None]]

_STATE = "__shared_resources"


class _Resource:
    """How many own a resource, and how making it failed, if it did."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.owners = 0
        self.error: Exception | None = None


def acquires(name: str) -> Callable[[_Method[_P, _T]], _SharedMethod[_P, _T]]:
    """Have a method run for the first owner only; others wait until it has, and get None.

    If it fails, it fails for every owner, with the same exception; it is not tried again. If it is
    cancelled, it runs for the next owner. It must not call another method that acquires the same.

    Args:
        name: What is acquired. Each object has its own by this name.
    """

    def decorate(method: _Method[_P, _T]) -> _SharedMethod[_P, _T]:
        @functools.wraps(method)
        async def acquire(*args: _P.args, **kwargs: _P.kwargs) -> _T | None:
            resource = _resource(args[0], name)
            async with resource.lock:
                if resource.error is not None:
                    raise resource.error
                result = None
                if resource.owners == 0:
                    try:
                        result = await method(*args, **kwargs)
                    except Exception as error:
                        resource.error = error
                        raise
                resource.owners += 1
                return result

        return acquire

    return decorate


def releases(name: str) -> Callable[[_Method[_P, _T]], _SharedMethod[_P, _T]]:
    """Have a method run for the last owner only; others get None, and so does who owns nothing.

    It must not call another method that releases the same.

    Args:
        name: What is released, as for `acquires`.
    """

    def decorate(method: _Method[_P, _T]) -> _SharedMethod[_P, _T]:
        @functools.wraps(method)
        async def release(*args: _P.args, **kwargs: _P.kwargs) -> _T | None:
            resource = _resource(args[0], name)
            async with resource.lock:
                was_owned = resource.owners > 0
                resource.owners -= was_owned
                if was_owned and resource.owners == 0:
                    return await method(*args, **kwargs)
                return None

        return release

    return decorate


def _resource(owned: Any, name: str) -> _Resource:
    # With the object, so that its class need not prepare anything.
    resources = vars(owned).setdefault(_STATE, {})
    if name not in resources:
        resources[name] = _Resource()
    return resources[name]
