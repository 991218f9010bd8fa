"""G4 where frames are held inside of compounds: interruptions and ends meet there too."""

import pytest
from pipecat_rs.frames.frames import (
    EndFrame,
    Frame,
    InterruptionFrame,
    InterruptionWorkerFrame,
    LLMTextFrame,
)
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher
from pipecat_rs.pipeline.sync_parallel_pipeline import SyncParallelPipeline
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.testing import Recorder, running
from support.frames import Data, Lasting, System, tags
from support.processors import Hold, Pass
from support.tasks import UP, task_of
from support.waiting import settle, until, within

LAYOUTS = {
    "parallel": lambda hold: ParallelPipeline([hold], [Pass()]),
    "sync parallel": lambda hold: SyncParallelPipeline([hold], [Pass()]),
    "nested": lambda hold: ParallelPipeline(
        [Pipeline([Pass(), hold])], [ParallelPipeline([Pass()])]
    ),
    "sync in parallel": lambda hold: ParallelPipeline([SyncParallelPipeline([hold], [])], []),
    "switcher": lambda hold: ServiceSwitcher([hold, Pass()]),
}
layouts = pytest.mark.parametrize("layout", LAYOUTS)


@layouts
async def test_g04_interruption_frees_a_compound_that_waits_for_a_branch(layout: str):
    hold, out = Hold(Data), Recorder()
    task = task_of(LAYOUTS[layout](hold), out)
    in_hand = Data("in hand")
    async with running(task) as run:
        await task.queue_frame(in_hand)
        await hold.wait_for("enter", in_hand)
        await task.queue_frames([Lasting("kept"), Lasting("kept too")])
        await settle()
        await task.queue_frame(InterruptionFrame())
        await hold.wait_for("cancelled", in_hand)
        await task.queue_frames([Lasting("after"), EndFrame()])
        await within(run)
    assert tags(out.frames(Lasting)) == ["kept", "kept too", "after"]
    assert len(out.frames(InterruptionFrame)) == 1


@layouts
async def test_g04_interruption_while_an_end_frame_is_inside_loses_neither(layout: str):
    hold, out = Hold(EndFrame), Recorder()
    task = task_of(LAYOUTS[layout](hold), out)
    end = EndFrame()
    async with running(task) as run:
        await task.queue_frames([Lasting("before"), end])
        await hold.wait_for("enter", end)
        await task.queue_frame(InterruptionWorkerFrame(), UP)
        await settle()
        assert not hold.noted("cancelled", end) and not run.done()
        hold.release()
        await within(run)
    assert tags(out.frames(Lasting)) == ["before"]
    assert out.frames(EndFrame) == [end]


@layouts
async def test_g04_interruption_made_inside_a_branch_leaves_it_both_ways(layout: str):
    class Interrupts(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, System) and frame.tag == "interrupt":
                await self.broadcast_interruption()
            await super().process_frame(frame, direction)

    interrupts, above, out = Interrupts(), Hold(LLMTextFrame), Recorder()
    before = Recorder()
    task = task_of(before, above, LAYOUTS[layout](interrupts), out)
    stale = LLMTextFrame("stale")
    async with running(task):
        await task.queue_frame(stale)
        await above.wait_for("enter", stale)
        await interrupts.queue_frame(System("interrupt"))
        await above.wait_for("cancelled", stale)
        await out.wait_for(InterruptionFrame)
        await before.wait_for(InterruptionFrame, direction=UP)
        await settle()
    assert len(out.frames(InterruptionFrame)) == 1
    assert len(before.frames(InterruptionFrame, UP)) == 1
    assert out.frames(LLMTextFrame) == []


async def test_g04_many_interruptions_in_a_row_while_frames_flow():
    holds = [Hold(LLMTextFrame) for _ in range(3)]
    out = Recorder()
    task = task_of(
        holds[0], ParallelPipeline([holds[1]], [Pass()]), SyncParallelPipeline([holds[2]], []), out
    )
    async with running(task) as run:
        for n in range(20):
            await task.queue_frames([LLMTextFrame(str(n)), Lasting(n), System(n)])
            await task.queue_frame(InterruptionFrame())
            await settle(n % 4)
        await until(lambda: len(out.frames(InterruptionFrame)) == 20)
        for hold in holds:
            hold.release(100)
        await task.queue_frame(EndFrame())
        await within(run)
    assert tags(out.frames(Lasting)) == list(range(20))
    assert tags(out.frames(System)) == list(range(20))


@pytest.mark.parametrize("compound", [ParallelPipeline, SyncParallelPipeline])
async def test_g04_branch_that_no_interruption_passes_goes_on(compound: type):
    """An interruption that began in one branch made all that the others said later stale."""

    class Interrupts(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, System) and frame.tag == "interrupt":
                await self.broadcast_interruption()

    class Answers(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, System) and frame.tag == "ask":
                await self.push_frame(Data("plain"))
                await self.push_frame(LLMTextFrame("generated"))

    answers, out = Answers(), Recorder()
    task = task_of(Pass(), compound([Pass(), answers], [Interrupts()]), out)
    async with running(task):
        await task.queue_frame(System("interrupt"))
        await out.wait_for(InterruptionFrame)
        await answers.push_frame(LLMTextFrame("by itself"))
        await task.queue_frames([System("ask"), Data("flush")])
        await out.wait_for(lambda f: isinstance(f, Data) and f.tag == "flush")
        await task.queue_frame(Data("flush"))  # a synchronised one lets out with the next input
        await out.wait_for(lambda f: isinstance(f, LLMTextFrame) and f.text == "generated")
    assert "plain" in tags(out.frames())
    assert "by itself" in [frame.text for frame in out.frames(LLMTextFrame)]
