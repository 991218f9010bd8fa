"""Which asyncio tasks a session has begun, to end what it leaves behind."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

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


class _Watched:
    """A loop whose tasks are counted with their sessions, by as many servers as use it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.users = 0
        self.before: Any = loop.get_task_factory()
        loop.set_task_factory(self.make)

    def make(
        self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any
    ) -> asyncio.Future[Any]:
        if self.before is not None:
            made = self.before(loop, coro, **options)
        else:
            made = asyncio.Task(coro, loop=loop, **options)
        owner = _OWNER.get()
        if owner is not None and isinstance(made, asyncio.Task):
            owner._tasks.add(made)
        return made


_WATCHED: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watched] = WeakKeyDictionary()


def watch_tasks() -> None:
    """Count the tasks of the running loop with their sessions from now on."""
    loop = asyncio.get_running_loop()
    watched = _WATCHED.get(loop)
    if watched is None:
        watched = _WATCHED[loop] = _Watched(loop)
    watched.users += 1


def unwatch_tasks() -> None:
    """Count them no more, once for each `watch_tasks` on the same loop."""
    loop = asyncio.get_running_loop()
    watched = _WATCHED[loop]
    watched.users -= 1
    if not watched.users:
        del _WATCHED[loop]
        if loop.get_task_factory() == watched.make:  # or somebody else has set one
            loop.set_task_factory(watched.before)
