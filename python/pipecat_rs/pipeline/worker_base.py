"""What the sides of a pipeline's worker share: its state, the way in for frames, its events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs import _core
from pipecat_rs.clocks.base_clock import BaseClock
from pipecat_rs.frames.frames import Frame, StartFrame
from pipecat_rs.pipeline.base_pipeline import BasePipeline
from pipecat_rs.pipeline.bus_side import BusSide
from pipecat_rs.pipeline.observed_path import ObservedPath
from pipecat_rs.pipeline.params import PipelineParams, ProcessorUnusablePolicy
from pipecat_rs.pipeline.snapshot import ProcessorSnapshot, read_snapshot
from pipecat_rs.pipeline.task_metrics import TaskMetrics
from pipecat_rs.pipeline.timers import Heartbeats, IdleTimer
from pipecat_rs.pipeline.worker_observer import WorkerObserver
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.utils.asyncio.other_loop import run_on_loop
from pipecat_rs.utils.asyncio.task_manager import BaseTaskManager

if TYPE_CHECKING:
    from pipecat_rs.pipeline.task_tracing import TaskTracing

_logger = logging.getLogger(__name__)


class PipelineWorkerBase(_core.TaskBase, BusSide):
    """Base of the sides of `PipelineWorker`, which sets the state."""

    _declared_events: ClassVar[Mapping[str, bool]] = {
        **BusSide._declared_events,
        "on_frame_reached_upstream": False,
        "on_frame_reached_downstream": False,
        "on_heartbeat_timeout": False,
        "on_idle_timeout": False,
        "on_metrics": False,
        "on_pipeline_started": False,
        "on_pipeline_ended": False,
        "on_pipeline_stopped": False,
        "on_pipeline_cancelled": False,
        "on_pipeline_finished": False,
        "on_pipeline_timeout": False,
        "on_pipeline_error": False,
        "on_setup_timeout": False,
        "on_stall": False,
    }
    _lone_arguments: ClassVar[Mapping[str, int]] = {"on_metrics": 1}

    _pipeline: BasePipeline
    _params: PipelineParams
    _clock: BaseClock
    _app_resources: Any
    _cancel_on_idle_timeout: bool
    _cancel_runner_on_idle_timeout: bool
    _cancel_timeout_secs: float
    _check_dangling_tasks: bool
    _idle_timeout_frames: tuple[type[Frame], ...]
    _mailbox_bound: int
    _policy: ProcessorUnusablePolicy
    _given_task_manager: BaseTaskManager | None

    _observer: WorkerObserver
    _observed_path: ObservedPath
    _tracing: TaskTracing | None
    _enable_tracing: bool = False
    _metrics: TaskMetrics
    _idle: IdleTimer | None
    _heartbeats: Heartbeats | None

    _loop: asyncio.AbstractEventLoop | None
    _done: asyncio.Future[None] | None
    _running: bool
    _finished: bool
    _start_frame: StartFrame | None
    _last_frame: Frame | None
    _cancel_reason: str | None
    _setting_up: list[asyncio.Task[None]]
    _seated: list[tuple[str, FrameProcessor | None]]
    _edges: tuple[FrameProcessor, FrameProcessor]

    # ---- frames

    async def queue_frame(  # pyright: ignore[reportIncompatibleMethodOverride] - None is native
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Queue a frame behind those before it.

        Before the start it is kept, after the end it is dropped.

        Args:
            frame: The frame.
            direction: Downstream from the pipeline's beginning, or upstream from its end.

        Raises:
            TypeError: If it is no frame.
        """
        raise NotImplementedError  # the native method stands in for this body

    async def queue_frames(
        self,
        frames: Iterable[Frame] | AsyncIterable[Frame],
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
    ) -> None:
        """Queue frames behind those before them.

        Args:
            frames: The frames; a list, any iterable or an async iterable.
            direction: Downstream from the pipeline's beginning, or upstream from its end.
        """
        if isinstance(frames, AsyncIterable):
            async for frame in frames:
                await self.queue_frame(frame, direction)
        elif isinstance(frames, (list, tuple)) and len(frames) <= self._mailbox_bound:
            await self._queue_all(frames, direction)
        else:
            for frame in frames:
                await self.queue_frame(frame, direction)

    async def _queue_from_thread(self, frame: Frame, direction: FrameDirection | None) -> None:
        """Queue a frame for a caller on another thread."""
        direction = direction or FrameDirection.DOWNSTREAM
        if asyncio.get_running_loop() is self._loop:
            await self.queue_frame(frame, direction)
        elif self._loop is not None:
            queueing = self._queue_from_thread(frame, direction)
            await run_on_loop(self._loop, queueing, f"queue_frame of {self} from another thread")

    def _queue_now(self, frame: Frame) -> None:
        """Queue a frame from a place that cannot await; the frame is queued in the call."""
        if type(self).queue_frame is PipelineWorkerBase.queue_frame:
            self._queue(frame)
        else:
            self.create_task(self.queue_frame(frame), "queue_frame")  # a subclass has a say

    def _queue(self, frame: Frame) -> None:
        _acts_when_called = _core.TaskBase.queue_frame(self, frame)

    def _refused(self, frame: Frame) -> None:
        _logger.debug("%s: %s came after the end and is dropped", self, frame)

    # ---- figures

    def snapshot(self) -> list[ProcessorSnapshot]:
        """Return who holds which frame for how long. May be called from any thread."""
        return read_snapshot(self._snapshot())

    def get_metrics(self) -> dict[str, Any]:
        """Return engine figures and the newest measures of each processor."""
        steps, hops, processed = self._figures()
        if steps:
            self._metrics.engine = {"steps": steps, "hops": hops, "frames_processed": processed}
        return self._metrics.as_dict()

    # ---- events and members

    def _fire(self, event: str, *args: Any) -> None:
        """Call an event's handlers, each in a task."""
        if self._has_event_handlers(event):
            calling = self._call_event_handler(event, *args)
            # No handler is awaited in place, so this ends at its first step.
            try:
                calling.send(None)
            except StopIteration:
                pass
            else:
                raise RuntimeError(f"event {event} must not wait")

    def _iter_processors(self, processor: FrameProcessor) -> Iterator[FrameProcessor]:
        yield processor
        for member in processor.processors:
            yield from self._iter_processors(member)

    def _leaves(self) -> Iterator[FrameProcessor]:
        return (p for p in self._iter_processors(self._pipeline) if not p.processors)


PipelineWorkerBase.queue_frame = _core._coroutine_method(  # type: ignore[method-assign]
    PipelineWorkerBase.queue_frame, _core.TaskBase.queue_frame
)
