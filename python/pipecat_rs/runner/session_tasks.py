"""Which asyncio tasks a session has begun, to end what it leaves behind."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

GRACE_SECS = 1.0
"""How long tasks that a bot has left may take to end by themselves, and then when cancelled."""


class SessionTasks:
    """The tasks that one session has begun, directly or through others."""

    def __init__(self) -> None:
        """Know of no task."""
        self._tasks: WeakSet[asyncio.Task[Any]] = WeakSet()

    def running(self) -> set[asyncio.Task[Any]]:
        """Return those that are not done."""
        return {task for task in self._tasks if not task.done()}

    async def clear(self) -> list[str]:
        """End those that run, after giving them a moment. Returns the names of those that did not.

        What ends by itself in time has not been left behind.
        """
        tasks = self.running()
        if tasks:
            _, tasks = await asyncio.wait(tasks, timeout=GRACE_SECS)
        names = sorted(task.get_name() for task in tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_SECS)
        return names


_OWNER: ContextVar[SessionTasks | None] = ContextVar("pipecat_rs_session_tasks", default=None)


def own_tasks_from_here() -> SessionTasks:
    """Take note of each task that is begun in this context from now on."""
    tasks = SessionTasks()
    _OWNER.set(tasks)
    return tasks


class TaskWatch:
    """While it is open, tasks of the running loop are counted with their session."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._before: Any = None

    def open(self) -> None:
        """Begin, on the loop's thread."""
        loop = asyncio.get_running_loop()
        self._before = before = loop.get_task_factory()

        def make(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Future[Any]:
            if before is not None:
                made = before(loop, coro, **options)
            else:
                made = asyncio.Task(coro, loop=loop, **options)
            owner = _OWNER.get()
            if owner is not None and isinstance(made, asyncio.Task):
                owner._tasks.add(made)
            return made

        loop.set_task_factory(make)

    def close(self) -> None:
        """End, on the loop's thread."""
        with suppress(RuntimeError):
            asyncio.get_running_loop().set_task_factory(self._before)
