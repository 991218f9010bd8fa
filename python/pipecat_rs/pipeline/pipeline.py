"""Processors one after another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame, StartFrame, StopFrame
from pipecat_rs.pipeline.base_pipeline import BasePipeline, checked_processors
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

if TYPE_CHECKING:
    from pipecat_rs.pipeline.worker import PipelineWorker

__all__ = ["Pipeline", "PipelineSink", "PipelineSource", "PushFrame"]

PushFrame = Callable[[Frame, FrameDirection], Awaitable[None]]

_LIFECYCLE = (StartFrame, EndFrame, StopFrame, CancelFrame)


class PipelineSource(FrameProcessor):
    """The entry of a pipeline: upstream frames go to a handler, downstream ones on."""

    def __init__(self, upstream_push_frame: PushFrame, **kwargs: Any) -> None:
        """Make a source.

        Args:
            upstream_push_frame: Awaited with each upstream frame and its direction.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._upstream_push_frame = upstream_push_frame

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Hand an upstream frame to the handler, push a downstream one on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await self._upstream_push_frame(frame, direction)
            # In a user's list the task stands beyond it: errors and requests are for that.
            await self.push_frame(frame, direction)
        else:
            await self.push_frame(frame, direction)


class PipelineSink(FrameProcessor):
    """The exit of a pipeline: downstream frames go to a handler, upstream ones on."""

    _is_end = True

    def __init__(self, downstream_push_frame: PushFrame, **kwargs: Any) -> None:
        """Make a sink.

        Args:
            downstream_push_frame: Awaited with each downstream frame and its direction.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._downstream_push_frame = downstream_push_frame

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Hand a downstream frame to the handler, push an upstream one on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await self.push_frame(frame, direction)
            return
        await self._downstream_push_frame(frame, direction)
        if isinstance(frame, _LIFECYCLE):
            # The task beyond learns of the start and the end.
            await self.push_frame(frame, direction)


class Pipeline(BasePipeline):
    """Processors in sequence: each receives what the one before it pushes.

    Example::

        pipeline = Pipeline([transport.input(), stt, llm, tts, transport.output()])
    """

    def __init__(
        self,
        processors: Sequence[FrameProcessor],
        name: str | None = None,
        enable_direct_mode: bool = False,
        *,
        source: FrameProcessor | None = None,
        sink: FrameProcessor | None = None,
    ) -> None:
        """Link processors.

        Args:
            processors: The processors, in order.
            name: Name of the pipeline, or None for ``Pipeline#`` and a number.
            enable_direct_mode: Accepted as pipecat has it. A pipeline is flattened when it runs, so
                it costs nothing per frame either way.
            source: A processor to stand before the others.
            sink: A processor to stand behind the others.

        Raises:
            TypeError: If something in the list is no processor.
        """
        super().__init__(name=name)
        self._given = checked_processors(self, processors)
        self._source = source
        self._sink = sink
        self._own_task: PipelineWorker | None = None
        members = self._members()
        for previous, following in pairwise(members):
            previous.link(following)

    def _members(self) -> list[FrameProcessor]:
        ends = [self._source] if self._source else []
        return [*ends, *self._given, *([self._sink] if self._sink else [])]

    @property
    def entry_processors(self) -> list[FrameProcessor]:
        """The first processor, as a list."""
        return self._members()[:1]

    def get_processors(self) -> list[FrameProcessor]:
        """Return the processors that the pipeline was made of, in order."""
        return list(self._given)

    def _layout(self) -> tuple[Any, ...]:
        return ("sequence", [member._layout() for member in self._members()])

    # ---- a pipeline that runs by itself

    def _task(self) -> PipelineWorker:
        if self._own_task is None or self._own_task.has_finished():
            from pipecat_rs.pipeline.worker import PipelineWorker

            self._own_task = PipelineWorker(self)
        return self._own_task

    async def run(self) -> None:
        """Run in a task of its own until an end, stop or cancel frame has gone through."""
        await self._task().run()

    async def queue_frames(self, frames: Iterable[Frame]) -> None:
        """Queue frames for the task that runs this pipeline, or that `run` will start.

        Args:
            frames: The frames, in order.
        """
        running = self._running_worker() or self._task()
        await running.queue_frames(frames)

    def _running_worker(self) -> PipelineWorker | None:
        worker = self._setup.pipeline_worker if self._setup else None
        return None if worker is None or worker.has_finished() else worker

    def get_metrics(self) -> dict[str, Any]:
        """Return the newest measures: engine figures, and what each processor reported."""
        if self._setup is not None:
            return self._setup.pipeline_worker.get_metrics()
        return {} if self._own_task is None else self._own_task.get_metrics()
