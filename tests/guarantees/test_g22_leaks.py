"""G22: whichever door a session leaves by, nothing of it stays behind."""

import asyncio
import gc
import os
import threading
import tracemalloc
import weakref
from pathlib import Path

import pytest
from pipecat_rs.frames.frames import EndFrame, Frame, StartFrame
from pipecat_rs.observers.base_observer import BaseObserver
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.testing import Recorder, running
from support.frames import Data, System
from support.processors import Hold, Pass
from support.tasks import made, task_of
from support.waiting import settle, within


def layout() -> list:
    return [
        Pass(),
        ParallelPipeline([Pass()], [Pass(), Pass()]),
        ServiceSwitcher([Pass(), Pass()]),
        Recorder(),
    ]


async def session(door: str) -> None:
    hold = Hold(Data)
    task = task_of(*layout(), hold, observers=[BaseObserver()], idle_timeout_secs=60)
    # This makes a tuple each time: the table of what somebody listens for must not keep them all.
    task.add_reached_downstream_filter([Data, System])
    run = asyncio.create_task(task.run())
    await task.queue_frames([System(), Data()])
    for _ in range(20):
        await asyncio.sleep(0)
    if door == "end":
        hold.release()
        await task.queue_frame(EndFrame())
    elif door == "cancel":
        await task.cancel()
    else:
        run.cancel()
    await asyncio.wait({run})
    assert not run.cancelled() or door == "cancel run"
    assert task.leak_report() == []
    made.clear()


DOORS = ["end", "cancel", "cancel run"]


@pytest.mark.parametrize("door", DOORS)
async def test_g22_finished_session_is_garbage(door: str):
    hold, processors = Hold(Data), layout()
    task = task_of(*processors, hold)
    frame = Data()
    run = asyncio.create_task(task.run())
    await task.queue_frame(frame)
    await hold.wait_for("enter", frame)
    watched = [weakref.ref(one) for one in (*processors, hold, task, frame)]
    hold.release()
    if door == "end":
        await task.queue_frame(EndFrame())
    elif door == "cancel":
        await task.cancel()
    else:
        run.cancel()
    await within(asyncio.wait({run}))
    made.clear()
    del hold, processors, task, frame, run
    await settle()
    gc.collect()
    assert [ref() for ref in watched] == [None] * len(watched)


async def test_g22_session_that_never_ran_is_garbage():
    processors = layout()
    task = task_of(*processors)
    await task.queue_frames([Data(), System()])
    await processors[0].queue_frame(Data())
    watched = [weakref.ref(one) for one in (*processors, task)]
    made.clear()
    del processors, task
    gc.collect()
    assert [ref() for ref in watched] == [None] * len(watched)


@pytest.mark.parametrize("door", DOORS)
async def test_g22_a_thousand_sessions_leave_threads_descriptors_and_tasks_as_they_were(door: str):
    for _ in range(50):
        await session(door)
    gc.collect()
    before = asyncio.all_tasks()
    threads, natives = threading.active_count(), len(os.listdir("/proc/self/task"))
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(350):
        await session(door)
    await settle()
    gc.collect()
    assert asyncio.all_tasks() == before
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/task")) <= natives
    assert len(os.listdir("/proc/self/fd")) <= descriptors


async def test_g22_memory_stays_flat_over_many_sessions():
    async def many(count: int) -> int:
        for _ in range(count):
            await session("end")
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    await many(200)
    begin = await many(100)
    end = await many(400)
    assert (end - begin) / 400 < 2048, f"{(end - begin) / 400:.0f} bytes stay behind a session"


async def test_g22_python_objects_do_not_pile_up():
    for _ in range(50):
        await session("cancel")
    gc.collect()
    begin = len(gc.get_objects())
    for _ in range(100):
        await session("cancel")
    gc.collect()
    assert len(gc.get_objects()) - begin < 100
    assert not tracemalloc.is_tracing()


async def test_g22_background_tasks_of_a_processor_end_with_its_session():
    class Owner(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, StartFrame):
                self.background = self.create_task(asyncio.sleep(3600), "background")
            await super().process_frame(frame, direction)

    owner = Owner()
    task = task_of(owner)
    async with running(task) as run:
        await task.queue_frame(EndFrame())
        await within(run)
    await settle()
    assert owner.background.done()
    assert task.leak_report() == []


async def test_g22_leak_report_names_a_callback_that_will_not_end(monkeypatch):
    from pipecat_rs.pipeline import tear_down

    monkeypatch.setattr(tear_down, "HANGING_TIMEOUT_SECS", 0.05)
    release = asyncio.Event()

    class Stubborn(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            while isinstance(frame, Data) and not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue
            await super().process_frame(frame, direction)

    stubborn = Stubborn(name="the stubborn one")
    task = task_of(stubborn, leaky=True)
    async with running(task) as run:
        await task.queue_frame(Data())
        await settle()
        await task.cancel()
        await within(run)
    (entry,) = task.leak_report()
    assert "the stubborn one" in entry
    release.set()
