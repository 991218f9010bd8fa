"""A processor between two recorders, for tests that watch what it does while it runs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pipecat_rs.frames.frames import EndFrame, Frame, MetricsFrame, StartFrame
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running

_NOT_COMPARED = (StartFrame, EndFrame, MetricsFrame)


@dataclass
class Passage:
    """A running pipeline.

    `up` stands before the processors, `down` behind them.
    """

    task: PipelineTask
    up: Recorder
    down: Recorder
    run: asyncio.Task[None]

    async def send(self, *frames: Frame) -> None:
        for frame in frames:
            await self.task.queue_frame(frame)

    async def end(self) -> None:
        """End the pipeline and wait until it has ended."""
        await self.send(EndFrame())
        await asyncio.wait_for(asyncio.shield(self.run), 10)

    def went_down(self) -> list[Frame]:
        return _compared(self.down, FrameDirection.DOWNSTREAM)

    def went_up(self) -> list[Frame]:
        return _compared(self.up, FrameDirection.UPSTREAM)


@asynccontextmanager
async def passage(
    *processors: FrameProcessor, params: PipelineParams | None = None
) -> AsyncIterator[Passage]:
    """Run processors between two recorders for the length of a `with` block."""
    up, down = Recorder(), Recorder()
    task = PipelineTask(
        Pipeline([up, *processors, down]),
        params=params or PipelineParams(),
        cancel_on_idle_timeout=False,
    )
    async with running(task, timeout=20) as run:
        yield Passage(task, up, down, run)


async def passed(
    *processors: FrameProcessor,
    frames: Sequence[Frame],
    params: PipelineParams | None = None,
) -> tuple[list[Frame], list[Frame]]:
    """Send frames and an end through processors; return what came out below and above."""
    async with passage(*processors, params=params) as ways:
        await ways.send(*frames)
        await ways.end()
    return ways.went_down(), ways.went_up()


def kinds(frames: Sequence[Frame]) -> list[type]:
    """The classes of frames, in order."""
    return [type(frame) for frame in frames]


def _compared(recorder: Recorder, direction: FrameDirection) -> list[Frame]:
    return [f for f in recorder.frames(direction=direction) if not isinstance(f, _NOT_COMPARED)]
