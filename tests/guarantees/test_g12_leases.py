"""G12: a pause is a lease: it ends with its time or its holder, and never holds control frames."""

import asyncio
import subprocess
import sys

import pytest
from pipecat_rs.frames.frames import CancelFrame, EndFrame, InterruptionFrame
from pipecat_rs.processors import frame_processor
from pipecat_rs.testing import Recorder, running
from support.frames import Data, System, tags
from support.processors import Pass
from support.tasks import task_of
from support.waiting import settle, within


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_processor, "PAUSE_LEASE_SECS", 0.05)


@pytest.mark.usefixtures("short_lease")
@pytest.mark.parametrize("kind", [Data, System])
async def test_g12_pause_that_nobody_lifts_ends_by_itself(kind: type):
    paused = Recorder()
    async with running(task_of(paused)):
        if kind is Data:
            await paused.pause_processing_frames()
        else:
            await paused.pause_processing_system_frames()
        await paused.queue_frame(kind(1))
        await paused.queue_frame(kind(2))
        await paused.wait_for(kind, count=2)
    assert tags(paused.frames(kind)) == [1, 2]


@pytest.mark.usefixtures("short_lease")
async def test_g12_end_frame_gets_through_once_the_lease_is_over():
    paused = Recorder()
    task = task_of(paused)
    async with running(task) as run:
        await paused.pause_processing_frames()
        await task.queue_frames([Data(1), EndFrame()])
        await within(run)
    assert tags(paused.frames()) == [1]


@pytest.mark.usefixtures("short_lease")
async def test_g12_a_pause_begun_anew_lasts_its_whole_time():
    """The timer of an earlier pause does not lift a later one."""
    paused = Recorder()
    async with running(task_of(paused)):
        await paused.pause_processing_frames()
        await paused.resume_processing_frames()
        await asyncio.sleep(0.04)
        await paused.pause_processing_frames()
        await paused.queue_frame(Data(1))
        await asyncio.sleep(0.02)  # the time of the first pause is over
        assert paused.frames(Data) == []
        await paused.wait_for(Data)


async def test_g12_hold_ends_when_the_task_that_was_to_lift_it_fails():
    class Holds(Recorder):
        async def hold(self) -> None:
            async def fails() -> None:
                raise ConnectionError("the holder died")

            await self.pause_processing_all_frames_until(fails, timeout=3600)

    holds = Holds()
    async with running(task_of(holds)):
        await holds.hold()
        await holds.queue_frame(Data(1))
        await holds.queue_frame(System("s"))
        await holds.wait_for(Data)
        await holds.wait_for(System)


async def test_g12_hold_ends_when_the_task_that_was_to_lift_it_is_cancelled():
    class Holds(Recorder):
        async def hold(self) -> None:
            async def cancelled() -> None:
                raise asyncio.CancelledError

            await self.pause_processing_all_frames_until(cancelled, timeout=3600)

    holds = Holds()
    async with running(task_of(holds)):
        await holds.hold()
        await holds.queue_frame(Data(1))
        await holds.wait_for(Data)


async def test_g12_second_hold_replaces_the_first():
    one, other = asyncio.Event(), asyncio.Event()
    holds = Recorder()
    async with running(task_of(holds)):
        await holds.pause_processing_all_frames_until(one.wait, timeout=3600)
        await holds.pause_processing_all_frames_until(other.wait, timeout=3600)
        await holds.queue_frame(Data(1))
        one.set()
        await settle()
        assert holds.frames(Data) == []
        other.set()
        await holds.wait_for(Data)


async def test_g12_interruption_gets_through_a_data_pause():
    paused, out = Recorder(), Recorder()
    task = task_of(Pass(), paused, out)
    async with running(task):
        await paused.pause_processing_frames()
        await task.queue_frame(Data("dropped"))
        await settle()
        await task.queue_frame(InterruptionFrame())
        await out.wait_for(InterruptionFrame)
        await task.queue_frame(Data("after"))
        await out.wait_for(Data)
    assert tags(out.frames()) == ["after"]


async def test_g12_cancel_gets_through_every_pause_at_once():
    paused, out = Recorder(), Recorder()
    task = task_of(paused, out, cancel_timeout_secs=30)
    async with running(task) as run:
        await paused.pause_processing_all_frames_until(asyncio.Event().wait, timeout=3600)
        await task.queue_frames([Data(), System()])
        await settle()
        await task.cancel()
        await within(run)  # far sooner than the time limit of the cancellation
    assert len(out.frames(CancelFrame)) == 1


EARLY_PAUSE = """
import asyncio
from pipecat_rs.frames.frames import EndFrame, TextFrame, UserSpeakingFrame
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.testing import Recorder

async def main(passes):
    first, paused, out = Recorder(), Recorder(), Recorder()
    task = PipelineTask(Pipeline([first, paused, out]), enable_rtvi=False)
    started = asyncio.Event()
    task.add_event_handler("on_pipeline_started", lambda *_: started.set())
    run = asyncio.create_task(task.run())
    for _ in range(passes):
        await asyncio.sleep(0)
    await paused.pause_processing_system_frames()
    await paused.pause_processing_frames()
    await asyncio.wait_for(started.wait(), 5)
    await task.queue_frames([TextFrame("held"), UserSpeakingFrame()])
    for _ in range(50):
        await asyncio.sleep(0)
    await paused.resume_processing_system_frames()
    await paused.resume_processing_frames()
    await task.queue_frame(EndFrame())
    await asyncio.wait_for(run, 5)
    assert len(out.frames((TextFrame, UserSpeakingFrame))) == 2

for passes in range(6):
    asyncio.run(main(passes))
print("done")
"""


def test_g12_pause_taken_while_the_start_frame_is_on_its_way_does_not_hold_it():
    """In a process of its own: an engine that spins here could not be stopped from Python."""
    found = subprocess.run(
        [sys.executable, "-c", EARLY_PAUSE], capture_output=True, text=True, timeout=8
    )
    assert found.stdout == "done\n", found.stderr
