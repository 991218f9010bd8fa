"""Event loops in threads of their own: a bot that blocks one does not hold up those of others."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")

THREAD_NAME = "pipecat-loop"
"""What the names of the threads begin with."""

STOP_SECS = 5.0
"""How long a loop may take to end what runs on it; then its thread is left alone."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop: uvloop's, if it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class LoopThread:
    """A thread that runs an event loop until it is stopped."""

    def __init__(self, name: str) -> None:
        """Start the thread.

        Args:
            name: Its name.
        """
        self._loop = new_event_loop()
        self._stopping = asyncio.Event()
        # A loop that a bot blocks for ever must not keep the process from its end.
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """The thread's name."""
        return self._thread.name

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._stopping.wait())

    async def call(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Run a coroutine function on the loop, and wait for what it returns.

        Args:
            function: The function.
            *arguments: What it is given.
        """

        async def run() -> T:
            return await function(*arguments)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(run(), self._loop))

    async def stop(self) -> bool:
        """End the loop. Returns whether it has ended in time."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        await asyncio.to_thread(self._thread.join, STOP_SECS)
        if self._thread.is_alive():
            logger.error("%s does not end: something blocks its event loop", self.name)
        return not self._thread.is_alive()
