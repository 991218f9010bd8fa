"""Whatever a pipeline is built of, frames keep their order, and none is lost or comes twice."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame, InterruptionFrame, StartFrame
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.testing import Recorder
from pipecat_rs.testing.topologies import Part
from support.frames import Control, Data, Lasting, System
from support.tasks import DOWN, UP, task_of
from support.topologies import schedules, topologies
from support.waiting import calls_of, within

pytestmark = pytest.mark.timeout(120)  # a failing example is made small first

small = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
IN_ORDER = (Data, Control, Lasting)


class Bench:
    """A random topology between two recorders."""

    def __init__(self, parts: list[Part], **options: Any) -> None:
        self.top, self.bottom = Recorder(name="top"), Recorder(name="bottom")
        self.task = task_of(self.top, *(part.build() for part in parts), self.bottom, **options)
        self.finished = calls_of(self.task, "on_pipeline_finished")
        self.sent: dict[FrameDirection, list[Frame]] = {DOWN: [], UP: []}

    async def send(self, frame: Frame, direction: FrameDirection, passes: int) -> None:
        self.sent[direction].append(frame)
        await self.task.queue_frame(frame, direction)
        for _ in range(passes):
            await asyncio.sleep(0)

    def end_of(self, direction: FrameDirection) -> Recorder:
        return self.bottom if direction is DOWN else self.top

    def arrived(self, direction: FrameDirection, kind: Any = Frame) -> list[int]:
        return [frame.id for frame in self.end_of(direction).frames(kind, direction)]

    def expected(self, direction: FrameDirection, kind: Any) -> list[int]:
        return [frame.id for frame in self.sent[direction] if isinstance(frame, kind)]

    async def all_arrived(self, direction: FrameDirection) -> None:
        if count := len(self.sent[direction]):
            kinds = (*IN_ORDER, System)
            end = self.end_of(direction)
            await end.wait_for(kinds, count=count, direction=direction, timeout=2)

    def assert_once(self) -> None:
        for direction in (DOWN, UP):
            ids = self.arrived(direction)
            assert len(ids) == len(set(ids))


@small
@given(parts=topologies, schedule=schedules)
def test_every_frame_arrives_once_and_in_order(parts, schedule):
    async def main() -> None:
        bench = Bench(parts)
        run = asyncio.create_task(bench.task.run())
        for kind, direction, passes in schedule:
            await bench.send(kind(), direction, passes)
        for direction in (DOWN, UP):
            await bench.all_arrived(direction)
        end = EndFrame()
        await bench.task.queue_frame(end)
        await within(run, 3)
        for direction in (DOWN, UP):
            for lane in (IN_ORDER, System):
                assert bench.arrived(direction, lane) == bench.expected(direction, lane)
        bench.assert_once()
        assert isinstance(bench.bottom.frames()[0], StartFrame)
        assert bench.bottom.frames(direction=DOWN)[-1] is end
        assert list(bench.finished) == [(end,)]

    asyncio.run(main())


@small
@given(parts=topologies, schedule=schedules)
def test_end_frame_comes_behind_all_that_was_queued_before_it(parts, schedule):
    """Nothing is waited for before the end this time: the EndFrame itself has to wait."""

    async def main() -> None:
        bench = Bench(parts)
        run = asyncio.create_task(bench.task.run())
        for kind, _direction, passes in schedule:
            await bench.send(kind(), DOWN, passes)
        end = EndFrame()
        await bench.task.queue_frame(end)
        await within(run, 3)
        for lane in (IN_ORDER, System):
            assert bench.arrived(DOWN, lane) == bench.expected(DOWN, lane)
        assert bench.bottom.frames(direction=DOWN)[-1] is end

    asyncio.run(main())


interrupted = st.lists(
    st.tuples(
        st.sampled_from([Data, Control, System, Lasting, Lasting, InterruptionFrame]),
        st.integers(0, 2),
    ),
    max_size=20,
)


@small
@given(parts=topologies, schedule=interrupted)
def test_interruptions_lose_nothing_that_is_protected(parts, schedule):
    async def main() -> None:
        bench = Bench(parts)
        run = asyncio.create_task(bench.task.run())
        for kind, passes in schedule:
            await bench.send(kind(), DOWN, passes)
        await bench.task.queue_frame(EndFrame())
        await within(run, 3)
        for lane in (Lasting, System, InterruptionFrame):
            assert bench.arrived(DOWN, lane) == bench.expected(DOWN, lane)
        ordinary = bench.arrived(DOWN, (Data, Control))
        assert ordinary == sorted(ordinary)
        assert set(ordinary) <= set(bench.expected(DOWN, (Data, Control)))
        bench.assert_once()

    asyncio.run(main())


@small
@given(parts=topologies, schedule=schedules, after=st.integers(0, 20))
def test_cancel_at_any_moment_ends_the_task(parts, schedule, after: int):
    async def main() -> None:
        bench = Bench(parts)
        run = asyncio.create_task(bench.task.run())
        for _ in range(after % 5):
            await asyncio.sleep(0)
        for kind, direction, passes in schedule[:after]:
            await bench.send(kind(), direction, passes)
        await bench.task.cancel()
        await within(run, 3)
        assert len(bench.finished) == 1
        assert isinstance(bench.finished[0][0], CancelFrame)
        bench.assert_once()
        for direction in (DOWN, UP):
            for lane in (IN_ORDER, System):
                arrived = bench.arrived(direction, lane)
                assert arrived == bench.expected(direction, lane)[: len(arrived)]
        assert bench.task.leak_report() == []

    asyncio.run(main())


@small
@given(parts=topologies, schedule=schedules, bound=st.integers(1, 4))
def test_small_mailboxes_change_nothing_but_the_pace(parts, schedule, bound: int):
    async def main() -> None:
        bench = Bench(parts, mailbox_bound=bound)
        run = asyncio.create_task(bench.task.run())
        for kind, _direction, passes in schedule:
            await bench.send(kind(), DOWN, passes)
        await bench.task.queue_frame(EndFrame())
        await within(run, 20)
        for lane in (IN_ORDER, System):
            assert bench.arrived(DOWN, lane) == bench.expected(DOWN, lane)

    asyncio.run(main())


@small
@given(parts=topologies, pushes=st.lists(st.sampled_from([DOWN, UP]), max_size=12))
def test_frames_pushed_from_the_middle_arrive_at_the_end_they_go_to(parts, pushes):
    from support.processors import Pass

    async def main() -> None:
        bench, middle = Bench(parts), Pass()
        half = len(parts) // 2
        bench.task = task_of(
            bench.top,
            *(part.build() for part in parts[:half]),
            middle,
            *(part.build() for part in parts[half:]),
            bench.bottom,
        )
        started = calls_of(bench.task, "on_pipeline_started")
        run = asyncio.create_task(bench.task.run())
        await started.wait()
        for n, direction in enumerate(pushes):
            frame = Data(n)
            bench.sent[direction].append(frame)
            await middle.push_frame(frame, direction)
        for direction in (DOWN, UP):
            await bench.all_arrived(direction)
        await bench.task.queue_frame(EndFrame())
        await within(run, 3)
        for direction in (DOWN, UP):
            assert bench.arrived(direction, Data) == bench.expected(direction, Data)

    asyncio.run(main())
