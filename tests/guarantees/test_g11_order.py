"""G11: total order on each link in each lane; what a turn leaves in the context keeps its place."""

import asyncio

import pytest
from pipecat_rs.frames.frames import EndFrame, Frame, InterruptionFrame
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, System, tags
from support.processors import Pass
from support.tasks import task_of
from support.waiting import settle, within


class Uneven(Pass):
    """Suspends for some frames and not for others."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data | System) and frame.tag % 3 == 0:
            for _ in range(frame.tag % 5):
                await asyncio.sleep(0)
        await super().process_frame(frame, direction)


class PushesFromTasks(Pass):
    """Pushes in one order from a task, while frames also pass through."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Control):
            self.create_task(self.burst(), "burst")
        await super().process_frame(frame, direction)

    async def burst(self) -> None:
        for n in range(1000, 1050):
            await self.push_frame(Data(n))
            if n % 7 == 0:
                await asyncio.sleep(0)


@pytest.mark.parametrize("count", [1, 5, 20])
async def test_g11_each_lane_keeps_its_order_through_uneven_processors(count: int):
    out = Recorder()
    task = task_of(*(Uneven() for _ in range(count)), out)
    async with running(task) as run:
        for n in range(60):
            await task.queue_frame((System if n % 4 == 0 else Data)(n))
        await task.queue_frame(EndFrame())
        await within(run)
    assert tags(out.frames(Data)) == [n for n in range(60) if n % 4]
    assert tags(out.frames(System)) == [n for n in range(60) if n % 4 == 0]


async def test_g11_pushes_from_several_tasks_keep_the_order_of_each():
    first, out = PushesFromTasks(), Recorder()
    task = task_of(first, Uneven(), Uneven(), out)
    async with running(task) as run:
        await task.queue_frame(Control())
        for n in range(50):
            await task.queue_frame(Data(n))
            await asyncio.sleep(0)
        await out.wait_for(Data, count=100)
        await task.queue_frame(EndFrame())
        await within(run)
    got = tags(out.frames(Data))
    assert [n for n in got if n < 1000] == list(range(50))
    assert [n for n in got if n >= 1000] == list(range(1000, 1050))


async def test_g11_observer_sees_the_same_order_on_every_link():
    class Watch(BaseObserver):
        def __init__(self) -> None:
            super().__init__()
            self.links: dict[tuple[str, str, type], list[int]] = {}

        async def on_push_frame(self, data: FramePushed) -> None:
            if isinstance(data.frame, Data | System):
                link = (data.source.name, data.destination.name, type(data.frame))
                self.links.setdefault(link, []).append(data.frame.tag)

    watch, out = Watch(), Recorder()
    parallel = ParallelPipeline([Uneven()], [Pipeline([Uneven(), Pass()])])
    task = task_of(Uneven(), parallel, Uneven(), out, observers=[watch])
    async with running(task) as run:
        for n in range(40):
            await task.queue_frame((System if n % 4 == 0 else Data)(n))
        await task.queue_frame(EndFrame())
        await within(run)
    assert watch.links
    for order in watch.links.values():
        assert order == sorted(order)


async def test_g11_push_that_is_not_awaited_keeps_its_place():
    """A push acts when it is called, so a program that forgets to await one reorders nothing."""

    class Forgets(FrameProcessor):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, Data):
                first = self.push_frame(Data(frame.tag * 10))
                await self.push_frame(Data(frame.tag * 10 + 1))
                await first
            else:
                await self.push_frame(frame, direction)

    out = Recorder()
    task = task_of(Forgets(), out)
    async with running(task) as run:
        await task.queue_frames([Data(1), Data(2), EndFrame()])
        await within(run)
    assert tags(out.frames()) == [10, 11, 20, 21]


async def test_g11_frames_are_not_duplicated_or_lost_between_loops_of_work():
    out = Recorder()
    task = task_of(Uneven(), out)
    async with running(task):
        for batch in range(10):
            await task.queue_frames([Data(batch * 10 + n) for n in range(10)])
            await out.wait_for(Data, count=(batch + 1) * 10)
            await settle(3)
    assert tags(out.frames()) == list(range(100))


@pytest.mark.parametrize("started", [True, False], ids=["running", "starting"])
@pytest.mark.parametrize("layout", ["plain", "parallel", "nested"])
@pytest.mark.parametrize("passes", range(6))
async def test_g11_direct_mode_that_suspends_keeps_the_order_through_an_interruption(
    layout: str, passes: int, started: bool
):
    class Suspends(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Data):
                await asyncio.sleep(0)
            await super().process_frame(frame, direction)

    chain = [Suspends(), Suspends(enable_direct_mode=True)]
    inside = {
        "plain": lambda: chain,
        "parallel": lambda: [ParallelPipeline(chain)],
        "nested": lambda: [ParallelPipeline([Pipeline(chain)], [Pipeline([ParallelPipeline([])])])],
    }
    out = Recorder()
    task = task_of(*inside[layout](), out)
    async with running(task, wait_for_start=started) as run:
        await task.queue_frames([Data(1), Data(2)])
        await settle(passes)
        await task.queue_frame(InterruptionFrame())
        await task.queue_frame(Data(3))
        await asyncio.sleep(0)
        await task.queue_frame(EndFrame())
        await within(run)
    got = tags(out.frames())
    assert got == sorted(set(got)) and got[-1] == 3
