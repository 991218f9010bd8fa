"""G3: the control plane is apart from the frame queues; cancel works in every state."""

import asyncio
import threading

import pytest
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    FrameProcessorPauseUrgentFrame,
    StartFrame,
    StopFrame,
)
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat_rs.testing import Recorder, running
from support.frames import Data, System
from support.processors import Hold, Pass
from support.tasks import UP, task_of
from support.waiting import calls_of, settle, until, within


async def test_g03_cancel_before_the_run():
    out = Recorder()
    task = task_of(out)
    await task.cancel()
    await within(task.run())
    assert task.has_finished() and out.frames(Data) == []


async def test_g03_cancel_in_the_first_pass_of_the_run():
    task = task_of(Pass())
    async with running(task, wait_for_start=False) as run:
        await task.cancel()
        await within(run)
    assert task.has_finished()


async def test_g03_cancel_from_within_a_setup():
    class Cancels(Pass):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)
            await setup.pipeline_worker.cancel()

    task = task_of(Pass(), Cancels())
    await within(task.run())
    assert task.has_finished()


@pytest.mark.parametrize("kind", [StartFrame, Data, System, EndFrame, StopFrame])
@pytest.mark.parametrize("layout", ["plain", "parallel"])
async def test_g03_cancel_while_a_frame_is_held(kind: type, layout: str):
    hold = Hold(kind)
    middle = hold if layout == "plain" else ParallelPipeline([hold], [Pass()])
    task = task_of(Pass(), middle, Pass())
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task, wait_for_start=False) as run:
        if kind is not StartFrame:
            await task.queue_frame(kind())
        await until(lambda: any(isinstance(frame, kind) for frame in hold.entered()))
        await task.cancel()
        await within(run)
    assert [type(frame) for (frame,) in finished] == [CancelFrame]
    (held,) = [frame for frame in hold.entered() if isinstance(frame, kind)]
    assert hold.noted("cancelled", held)


@pytest.mark.parametrize("lanes", ["data", "system", "both"])
async def test_g03_cancel_gets_through_a_paused_processor(lanes: str):
    paused, out = Recorder(), Recorder()
    task = task_of(paused, out)
    async with running(task) as run:
        if lanes != "system":
            await paused.pause_processing_frames()
        if lanes != "data":
            await paused.pause_processing_system_frames()
        await task.queue_frames([Data(), System(), Data()])
        await settle()
        await task.cancel()
        await within(run)
    assert len(out.frames(CancelFrame)) == 1


async def test_g03_cancel_gets_through_a_processor_paused_by_a_frame():
    paused = Recorder()
    task = task_of(Pass(), paused)
    async with running(task) as run:
        await task.queue_frame(FrameProcessorPauseUrgentFrame(processor=paused))
        await paused.wait_for(FrameProcessorPauseUrgentFrame)
        await task.queue_frames([Data(), EndFrame()])
        await settle()
        await task.cancel()
        await within(run)


async def test_g03_cancel_gets_past_a_full_mailbox():
    """Whoever pushes waits for room; the cancellation does not wait with it."""
    hold = Hold(Data)

    class Floods(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, System):
                for n in range(50):
                    await self.push_frame(Data(n))
            await super().process_frame(frame, direction)

    floods = Floods()
    task = task_of(floods, hold, mailbox_bound=4)
    async with running(task) as run:
        await task.queue_frame(System())
        await until(lambda: len(hold.entered()) >= 2)
        await settle()
        await task.cancel()
        await within(run)
    assert task.has_finished()


async def test_g03_cancel_while_callbacks_suspend_in_both_lanes():
    hold = Hold((Data, System))
    task = task_of(hold)
    data, system = Data(), System()
    async with running(task) as run:
        await hold.queue_frame(data)
        await hold.queue_frame(system, UP)
        await hold.wait_for("enter", data)
        await hold.wait_for("enter", system)
        await task.cancel()
        await within(run)
    assert hold.noted("cancelled", data)


async def test_g03_cancel_from_within_a_callback():
    class Cancels(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Data):
                await self.pipeline_worker.cancel()
            await super().process_frame(frame, direction)

    task = task_of(Cancels())
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        await task.queue_frame(Data())
        await within(run)
    assert [type(frame) for (frame,) in finished] == [CancelFrame]


async def test_g03_cancel_from_another_thread():
    hold = Hold(Data)
    task = task_of(hold)
    loop = asyncio.get_running_loop()
    async with running(task) as run:
        frame = Data()
        await task.queue_frame(frame)
        await hold.wait_for("enter", frame)
        thread = threading.Thread(
            target=lambda: asyncio.run_coroutine_threadsafe(task.cancel(), loop).result(5)
        )
        thread.start()
        await within(run)
        await within(asyncio.to_thread(thread.join))


async def test_g03_every_processor_learns_of_the_cancellation_though_one_is_stuck_ahead_of_it():
    """The commands go to each node directly: nobody waits for a neighbour to pass them on."""
    hold, behind = Hold((Data, CancelFrame)), Recorder()
    late = Hold(Data)
    task = task_of(hold, late, behind, cancel_timeout_secs=0.3)
    busy = Data()
    async with running(task) as run:
        await late.queue_frame(busy)
        await late.wait_for("enter", busy)
        await task.cancel()
        await late.wait_for("cancelled", busy)
        await within(run)
