"""Runs tasks, with signals and clean-up."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from typing import TYPE_CHECKING, Any

from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.worker import PipelineTask, WorkerParams
from pipecat_rs.utils.asyncio.task_manager import TaskManager
from pipecat_rs.utils.base_object import BaseObject

if TYPE_CHECKING:
    from pipecat_rs.pipeline.base_pipeline import BasePipeline

_logger = logging.getLogger(__name__)


class WorkerRunner(BaseObject):
    """Runs one task or several, and cancels them on signals.

    `PipelineRunner` is its older name.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        handle_sigint: bool = True,
        handle_sigterm: bool = False,
        force_gc: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a runner.

        Args:
            name: Its name, or None for class name, ``#`` and a number.
            handle_sigint: Whether SIGINT (Ctrl-C) cancels the tasks.
            handle_sigterm: Whether SIGTERM cancels the tasks.
            force_gc: Whether garbage is collected after a run.
            loop: Accepted as pipecat has it; the running loop is used.
            **kwargs: For the base class.
        """
        super().__init__(name=name, **kwargs)
        self._signals = [
            number
            for number, wanted in ((signal.SIGINT, handle_sigint), (signal.SIGTERM, handle_sigterm))
            if wanted
        ]
        self._force_gc = force_gc
        self._tasks: dict[str, PipelineTask] = {}
        self._waiting: list[PipelineTask] = []

    async def add_workers(self, *workers: PipelineTask) -> None:
        """Add tasks for the next `run` without a task."""
        self._waiting.extend(workers)

    async def spawn(self, worker: PipelineTask) -> None:
        """Add a task for the next `run` without a task."""
        self._waiting.append(worker)

    def get_worker(self, name: str) -> PipelineTask | None:
        """Return the running task of a name, or None."""
        return self._tasks.get(name)

    async def run(
        self,
        task: PipelineTask | BasePipeline | None = None,
        transport: Any = None,
        *,
        pipeline: BasePipeline | None = None,
        auto_end: bool = True,
    ) -> None:
        """Run a task, or a pipeline in a task of its own, until it ends.

        Args:
            task: The task; None for those added before.
            transport: The transport whose processors are in the pipeline. It is not added to it.
            pipeline: The pipeline, instead of a task.
            auto_end: Whether the run is over when the last task is; always so here.
        """
        work = pipeline if pipeline is not None else task
        tasks = list(self._waiting) if work is None else [self._as_task(work)]
        self._waiting.clear()
        manager = TaskManager()
        installed = self._install_signals()
        try:
            for one in tasks:
                self._tasks[one.name] = one
                one._runner = self
            if len(tasks) == 1:
                await tasks[0].run(WorkerParams(task_manager=manager))
            else:
                await self._run_all(tasks, manager)
        finally:
            self._remove_signals(installed)
            for one in tasks:
                self._tasks.pop(one.name, None)
            await self.cleanup()
            if self._force_gc:
                gc.collect()
        self._warn_of_dangling_tasks(manager)

    async def _run_all(self, tasks: list[PipelineTask], manager: TaskManager) -> None:
        async with asyncio.TaskGroup() as group:
            for one in tasks:
                group.create_task(one.run(WorkerParams(task_manager=manager)), name=one.name)

    def _as_task(self, work: Any) -> PipelineTask:
        if isinstance(work, Pipeline):
            return work._task()  # with the frames that were queued on it
        return work if isinstance(work, PipelineTask) else PipelineTask(work)

    async def stop_when_done(self) -> None:
        """End every task when what it has queued is processed."""
        for task in list(self._tasks.values()):
            await task.stop_when_done()

    async def end(self, reason: str | None = None) -> None:
        """End every task when what it has queued is processed."""
        for task in list(self._tasks.values()):
            await task.end(reason=reason)

    async def cancel(self, reason: str | None = None) -> None:
        """Cancel every task at once."""
        for task in list(self._tasks.values()):
            await task.cancel(reason=reason)

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
        _logger.warning("%s: %s, cancelling", self, signal.Signals(number).name)
        for task in list(self._tasks.values()):
            task._cancel_reason = signal.Signals(number).name
            task._cancel()

    def _warn_of_dangling_tasks(self, manager: TaskManager) -> None:
        left = [task.get_name() for task in manager.current_tasks()]
        if left:
            _logger.warning("%s: tasks left at the end: %s", self, left)


PipelineRunner = WorkerRunner
