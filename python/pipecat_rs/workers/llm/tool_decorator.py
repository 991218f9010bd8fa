"""Marks methods of workers as functions that their language model may call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from pipecat_rs.adapters.llm.schemas.direct_function import tool_options
from pipecat_rs.utils.deprecation import warn_deprecated

_Method = TypeVar("_Method", bound=Callable[..., Any])


@overload
def tool(fn: _Method) -> _Method: ...
@overload
def tool(
    fn: None = None,
    *,
    cancel_on_interruption: bool = True,
    timeout_secs: float | None = None,
    timeout: float | None = None,
) -> Callable[[_Method], _Method]: ...
def tool(
    fn: Any = None,
    *,
    cancel_on_interruption: bool = True,
    timeout_secs: float | None = None,
    timeout: float | None = None,
) -> Any:
    """Mark a method as a function for the model, as ``@tool`` or ``@tool(...)``.

    Its first parameter behind ``self`` is ``params``; the others, and the docstring, describe it
    to the model.

    Args:
        fn: The method, without parentheses.
        cancel_on_interruption: Whether an interruption cancels a call.
        timeout_secs: Longest time for a call in seconds, or None for the service's.
        timeout: Deprecated name of `timeout_secs`.
    """
    if timeout is not None:
        warn_deprecated(
            "`@tool(timeout=...)` is deprecated since 1.4.0 and will be removed in 2.0.0. "
            "Use `timeout_secs` instead.",
            stacklevel=2,
        )
    seconds = timeout_secs if timeout_secs is not None else timeout

    def mark(method: Any) -> Any:
        marked = tool_options(cancel_on_interruption=cancel_on_interruption, timeout_secs=seconds)(
            method
        )
        marked._pipecat_is_llm_tool = True
        return marked

    return mark if fn is None else mark(fn)


def _tools_of(worker: object) -> list[Callable[..., Any]]:
    """Return the methods of an object that are marked; an override without the mark is none."""
    tools: dict[str, Callable[..., Any] | None] = {}
    for cls in type(worker).__mro__:
        for name, member in vars(cls).items():
            is_tool = callable(member) and getattr(member, "_pipecat_is_llm_tool", False)
            tools.setdefault(name, getattr(worker, name) if is_tool else None)
    return [method for method in tools.values() if method is not None]
