"""G2, G22: a run that is cancelled while it closes down still closes down to the end."""

import asyncio

import pytest
from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame, StartFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder
from support.frames import Data, System
from support.processors import Hold, Pass
from support.tasks import task_of
from support.waiting import calls_of, within


class Cleans(Pass):
    """Stays in its clean-up until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.cleaning, self.go, self.cleaned = asyncio.Event(), asyncio.Event(), False

    async def cleanup(self) -> None:
        self.cleaning.set()
        await self.go.wait()
        await super().cleanup()
        self.cleaned = True


@pytest.mark.parametrize("times", [1, 3])
async def test_g02_cancel_while_it_cleans_up_waits_for_the_clean_up(times: int):
    cleans, out = Cleans(), Recorder()
    task = task_of(cleans, out)
    finished = calls_of(task, "on_pipeline_finished")
    run = asyncio.create_task(task.run())
    await task.queue_frame(EndFrame())
    await within(cleans.cleaning.wait())
    for _ in range(times):
        run.cancel()
        await asyncio.sleep(0)
    assert not run.done()
    cleans.go.set()
    with pytest.raises(asyncio.CancelledError):
        await within(run)
    assert cleans.cleaned and task.has_finished() and task.leak_report() == []
    assert len(finished) == 1
    await runs_again([cleans, out])


async def test_g02_a_time_limit_that_ends_during_the_clean_up():
    cleans = Cleans()
    task = task_of(cleans)
    await task.queue_frame(EndFrame())

    async def release() -> None:
        await cleans.cleaning.wait()
        limit.reschedule(asyncio.get_running_loop().time())
        await asyncio.sleep(0)
        cleans.go.set()

    releasing = asyncio.create_task(release())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as limit:
            await task.run()
    await releasing
    assert cleans.cleaned and task.has_finished()


async def runs_again(processors: list[FrameProcessor]) -> None:
    """Processors that were let go of can be used in another task."""
    task = task_of(*processors)
    await task.queue_frame(EndFrame())
    await within(task.run())


async def test_g02_end_that_is_stuck_is_given_up_though_frames_move_elsewhere():
    """Any frame processed anywhere counted as progress: the end was awaited for ever."""

    class Ticks(Pass):
        """As an input that goes on sending audio."""

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, StartFrame):
                self.ticking = self.create_task(self.tick(), "tick")

        async def tick(self) -> None:
            while True:
                await self.push_frame(System())
                await asyncio.sleep(0.001)

        async def cleanup(self) -> None:
            await self.cancel_task(self.ticking)
            await super().cleanup()

    stuck = Hold(EndFrame)
    task = task_of(Ticks(), Pass(), stuck, end_timeout_secs=0.04)
    timed_out = calls_of(task, "on_pipeline_timeout")
    finished = calls_of(task, "on_pipeline_finished")
    end = EndFrame()
    await task.queue_frame(end)
    await within(task.run())
    assert timed_out == [(end,)]
    assert isinstance(finished[0][0], CancelFrame)


async def test_g02_end_that_comes_nearer_is_not_given_up():
    class Slow(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Data):
                await asyncio.sleep(0.02)
            await super().process_frame(frame, direction)

    out = Recorder()
    task = task_of(Slow(), out, end_timeout_secs=0.1)
    timed_out = calls_of(task, "on_pipeline_timeout")
    await task.queue_frames([*(Data(n) for n in range(40)), EndFrame()])
    await within(task.run())
    assert timed_out == [] and len(out.frames(Data)) == 40
