"""The end of a run: all that it has started is joined, within bounded time."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pipecat_rs.frames.frames import StopFrame
from pipecat_rs.pipeline.worker_base import PipelineWorkerBase
from pipecat_rs.processors.frame_processor import FrameProcessor
from pipecat_rs.utils.base_object import BaseObject

_logger = logging.getLogger(__name__)

HANGING_TIMEOUT_SECS = 1.0
"""How long a callback may take to answer its cancellation before it is abandoned."""
LAST_PASSES = 20
"""Passes of the loop for frames that are on their way when the run is over."""


class TearDown(PipelineWorkerBase):
    """The tear-down of a pipeline's worker."""

    _abandoned: list[str]

    def leak_report(self) -> list[str]:
        """Return what a finished task has left behind: nothing, unless user code would not end."""
        left = [f"callback of {name}" for name in self._abandoned]
        if self._task_manager is not None:
            left += [f"task {task.get_name()}" for task in self._task_manager.current_tasks()]
        return left

    async def _close_down(self, opened: bool) -> None:
        """Join everything that the run has started, within bounded time."""
        if self._idle:
            self._idle.stop()
        if self._heartbeats:
            self._heartbeats.stop()
        try:
            await self._leave_bus()
            for task in list(self._setting_up):
                await self.cancel_task(task)
            self._setting_up.clear()
            if opened:
                await self._join_callbacks()
                await self._shut_mailboxes()
            if not isinstance(self._last_frame, StopFrame):
                await self._bounded(self._pipeline.cleanup(), "processors")
            if opened:
                await self._bounded(self._observer.cleanup(), "observers")
            if self._tracing is not None:
                self._tracing.turn_trace_observer.end_conversation_tracing()
            await self._bounded(BaseObject.cleanup(self), "event handlers")
            if opened:
                await self._join_callbacks()  # those that have begun during the clean-up
        finally:
            if self._figures()[0]:
                self.get_metrics()
            self._close()
            self._seated = []
        await self._end_dangling_tasks()

    async def _shut_mailboxes(self) -> None:
        """Process what is on its way; what clean-up pushes finds neighbours that are gone."""
        for _ in range(LAST_PASSES):
            if not self._has_waiting():
                break
            await asyncio.sleep(0)
        self._shut()

    async def _join_callbacks(self) -> None:
        asked: set[FrameProcessor] = set()
        assert self._loop is not None
        until = self._loop.time() + HANGING_TIMEOUT_SECS
        again_at = until - HANGING_TIMEOUT_SECS / 2
        pause = 0.0
        while (hanging := self._not_abandoned()) and self._loop.time() < until:
            if self._loop.time() >= again_at:  # one that ended may have made way for the next
                again_at = until
                asked.clear()
            if not asked.issuperset(hanging):  # others have begun meanwhile
                self._cancel_hanging()
                asked.update(hanging)
            await asyncio.sleep(pause)  # no event: what is waited for is user code
            pause = min(pause + 0.001, 0.02)
        left = [str(processor) for processor in hanging]
        self._abandoned += left
        for name in left:
            _logger.error(
                "%s: a callback of %s swallows its cancellation and is abandoned. "
                "Let CancelledError through.",
                self,
                name,
            )

    def _not_abandoned(self) -> list[FrameProcessor]:
        return [p for p in self._hanging() if str(p) not in self._abandoned]

    async def _bounded(self, coroutine: Any, what: str) -> None:
        task = asyncio.create_task(coroutine)
        done, _ = await asyncio.wait([task], timeout=self._cancel_timeout_secs)
        if not done:
            _logger.error("%s: waiting for %s took too long, going on", self, what)
            task.cancel()
            await asyncio.wait([task], timeout=HANGING_TIMEOUT_SECS)
        elif task.exception():
            _logger.error("%s: clean-up of %s failed", self, what, exc_info=task.exception())

    async def _end_dangling_tasks(self) -> None:
        """Cancel what processors have started and not ended themselves."""
        if self._given_task_manager is not None or self._task_manager is None:
            return
        current = asyncio.current_task()
        left = [task for task in self._task_manager.current_tasks() if task is not current]
        if not left:
            return
        if self._check_dangling_tasks:
            names = [task.get_name() for task in left]
            _logger.warning("%s: tasks left at the end are cancelled: %s", self, names)
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=HANGING_TIMEOUT_SECS)
