"""The root of processors, observers and services: an identity, events and tasks.

An object that nobody listens to carries an identity and nothing else: its handlers, event tasks
and task manager are class-level defaults until there is something to keep.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from abc import ABC
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from pipecat_rs.exceptions import ProcessorNotSetUpError
from pipecat_rs.frames.identity import obj_count, obj_id
from pipecat_rs.utils.asyncio.task_manager import BaseTaskManager

_logger = logging.getLogger(__name__)

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


@dataclass(slots=True)
class EventHandler:
    """The handlers of one event of one object.

    Attributes:
        name: Name of the event.
        handlers: The functions, in the order they were added.
        is_sync: Whether they are awaited in place, one after another, rather than each in a
            task of its own.
    """

    name: str
    handlers: list[Callable[..., Any]]
    is_sync: bool
    _callers: list[Callable[..., Any]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        self._callers = [_taking_what_it_wants(handler, 0) for handler in self.handlers]

    def add(self, handler: Callable[..., Any], lone_argument: int = 0) -> None:
        """Add a function behind the others.

        Args:
            handler: The function.
            lone_argument: Which argument it gets if it takes one; 0 is the object.
        """
        self.handlers.append(handler)
        self._callers.append(_taking_what_it_wants(handler, lone_argument))

    def remove(self, handler: Callable[..., Any]) -> None:
        """Remove a function, if it is there."""
        if handler in self.handlers:
            at = self.handlers.index(handler)
            del self.handlers[at], self._callers[at]

    def callers(self) -> list[Callable[..., Any]]:
        """Return what calls each function, as of now."""
        return list(self._callers)


class BaseObject(ABC):  # noqa: B024 - subclasses may use abstractmethod, as in pipecat
    """An object with an id, a name, events and tasks.

    A class declares its events in `_declared_events`, or an object registers them when it is
    built. A handler is called with the object and the event's arguments. It may be plain or
    async, and may take fewer arguments than there are: it gets as many as it takes, in order.
    What it raises is logged.

    Attributes:
        _declared_events: The events of the class, each with whether its handlers are awaited in
            place.
        _lone_arguments: Events whose handlers, if they take one argument, get another one than
            the object.
    """

    _declared_events: ClassVar[Mapping[str, bool]] = {}
    _lone_arguments: ClassVar[Mapping[str, int]] = {}

    _task_manager: BaseTaskManager | None = None
    _event_handlers: dict[str, EventHandler] | None = None
    _registered_events: dict[str, bool] | None = None
    _event_tasks: dict[asyncio.Task[None], str] | None = None

    def __init__(
        self,
        *,
        name: str | None = None,
        task_manager: BaseTaskManager | None = None,
        **kwargs: Any,
    ) -> None:
        """Give the object its identity.

        Args:
            name: Its name, or None for class name, ``#`` and a number.
            task_manager: The task manager, if it is already known.
            **kwargs: Not used here.
        """
        self._id = obj_id()
        self._name = name or f"{type(self).__name__}#{obj_count(self)}"
        if task_manager is not None:
            self._task_manager = task_manager

    def __str__(self) -> str:
        return self.name

    @property
    def id(self) -> int:
        """The object's number, from the counter that numbers the frames too."""
        return self._id

    @property
    def name(self) -> str:
        """The object's name."""
        return self._name

    @property
    def task_manager(self) -> BaseTaskManager:
        """The task manager.

        Raises:
            ProcessorNotSetUpError: Before `setup`.
        """
        if self._task_manager is None:
            raise ProcessorNotSetUpError(
                f"{self} has no task manager yet",
                processor=self,
                hint="use it once its pipeline runs, or await its setup() first",
            )
        return self._task_manager

    async def setup(self, task_manager: BaseTaskManager) -> None:
        """Take over the task manager. An owner of other objects sets these up too.

        Args:
            task_manager: The task manager.
        """
        self._task_manager = task_manager

    async def cleanup(self) -> None:
        """Wait for the event handlers that still run, except the one this is called from."""
        current = asyncio.current_task()
        running = {t: event for t, event in (self._event_tasks or {}).items() if t is not current}
        if running:
            _logger.debug("%s: waiting for handlers of %s", self, sorted(set(running.values())))
            await asyncio.wait(running)

    def create_task(
        self,
        coroutine: Coroutine[Any, Any, Any],
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        """Run a coroutine in a task named ``<object>::<name>``.

        Args:
            coroutine: The coroutine. What it raises is logged.
            name: Name of the task, or None for that of the coroutine's function.
            context: The context variables it runs with, or None for the task manager's.

        Raises:
            ProcessorNotSetUpError: Before `setup`.
        """
        name = name or getattr(coroutine, "__name__", "task")
        return self.task_manager.create_task(coroutine, f"{self}::{name}", context)

    async def cancel_task(self, task: asyncio.Task[Any], timeout: float | None = 1.0) -> None:
        """Cancel a task and wait until it has ended.

        Args:
            task: The task.
            timeout: Longest time to wait in seconds, or None for no limit.

        Raises:
            asyncio.CancelledError: If the caller itself is cancelled while it waits.
        """
        await self.task_manager.cancel_task(task, timeout)

    def event_handler(self, event_name: str) -> Callable[[_Handler], _Handler]:
        """Decorate a function as a handler of an event.

        Args:
            event_name: Name of the event.
        """

        def decorate(handler: _Handler) -> _Handler:
            self.add_event_handler(event_name, handler)
            return handler

        return decorate

    def add_event_handler(self, event_name: str, handler: Callable[..., Any]) -> None:
        """Add a handler behind the others. An unknown event is only warned of.

        Args:
            event_name: Name of the event.
            handler: The function.
        """
        is_sync = self._event_is_sync(event_name)
        if is_sync is None:
            _logger.warning("%s has no event %r", self, event_name)
            return
        if self._event_handlers is None:
            self._event_handlers = {}
        event = self._event_handlers.get(event_name)
        if event is None:
            event = self._event_handlers[event_name] = EventHandler(event_name, [], is_sync)
        event.add(handler, self._lone_arguments.get(event_name, 0))

    def remove_event_handler(self, event_name: str, handler: Callable[..., Any]) -> None:
        """Remove a handler, if it is there.

        Args:
            event_name: Name of the event.
            handler: The function.
        """
        event = (self._event_handlers or {}).get(event_name)
        if event is not None:
            event.remove(handler)

    def _register_event_handler(self, event_name: str, sync: bool = False) -> None:
        """Make an event known that this object has, in addition to those of its class.

        Args:
            event_name: Name of the event.
            sync: Whether its handlers are awaited in place.
        """
        if self._event_is_sync(event_name) is not None:
            _logger.warning("%s: event %r is already registered", self, event_name)
            return
        if self._registered_events is None:
            self._registered_events = {}
        self._registered_events[event_name] = sync

    def _event_is_sync(self, event_name: str) -> bool | None:
        """Return whether the handlers of an event are awaited in place; None if unknown."""
        declared = self._declared_events.get(event_name)
        if declared is not None or self._registered_events is None:
            return declared
        return self._registered_events.get(event_name)

    def _has_event_handlers(self, event_name: str) -> bool:
        """Return whether anybody listens, so that nothing is prepared in vain."""
        event = (self._event_handlers or {}).get(event_name)
        return event is not None and bool(event.handlers)

    async def _call_event_handler(self, event_name: str, *args: Any, **kwargs: Any) -> None:
        """Call the handlers of an event, in place or each in a task, as the event is declared.

        Args:
            event_name: Name of the event.
            *args: What the handlers get after the object.
            **kwargs: What they get by name.
        """
        if self._event_handlers is None:
            return
        event = self._event_handlers.get(event_name)
        if event is None:
            return
        for caller in event.callers():
            handling = self._run_handler(event_name, caller, *args, **kwargs)
            if event.is_sync:
                await handling
            else:
                self._run_in_event_task(event_name, handling)

    def _run_in_event_task(self, event_name: str, handling: Coroutine[Any, Any, None]) -> None:
        if self._event_tasks is None:
            self._event_tasks = {}
        task = asyncio.create_task(handling, name=f"{self}::{event_name}")
        self._event_tasks[task] = event_name
        task.add_done_callback(self._event_tasks.pop)

    async def _run_handler(
        self, event_name: str, caller: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> None:
        try:
            outcome = caller(self, *args, **kwargs)
            if inspect.isawaitable(outcome):
                await outcome
        except Exception as error:
            _logger.error(
                "%s: handler of event %r failed: %r", self, event_name, error, exc_info=True
            )


def _taking_what_it_wants(handler: Callable[..., Any], lone_argument: int) -> Callable[..., Any]:
    """Return the handler, or what calls it with no more arguments than it takes."""
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):  # some callables made in C do not tell
        return handler
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return handler
    takes = sum(
        kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for kind in kinds
    )
    first = lone_argument if takes == 1 else 0

    def call(*args: Any, **kwargs: Any) -> Any:
        return handler(*args[first : first + takes], **kwargs)

    return call
