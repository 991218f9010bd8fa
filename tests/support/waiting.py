"""Bounded waiting, so that a wrong engine makes a test fail and not hang."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def within(awaitable: Awaitable[T], seconds: float = 5.0) -> T:
    """Await something that has to happen soon."""
    return await asyncio.wait_for(awaitable, seconds)


async def settle(passes: int = 60) -> None:
    """Give the loop many passes, so that whatever can happen has happened.

    For showing that something does *not* happen; things that should happen are waited for.
    """
    for _ in range(passes):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for a condition that nothing announces (prefer an event)."""

    async def poll() -> None:
        while not condition():
            await asyncio.sleep(0.001)

    await within(poll(), seconds)


class Calls(list):
    """Notes the calls of an event handler: each entry is its arguments without the emitter.

    Register it with `add_event_handler`; await `calls.wait(n)` for the n-th call.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()

    def __call__(self, _emitter: object, *args: object) -> None:
        self.append(args)
        self._changed.set()

    async def wait(self, count: int = 1) -> tuple:
        async def called() -> None:
            while len(self) < count:
                self._changed.clear()
                await self._changed.wait()

        await within(called())
        return self[count - 1]


def calls_of(emitter: object, event: str) -> Calls:
    """Record the calls of an event."""
    calls = Calls()
    emitter.add_event_handler(event, calls)  # type: ignore[attr-defined]
    return calls
