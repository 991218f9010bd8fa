"""How long a pipeline takes to start (rule 90)."""

from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    BotConnectedFrame,
    ClientConnectedFrame,
    StartFrame,
    TextFrame,
)
from pipecat_rs.observers.base_observer import ProcessorSetUp
from pipecat_rs.observers.startup_timing_observer import StartupTimingObserver
from pipecat_rs.utils.asyncio.task_manager import TaskManager
from support.observed import named, processed, pushed

MS = 1_000_000


class Slow(type(named("x"))):
    """Stands for a processor of a class of its own."""


FIRST, SECOND = named("first", 1), named("second", 2)


@pytest.fixture
async def observer() -> StartupTimingObserver:
    made = StartupTimingObserver(processor_types=(object,))
    await made.setup(TaskManager())
    return made


async def reports(observer: StartupTimingObserver, event: str) -> list[Any]:
    seen: list[Any] = []
    observer.add_event_handler(event, lambda _, report: seen.append(report))
    return seen


async def start(observer: StartupTimingObserver, frame: StartFrame) -> None:
    for processor, arrives, leaves in ((FIRST, 0, 10), (SECOND, 10, 40)):
        await observer.on_process_frame(
            processed(frame, processor=processor, timestamp=arrives * MS)
        )
        await observer.on_push_frame(pushed(frame, source=processor, timestamp=leaves * MS))


async def test_setup_and_start_of_each_processor(observer: StartupTimingObserver):
    seen = await reports(observer, "on_startup_timing_report")
    began = observer._setup_began_at
    assert began is not None
    await observer.on_processor_setup(ProcessorSetUp(SECOND, began, began + 5 * MS))
    frame = StartFrame()
    await start(observer, frame)
    await observer.on_push_frame(pushed(frame, source=SECOND, timestamp=50 * MS))
    assert seen == []
    await observer.on_pipeline_started()
    await observer.on_pipeline_started()
    await observer.cleanup()
    (report,) = seen
    first, second = report.processor_timings
    assert (first.processor_name, second.processor_name) == ("first", "second")
    assert (first.start_offset_secs, second.start_offset_secs) == (0.0, 0.01)
    assert (first.start_duration_secs, second.start_duration_secs) == pytest.approx((0.01, 0.03))
    assert (first.setup_duration_secs, second.setup_duration_secs) == (0.0, 0.005)
    assert second.duration_secs == pytest.approx(0.035)
    assert report.setup_phase_secs + report.start_phase_secs == report.total_duration_secs
    assert report.warmup is None


async def test_only_the_first_start_frame_counts(observer: StartupTimingObserver):
    await start(observer, StartFrame())
    await start(observer, StartFrame())
    seen = await reports(observer, "on_startup_timing_report")
    await observer.on_pipeline_started()
    await observer.cleanup()
    assert len(seen[0].processor_timings) == 2


async def test_chosen_processors_only():
    observer = StartupTimingObserver(processor_types=(Slow,))
    frame = StartFrame()
    slow = Slow(name="slow", id=3)
    await observer.on_process_frame(processed(frame, processor=slow))
    await observer.on_push_frame(pushed(frame, source=slow, timestamp=1 * MS))
    await start(observer, frame)
    seen = await reports(observer, "on_startup_timing_report")
    await observer.on_pipeline_started()
    await observer.cleanup()
    assert [timing.processor_name for timing in seen[0].processor_timings] == ["slow"]


async def test_nothing_started_reports_nothing(observer: StartupTimingObserver):
    seen = await reports(observer, "on_startup_timing_report")
    await observer.on_push_frame(pushed(TextFrame("x")))
    await observer.on_pipeline_started()
    await observer.cleanup()
    assert seen == []


async def test_connections_of_the_transport(observer: StartupTimingObserver):
    seen = await reports(observer, "on_transport_timing_report")
    await observer.on_push_frame(pushed(BotConnectedFrame(), timestamp=100 * MS))
    await observer.on_push_frame(pushed(BotConnectedFrame(), timestamp=200 * MS))
    for milliseconds in (300, 400):
        frame = ClientConnectedFrame()
        await observer.on_push_frame(pushed(frame, timestamp=milliseconds * MS))
    await observer.cleanup()
    (report,) = seen
    assert (report.bot_connected_secs, report.client_connected_secs) == (0.1, 0.3)
