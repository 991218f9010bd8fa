"""A timer that can be started anew and cancelled at any moment, also by what it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pipecat_rs.utils.base_object import BaseObject


class RestartableTimer:
    """Runs a coroutine in a task of its owner once a time is over.

    Cancelling it does not touch a coroutine that runs already, so that what it runs may cancel it.
    """

    def __init__(self, owner: BaseObject, expired: Callable[[], Awaitable[Any]], name: str) -> None:
        """Make a timer that does not run.

        Args:
            owner: Whose task the coroutine runs in.
            expired: Makes the coroutine.
            name: Name of the task.
        """
        self._owner = owner
        self._expired = expired
        self._name = name
        self._handle: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        """Whether the time is running."""
        return self._handle is not None

    def start(self, delay: float) -> None:
        """Start it; a time that runs is given up.

        Args:
            delay: The time in seconds.
        """
        self.cancel()
        self._handle = asyncio.get_running_loop().call_later(delay, self._expire)

    def cancel(self) -> None:
        """Give the time up, if it runs."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _expire(self) -> None:
        self._handle = None
        self._owner.create_task(self._run(), self._name)

    async def _run(self) -> None:
        await self._expired()
