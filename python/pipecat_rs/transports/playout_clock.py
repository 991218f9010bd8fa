"""The clock that output is paced by: the event loop's, or one that a transport brings along."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pipecat_rs.clocks.base_clock import BaseClock


class Timer(Protocol):
    """A call that is due at some time."""

    def cancel(self) -> None:
        """Do not make the call. Does nothing if it was made already."""


class PlayoutClock(ABC):
    """A clock in seconds that can call back."""

    @abstractmethod
    def time(self) -> float:
        """Now, in seconds."""

    @abstractmethod
    def from_pipeline(self, timestamp: int) -> float:
        """Convert a time of the pipeline's clock.

        Args:
            timestamp: In nanoseconds, as in `Frame.pts`.

        Returns:
            The same moment on this clock, in seconds.
        """

    @abstractmethod
    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Make a call at a time; soon, if that has passed.

        Args:
            when: In seconds on this clock.
            callback: Called on the event loop's thread.

        Returns:
            The means to cancel it.
        """

    async def wait_until(self, when: float) -> None:
        """Wait for a time; not at all if that has passed.

        Args:
            when: In seconds on this clock.
        """
        if when <= self.time():
            return
        reached = asyncio.get_running_loop().create_future()
        timer = self.call_at(when, lambda: reached.done() or reached.set_result(None))
        try:
            await reached
        finally:
            timer.cancel()


class LoopPlayoutClock(PlayoutClock):
    """The running event loop's clock."""

    def __init__(self, pipeline_clock: BaseClock) -> None:
        """Initialize the clock.

        Args:
            pipeline_clock: The clock of `Frame.pts`.
        """
        self._loop = asyncio.get_running_loop()
        self._pipeline_clock = pipeline_clock

    def time(self) -> float:
        """Now, in seconds."""
        return self._loop.time()

    def from_pipeline(self, timestamp: int) -> float:
        """Convert a time of the pipeline's clock, in nanoseconds."""
        return self._loop.time() + (timestamp - self._pipeline_clock.get_time()) / 1e9

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Make a call at a time."""
        return self._loop.call_at(when, callback)
