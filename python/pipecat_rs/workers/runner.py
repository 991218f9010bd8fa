"""Runs workers side by side, with signals and clean-up."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.exceptions import PipelineError
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.worker import PipelineWorker
from pipecat_rs.utils.asyncio.task_manager import BaseTaskManager, TaskManager
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.workers.base_worker import BaseWorker, WorkerParams
from pipecat_rs.workers.runner_bus_side import RunnerBusSide, RunnerEntry

if TYPE_CHECKING:
    from pipecat_rs.bus.bus import WorkerBus
    from pipecat_rs.pipeline.base_pipeline import BasePipeline
    from pipecat_rs.registry.registry import WorkerRegistry

__all__ = ["CANCEL_TIMEOUT_SECS", "HANGING_TIMEOUT_SECS", "PipelineRunner", "WorkerRunner"]

_logger = logging.getLogger(__name__)

CANCEL_TIMEOUT_SECS = 20.0
"""How long workers may take to end when they are cancelled before their tasks are cancelled."""

HANGING_TIMEOUT_SECS = 1.0
"""How long a worker's task may take to answer its cancellation before it is abandoned."""


class WorkerRunner(BaseObject, RunnerBusSide):
    """Runs workers, pipelines' and others, until the last root worker is done.

    Workers are added before or during the run, and found by name. The runner gives them a bus and
    a register, ends and cancels them on request, and cancels them on signals. A worker that is
    over leaves nothing behind with it. `PipelineRunner` is its older name.

    Events, each with the runner first: `on_ready` once the workers have been started, `on_error`
    (the worker, the exception) when a worker's `run` fails.
    """

    _declared_events: ClassVar[Mapping[str, bool]] = {"on_ready": False, "on_error": False}

    def __init__(
        self,
        *,
        name: str | None = None,
        bus: WorkerBus | None = None,
        handle_sigint: bool = True,
        handle_sigterm: bool = False,
        force_gc: bool = False,
        check_dangling_tasks: bool = True,
        loop: asyncio.AbstractEventLoop | None = None,
        task_manager: BaseTaskManager | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a runner.

        Args:
            name: Its name, unique among the runners of a bus; None for one that is.
            bus: The bus; None for one of its own, within this process.
            handle_sigint: Whether SIGINT (Ctrl-C) cancels the workers.
            handle_sigterm: Whether SIGTERM cancels the workers.
            force_gc: Whether garbage is collected after a run.
            check_dangling_tasks: Whether tasks that are left at the end are warned of.
            loop: Accepted as pipecat has it; the running loop is used.
            task_manager: What makes and watches asyncio tasks.
            **kwargs: For the base class.
        """
        super().__init__(name=name or f"runner-{uuid.uuid4().hex[:8]}", **kwargs)
        self._signals = [
            number
            for number, wanted in ((signal.SIGINT, handle_sigint), (signal.SIGTERM, handle_sigterm))
            if wanted
        ]
        self._force_gc = force_gc
        self._check_dangling_tasks = check_dangling_tasks
        self._task_manager = task_manager or TaskManager(loop=loop)
        self._given_bus = bus
        self._bus: WorkerBus | None = bus
        self._registry: WorkerRegistry | None = None
        self._entries: dict[str, RunnerEntry] = {}
        self._other_runners: set[str] = set()
        self._running = False
        self._auto_end = True
        self._stopping: str | None = None
        self._cancel_reason: str | None = None
        self._errors: list[Exception] = []
        self._over: asyncio.Event | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._signal_task: asyncio.Task[None] | None = None

    def get_worker(self, name: str) -> BaseWorker | None:
        """Return the worker of a name that is not over, or None."""
        entry = self._entries.get(name)
        return entry.worker if entry is not None else None

    async def add_workers(self, *workers: BaseWorker) -> None:
        """Add workers: they run from now on, or from the start of the next `run`.

        Args:
            *workers: The workers. One whose name is taken is left out, with an error in the log.
        """
        await self.bus.subscribe(self)  # what the workers ask for when they are attached is heard
        for worker in workers:
            if worker.name in self._entries:
                _logger.error("%s: there is a worker named '%s' already", self, worker.name)
                continue
            entry = self._entries[worker.name] = RunnerEntry(worker)
            await worker.attach(registry=self.registry, bus=self.bus, worker_runner=self)
            await self.registry.watch(worker.name, self._on_worker_ready)
            if self._running:
                self._start(entry)

    async def spawn(self, worker: BaseWorker) -> None:
        """Add a worker; see `add_workers`."""
        await self.add_workers(worker)

    async def run(
        self,
        worker: BaseWorker | BasePipeline | None = None,
        transport: Any = None,
        *,
        task: BaseWorker | None = None,
        pipeline: BasePipeline | None = None,
        auto_end: bool = True,
    ) -> None:
        """Run the workers that were added, and one more if it is given.

        Cancelling whoever awaits this cancels the workers.

        Args:
            worker: A worker, or a pipeline that gets a task of its own.
            transport: The transport whose processors are in the pipeline. It is not added to it.
            task: Another name of `worker`.
            pipeline: A pipeline that gets a task of its own.
            auto_end: Whether it is over when the last root worker is; if not, it goes on until
                `end` or `cancel`.

        Raises:
            PipelineError: If it runs already.
            Exception: What a root worker's `run` has raised, once the others are done too; with
                `auto_end` only.
        """
        if self._running:
            raise PipelineError(
                f"{self} runs already", hint="add_workers() adds to a runner that runs"
            )
        self._auto_end = auto_end
        self._stopping = self._cancel_reason = None
        self._errors = []
        self._over = asyncio.Event()
        installed = self._install_signals()
        try:
            for work in (worker, task, pipeline):
                if work is not None:
                    await self.add_workers(self._as_worker(work))
            await self._open()
            await self._run_all()
        finally:
            try:
                await self._close_down()
            finally:
                self._remove_signals(installed)
        if self._force_gc:
            gc.collect()
        self._warn_of_dangling_tasks()
        if self._errors:
            raise self._errors[0]

    def _as_worker(self, work: Any) -> BaseWorker:
        if isinstance(work, Pipeline):
            return work._task()  # with the frames that were queued on it
        return work if isinstance(work, BaseWorker) else PipelineWorker(work)

    async def stop_when_done(self) -> None:
        """End every root pipeline when what it has queued is processed."""
        for entry in self._roots():
            if isinstance(entry.worker, PipelineWorker):
                await entry.worker.stop_when_done()

    async def end(self, reason: str | None = None) -> None:
        """End all workers in order: each when what it has queued is processed.

        A second call, or one after `cancel`, does nothing.

        Args:
            reason: Why.
        """
        if self._stopping is not None:
            return
        self._stopping = "end"
        from pipecat_rs.bus.messages import BusEndWorkerMessage

        limits = [entry.worker._end_limit_secs for entry in self._roots()]
        await self._tell_roots(BusEndWorkerMessage, reason)
        bounded = [limit for limit in limits if limit is not None]
        if bounded and self._running:
            self._set_deadline(max(bounded), self._end_is_overdue)
        self._note_whether_over()

    async def cancel(self, reason: str | None = None) -> None:
        """Cancel all workers at once. A second call does nothing.

        Args:
            reason: Why.
        """
        if self._stopping == "cancel":
            return
        self._stopping = "cancel"
        self._cancel_reason = reason
        from pipecat_rs.bus.messages import BusCancelWorkerMessage

        await self._tell_roots(BusCancelWorkerMessage, reason)
        if self._running:
            self._set_deadline(CANCEL_TIMEOUT_SECS, self._cancel_is_overdue)
        self._note_whether_over()

    # ---- the run

    async def _open(self) -> None:
        await self.bus.setup(self.task_manager)
        await self.bus.subscribe(self)
        self.bus._runners.add(self.name)
        await self.bus.start()
        if os.environ.get("PIPECAT_SETUP_FILES"):
            from pipecat_rs.utils.startup import run_setup_hook

            await run_setup_hook(target=self, function_name="setup_worker_runner")
        self._running = True

    async def _run_all(self) -> None:
        here = self._runs_here()
        for entry in list(self._entries.values()):
            if entry is not here:
                self._start(entry)
        if len(self._entries) > 1:
            await asyncio.sleep(0)  # each has begun before anybody hears that they are ready
        await self._call_event_handler("on_ready")
        if here is not None:
            await self._run_entry(here)
        elif not self._entries and self._auto_end:
            await self._bounded(BaseObject.cleanup(self))  # `on_ready` may add some
        self._note_whether_over()
        assert self._over is not None
        await self._over.wait()

    def _runs_here(self) -> RunnerEntry | None:
        """Return what runs in the caller's task: the first pipeline, as it sees to its end itself.

        A session with one pipeline so needs no asyncio task of its own.
        """
        for entry in self._roots():
            run = type(entry.worker).run
            if isinstance(entry.worker, PipelineWorker) and run is PipelineWorker.run:
                return entry
        return None

    def _start(self, entry: RunnerEntry) -> None:
        entry.task = asyncio.create_task(self._run_entry(entry), name=entry.worker.name)

    async def _run_entry(self, entry: RunnerEntry) -> None:
        worker = entry.worker
        try:
            await worker.run(WorkerParams(task_manager=self.task_manager))
        except Exception as error:
            _logger.error("%s: the worker '%s' failed", self, worker.name, exc_info=True)
            await self._call_event_handler("on_error", worker, error)
            if worker.parent is None and self._auto_end:
                self._errors.append(error)
        finally:
            await self._retire(entry)

    async def _retire(self, entry: RunnerEntry) -> None:
        """Let go of a worker that is over, and tell those who count on it."""
        from pipecat_rs.bus.messages import BusCancelWorkerMessage, _BusWorkerGoneMessage

        worker = entry.worker
        if not worker._has_stopped:
            await self._bounded(worker.stop())
        self._entries.pop(worker.name, None)  # not there if it had been given up
        self.registry.unregister(worker.name)
        self.registry.unwatch(worker.name, self._on_worker_ready)
        for other in list(self._entries.values()):
            if other.worker._peer_gone(worker.name):
                await self.bus.send(
                    _BusWorkerGoneMessage(
                        source=self.name, target=other.worker.name, worker_name=worker.name
                    )
                )
        for child in worker._running_children():
            await self.bus.send(
                BusCancelWorkerMessage(
                    source=worker.name, target=child.name, reason=f"{worker.name} finished"
                )
            )
        await self.bus.unsubscribe(worker)
        self._note_whether_over()

    def _roots(self) -> list[RunnerEntry]:
        return [entry for entry in self._entries.values() if entry.worker.parent is None]

    def _note_whether_over(self) -> None:
        if self._over is not None and (self._auto_end or self._stopping) and not self._roots():
            self._over.set()

    async def _tell_roots(self, message_class: Any, reason: str | None) -> None:
        for entry in self._roots():
            await self.bus.send(
                message_class(source=self.name, target=entry.worker.name, reason=reason)
            )

    # ---- the end

    def _set_deadline(self, seconds: float, overdue: Any) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, overdue)

    def _end_is_overdue(self) -> None:
        slow = [e for e in self._roots() if e.worker._end_limit_secs is not None]
        if not slow:
            return  # pipelines have deadlines of their own
        names = [entry.worker.name for entry in slow]
        _logger.error(
            "%s: %s do not end and are cancelled. Let run() return when told to end.", self, names
        )
        self._cancel_tasks(slow)

    def _cancel_is_overdue(self) -> None:
        left = list(self._entries.values())
        names = [entry.worker.name for entry in left]
        _logger.error("%s: %s do not answer the cancellation, ending their tasks", self, names)
        self._cancel_tasks(left)

    def _cancel_tasks(self, entries: list[RunnerEntry]) -> None:
        for entry in entries:
            if entry.task is not None:
                entry.task.cancel()
            elif isinstance(entry.worker, PipelineWorker):
                entry.worker._cancel()

    async def _close_down(self) -> None:
        """Cancel what still runs and let go of everything, within bounded time."""
        try:
            await self._end_the_rest()
            if self._event_tasks:
                await self._bounded(BaseObject.cleanup(self))
        finally:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
            if self._signal_task is not None:
                self._signal_task.cancel()
                self._signal_task = None
            self._running = False
            self.bus._runners.discard(self.name)
            if not self.bus._runners:  # another one in this process may be on it
                await self.bus.stop()
            await self.bus.unsubscribe(self)
            for entry in list(self._entries.values()):  # those that would not end, or never began
                await self.bus.unsubscribe(entry.worker)
            self._entries.clear()

    async def _end_the_rest(self) -> None:
        running = [e.task for e in self._entries.values() if e.task is not None]
        if not running:
            return
        from pipecat_rs.bus.messages import BusCancelWorkerMessage

        self._stopping = "cancel"
        try:
            for entry in list(self._entries.values()):
                await self.bus.send(
                    BusCancelWorkerMessage(
                        source=self.name,
                        target=entry.worker.name,
                        reason=self._cancel_reason or "runner exiting",
                    )
                )
            _, running = await asyncio.wait(running, timeout=CANCEL_TIMEOUT_SECS)
        finally:
            left = [task for task in running if not task.done()]
            for task in left:
                task.cancel()
            if left:
                _, left = await asyncio.wait(left, timeout=HANGING_TIMEOUT_SECS)
            for task in left:
                _logger.error(
                    "%s: the worker '%s' swallows its cancellation and is abandoned. "
                    "Let CancelledError through.",
                    self,
                    task.get_name(),
                )

    async def _bounded(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        done, _ = await asyncio.wait([task], timeout=CANCEL_TIMEOUT_SECS)
        if not done:
            _logger.error("%s: waiting for %s took too long, going on", self, coroutine)
            task.cancel()
        elif task.exception() is not None:
            _logger.error("%s: clean-up failed", self, exc_info=task.exception())

    def _warn_of_dangling_tasks(self) -> None:
        left = [task.get_name() for task in self.task_manager.current_tasks()]
        if left and self._check_dangling_tasks:
            _logger.warning("%s: tasks left at the end: %s", self, left)

    # ---- signals

    def _install_signals(self) -> list[signal.Signals]:
        loop = asyncio.get_running_loop()
        installed: list[signal.Signals] = []
        for number in self._signals:
            try:
                loop.add_signal_handler(number, self._signalled, number)
            except (NotImplementedError, RuntimeError, ValueError):
                continue  # not the main thread, or a loop without signals: the default stays
            installed.append(number)
        return installed

    def _remove_signals(self, installed: list[signal.Signals]) -> None:
        loop = asyncio.get_running_loop()
        for number in installed:
            loop.remove_signal_handler(number)

    def _signalled(self, number: signal.Signals) -> None:
        name = signal.Signals(number).name
        _logger.warning("%s: %s, cancelling", self, name)
        self._signal_task = asyncio.create_task(self.cancel(reason=name), name=f"{self}::{name}")


PipelineRunner = WorkerRunner
