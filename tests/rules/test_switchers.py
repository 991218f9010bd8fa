"""Engine rules 79-84: service switchers."""

from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    ManuallySwitchServiceFrame,
    ServiceMetadataFrame,
    ServiceSwitcherRequestMetadataFrame,
    ServiceUpdateSettingsFrame,
    StartFrame,
)
from pipecat_rs.pipeline.service_switcher import (
    ServiceSwitcher,
    ServiceSwitcherStrategyFailover,
    ServiceSwitcherStrategyManual,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from pipecat_rs.utils.errors import ErrorCategory
from support.frames import Data, System, tags
from support.tasks import DOWN, UP, task_of
from support.waiting import calls_of, settle, within


class Service(Recorder):
    """Marks data frames with its name, and announces itself when it starts or is asked to."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data) and direction is DOWN:
            await self.push_frame(System(f"{self.name}:{frame.tag}"))
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame | ServiceSwitcherRequestMetadataFrame):
            await self.push_frame(ServiceMetadataFrame(service_name=self.name))


class Bench:
    """A switcher between two recorders, in a task."""

    def __init__(self, count: int = 3, **options: Any) -> None:
        self.services = [Service(name=f"service {n}") for n in range(count)]
        self.switcher = ServiceSwitcher(self.services, **options)
        self.above, self.below = Recorder(), Recorder()
        self.task = task_of(self.above, self.switcher, self.below)

    @property
    def active(self) -> FrameProcessor:
        return self.switcher.strategy.active_service

    async def switch_to(self, service: FrameProcessor) -> None:
        switched = calls_of(self.switcher.strategy, "on_service_switched")
        await self.task.queue_frame(ManuallySwitchServiceFrame(service=service))
        assert await switched.wait() == (service,)

    async def answer(self, tag: object) -> list[str]:
        """Who answers a data frame."""
        answers = len(self.below.frames(System))
        data = Data(tag)
        await self.task.queue_frame(data)
        await self.below.wait_for(lambda frame: frame is data)
        await self.below.wait_for(System, count=answers + 1)
        return tags(self.below.frames(System))[answers:]


# R79, R80: gates and manual switching


async def test_r079_first_service_starts_active_and_only_the_active_one_gets_frames():
    bench = Bench()
    first, *others = bench.services
    assert bench.active is first and bench.switcher.services == bench.services
    async with running(bench.task):
        assert await bench.answer(1) == ["service 0:1"]
        await bench.task.queue_frame(System("down"))
        await bench.below.wait_for(lambda frame: getattr(frame, "tag", None) == "down")
        await bench.task.queue_frame(System("up"), UP)
        await bench.above.wait_for(System, direction=UP)
        assert set(tags(first.frames())) == {1, "down", "up"}
        assert all(tags(other.frames()) == [] for other in others)
        await bench.switch_to(others[1])
        assert await bench.answer(2) == ["service 2:2"]
        assert 2 not in tags(first.frames())


@pytest.mark.parametrize("kind", [EndFrame, CancelFrame])
async def test_r079_start_end_and_cancel_pass_every_gate(kind: type):
    bench = Bench()
    async with running(bench.task) as run:
        await bench.task.queue_frame(kind())
        await within(run)
    for service in bench.services:
        assert len(service.frames(StartFrame)) == 1
        assert len(service.frames(kind)) == 1
    assert len(bench.below.frames(kind)) == 1


async def test_r080_switch_frame_that_names_a_member_switches_and_is_swallowed():
    bench = Bench()
    async with running(bench.task):
        await bench.switch_to(bench.services[1])
        assert bench.active is bench.services[1]
        assert await bench.answer(1) == ["service 1:1"]
        await bench.switch_to(bench.services[0])
        assert await bench.answer(2) == ["service 0:2"]
    assert bench.below.frames(ManuallySwitchServiceFrame) == []


async def test_r080_switch_frame_that_names_a_stranger_travels_on():
    bench, stranger = Bench(), Service(name="stranger")
    async with running(bench.task):
        frame = ManuallySwitchServiceFrame(service=stranger)
        await bench.task.queue_frame(frame)
        await bench.below.wait_for(ManuallySwitchServiceFrame)
        assert bench.active is bench.services[0]


async def test_r080_several_and_nested_switchers_each_find_theirs():
    a, b, c, d, e = (Service(name=name) for name in "abcde")
    inner = ServiceSwitcher([b, c])
    outer, second, below = ServiceSwitcher([inner, a]), ServiceSwitcher([d, e]), Recorder()
    task = task_of(outer, second, below)
    async with running(task):
        for switcher, service in ((second, e), (inner, c)):
            switched = calls_of(switcher.strategy, "on_service_switched")
            await task.queue_frame(ManuallySwitchServiceFrame(service=service))
            await switched.wait()
        await task.queue_frame(Data(1))
        await below.wait_for(Data)
        assert outer.strategy.active_service is inner
        assert inner.strategy.active_service is c
        assert second.strategy.active_service is e
    assert set(tags(below.frames(System))) == {"c:1", "e:1"}


async def test_r080_frames_go_to_the_service_that_is_active_when_they_come():
    bench = Bench(2)
    async with running(bench.task):
        await bench.task.queue_frames(
            [Data(1), ManuallySwitchServiceFrame(service=bench.services[1]), Data(2)]
        )
        await bench.below.wait_for(System, count=2)
    assert tags(bench.services[1].frames(Data)) == [2]


# R81: metadata


async def test_r081_only_the_active_services_metadata_leaves():
    bench = Bench()
    async with running(bench.task):
        await bench.below.wait_for(ServiceMetadataFrame)
        await settle()
        assert [f.service_name for f in bench.below.frames(ServiceMetadataFrame)] == ["service 0"]
        await bench.services[2].push_frame(ServiceMetadataFrame(service_name="service 2"))
        await bench.switch_to(bench.services[1])
        await bench.below.wait_for(ServiceMetadataFrame, count=2)
        await settle()
    names = [f.service_name for f in bench.below.frames(ServiceMetadataFrame)]
    assert names == ["service 0", "service 1"]


async def test_r081_new_service_is_asked_for_its_metadata_and_the_request_goes_no_further():
    bench = Bench()
    async with running(bench.task):
        await bench.switch_to(bench.services[1])
        asked = await bench.services[1].wait_for(ServiceSwitcherRequestMetadataFrame)
        await bench.below.wait_for(ServiceMetadataFrame, count=2)
        await settle()
    assert asked.service is bench.services[1]
    assert bench.services[0].frames(ServiceSwitcherRequestMetadataFrame) == []
    assert bench.below.frames(ServiceSwitcherRequestMetadataFrame) == []


# R82, R83: failover and usability


async def fail(service: FrameProcessor) -> None:
    await service.push_error("no key", category=ErrorCategory.AUTHENTICATION)


async def test_r082_failover_moves_to_the_next_usable_service_and_absorbs_the_error():
    bench = Bench(4, strategy_type=ServiceSwitcherStrategyFailover)
    errors = calls_of(bench.task, "on_pipeline_error")
    switched = calls_of(bench.switcher.strategy, "on_service_switched")
    await bench.services[1].set_usable(False)
    async with running(bench.task):
        await fail(bench.services[0])
        assert await switched.wait() == (bench.services[2],)
        assert await bench.answer(1) == ["service 2:1"]
        await settle()
        assert not errors and bench.above.frames(ErrorFrame) == []
        await bench.services[0].set_usable(True)
        await fail(bench.services[2])
        await switched.wait(2)
        await fail(bench.services[3])
        assert await switched.wait(3) == (bench.services[0],)  # round, past the unusable one


async def test_r082_error_that_leaves_the_service_usable_travels_and_switches_nothing():
    bench = Bench(strategy_type=ServiceSwitcherStrategyFailover)
    errors = calls_of(bench.task, "on_pipeline_error")
    async with running(bench.task):
        await bench.services[0].push_error("hiccup", category=ErrorCategory.CONNECTIVITY)
        (error,) = await errors.wait()
        assert error.processor is bench.services[0] and error.error == "hiccup"
        assert bench.active is bench.services[0]


async def test_r082_without_another_service_the_switcher_reports_the_error_as_its_own():
    bench = Bench(2, strategy_type=ServiceSwitcherStrategyFailover)
    errors = calls_of(bench.task, "on_pipeline_error")
    async with running(bench.task):
        await bench.services[1].set_usable(False)
        await fail(bench.services[0])
        (error,) = await errors.wait()
        assert error.processor is bench.switcher
        assert "no key" in error.error
        assert not bench.switcher.is_usable


async def test_r082_manual_switcher_reports_but_stays_usable_while_a_member_is():
    bench = Bench(2, strategy_type=ServiceSwitcherStrategyManual)
    errors = calls_of(bench.task, "on_pipeline_error")
    async with running(bench.task):
        await fail(bench.services[0])
        (error,) = await errors.wait()
        assert error.processor is bench.switcher and bench.switcher.is_usable
        assert bench.active is bench.services[0]


async def test_r082_errors_of_inactive_services_stop_at_the_switcher():
    bench = Bench(strategy_type=ServiceSwitcherStrategyFailover)
    errors = calls_of(bench.task, "on_pipeline_error")
    async with running(bench.task):
        await fail(bench.services[1])
        await bench.services[2].push_error("hiccup")
        await bench.services[0].push_frame(System("last"), UP)
        await bench.above.wait_for(System)
        await settle()
        assert not errors and bench.active is bench.services[0]


async def test_r082_errors_of_others_pass_a_switcher():
    bench = Bench(strategy_type=ServiceSwitcherStrategyFailover)
    errors = calls_of(bench.task, "on_pipeline_error")
    async with running(bench.task):
        await fail(bench.below)
        (error,) = await errors.wait()
        assert error.processor is bench.below and bench.active is bench.services[0]


async def test_r083_unusable_service_is_refused_as_a_target():
    bench = Bench()
    async with running(bench.task):
        await bench.services[1].set_usable(False)
        await bench.task.queue_frame(ManuallySwitchServiceFrame(service=bench.services[1]))
        assert await bench.answer(1) == ["service 0:1"]
        await bench.services[1].set_usable(True)
        await bench.switch_to(bench.services[1])
        assert await bench.answer(2) == ["service 1:2"]


async def test_r083_switcher_is_usable_while_any_member_is():
    bench = Bench(2)
    changes = calls_of(bench.switcher, "on_usable_changed")
    first, second = bench.services
    steps = [
        (first, False, True),
        (bench.switcher, False, True),  # changes nothing
        (second, False, False),
        (bench.switcher, True, False),
        (first, True, True),
        (second, True, True),
    ]
    async with running(bench.task):
        for processor, usable, expected in steps:
            await processor.set_usable(usable)
            assert bench.switcher.is_usable is expected
            await settle()
        await changes.wait(2)
    assert list(changes) == [(False,), (True,)]


# R84: settings


async def settings_reach(bench: Bench, **options: Any) -> tuple[list[int], int]:
    """Which services got a settings update, and how many copies left."""
    await bench.task.queue_frame(ServiceUpdateSettingsFrame(settings={"speed": 2}, **options))
    await bench.task.queue_frame(Data("after"))
    await bench.below.wait_for(Data)
    await settle()
    got = [
        n
        for n, service in enumerate(bench.services)
        for frame in service.frames(ServiceUpdateSettingsFrame)
        if frame.settings == {"speed": 2}
    ]
    return got, len(bench.below.frames(ServiceUpdateSettingsFrame))


async def test_r084_update_addressed_to_a_member_reaches_it_active_or_not():
    bench = Bench()
    async with running(bench.task):
        got, left = await settings_reach(bench, service=bench.services[2])
    assert set(got) == {0, 2} and got.count(2) == 1  # it passes the active one
    assert left == 1


async def test_r084_unaddressed_update_reaches_the_active_service_only():
    bench = Bench()
    async with running(bench.task):
        assert await settings_reach(bench) == ([0], 1)


async def test_r084_update_marked_so_reaches_the_inactive_ones_too():
    bench = Bench()
    async with running(bench.task):
        assert await settings_reach(bench, reach_inactive_services=True) == ([0, 1, 2], 1)
