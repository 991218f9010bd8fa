"""G2, G22: a run that is cancelled while it closes down still closes down to the end."""

import asyncio

import pytest
from pipecat_rs.frames.frames import EndFrame
from pipecat_rs.processors.frame_processor import FrameProcessor
from pipecat_rs.testing import Recorder
from support.processors import Pass
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
