"""The hops that observers hear of where a frame crosses the ends of pipelines.

The engine links processors directly, whatever they are nested in. Observers still hear of each
pipeline's source and sink, as pipecat tells them: for a pipeline of one processor, four pushes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from pipecat_rs.frames.frames import Frame
from pipecat_rs.pipeline.base_pipeline import BasePipeline
from pipecat_rs.pipeline.pipeline import Pipeline, PipelineSink, PipelineSource
from pipecat_rs.pipeline.sync_parallel_pipeline import (
    SyncParallelPipeline,
    SyncParallelPipelineSink,
    SyncParallelPipelineSource,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

Hop = tuple[FrameProcessor, FrameProcessor]


async def _nowhere(frame: Frame, direction: FrameDirection) -> None:
    """Frames never come here: these ends are names for observers."""


class ObservedPath:
    """Knows which pipelines enclose which processor. Made when somebody observes."""

    def __init__(self, task: Any, pipeline: BasePipeline) -> None:
        """Remember what to describe.

        Args:
            task: The task, for the names of its ends.
            pipeline: Its pipeline.
        """
        self._task = task
        self._pipeline = pipeline
        self._ends: dict[FrameProcessor, Hop] = {}
        self._task_ends: Hop | None = None
        self._enclosing: dict[FrameProcessor, tuple[FrameProcessor, ...]] | None = None

    @property
    def task_ends(self) -> Hop:
        """Source and sink of the task."""
        if self._task_ends is None:
            self._task_ends = _make_ends(self._task)
        return self._task_ends

    def between(
        self, left: FrameProcessor, right: FrameProcessor, direction: FrameDirection
    ) -> Iterator[Hop]:
        """Yield the pushes by which a frame comes from one processor to its neighbour."""
        out, into = self._path(left), self._path(right)
        # A parallel pipeline is its own inside: its branches are entered without a push.
        if isinstance(left, BasePipeline):
            out = (*out, left)
        if isinstance(right, BasePipeline):
            into = (*into, right)
        shared = 0
        while shared < min(len(out), len(into)) and out[shared] is into[shared]:
            shared += 1
        downstream = direction is FrameDirection.DOWNSTREAM
        current = left
        for compound in reversed(out[shared:]):
            if isinstance(compound, Pipeline):
                yield current, self._ends_of(compound)[1 if downstream else 0]
            current = compound
        for compound in into[shared:]:
            if (
                not isinstance(current, BasePipeline)
                or isinstance(current, Pipeline)
                or (current is left and current not in out[:shared])
            ):
                yield current, compound
            current = (
                self._ends_of(compound)[0 if downstream else 1]
                if isinstance(compound, Pipeline)
                else compound
            )
        if current is not right and right not in out[:shared]:
            yield current, right

    def _path(self, processor: FrameProcessor) -> tuple[FrameProcessor, ...]:
        if self._enclosing is None:
            self._enclosing = dict(_enclosing(self._pipeline, ()))
        return self._enclosing.get(processor, ())

    def _ends_of(self, compound: FrameProcessor) -> Hop:
        ends = self._ends.get(compound)
        if ends is None:
            path = self._path(compound)
            synchronised = bool(path) and isinstance(path[-1], SyncParallelPipeline)
            ends = self._ends[compound] = _make_ends(compound, synchronised)
        return ends


def _make_ends(owner: Any, synchronised: bool = False) -> Hop:
    if synchronised:
        unused: asyncio.Queue[Frame] = asyncio.Queue()
        return (
            SyncParallelPipelineSource(unused, name=f"{owner}::Source"),
            SyncParallelPipelineSink(unused, name=f"{owner}::Sink"),
        )
    return (
        PipelineSource(_nowhere, name=f"{owner}::Source"),
        PipelineSink(_nowhere, name=f"{owner}::Sink"),
    )


def _enclosing(
    processor: FrameProcessor, path: tuple[FrameProcessor, ...]
) -> Iterator[tuple[FrameProcessor, tuple[FrameProcessor, ...]]]:
    yield processor, path
    for member in processor.processors:
        yield from _enclosing(member, (*path, processor))
