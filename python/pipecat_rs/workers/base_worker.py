"""Workers: peers on a bus that run side by side, hand over to each other and share work."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.bus.subscriber import BusSubscriber
from pipecat_rs.exceptions import WorkerStateError
from pipecat_rs.utils.asyncio.task_manager import BaseTaskManager
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.workers.job_performer import JobPerformer
from pipecat_rs.workers.job_requester import JobRequester
from pipecat_rs.workers.marked_methods import marked_methods
from pipecat_rs.workers.parent import Parent

if TYPE_CHECKING:
    from typing import Self

    from pipecat_rs.bus.bus import WorkerBus
    from pipecat_rs.bus.messages import (
        BusActivateWorkerMessage,
        BusCancelWorkerMessage,
        BusDeactivateWorkerMessage,
        BusEndWorkerMessage,
        BusMessage,
    )
    from pipecat_rs.registry.registry import WorkerRegistry
    from pipecat_rs.registry.types import WorkerReadyData
    from pipecat_rs.workers.runner import WorkerRunner

__all__ = ["BaseWorker", "WorkerActivationArgs", "WorkerParams"]

_logger = logging.getLogger(__name__)


@dataclass
class WorkerParams:
    """What a runner gives to its workers.

    Attributes:
        task_manager: What makes and watches asyncio tasks.
    """

    task_manager: BaseTaskManager


@dataclass
class WorkerActivationArgs:
    """What a worker gets when it is activated.

    Attributes:
        metadata: Anything, or None.
    """

    metadata: dict[str, Any] | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Take the fields that there are from a dict; others are passed over."""
        fields = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in fields})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are not None."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}


class BaseWorker(JobRequester, JobPerformer, Parent, BaseObject, BusSubscriber):
    """A worker: it has a name on the bus, can be active or not, and gives and does jobs.

    This one lives on messages alone, until it is told to end; `PipelineWorker` runs a pipeline. A
    runner gives it a bus and a registry. Before that it has neither, and what it sends is dropped.

    Methods to override, each with ``await super()...`` first: `on_activated`, `on_deactivated`,
    `on_worker_ready`, `on_worker_failed`, `on_bus_message`, and the `on_job_...` methods. Each has
    an event of the same name, with the same arguments.
    """

    _declared_events: ClassVar[Mapping[str, bool]] = {
        "on_activated": False,
        "on_deactivated": False,
        "on_bus_message": False,
        "on_worker_ready": False,
        "on_worker_failed": False,
        "on_job_request": False,
        "on_job_response": False,
        "on_job_update": False,
        "on_job_update_requested": False,
        "on_job_completed": False,
        "on_job_error": False,
        "on_job_stream_start": False,
        "on_job_stream_data": False,
        "on_job_stream_end": False,
        "on_job_cancelled": False,
    }

    # What most workers never have, until they do.
    _bus: WorkerBus | None = None
    _registry: WorkerRegistry | None = None
    _worker_runner: WorkerRunner | None = None
    _activation_args: dict[str, Any] | None = None
    _started_at: float | None = None
    _over: asyncio.Event | None = None
    _has_stopped = False
    _ending: asyncio.Task[None] | None = None
    _watched: set[str] | None = None
    _ready_methods: ClassVar[dict[str, str]] = {}

    _end_limit_secs: float | None = 60.0
    """How long an orderly end may take before it becomes a cancellation; None: it sees to that."""

    def __init__(
        self,
        name: str | None = None,
        *,
        active: bool = True,
        check_dangling_tasks: bool = True,
        task_manager: BaseTaskManager | None = None,
    ) -> None:
        """Make a worker.

        Args:
            name: Its name, unique under its runner, or None for class name, ``#`` and a number.
            active: Whether it begins active.
            check_dangling_tasks: Whether tasks that are left at the end are warned of.
            task_manager: What makes and watches asyncio tasks.

        Raises:
            ValueError: If two methods are marked as handler of the same job or ready worker.
        """
        super().__init__(name=name, task_manager=task_manager)
        self._active = active
        self._pending_activation = active
        self._check_dangling_tasks = check_dangling_tasks
        self._owns_task_manager = task_manager is not None
        self._collect_job_methods()
        self._collect_ready_methods()

    @classmethod
    def _collect_ready_methods(cls) -> None:
        if "_ready_methods" not in cls.__dict__:
            cls._ready_methods = marked_methods(cls, "worker_ready_name", "worker_ready")

    # ---- what it is

    @property
    def bus(self) -> WorkerBus:
        """The bus.

        Raises:
            WorkerStateError: Before it is added to a runner.
        """
        return self._given(self._bus, "bus")

    @property
    def registry(self) -> WorkerRegistry:
        """The register of workers.

        Raises:
            WorkerStateError: Before it is added to a runner.
        """
        return self._given(self._registry, "registry")

    @property
    def worker_runner(self) -> WorkerRunner:
        """The runner.

        Raises:
            WorkerStateError: Before it is added to a runner.
        """
        return self._given(self._worker_runner, "runner")

    def _given(self, thing: Any, what: str) -> Any:
        if thing is None:
            raise WorkerStateError(
                f"{self} has no {what} yet", hint="add it to a WorkerRunner with add_workers()"
            )
        return thing

    @property
    def active(self) -> bool:
        """Whether it takes messages; inactive, only what activates, deactivates or ends it."""
        return self._active

    @property
    def activation_args(self) -> dict[str, Any] | None:
        """What its last activation has brought, or None."""
        return self._activation_args

    @property
    def started_at(self) -> float | None:
        """When it became ready, in seconds since 1970, or None."""
        return self._started_at

    @property
    def bridged(self) -> bool:
        """Whether it exchanges frames over the bus."""
        return False

    # ---- its life

    async def attach(
        self, *, registry: WorkerRegistry, bus: WorkerBus, worker_runner: WorkerRunner
    ) -> None:
        """Take over what a runner gives to it. It hears the bus from now on.

        Args:
            registry: The register of workers.
            bus: The bus.
            worker_runner: The runner.
        """
        self._registry = registry
        self._bus = bus
        self._worker_runner = worker_runner
        await bus.subscribe(self)
        await self._announce_all()

    async def run(self, params: WorkerParams | None = None) -> None:
        """Run until it is told to end.

        Args:
            params: What the runner gives to it.
        """
        manager = self._task_manager or (params.task_manager if params is not None else None)
        if manager is None:
            from pipecat_rs.utils.asyncio.task_manager import TaskManager

            manager = TaskManager()
        await super().setup(manager)
        await self.start()
        try:
            await self._finished_event.wait()
        finally:
            await self.stop()
            await super().cleanup()
            self._warn_of_dangling_tasks()

    async def start(self) -> None:
        """Say that it is ready, and activate it if it begins active."""
        self._started_at = time.time()
        await self._say_ready()
        await self._activate_if_due()
        await self.watch_workers(*self._ready_methods)

    async def stop(self) -> None:
        """Say that it is over: jobs that it has given are cancelled, those it does are answered."""
        self._has_stopped = True
        ending, self._ending = self._ending, None
        if ending is not None and ending is not asyncio.current_task():
            ending.cancel()
        try:
            await self._stop_requests()
            await self._stop_jobs()
        finally:
            for name in self._watched or ():
                self.registry.unwatch(name, self._on_watched_worker_ready)
            self._watched = None
            if self._over is not None:
                self._over.set()

    def _has_to_stop(self) -> bool:
        """Return whether `stop` has anything to do but to say that it is over."""
        jobs = self._job_groups or self._ready_waits or self._active_jobs or self._job_handler_tasks
        return bool(jobs or self._over or self._ending or self._watched)

    async def cleanup(self) -> None:
        """Wait for event handlers, and stop."""
        await super().cleanup()
        await self.stop()

    async def end(self, *, reason: str | None = None) -> None:
        """Ask the runner to end all workers in order.

        Args:
            reason: Why.
        """
        if self._bus is not None:
            from pipecat_rs.bus.messages import BusEndMessage

            await self.send_bus_message(BusEndMessage(source=self.name, reason=reason))

    async def cancel(self, *, reason: str | None = None) -> None:
        """Ask the runner to cancel all workers.

        Args:
            reason: Why.
        """
        if self._bus is not None:
            from pipecat_rs.bus.messages import BusCancelMessage

            await self.send_bus_message(BusCancelMessage(source=self.name, reason=reason))

    async def wait(self) -> None:
        """Wait until it is over."""
        await self._finished_event.wait()

    @property
    def _finished_event(self) -> asyncio.Event:
        if self._over is None:
            self._over = asyncio.Event()
            if self._has_stopped:
                self._over.set()
        return self._over

    def _warn_of_dangling_tasks(self) -> None:
        if self._check_dangling_tasks and self._owns_task_manager:
            left = [task.get_name() for task in self.task_manager.current_tasks()]
            if left:
                _logger.warning("%s: tasks left at the end: %s", self, left)

    # ---- others

    async def activate_worker(
        self,
        worker_name: str,
        *,
        args: WorkerActivationArgs | None = None,
        deactivate_self: bool = False,
    ) -> None:
        """Activate another worker.

        Args:
            worker_name: Name of the worker.
            args: What its `on_activated` gets.
            deactivate_self: Whether this one becomes inactive first: they take turns.
        """
        from pipecat_rs.bus.messages import BusActivateWorkerMessage

        if deactivate_self and self._active:
            self._active = False  # now: both must not be active at any time
            await self.deactivate_worker(self.name)
        await self.send_bus_message(
            BusActivateWorkerMessage(
                source=self.name, target=worker_name, args=args.to_dict() if args else None
            )
        )

    async def deactivate_worker(self, worker_name: str) -> None:
        """Deactivate a worker.

        Args:
            worker_name: Name of the worker.
        """
        from pipecat_rs.bus.messages import BusDeactivateWorkerMessage

        await self.send_bus_message(
            BusDeactivateWorkerMessage(source=self.name, target=worker_name)
        )

    async def watch_workers(self, *worker_names: str) -> None:
        """Have `on_worker_ready` called when workers are ready; at once for those that are.

        Args:
            *worker_names: Names of the workers.
        """
        if self._registry is not None and worker_names:
            self._watched = {*(self._watched or ()), *worker_names}
            for name in worker_names:
                await self._registry.watch(name, self._on_watched_worker_ready)

    async def send_bus_message(self, message: BusMessage) -> None:
        """Send a message. Without a bus it is dropped.

        Args:
            message: The message.
        """
        if self._bus is not None:
            await self._bus.send(message)

    async def send_bus_error_message(self, error: str) -> None:
        """Say that something went wrong: to the parent, or of a root worker to everybody.

        Args:
            error: What went wrong.
        """
        from pipecat_rs.bus.messages import BusWorkerErrorMessage, BusWorkerLocalErrorMessage

        message_class = BusWorkerLocalErrorMessage if self._parent else BusWorkerErrorMessage
        await self.send_bus_message(message_class(source=self.name, error=error))

    # ---- what happens to it

    async def on_activated(self, args: dict[str, Any] | None) -> None:
        """Hear that it is active from now on.

        Args:
            args: What the activation brings, or None.
        """

    async def on_deactivated(self) -> None:
        """Hear that it is inactive from now on."""

    async def on_worker_ready(self, data: WorkerReadyData) -> None:
        """Hear that a child, or a worker that it watches, is ready.

        Args:
            data: The worker.
        """

    def accepts_bus_message(self, message: BusMessage) -> bool:
        """Return whether it takes a message now; see `active`.

        Args:
            message: The message.
        """
        if self._active:
            return True
        from pipecat_rs.workers.message_handlers import is_taken_while_inactive

        return is_taken_while_inactive(message)

    def _passes_over(self, message: BusMessage) -> bool:
        hears = type(self).on_bus_message
        return hears is BaseWorker.on_bus_message and self._has_nothing_for(message)

    def _has_nothing_for(self, message: BusMessage) -> bool:
        from pipecat_rs.workers.message_handlers import handler_of

        if self._has_event_handlers("on_bus_message"):
            return False
        is_for_another = bool(message.target) and message.target != self.name
        return is_for_another or handler_of(type(message)) is None

    async def on_bus_message(self, message: BusMessage) -> None:
        """Hear any message of the bus, its own included.

        Args:
            message: The message. What is for another worker, and frames, are passed over here.
        """
        from pipecat_rs.bus.messages import BusFrameMessage, _BusWorkerGoneMessage
        from pipecat_rs.workers.message_handlers import handler_of

        if isinstance(message, BusFrameMessage):
            return
        if message.target and message.target != self.name:
            return
        handler = handler_of(type(message))
        if handler == "_handle_worker_end" and not self._ends_in_place():
            # Beside the messages: on its way out it still hears its children, and answers.
            self._ending = asyncio.create_task(
                self._run_handler("end", type(self)._handle_worker_end, message),
                name=f"{self.name}::end",
            )
        elif handler is not None:
            await getattr(self, handler)(message)
        if not isinstance(message, _BusWorkerGoneMessage):
            await self._call_event_handler("on_bus_message", message)

    # ---- messages

    async def _say_ready(self) -> None:
        if self._registry is None:
            return
        from pipecat_rs.bus.messages import BusWorkerReadyMessage
        from pipecat_rs.registry.types import WorkerReadyData

        runner = self._registry.runner_name
        await self.send_bus_message(
            BusWorkerReadyMessage(
                source=self.name,
                runner=runner,
                parent=self._parent,
                active=self._active,
                bridged=self.bridged,
                started_at=self._started_at,
            )
        )
        await self._registry.register(WorkerReadyData(worker_name=self.name, runner=runner))

    async def _activate_if_due(self) -> None:
        if self._started_at is None or not self._pending_activation:
            return
        self._active = True
        self._pending_activation = False
        await self.on_activated(self._activation_args)
        await self._call_event_handler("on_activated", self._activation_args)

    async def _on_watched_worker_ready(self, data: WorkerReadyData) -> None:
        method = self._ready_methods.get(data.worker_name)
        if method is not None:
            await getattr(self, method)(data)
        await self.on_worker_ready(data)
        await self._call_event_handler("on_worker_ready", data)

    async def _handle_worker_activate(self, message: BusActivateWorkerMessage) -> None:
        self._activation_args = message.args
        self._pending_activation = True
        await self._activate_if_due()

    async def _handle_worker_deactivate(self, message: BusDeactivateWorkerMessage) -> None:
        self._active = False
        self._pending_activation = False
        self._activation_args = None
        await self.on_deactivated()
        await self._call_event_handler("on_deactivated")

    def _ends_in_place(self) -> bool:
        """Return whether nothing is waited for when it is told to end."""
        return False

    async def _handle_worker_end(self, message: BusEndWorkerMessage) -> None:
        """End the children first, then this one."""
        await self._propagate_end_to_children(message)
        await self.stop()

    async def _handle_worker_cancel(self, message: BusCancelWorkerMessage) -> None:
        """Cancel the children and this one."""
        await self._propagate_cancel_to_children(message)
        await self.stop()
