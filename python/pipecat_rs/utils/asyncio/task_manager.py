"""Asyncio tasks that are named, watched and cancelled within a time."""

from __future__ import annotations

import asyncio
import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any

_logger = logging.getLogger(__name__)


@dataclass
class TaskManagerParams:
    """What `TaskManager.setup` takes. Deprecated in pipecat 1.5: give the loop to `TaskManager`.

    Attributes:
        loop: The event loop that tasks run on.
    """

    loop: asyncio.AbstractEventLoop


@dataclass
class TaskData:
    """What pipecat's task manager keeps of a task; `TaskManager` keeps the task alone.

    Attributes:
        task: The task.
    """

    task: asyncio.Task[Any]


class BaseTaskManager(ABC):
    """What makes asyncio tasks for others and keeps account of them."""

    @abstractmethod
    def get_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop that tasks run on."""

    @abstractmethod
    def create_task(
        self, coroutine: Coroutine[Any, Any, Any], name: str, context: Context | None = None
    ) -> asyncio.Task[Any]:
        """Run a coroutine in a task.

        An exception in it is logged and does not come out of the task.

        Args:
            coroutine: The coroutine.
            name: Name of the task.
            context: The context variables it runs with, or None for the manager's.
        """

    @abstractmethod
    async def cancel_task(self, task: asyncio.Task[Any], timeout: float | None = None) -> None:
        """Cancel a task and wait until it has ended.

        The task that this is called from is left alone, with a warning: it could not wait for
        itself.

        Args:
            task: The task.
            timeout: Longest time to wait in seconds, or None for no limit. A task that has not
                ended by then is named in a warning and left.

        Raises:
            asyncio.CancelledError: If the caller itself is cancelled while it waits.
        """

    @abstractmethod
    def current_tasks(self) -> Sequence[asyncio.Task[Any]]:
        """Return the tasks that have not ended."""


class TaskManager(BaseTaskManager):
    """The task manager of one event loop."""

    def __init__(
        self,
        *,
        context: Context | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Make a manager without tasks.

        Args:
            context: The context variables that tasks run with, or None for a copy of those at
                the time each is made.
            loop: The event loop, or None for the one running when it is first needed.
        """
        self._context = context
        self._loop = loop
        self._tasks: set[asyncio.Task[Any]] = set()

    def setup(self, params: TaskManagerParams) -> None:
        """Set the event loop. Deprecated in pipecat 1.5: give it to the constructor."""
        self._loop = params.loop

    def get_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop that tasks run on.

        Raises:
            RuntimeError: If none was given and none is running.
        """
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def create_task(
        self, coroutine: Coroutine[Any, Any, Any], name: str, context: Context | None = None
    ) -> asyncio.Task[Any]:
        """See `BaseTaskManager.create_task`."""
        task = self.get_event_loop().create_task(
            _logging_errors(coroutine, name), name=name, context=context or self._context
        )
        self._tasks.add(task)

        def ended(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            # Cancelled before its first step, the task has never come to await the coroutine,
            # which would complain of that when it is collected.
            if (
                inspect.iscoroutine(coroutine)
                and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
            ):
                coroutine.close()

        task.add_done_callback(ended)
        return task

    async def cancel_task(self, task: asyncio.Task[Any], timeout: float | None = None) -> None:
        """See `BaseTaskManager.cancel_task`."""
        if task is asyncio.current_task():
            _logger.warning("%s: a task cannot cancel and await itself", task.get_name())
            return
        task.cancel()
        # Unlike awaiting the task, this raises only if the caller is cancelled, never because
        # the task was; and unlike `wait_for` it comes back in time from a task that goes on.
        _, pending = await asyncio.wait((task,), timeout=timeout or None)
        if pending:
            _logger.warning(
                "%s: still running %s s after it was cancelled", task.get_name(), timeout
            )

    def current_tasks(self) -> Sequence[asyncio.Task[Any]]:
        """See `BaseTaskManager.current_tasks`."""
        return list(self._tasks)


async def _logging_errors(coroutine: Coroutine[Any, Any, Any], name: str) -> Any:
    try:
        return await coroutine
    except Exception as error:
        _logger.error("%s: task failed: %r", name, error, exc_info=True)
