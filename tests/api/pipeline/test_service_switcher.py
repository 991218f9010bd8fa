"""Service switchers as the user's API document has them: strategies that select, and indices."""

from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    ErrorFrame,
    Frame,
    LLMContextFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    ManuallySwitchServiceFrame,
    ServiceMetadataFrame,
    ServiceSwitcherRequestMetadataFrame,
    TTSSpeakFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.service_switcher import (
    ServiceSwitcher,
    ServiceSwitcherStrategy,
    ServiceSwitcherStrategyManual,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.tasks import task_of
from support.waiting import calls_of, within


class RoundRobin(ServiceSwitcherStrategy):
    """As in the document: it never calls super().__init__()."""

    def __init__(self) -> None:
        self._index = 0
        self.asked = 0

    def select(self, services: list) -> int:
        self.asked += 1
        index = self._index
        self._index = (self._index + 1) % len(services)
        return index


class Answers(ServiceSwitcherStrategy):
    """Gives the same answer each time, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def select(self, services: list) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Bench:
    """Services between two recorders."""

    def __init__(self, strategy: Any, services: list[Any] | None = None) -> None:
        self.services = services or [Recorder(name=f"service {n}") for n in range(3)]
        self.switcher: ServiceSwitcher[Any] = ServiceSwitcher(
            services=self.services, strategy=strategy
        )
        self.above, self.below = Recorder(), Recorder()
        self.task = task_of(self.above, self.switcher, self.below)

    async def send(self, frame: Frame, direction=FrameDirection.DOWNSTREAM) -> int:
        """Send a frame through; returns which service had it."""
        await self.task.queue_frame(frame, direction)
        end = self.below if direction is FrameDirection.DOWNSTREAM else self.above
        await end.wait_for(lambda seen: seen is frame)
        (at,) = [n for n, s in enumerate(self.services) if frame in s.frames()]
        return at

    @property
    def active(self) -> int:
        return self.services.index(self.switcher.get_current_service())


async def test_strategy_is_asked_once_for_each_text_to_speak():
    strategy = RoundRobin()
    bench = Bench(strategy)
    async with running(bench.task):
        for expected in (0, 1, 2, 0):
            assert await bench.send(TTSSpeakFrame("Hello")) == expected
            assert await bench.send(LLMTextFrame("and more")) == expected
    assert strategy.asked == 4


async def test_strategy_is_asked_once_for_each_answer_to_speak():
    bench = Bench(RoundRobin())
    async with running(bench.task):
        for expected in (0, 1, 2):
            assert await bench.send(LLMFullResponseStartFrame()) == expected
            assert await bench.send(LLMTextFrame("word")) == expected


@pytest.mark.parametrize("direction", FrameDirection)
async def test_strategy_is_asked_once_for_each_context(direction: FrameDirection):
    """A context comes from above, or from below with the result of a function."""
    bench = Bench(RoundRobin())
    async with running(bench.task):
        for expected in (0, 1, 2):
            assert await bench.send(LLMContextFrame(LLMContext()), direction) == expected


async def test_strategy_is_asked_once_for_each_turn_of_the_user():
    strategy = RoundRobin()
    bench = Bench(strategy)
    async with running(bench.task):
        for expected in (0, 1):
            for kind in (
                VADUserStartedSpeakingFrame,
                UserStartedSpeakingFrame,
                VADUserStoppedSpeakingFrame,  # a pause
                VADUserStartedSpeakingFrame,
                VADUserStoppedSpeakingFrame,
                UserStoppedSpeakingFrame,
            ):
                assert await bench.send(kind()) == expected
    assert strategy.asked == 2


async def test_without_turns_each_stretch_of_speech_is_one():
    strategy = RoundRobin()
    bench = Bench(strategy)
    async with running(bench.task):
        for expected in (0, 1, 2):
            assert await bench.send(VADUserStartedSpeakingFrame()) == expected
            assert await bench.send(VADUserStoppedSpeakingFrame()) == expected


async def test_strategy_is_not_asked_for_what_the_services_do_not_handle():
    class Voice(Recorder):
        handles = (TTSSpeakFrame,)

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)

    strategy = RoundRobin()
    bench = Bench(strategy, [Voice(), Voice()])
    async with running(bench.task):
        context = LLMContextFrame(LLMContext())
        await bench.task.queue_frame(context)
        await bench.below.wait_for(LLMContextFrame)
        assert strategy.asked == 0
        assert await bench.send(TTSSpeakFrame("Hello")) == 0
        assert await bench.send(TTSSpeakFrame("Hello")) == 1
    assert strategy.asked == 2


async def test_a_pipeline_as_a_service_takes_everything():
    first, second = Recorder(), Recorder()
    bench = Bench(RoundRobin(), [Pipeline([first]), Pipeline([second])])
    async with running(bench.task):
        for count in (1, 2):
            await bench.task.queue_frame(TTSSpeakFrame("Hello"))
            await bench.below.wait_for(TTSSpeakFrame, count=count)
    assert len(first.frames(TTSSpeakFrame)) == len(second.frames(TTSSpeakFrame)) == 1


@pytest.mark.parametrize(
    "answer", [None, "1", 1.0, True, -1, 3, RuntimeError("out of ideas")], ids=repr
)
async def test_nonsense_becomes_an_error_and_the_active_service_stays(answer: Any):
    bench = Bench(Answers(answer))
    errors = calls_of(bench.task, "on_pipeline_error")
    async with running(bench.task):
        assert await bench.send(TTSSpeakFrame("Hello")) == 0
        (error,) = await errors.wait()
    assert isinstance(error, ErrorFrame)
    assert error.processor is bench.switcher and not error.fatal
    assert error.exception is not None
    for part in (bench.switcher.name, bench.switcher.strategy.name, "TTSSpeakFrame", "stays"):
        assert part in error.error


async def test_select_may_be_async():
    class Thinks(ServiceSwitcherStrategy):
        async def select(self, services: list) -> int:  # type: ignore[override]
            return len(services) - 1

    bench = Bench(Thinks())
    async with running(bench.task):
        assert await bench.send(TTSSpeakFrame("Hello")) == 2


async def test_a_switch_by_selection_is_announced_once():
    bench = Bench(Answers(1))
    switched = calls_of(bench.switcher.strategy, "on_service_switched")
    async with running(bench.task):
        await bench.send(TTSSpeakFrame("Hello"))
        await bench.send(TTSSpeakFrame("again"))
        assert await switched.wait() == (bench.services[1],)
    assert len(switched) == 1


async def test_default_selection_is_the_active_service():
    strategy = ServiceSwitcherStrategyManual(default_index=2)
    bench = Bench(strategy)
    assert strategy.select(bench.services) == 2


@pytest.mark.parametrize("index", [-1, 3, 99, "1", 0.0])
async def test_bad_index_in_a_frame_is_an_error_and_changes_nothing(index: Any):
    bench = Bench(ServiceSwitcherStrategyManual(default_index=1))
    errors = calls_of(bench.task, "on_pipeline_error")
    async with running(bench.task):
        await bench.task.queue_frame(ManuallySwitchServiceFrame(service_index=index))
        (error,) = await errors.wait()
        assert repr(index) in error.error and "0 to 2" in error.error
        assert bench.active == 1
        assert await bench.send(TTSSpeakFrame("Hello")) == 1


@pytest.mark.parametrize("index", [-1, 3])
def test_set_service_says_the_range(index: int):
    bench = Bench(ServiceSwitcherStrategyManual())
    with pytest.raises(IndexError, match=rf"{index} is out of range.* 0 to 2"):
        bench.switcher.set_service(index)
    assert bench.active == 0


@pytest.mark.parametrize("index", [None, "1", 1.0, True])
def test_set_service_wants_an_integer(index: Any):
    bench = Bench(ServiceSwitcherStrategyManual())
    with pytest.raises(TypeError, match="an integer, not"):
        bench.switcher.set_service(index)


async def test_set_service_while_it_runs_is_announced():
    class Service(Recorder):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, ServiceSwitcherRequestMetadataFrame):
                await self.push_frame(ServiceMetadataFrame(service_name=self.name))

    services: list[FrameProcessor] = [Service(name="one"), Service(name="two")]
    bench = Bench(ServiceSwitcherStrategyManual(), services)
    switched = calls_of(bench.switcher.strategy, "on_service_switched")
    async with running(bench.task):
        bench.switcher.set_service(0)  # it is
        bench.switcher.set_service(1)
        assert await switched.wait() == (services[1],)
        frame = await bench.below.wait_for(ServiceMetadataFrame)
        assert getattr(frame, "service_name", None) == "two"
    assert len(switched) == 1


async def test_fallback_of_the_document():
    class FallbackStrategy(ServiceSwitcherStrategy):
        def __init__(self, count: int) -> None:
            self._current = 0
            self._count = count

        def select(self, services: list) -> int:
            return self._current

        def on_error(self) -> None:
            self._current = (self._current + 1) % self._count

    strategy = FallbackStrategy(3)
    bench = Bench(strategy)
    async with running(bench.task):
        assert await bench.send(TTSSpeakFrame("one")) == 0
        strategy.on_error()
        assert await bench.send(LLMTextFrame("rest of it")) == 0, "at the next unit of work"
        assert await bench.send(TTSSpeakFrame("two")) == 1
        strategy.on_error()
        strategy.on_error()
        assert await bench.send(TTSSpeakFrame("three")) == 0


async def test_a_strategy_serves_one_running_switcher_at_a_time():
    strategy = RoundRobin()
    first = Bench(strategy)
    async with running(first.task) as run:
        assert await first.send(TTSSpeakFrame("Hello")) == 0
        with pytest.raises(ValueError, match=r"belongs to .*, which is running"):
            Bench(strategy)
        await first.task.stop_when_done()
        await within(run)
    second = Bench(strategy)
    assert strategy.services == second.services
    async with running(second.task):
        assert await second.send(TTSSpeakFrame("Hello")) == 1, "its own state is its own affair"


@pytest.mark.parametrize("strategy", [object(), 3, "manual", dict])
def test_what_is_no_strategy_is_refused(strategy: Any):
    with pytest.raises(TypeError, match="strategy"):
        ServiceSwitcher([Recorder()], strategy=strategy)


async def test_metadata_of_the_first_unit_is_within_time():
    bench = Bench(RoundRobin())
    async with running(bench.task) as run:
        await bench.send(TTSSpeakFrame("Hello"))
        await bench.task.stop_when_done()
        await within(run)
