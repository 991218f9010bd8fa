"""The event loops that a program may bring along."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any

import pytest
import uvloop

uvloop.new_event_loop().close()  # the first one opens a pipe for signals that stays

FACTORIES: dict[str, tuple[Callable[[], asyncio.AbstractEventLoop], bool]] = {
    "asyncio": (asyncio.new_event_loop, False),
    "asyncio in debug mode": (asyncio.new_event_loop, True),
    "uvloop": (uvloop.new_event_loop, False),
}


def run_on(kind: str, main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a new loop of a kind, and close the loop as `asyncio.run` does."""
    factory, debug = FACTORIES[kind]
    with asyncio.Runner(loop_factory=factory, debug=debug) as runner:
        return runner.run(main)


def on_every_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Make a coroutine function a test that runs once on each kind of loop."""

    @pytest.mark.parametrize("loop_kind", FACTORIES)
    @wraps(test)
    def run(loop_kind: str) -> None:
        run_on(loop_kind, test())

    del run.__wrapped__  # type: ignore[attr-defined] - it takes no loop, this does
    return run
