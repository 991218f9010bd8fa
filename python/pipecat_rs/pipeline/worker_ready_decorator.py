"""Marks methods of workers that want to know when another worker is ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_Method = TypeVar("_Method", bound=Callable[..., Any])


def worker_ready(*, name: str) -> Callable[[_Method], _Method]:
    """Mark a method that is called, as ``await method(data)``, when another worker is ready.

    Args:
        name: Name of the other worker.
    """

    def mark(method: _Method) -> _Method:
        marked: Any = method
        marked.worker_ready_name = name
        return method

    return mark
