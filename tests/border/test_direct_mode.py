"""Direct mode: several processors in a row, mailboxes of their own, before the start and after."""

import asyncio

import pytest
from pipecat_rs.frames.frames import (
    EndFrame,
    EndTaskFrame,
    Frame,
    InterruptionFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
)
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.sync_parallel_pipeline import SyncParallelPipeline
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.testing import Recorder, running
from support.frames import Data, System, tags
from support.processors import Pass
from support.tasks import UP, task_of
from support.waiting import calls_of, settle, within


@pytest.mark.parametrize("compound", [ParallelPipeline, SyncParallelPipeline])
async def test_frames_from_below_pass_two_in_a_row(compound: type):
    """The inner one's own mailbox never opened: its start frame had come the other way."""
    last = Pass()
    chain = [Pass(), Pass(enable_direct_mode=True), Pass(enable_direct_mode=True)]
    task = task_of(Pass(), compound([Pipeline(chain)]), last)
    async with running(task) as run:
        await last.push_frame(EndTaskFrame(), UP)
        await within(run)


async def test_first_of_two_in_a_row_interrupts_and_goes_on():
    class Interrupts(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, TTSAudioRawFrame):
                await self.broadcast_interruption()
                await self.push_frame(LLMTextFrame("after"))
                return
            await super().process_frame(frame, direction)

    first, out = Recorder(), Recorder()
    chain = [Interrupts(enable_direct_mode=True), Pass(enable_direct_mode=True)]
    async with running(task_of(first, *chain, Pass(), out)):
        for count in (1, 2):
            await first.queue_frame(TTSAudioRawFrame(bytes(32), 16000, 1))
            await out.wait_for(LLMTextFrame, count=count)
    expected = [InterruptionFrame, LLMTextFrame] * 2
    assert [type(frame) for frame in out.frames((InterruptionFrame, LLMTextFrame))] == expected


async def test_interruption_that_begins_outside_of_a_step_ahead_of_direct_mode():
    """It began one epoch there and another in the direct neighbour: what followed was stale."""
    begins, out = Pass(), Recorder()
    async with running(task_of(Pass(), begins, Pass(enable_direct_mode=True), Pass(), out)):
        for count in (1, 2):
            await begins.broadcast_interruption()
            await begins.push_frame(LLMTextFrame(str(count)))
            await out.wait_for(LLMTextFrame, count=count)


async def test_nothing_comes_before_the_start():
    first, direct = Pass(), Recorder(enable_direct_mode=True)
    task = task_of(first, direct, Pass())
    run = asyncio.create_task(task.run())
    await asyncio.sleep(0)  # it has a place, and has not started
    await first.push_frame(System("early"))
    await first.push_frame(Data("early"))
    await direct.wait_for(Data)
    assert type(direct.frames()[0]).__name__ == "StartFrame"
    await task.queue_frame(EndFrame())
    await within(run)


async def test_what_waits_in_its_mailbox_is_not_overtaken():
    first, direct = Pass(), Recorder(enable_direct_mode=True)
    async with running(task_of(first, direct, Pass())):
        waits = [direct.queue_frame(Data(n)) for n in range(3)]
        await first.push_frame(Data(3))
        for one in waits:
            await one
        await direct.wait_for(Data, count=4)
    assert tags(direct.frames()) == [0, 1, 2, 3]


async def test_nothing_is_processed_after_the_cancel():
    class Slow(Recorder):
        async def cleanup(self) -> None:
            await self.queue_frame(System("late"))
            await settle()
            await super().cleanup()

    direct = Slow(enable_direct_mode=True)
    task = task_of(Pass(), direct, Pass())
    async with running(task) as run:
        await task.cancel()
        await within(run)
    assert tags(direct.frames()) == []


@pytest.mark.parametrize("direct", [False, True])
async def test_what_clean_up_pushes_reaches_nobody(direct: bool):
    class Says(Pass):
        async def cleanup(self) -> None:
            await self.push_frame(Data("from clean-up"))
            await settle()
            await super().cleanup()

    out = Recorder(enable_direct_mode=direct)
    task = task_of(Says(), Pass(), out)
    finished = calls_of(task, "on_pipeline_finished")
    await task.queue_frames([Data("before"), EndFrame()])
    await within(task.run())
    assert tags(out.frames()) == ["before"] and len(finished) == 1
