"""Branches that are waited for: a frame goes on when all are done with it."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any

from pipecat_rs.frames.frames import ControlFrame, Frame
from pipecat_rs.pipeline.base_pipeline import BasePipeline
from pipecat_rs.pipeline.parallel_pipeline import branches_of
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


class FrameOrder(Enum):
    """In which order the output of the branches is released.

    Attributes:
        ARRIVAL: As it came.
        PIPELINE: Branch by branch, in the order they are given.
    """

    ARRIVAL = "arrival"
    PIPELINE = "pipeline"


class SyncFrame(ControlFrame):
    """What pipecat sends through each branch behind a frame, to learn when it is done.

    Here the engine knows, and none is ever sent; programs that leave it alone find the name.
    """


class SyncParallelPipelineSource(FrameProcessor):
    """The entry of a branch, as observers hear of it: what comes up goes into a queue."""

    def __init__(self, upstream_queue: asyncio.Queue[Frame], **kwargs: Any) -> None:
        """Make a source.

        Args:
            upstream_queue: Where upstream frames go.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._upstream_queue = upstream_queue

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Put an upstream frame into the queue, push a downstream one on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await self._upstream_queue.put(frame)
        else:
            await self.push_frame(frame, direction)


class SyncParallelPipelineSink(FrameProcessor):
    """The exit of a branch, as observers hear of it: what comes down goes into a queue."""

    def __init__(self, downstream_queue: asyncio.Queue[Frame], **kwargs: Any) -> None:
        """Make a sink.

        Args:
            downstream_queue: Where downstream frames go.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._downstream_queue = downstream_queue

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Put a downstream frame into the queue, push an upstream one on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            await self._downstream_queue.put(frame)
        else:
            await self.push_frame(frame, direction)


class SyncParallelPipeline(BasePipeline):
    """Every frame goes to every branch; its output is released when all are done with it.

    System frames pass at once. Branches are written as for `ParallelPipeline`.
    """

    def __init__(
        self,
        *branches: Any,
        name: str | None = None,
        frame_order: FrameOrder = FrameOrder.ARRIVAL,
        processors: Any = None,
    ) -> None:
        """Make branches.

        Args:
            *branches: One list of processors, or several lists. A string in second place is the
                name.
            name: Name, or None for the class name, ``#`` and a number.
            frame_order: In which order the output for one frame is released.
            processors: The list of processors, by name.

        Raises:
            TypeError: If a branch is neither a list nor a processor.
            ValueError: Without any branch.
        """
        given = list(branches)
        if len(given) > 1 and (given[-1] is None or isinstance(given[-1], str)):
            name = given.pop() or name
        super().__init__(name=name)
        if processors is not None:
            given.append(processors)
        self._branches = branches_of(self, given)
        self._frame_order = frame_order

    def _members(self) -> list[FrameProcessor]:
        return list(self._branches)

    @property
    def entry_processors(self) -> list[FrameProcessor]:
        """The branches, each a pipeline."""
        return list(self._branches)

    def get_processors(self) -> list[FrameProcessor]:
        """Return the processors of all branches, in order."""
        return [processor for branch in self._branches for processor in branch.get_processors()]

    def _layout(self) -> tuple[Any, ...]:
        branches = [branch._layout() for branch in self._branches]
        return ("synchronised", self, branches, self._frame_order.value)
