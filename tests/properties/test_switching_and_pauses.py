"""Switches, pauses and observers at random moments: nothing is lost, everything is seen."""

import asyncio
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipecat_rs.frames.frames import EndFrame, Frame, ManuallySwitchServiceFrame
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder
from support.frames import Control, Data, Lasting, System, tags
from support.processors import Pass
from support.tasks import DOWN, task_of
from support.topologies import schedules, topologies
from support.waiting import calls_of, within

pytestmark = pytest.mark.timeout(120)  # a failing example is made small first

small = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
OURS = (Data, Control, System, Lasting)


class Service(FrameProcessor):
    """Answers each data frame with a system frame that tells who it was."""

    def __init__(self, number: int, passes: int) -> None:
        super().__init__(name=f"service {number}")
        self.number, self.passes = number, passes

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, Data):
            for _ in range(self.passes):
                await asyncio.sleep(0)
            frame.metadata.setdefault("served by", []).append(self.number)
        await self.push_frame(frame, direction)


steps = st.lists(
    st.tuples(st.sampled_from(["data", "data", "switch"]), st.integers(0, 2), st.integers(0, 3)),
    max_size=25,
)


@small
@given(steps=steps, passes=st.lists(st.integers(0, 3), min_size=1, max_size=3))
def test_each_frame_is_served_by_one_service_the_one_that_was_active(steps, passes):
    async def main() -> None:
        services = [Service(n, count) for n, count in enumerate(passes)]
        switcher, out = ServiceSwitcher(services), Recorder()
        task = task_of(Pass(), switcher, out)
        run = asyncio.create_task(task.run())
        active, expected = 0, []
        for what, which, wait in steps:
            if what == "switch":
                active = which % len(services)
                await task.queue_frame(ManuallySwitchServiceFrame(service=services[active]))
            else:
                expected.append(active)
                await task.queue_frame(Data(len(expected)))
            for _ in range(wait):
                await asyncio.sleep(0)
        await task.queue_frame(EndFrame())
        await within(run, 3)
        arrived = out.frames(Data)
        served = {frame.tag: frame.metadata.get("served by") for frame in arrived}
        assert served == {n + 1: [who] for n, who in enumerate(expected)}
        for service in range(len(services)):  # what one service served keeps its order
            own = [f.tag for f in arrived if f.metadata["served by"] == [service]]
            assert own == sorted(own)
        assert switcher.strategy.active_service is services[active]

    asyncio.run(main())


pausing = st.lists(
    st.tuples(
        st.sampled_from(["data", "system", "pause", "pause system", "resume", "resume system"]),
        st.integers(0, 2),
        st.integers(0, 3),
    ),
    max_size=25,
)


@small
@given(steps=pausing)
def test_pauses_at_any_moment_lose_nothing_and_keep_the_order(steps):
    async def main() -> None:
        processors = [Pass(), Pass(), Pass()]
        out = Recorder()
        task = task_of(*processors, out)
        started = calls_of(task, "on_pipeline_started")
        run = asyncio.create_task(task.run())
        await started.wait()
        sent: dict[type, list[int]] = {Data: [], System: []}
        for n, (what, which, wait) in enumerate(steps):
            processor = processors[which]
            match what:
                case "data" | "system":
                    kind = Data if what == "data" else System
                    sent[kind].append(n)
                    await task.queue_frame(kind(n))
                case "pause":
                    await processor.pause_processing_frames()
                case "pause system":
                    await processor.pause_processing_system_frames()
                case "resume":
                    await processor.resume_processing_frames()
                case "resume system":
                    await processor.resume_processing_system_frames()
            for _ in range(wait):
                await asyncio.sleep(0)
        for processor in processors:
            await processor.resume_processing_frames()
            await processor.resume_processing_system_frames()
        await task.queue_frame(EndFrame())
        await within(run, 3)
        for kind, numbers in sent.items():
            assert tags(out.frames(kind)) == numbers

    asyncio.run(main())


class Watch(BaseObserver):
    """Keeps the hops of each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.hops: dict[int, list[FramePushed]] = defaultdict(list)

    async def on_push_frame(self, data: FramePushed) -> None:
        if isinstance(data.frame, OURS):
            self.hops[data.frame.id].append(data)


@small
@given(parts=topologies, schedule=schedules)
def test_observers_see_each_frame_on_a_connected_way_from_end_to_end(parts, schedule):
    async def main() -> None:
        watch, top, bottom = Watch(), Recorder(), Recorder()
        task = task_of(top, *(part.build() for part in parts), bottom, observers=[watch])
        run = asyncio.create_task(task.run())
        frames: list[Frame] = []
        for kind, _direction, wait in schedule:
            frames.append(kind())
            await task.queue_frame(frames[-1])
            for _ in range(wait):
                await asyncio.sleep(0)
        await task.queue_frame(EndFrame())
        await within(run, 3)
        for frame in frames:
            hops = watch.hops[frame.id]
            sources = {hop.source for hop in hops}
            destinations = {hop.destination for hop in hops}
            # Compounds begin what is inside of them; all others pass on what they got.
            made_up = {end.name for end in sources - destinations if not end.processors}
            assert all(name.endswith("::Source") for name in made_up)
            assert f"{task.name}::Source" in {source.name for source in sources}
            assert f"{task.name}::Sink" in {destination.name for destination in destinations}
            assert top in destinations and bottom in sources
            assert [hop.first_push for hop in hops] == [True] + [False] * (len(hops) - 1)
            assert all(hop.direction is DOWN for hop in hops)

    asyncio.run(main())
