"""Engine rules 50 and 62-65: bounded start, heartbeats, idleness, flush."""

import asyncio

from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame, HeartbeatFrame, StartFrame
from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, tags
from support.processors import Act, Hold, Pass, Swallow
from support.tasks import UP, task_of
from support.waiting import calls_of, settle, within


class Cleaned(Pass):
    cleaned = False

    async def cleanup(self) -> None:
        await super().cleanup()
        self.cleaned = True


class NeverSetUp(Cleaned):
    async def setup(self, setup: FrameProcessorSetup) -> None:
        await super().setup(setup)
        await asyncio.Event().wait()


class FailsToCleanUp(Pass):
    async def cleanup(self) -> None:
        await super().cleanup()
        raise RuntimeError("cleanup")


async def test_r050_start_frame_that_never_arrives_tears_the_task_down():
    before, after = Cleaned(), Cleaned()
    task = task_of(before, Swallow(StartFrame), after, start_timeout_secs=0.1)
    timeouts = calls_of(task, "on_pipeline_timeout")
    async with running(task) as run:
        await within(run)
    ((frame,),) = timeouts
    assert isinstance(frame, StartFrame)
    assert task.has_finished() and before.cleaned and after.cleaned


async def test_r050_setup_that_never_ends_tears_the_task_down_and_cleans_the_rest_up():
    before, never, after = Cleaned(), NeverSetUp(), Cleaned()
    task = task_of(before, FailsToCleanUp(), never, after, setup_timeout_secs=0.1)
    timeouts = calls_of(task, "on_setup_timeout")
    started = calls_of(task, "on_pipeline_started")
    async with running(task) as run:
        await within(run)
    assert list(timeouts) == [()] and not started
    assert task.has_finished()
    assert before.cleaned and never.cleaned and after.cleaned


async def test_r050_cleanup_that_raises_does_not_keep_the_others_from_theirs():
    before, after = Cleaned(), Cleaned()
    task = task_of(before, FailsToCleanUp(), after)
    async with running(task) as run:
        await task.queue_frame(EndFrame())
        await within(run)
    assert before.cleaned and after.cleaned and task.has_finished()


def beating(period: float = 0.02, monitor: float = 10.0) -> PipelineParams:
    return PipelineParams(
        enable_heartbeats=True, heartbeats_period_secs=period, heartbeats_monitor_secs=monitor
    )


async def test_r062_heartbeats_start_after_the_start_frame_reached_the_sink():
    first, hold = Recorder(), Hold(StartFrame)
    task = task_of(first, hold, params=beating(0.005))
    async with running(task, wait_for_start=False):
        start = await first.wait_for(StartFrame)
        await hold.wait_for("enter", start)
        await asyncio.sleep(0.05)
        assert first.frames(HeartbeatFrame) == []
        hold.release()
        await first.wait_for(HeartbeatFrame, count=3)


async def test_r062_heartbeats_queue_behind_data():
    hold, out = Hold(Data), Recorder()
    task = task_of(hold, out, params=beating())
    busy = Data()
    async with running(task):
        await task.queue_frame(busy)
        await hold.wait_for("enter", busy)
        passed = len(out.frames(HeartbeatFrame))
        await asyncio.sleep(0.1)
        assert len(out.frames(HeartbeatFrame)) == passed
        hold.release()
        await out.wait_for(HeartbeatFrame, count=passed + 2)


async def test_r062_missing_heartbeats_fire_the_event_again_each_interval():
    task = task_of(Swallow(HeartbeatFrame), params=beating(monitor=0.05))
    timeouts = calls_of(task, "on_heartbeat_timeout")
    async with running(task) as run:
        await timeouts.wait(3)
        assert not run.done()


async def test_r062_heartbeats_that_arrive_fire_nothing():
    out = Recorder()
    task = task_of(out, params=beating(monitor=5.0))
    timeouts = calls_of(task, "on_heartbeat_timeout")
    async with running(task):
        await out.wait_for(HeartbeatFrame, count=5)
    assert not timeouts


async def test_r063_pushes_of_the_chosen_frames_anywhere_reset_the_idle_timer():
    """Data frames are made in the middle and swallowed before the sink."""

    async def make_data(processor: Act, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, Control):
            await processor.push_frame(Data())

    loop = asyncio.get_running_loop()
    maker = Act(make_data)
    task = task_of(
        maker,
        Swallow(Data),
        idle_timeout_secs=0.3,
        idle_timeout_frames=(Data,),
        cancel_on_idle_timeout=False,
    )
    idle = calls_of(task, "on_idle_timeout")
    async with running(task):
        for _attempt in range(5):
            fired, begin, longest = len(idle), loop.time(), 0.0
            while loop.time() < begin + 0.8:
                last = loop.time()
                await maker.queue_frame(Control())
                await asyncio.sleep(0.05)
                longest = max(longest, loop.time() - last)
            if longest < 0.25:  # else the machine was too busy to tell
                assert len(idle) == fired
                break
        await idle.wait(len(idle) + 1)  # nothing pushed any more


async def test_r063_heartbeats_do_not_count_as_activity():
    out = Recorder()
    task = task_of(out, params=beating(0.01), idle_timeout_secs=0.1, cancel_on_idle_timeout=False)
    idle = calls_of(task, "on_idle_timeout")
    async with running(task):
        await idle.wait(2)
        assert out.frames(HeartbeatFrame)


async def test_r064_idle_task_fires_the_event_and_cancels_itself():
    out = Recorder()
    task = task_of(out, idle_timeout_secs=0.05)
    idle = calls_of(task, "on_idle_timeout")
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        await within(run)
    assert list(idle) == [()]
    assert [type(frame) for (frame,) in finished] == [CancelFrame]


async def test_r064_event_fires_each_period_if_the_task_is_not_to_cancel():
    task = task_of(Pass(), idle_timeout_secs=0.05, cancel_on_idle_timeout=False)
    idle = calls_of(task, "on_idle_timeout")
    async with running(task) as run:
        await idle.wait(3)
        assert not run.done()


async def test_r064_no_idle_timeout_means_no_timer():
    task = task_of(Pass(), idle_timeout_secs=None)
    idle = calls_of(task, "on_idle_timeout")
    async with running(task):
        await settle()
    assert not idle


async def test_r064_idle_task_cancels_its_runner():
    out = Recorder()
    idle, busy = task_of(Pass(), idle_timeout_secs=0.05), task_of(out)
    finished = calls_of(busy, "on_pipeline_finished")
    runner = PipelineRunner(handle_sigint=False)
    await runner.add_workers(idle, busy)
    await within(runner.run())
    assert idle.has_finished() and busy.has_finished()
    assert [type(frame) for (frame,) in finished] == [CancelFrame]


async def test_r064_runner_goes_on_if_asked_to():
    out = Recorder()
    idle = task_of(Pass(), idle_timeout_secs=0.05, cancel_runner_on_idle_timeout=False)
    busy = task_of(out)
    finished = calls_of(busy, "on_pipeline_finished")
    runner = PipelineRunner(handle_sigint=False)
    await runner.add_workers(idle, busy)

    @idle.event_handler("on_pipeline_finished")
    async def over(*_: object) -> None:
        await busy.queue_frame(EndFrame())

    await within(runner.run())
    assert [type(frame) for (frame,) in finished] == [EndFrame]


async def test_r065_flush_returns_once_all_that_was_queued_has_been_processed():
    hold, out = Hold(Data), Recorder()
    task = task_of(Pass(), hold, out)
    frame = Data(1)
    async with running(task):
        await task.queue_frames([frame, Control(2), Control(3)])
        flush = asyncio.create_task(task.flush_pipeline(timeout=5.0))
        await hold.wait_for("enter", frame)
        await settle()
        assert not flush.done()
        hold.release()
        assert await within(flush) is True
        assert tags(out.frames()) == [1, 2, 3]


async def test_r065_flush_waits_for_what_a_processor_starts_by_pushing_upstream():
    class Answers(Pass):
        """Sends data back up as a question; the question comes down again as its answer."""

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Data):
                await self.push_frame(Control(frame.tag), UP)
            await super().process_frame(frame, direction)

    class Thinks(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Control) and direction is UP:
                await settle(5)
                await self.push_frame(Control("answer"))
            else:
                await super().process_frame(frame, direction)

    out = Recorder()
    task = task_of(Thinks(), Answers(), out)
    async with running(task):
        await task.queue_frame(Data("question"))
        assert await within(task.flush_pipeline()) is True
        assert tags(out.frames(Control)) == ["answer"]


async def test_r065_flush_gives_up_after_so_long_without_progress():
    hold = Hold(Data)
    task = task_of(hold)
    frame = Data()
    async with running(task):
        await task.queue_frame(frame)
        await hold.wait_for("enter", frame)
        assert await within(task.flush_pipeline(timeout=0.05)) is False
        hold.release()


async def test_r065_flush_time_counts_only_without_progress():
    """Each frame takes most of the timeout, all of them several times as long."""

    async def take_a_while(_processor: Act, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            await asyncio.sleep(0.1)

    task = task_of(Act(take_a_while))
    async with running(task):
        await task.queue_frames([Data() for _ in range(6)])
        assert await within(task.flush_pipeline(timeout=0.3)) is True
