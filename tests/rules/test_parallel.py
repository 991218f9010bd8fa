"""Engine rules 68-78: parallel pipelines."""

import asyncio

import pytest
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    StartFrame,
    StopFrame,
)
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.sync_parallel_pipeline import FrameOrder, SyncParallelPipeline
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, System, tags
from support.processors import Act, Hold, Pass, Swallow
from support.tasks import DOWN, UP, task_of
from support.waiting import settle, within

COMPOUNDS = [ParallelPipeline, SyncParallelPipeline]


class Rename(FrameProcessor):
    """Replaces each data frame by a new one whose tag says who made it."""

    def __init__(self, who: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.who = who

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, Data):
            frame = Data(f"{self.who}{frame.tag}")
        await self.push_frame(frame, direction)


class Adds(Pass):
    """Pushes a frame of its own before it hands a frame of one class on."""

    def __init__(self, kind: type[Frame], added: Frame, direction: FrameDirection = DOWN) -> None:
        super().__init__()
        self.kind, self.added, self.direction = kind, added, direction

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, self.kind):
            await self.push_frame(self.added, self.direction)
        await super().process_frame(frame, direction)


# R68-R70: fan-out and de-duplication


@pytest.mark.parametrize("direction", [DOWN, UP])
async def test_r068_every_branch_gets_every_frame_in_either_direction(direction):
    branches = [Recorder() for _ in range(3)]
    first, last = Recorder(), Recorder()
    task = task_of(first, ParallelPipeline(*([branch] for branch in branches)), last)
    async with running(task):
        await task.queue_frames([Data(1), Control(2), System(3)], direction)
        for branch in branches:
            await branch.wait_for((Data, Control, System), count=3, direction=direction)
            assert sorted(tags(branch.frames())) == [1, 2, 3]


async def test_r068_each_branch_runs_on_its_own():
    hold, free, out = Hold(Data), Recorder(), Recorder()
    task = task_of(ParallelPipeline([hold], [free]), out)
    async with running(task):
        await task.queue_frames([Data(n) for n in range(3)])
        await free.wait_for(Data, count=3)
        await out.wait_for(Data, count=3)
        assert len(hold.entered()) == 2  # StartFrame and the first
        hold.release(3)


@pytest.mark.parametrize("compound", COMPOUNDS)
def test_r068_no_branch_or_a_branch_that_is_no_list_is_an_error(compound: type):
    with pytest.raises(Exception, match="at least one"):
        compound()
    with pytest.raises(TypeError, match="list"):
        compound(Pass())


@pytest.mark.parametrize("direction", [DOWN, UP])
async def test_r069_frame_that_leaves_several_branches_goes_on_once(direction):
    first, last = Recorder(), Recorder()
    task = task_of(first, ParallelPipeline([Pass()], [Pass()], [Pass(), Pass()]), last)
    far = last if direction is DOWN else first
    async with running(task) as run:
        for n in range(5):
            await task.queue_frame(Data(n), direction)
            await task.queue_frame(System(n), direction)
        await far.wait_for(Data, count=5, direction=direction)
        await task.queue_frame(EndFrame())
        await within(run)
    assert tags(far.frames(Data, direction)) == list(range(5))
    assert tags(far.frames(System, direction)) == list(range(5))


async def test_r069_both_directions_share_the_set_of_known_frames():
    """A frame that went on downstream is not let out upstream as well."""

    async def both_ways(processor: Act, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data) and direction is DOWN:
            await processor.push_frame(frame, UP)

    first, last = Recorder(), Recorder()
    task = task_of(first, ParallelPipeline([Pass()], [Act(both_ways)]), last)
    async with running(task) as run:
        await task.queue_frames([Data(1), Control(2)])
        await last.wait_for(Control)
        await task.queue_frame(EndFrame())
        await within(run)
    went_on = first.frames(Data, UP) + last.frames(Data, DOWN)
    assert tags(went_on) == [1]


async def test_r069_new_frames_of_each_branch_all_go_on():
    out = Recorder()
    task = task_of(ParallelPipeline([Rename("a")], [Rename("b")], [Pass()]), out)
    async with running(task) as run:
        await task.queue_frames([Data(1), Data(2), EndFrame()])
        await within(run)
    assert sorted(map(str, tags(out.frames()))) == ["1", "2", "a1", "a2", "b1", "b2"]


async def test_r070_order_across_branches_is_arrival_order():
    slow, fast, out = Hold(Data), Rename("fast"), Recorder()
    task = task_of(ParallelPipeline([slow], [fast]), out)
    async with running(task):
        await task.queue_frames([Data(1), Data(2)])
        await out.wait_for(Data, count=2)
        slow.release(2)
        await out.wait_for(Data, count=4)
    assert tags(out.frames()) == ["fast1", "fast2", 1, 2]


async def test_r070_branches_nest():
    out = Recorder()
    inner = ParallelPipeline([Rename("b")], [Pipeline([Rename("c")])])
    task = task_of(ParallelPipeline([Rename("a")], [Pass(), inner]), out)
    async with running(task) as run:
        await task.queue_frames([Data(1), EndFrame()])
        await within(run)
    assert sorted(tags(out.frames())) == ["a1", "b1", "c1"]


# R71-R73: synchronised lifecycle frames


@pytest.mark.parametrize("kind", [StartFrame, EndFrame, CancelFrame])
async def test_r071_start_end_and_cancel_leave_once_all_branches_let_them_out(kind: type):
    slow, fast, out = Hold(kind), Recorder(), Recorder()
    task = task_of(ParallelPipeline([slow], [fast]), out)
    async with running(task, wait_for_start=kind is not StartFrame):
        if kind is not StartFrame:
            await task.queue_frame(kind())
        frame = await fast.wait_for(kind)
        await slow.wait_for("enter", frame)
        await settle()
        assert out.frames(kind) == []
        slow.release()
        assert await out.wait_for(kind) is frame
        await settle()
        assert out.frames(kind) == [frame]


async def test_r071_no_further_frame_is_taken_while_an_end_frame_is_inside():
    slow, fast, out = Hold(EndFrame), Recorder(), Recorder()
    parallel = ParallelPipeline([slow], [fast])
    task = task_of(parallel, out)
    async with running(task) as run:
        end = EndFrame()
        await task.queue_frame(end)
        await slow.wait_for("enter", end)
        await parallel.queue_frame(System("waits"))
        await settle()
        assert fast.frames(System) == []
        slow.release()
        await within(run)


async def test_r071_system_frame_overtakes_an_end_frame_that_waits_to_be_handled():
    hold, branch, out = Hold(Data), Recorder(), Recorder()
    task = task_of(hold, ParallelPipeline([branch], [Pass()]), out)
    busy = Data()
    async with running(task) as run:
        await task.queue_frames([busy, EndFrame()])
        await hold.wait_for("enter", busy)
        await hold.queue_frame(System("s"))
        await out.wait_for(System)
        assert branch.frames(EndFrame) == []
        hold.release()
        await within(run)


async def test_r072_frames_made_during_the_start_follow_the_start_frame():
    made = [Data("data"), System("system")]
    out = Recorder()
    parallel = ParallelPipeline([Adds(StartFrame, made[0])], [Adds(StartFrame, made[1])], [Pass()])
    async with running(task_of(parallel, out)):
        await out.wait_for(Data)
        await out.wait_for(System)
    assert isinstance(out.frames()[0], StartFrame)


async def test_r072_frames_made_during_the_end_go_ahead_of_the_end_frame():
    slow, out = Hold(EndFrame), Recorder()
    parallel = ParallelPipeline(
        [Adds(EndFrame, Data("fast"))], [slow, Adds(EndFrame, Data("slow"))]
    )
    task = task_of(parallel, out)
    async with running(task) as run:
        end = EndFrame()
        await task.queue_frame(end)
        await slow.wait_for("enter", end)
        await settle()
        slow.release()
        await within(run)
    relevant = [f for f in out.frames() if isinstance(f, Data | EndFrame)]
    assert tags(relevant) == ["fast", "slow"] and relevant[-1] is end


async def test_r072_frames_made_upstream_during_the_end_are_not_lost():
    above = Recorder()
    parallel = ParallelPipeline([Adds(EndFrame, System("up"), UP)], [Pass()])
    task = task_of(above, parallel)
    async with running(task) as run:
        await task.queue_frame(EndFrame())
        await within(run)
    assert tags(above.frames(System, UP)) == ["up"]


async def test_r073_stop_frame_leaves_once_all_branches_let_it_out_and_loses_nothing():
    slow, fast, out = Hold(Data), Recorder(), Recorder()
    task = task_of(ParallelPipeline([slow], [Swallow(Data), fast]), out)
    frame = Data("slow")
    async with running(task) as run:
        await task.queue_frames([frame, StopFrame()])
        await fast.wait_for(StopFrame)
        await settle()
        assert out.frames(StopFrame) == [] and not run.done()
        slow.release()
        await within(run)
    assert tags(out.frames()) == ["slow"]
    assert isinstance(out.frames((Data, StopFrame))[-1], StopFrame)
    await task.pipeline.cleanup()


def test_r074_metric_capable_processors_are_collected_from_all_branches():
    class Measurable(Pass):
        def can_generate_metrics(self) -> bool:
            return True

    a, b, c, d = (Measurable() for _ in range(4))
    inner = SyncParallelPipeline([d], [Pass()])
    parallel = ParallelPipeline([a, Pass()], [Pipeline([b]), ParallelPipeline([c])], [inner])
    assert parallel.processors_with_metrics() == [a, b, c, d]


# R75-R78: synchronised branches


async def test_r075_output_is_released_once_every_branch_is_done_with_the_frame():
    slow, fast, out = Hold(Data), Rename("fast"), Recorder()
    task = task_of(SyncParallelPipeline([slow], [fast]), out)
    first, second = Data(1), Data(2)
    async with running(task):
        await task.queue_frames([first, second])
        await slow.wait_for("enter", first)
        await settle()
        assert tags(out.frames()) == []
        slow.release()
        await slow.wait_for("enter", second)
        await out.wait_for(Data, count=2)
        await settle()
        assert set(tags(out.frames())) == {1, "fast1"}
        slow.release()
        await out.wait_for(Data, count=4)
    assert set(tags(out.frames())[2:]) == {2, "fast2"}


@pytest.mark.parametrize("direction", [DOWN, UP])
async def test_r075_output_is_released_once_per_frame_and_no_sentinel_leaves(direction):
    first, last = Recorder(), Recorder()
    task = task_of(first, SyncParallelPipeline([Pass()], [Pass()], [Pass()]), last)
    far = last if direction is DOWN else first
    async with running(task):
        await task.queue_frames([Data(1), Control(2), Data(3)], direction)
        await far.wait_for(Data, count=2, direction=direction)
    others = [f for f in far.frames(direction=direction) if not isinstance(f, Data | Control)]
    assert tags(far.frames(direction=direction)) == [1, 2, 3]
    assert {type(frame) for frame in others} <= {StartFrame, CancelFrame}


ORDERS = [
    (FrameOrder.ARRIVAL, ["fast1", "slow1", "fast2", "slow2"]),
    (FrameOrder.PIPELINE, ["slow1", "fast1", "slow2", "fast2"]),
]


@pytest.mark.parametrize(("order", "expected"), ORDERS)
async def test_r076_release_order_is_arrival_or_branch_definition(order, expected: list[str]):
    hold, fast, out = Hold(Data), Recorder(), Recorder()
    parallel = SyncParallelPipeline(
        [hold, Rename("slow")], [Rename("fast"), fast], frame_order=order
    )
    task = task_of(parallel, out)
    async with running(task):
        for n in (1, 2):
            await task.queue_frame(Data(n))
            await fast.wait_for(Data, count=n)
            await settle()
            hold.release()
        await out.wait_for(Data, count=4)
    assert tags(out.frames()) == expected


async def test_r076_arrival_is_the_default():
    hold, fast, out = Hold(Data), Recorder(), Recorder()
    task = task_of(SyncParallelPipeline([hold, Rename("slow")], [Rename("fast"), fast]), out)
    async with running(task):
        await task.queue_frame(Data(1))
        await fast.wait_for(Data)
        await settle()
        hold.release()
        await out.wait_for(Data, count=2)
    assert tags(out.frames()) == ["fast1", "slow1"]


async def test_r077_output_made_later_comes_out_with_a_later_input_frame():
    class Late(FrameProcessor):
        """Not synchronous: answers each data frame from a task of its own, when told to."""

        go = asyncio.Event()
        answered = asyncio.Event()

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, Data) and frame.tag == 1:
                self.create_task(self.answer(), "answer")
            await self.push_frame(frame, direction)

        async def answer(self) -> None:
            await self.go.wait()
            await self.push_frame(Data("late"))
            self.answered.set()

    late, out = Late(), Recorder()
    task = task_of(SyncParallelPipeline([late, Pass()], [Pass()]), out)
    async with running(task):
        await task.queue_frame(Data(1))
        await out.wait_for(Data)
        late.go.set()
        await within(late.answered.wait())
        await settle()
        assert tags(out.frames()) == [1]
        await task.queue_frame(Data(2))
        await out.wait_for(Data, count=3)
    assert set(tags(out.frames())[1:]) == {"late", 2}


async def test_r078_system_frames_pass_the_branches_and_go_on_at_once():
    slow, free, out = Hold(Data), Recorder(), Recorder()
    task = task_of(SyncParallelPipeline([slow], [free]), out)
    busy = Data("busy")
    async with running(task):
        await task.queue_frame(busy)
        await slow.wait_for("enter", busy)
        await task.queue_frame(System("s"))
        await out.wait_for(System)
        await free.wait_for(System)
        assert tags(out.frames()) == ["s"]  # what the branches hold was not let out
        slow.release()
        await out.wait_for(Data)


async def test_r078_system_frame_goes_on_once():
    out = Recorder()
    task = task_of(SyncParallelPipeline([Pass()], [Pass()]), out)
    async with running(task) as run:
        await task.queue_frames([System("s"), Data(1)])
        await out.wait_for(Data)
        await task.queue_frame(EndFrame())
        await within(run)
    assert tags(out.frames(System)) == ["s"]


async def test_r078_end_frame_is_waited_for_in_every_branch():
    slow, fast, out = Hold(EndFrame), Recorder(), Recorder()
    task = task_of(SyncParallelPipeline([slow], [fast]), out)
    async with running(task) as run:
        await task.queue_frame(EndFrame())
        end = await fast.wait_for(EndFrame)
        await slow.wait_for("enter", end)
        await settle()
        assert out.frames(EndFrame) == [] and not run.done()
        slow.release()
        await within(run)
    assert out.frames(EndFrame) == [end]


async def test_r078_end_frame_directly_after_a_system_frame_is_not_lost():
    out = Recorder()
    task = task_of(SyncParallelPipeline([Pass()], [Pass()]), out)
    async with running(task) as run:
        await task.queue_frames([Data(1), System("s"), EndFrame()])
        await within(run)
    assert len(out.frames(EndFrame)) == 1


async def test_r078_start_frame_goes_on_once_every_branch_let_it_out():
    slow, fast, out = Hold(StartFrame), Recorder(), Recorder()
    task = task_of(SyncParallelPipeline([slow], [fast]), out)
    async with running(task, wait_for_start=False):
        start = await fast.wait_for(StartFrame)
        await slow.wait_for("enter", start)
        await settle()
        assert out.seen == []
        slow.release()
        await out.wait_for(StartFrame)
        await settle()
        assert out.frames(StartFrame) == [start]
