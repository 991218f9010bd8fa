"""Flushing a pipeline that ends meanwhile, and tasks whose `queue_frame` is overridden."""

import asyncio

from pipecat_rs.frames.frames import CancelFrame, EndFrame, EndTaskFrame, Frame
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.testing import Recorder, running
from support.frames import Data, tags
from support.processors import Hold
from support.tasks import UP, task_of
from support.waiting import settle, within


class Refuses(PipelineTask):
    """Holds back every data frame that it is given."""

    async def queue_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if not isinstance(frame, Data):
            await super().queue_frame(frame, direction)


async def test_a_flush_is_over_when_the_pipeline_is():
    hold = Hold(Data)
    task = task_of(hold)
    async with running(task):
        frame = Data()
        await task.queue_frame(frame)
        await hold.wait_for("enter", frame)
        flushing = asyncio.create_task(task.flush_pipeline(timeout=1000))
        await settle()
        await task.queue_frame(CancelFrame())
        assert await within(flushing) is False
    assert await within(task.flush_pipeline(timeout=1000)) is False


async def test_a_flush_goes_past_an_overridden_queue_frame():
    class RefusesAll(Refuses):
        async def queue_frame(
            self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
        ) -> None:
            pass

    task = RefusesAll(Pipeline([Recorder()]), idle_timeout_secs=None)
    async with running(task):
        assert await within(task.flush_pipeline())


async def test_what_processors_ask_for_goes_through_an_overridden_queue_frame():
    """The frame was lost: the override's coroutine was made and never awaited."""
    out = Recorder()
    task = Refuses(Pipeline([out]), idle_timeout_secs=None)
    async with running(task) as run:
        await task.queue_frame(Data(1))
        await out.push_frame(EndTaskFrame(reason="done"), UP)
        await within(run)
    (end,) = out.frames(EndFrame)
    assert end.reason == "done" and tags(out.frames()) == []
