"""An exception in any callback of the user's stays where it belongs; the pipeline goes on."""

import asyncio
from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    ManuallySwitchServiceFrame,
)
from pipecat_rs.observers.base_observer import BaseObserver, FrameProcessed, FramePushed
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher, ServiceSwitcherStrategyManual
from pipecat_rs.processors.aggregators.gated import GatedAggregator
from pipecat_rs.processors.consumer_processor import ConsumerProcessor
from pipecat_rs.processors.filters.function_filter import FunctionFilter
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.processors.idle_frame_processor import IdleFrameProcessor
from pipecat_rs.processors.producer_processor import ProducerProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, System, tags
from support.processors import Act, Pass
from support.tasks import DOWN, task_of
from support.waiting import calls_of, settle, within

TASK_EVENTS = [
    "on_pipeline_started",
    "on_pipeline_finished",
    "on_pipeline_error",
    "on_frame_reached_downstream",
    "on_frame_reached_upstream",
    "on_idle_timeout",
]
PROCESSOR_EVENTS = [
    "on_before_process_frame",
    "on_after_process_frame",
    "on_before_push_frame",
    "on_after_push_frame",
    "on_error",
    "on_usable_changed",
]


def raising(*_: Any) -> None:
    raise RuntimeError("handler")


async def raising_late(*_: Any) -> None:
    await asyncio.sleep(0)
    raise RuntimeError("late handler")


@pytest.mark.parametrize("handler", [raising, raising_late])
@pytest.mark.parametrize("event", TASK_EVENTS)
async def test_handlers_of_the_task(event: str, handler: Any):
    failing, out = Pass(), Recorder()
    task = task_of(failing, out, idle_timeout_secs=0.02, cancel_on_idle_timeout=False)
    task.set_reached_downstream_filter((Data,))
    task.set_reached_upstream_filter((System,))
    task.add_event_handler(event, handler)
    calls = calls_of(task, event)
    async with running(task) as run:
        await failing.push_error("an error")
        await failing.push_frame(System())
        await failing.push_frame(System(), FrameDirection.UPSTREAM)
        await task.queue_frame(Data(1))
        await out.wait_for(Data)
        if event == "on_idle_timeout":
            await calls.wait()
        await task.queue_frame(EndFrame())
        await within(run)
    assert len(calls) >= 1 and len(out.frames(EndFrame)) == 1


@pytest.mark.parametrize("handler", [raising, raising_late])
@pytest.mark.parametrize("event", PROCESSOR_EVENTS)
async def test_handlers_of_a_processor(event: str, handler: Any):
    processor, out = Pass(), Recorder()
    processor.add_event_handler(event, handler)
    calls = calls_of(processor, event)
    task = task_of(processor, out)
    async with running(task) as run:
        await processor.push_error("an error", force_treat_as_permanent=True)
        await task.queue_frames([Data(1), Control(2), EndFrame()])
        await within(run)
        await settle()
    assert calls and tags(out.frames()) == [1, 2]


class FailingObserver(BaseObserver):
    def __init__(self, method: str) -> None:
        super().__init__()
        self.method, self.calls = method, 0

    def fail(self, method: str) -> None:
        if method == self.method:
            self.calls += 1
            raise RuntimeError(f"observer: {method}")

    async def setup(self, task_manager: Any) -> None:
        await super().setup(task_manager)
        self.fail("setup")

    async def cleanup(self) -> None:
        await super().cleanup()
        self.fail("cleanup")

    async def on_push_frame(self, data: FramePushed) -> None:
        self.fail("on_push_frame")

    async def on_process_frame(self, data: FrameProcessed) -> None:
        self.fail("on_process_frame")

    async def on_pipeline_started(self) -> None:
        self.fail("on_pipeline_started")

    async def on_processor_setup(self, data: Any) -> None:
        self.fail("on_processor_setup")


OBSERVER_METHODS = [
    "on_push_frame",
    "on_process_frame",
    "on_pipeline_started",
    "on_processor_setup",
    "cleanup",
]


@pytest.mark.parametrize("method", OBSERVER_METHODS)
async def test_observers(method: str):
    class Connects(Recorder):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)

    failing, out = FailingObserver(method), Connects()
    task = task_of(out, observers=[failing])
    async with running(task) as run:
        await task.queue_frames([Data(1), Data(2), EndFrame()])
        await within(run)
    assert tags(out.frames()) == [1, 2]
    assert failing.calls >= 1


async def test_setup_and_cleanup_of_processors():
    class Broken(Pass):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)
            raise RuntimeError("setup")

        async def cleanup(self) -> None:
            await super().cleanup()
            raise RuntimeError("cleanup")

    out = Recorder()
    task = task_of(Broken(), out, Broken())
    async with running(task) as run:
        await task.queue_frames([Data(1), EndFrame()])
        await within(run)
    assert tags(out.frames()) == [1]


async def test_callback_of_queue_frame():
    async def callback(*_: Any) -> None:
        raise RuntimeError("callback")

    above, processor, out = Recorder(), Pass(), Recorder()
    async with running(task_of(above, processor, out)):
        await processor.queue_frame(Data(1), DOWN, callback)
        await processor.queue_frame(Data(2))
        await out.wait_for(Data, count=2)
        error = await above.wait_for(ErrorFrame)
    assert error.processor is processor


async def test_strategy_of_a_switcher():
    class Fails(ServiceSwitcherStrategyManual):
        async def handle_frame(self, frame: Any, direction: FrameDirection) -> None:
            raise RuntimeError("strategy")

    services, above, out = [Pass(), Pass()], Recorder(), Recorder()
    task = task_of(above, ServiceSwitcher(services, strategy_type=Fails), out)
    async with running(task):
        await task.queue_frames([ManuallySwitchServiceFrame(service=services[1]), Data(1)])
        await out.wait_for(Data)
        await above.wait_for(ErrorFrame)


async def test_push_frame_override_that_raises():
    class Fails(Pass):
        async def push_frame(self, frame: Frame, direction: FrameDirection = DOWN) -> None:
            if isinstance(frame, Data):
                raise RuntimeError("push_frame")
            await super().push_frame(frame, direction)

    above, fails, out = Recorder(), Fails(), Recorder()
    task = task_of(above, fails, out)
    async with running(task):
        await task.queue_frames([Data(1), Control(2)])
        await out.wait_for(Control)
        error = await above.wait_for(ErrorFrame)
    assert error.processor is fails and out.frames(Data) == []


async def test_push_frame_override_is_called_for_everything_a_processor_pushes():
    class Counts(Pass):
        pushed = 0

        async def push_frame(self, frame: Frame, direction: FrameDirection = DOWN) -> None:
            if isinstance(frame, Data | ErrorFrame):
                self.pushed += 1
            await super().push_frame(frame, direction)

    counts, out = Counts(), Recorder()
    task = task_of(counts, out)
    async with running(task):
        await counts.push_error("one")
        await counts.broadcast_frame(Data, tag="two and three")
        await task.queue_frame(Data("four"))
        await out.wait_for(Data, count=2)
    assert counts.pushed == 4


async def test_iterable_for_queue_frames_that_raises():
    def frames():
        yield Data(1)
        raise RuntimeError("iterable")

    out = Recorder()
    task = task_of(out)
    async with running(task) as run:
        with pytest.raises(RuntimeError, match="iterable"):
            await task.queue_frames(frames())
        await task.queue_frames([Data(2), EndFrame()])
        await within(run)
    assert tags(out.frames()) == [1, 2]


@pytest.mark.parametrize("wrong", [None, "text", 7, object(), Data])
@pytest.mark.parametrize("where", ["push_frame", "queue_frame", "queue_frame of the task"])
async def test_what_is_no_frame_is_refused_where_it_is_pushed(wrong: object, where: str):
    processor, out = Pass(), Recorder()
    task = task_of(processor, out)
    refuse = {
        "push_frame": processor.push_frame,
        "queue_frame": processor.queue_frame,
        "queue_frame of the task": task.queue_frame,
    }[where]
    async with running(task) as run:
        with pytest.raises(TypeError):
            await refuse(wrong)  # type: ignore[arg-type]
        await task.queue_frames([Data(1), EndFrame()])
        await within(run)
    assert tags(out.frames()) == [1]


async def test_direction_that_is_none_of_ours_is_refused():
    processor = Pass()
    async with running(task_of(processor)):
        with pytest.raises(TypeError):
            await processor.push_frame(Data(), "downstream")  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_base_exceptions_that_end_a_program_end_it(error: type[BaseException]):
    """They leave the loop's run at once, as from any task, and the loop closes cleanly after."""

    async def act(_processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            raise error("stop the program")

    async def main() -> None:
        task = task_of(Act(act), leaky=True)
        await task.queue_frame(Data())
        await task.run()

    with pytest.raises(error):
        asyncio.run(main())


async def test_failing_processor_does_not_keep_the_task_from_its_cancel():
    async def act(_processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, CancelFrame):
            raise RuntimeError("cancel")

    task = task_of(Act(act), Pass(), cancel_timeout_secs=0.2)
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        await task.cancel()
        await within(run)
    assert len(finished) == 1


# Functions that processors of ours are given


async def failing_function(*_: Any) -> Any:
    raise RuntimeError("function")


def failing_plain_function(*_: Any) -> Any:
    raise RuntimeError("function")


def given_functions() -> dict[str, Any]:
    producer = ProducerProcessor(filter=is_data, transformer=failing_function)
    return {
        "filter": FunctionFilter(filter=only_data_fails),
        "filter of a producer": ProducerProcessor(filter=only_data_fails),
        "transformer of a producer": Pipeline([producer, ConsumerProcessor(producer=producer)]),
        "gate": GatedAggregator(
            gate_open_fn=failing_plain_function, gate_close_fn=lambda _: False, start_open=False
        ),
    }


async def is_data(frame: Frame) -> bool:
    return isinstance(frame, Data)


async def only_data_fails(frame: Frame) -> bool:
    if isinstance(frame, Data):
        raise RuntimeError("function")
    return not isinstance(frame, Control)


@pytest.mark.parametrize("name", given_functions())
async def test_functions_given_to_processors(name: str):
    above, below = Recorder(), Recorder()
    task = task_of(above, given_functions()[name], below, end_timeout_secs=0.2)
    async with running(task):
        await settle()
        await task.queue_frames([Data(1), System(2)])
        error = await above.wait_for(ErrorFrame)
        await below.wait_for(System)
    assert "function" in error.error and isinstance(error.exception, RuntimeError)


async def test_transformer_of_a_consumer_and_callback_of_an_idle_processor():
    """They run in tasks of their own: what they raise is logged, the frames go on."""
    producer = ProducerProcessor(filter=is_data)
    consumer = ConsumerProcessor(producer=producer, transformer=failing_function)
    idle = IdleFrameProcessor(callback=failing_function, timeout=0.01)
    below = Recorder()
    task = task_of(producer, consumer, idle, below)
    async with running(task) as run:
        await asyncio.sleep(0.05)
        await task.queue_frames([Data(1), System(2), Data(3), EndFrame()])
        await within(run)
    assert tags(below.frames(Data)) == [1, 3]
