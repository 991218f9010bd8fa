"""Engine rules 57-61: errors, and processors that can no longer do their job."""

import asyncio
import warnings
from types import SimpleNamespace

import pytest
from pipecat_rs.frames.frames import CancelFrame, EndFrame, ErrorFrame, Frame
from pipecat_rs.pipeline.worker import ProcessorUnusablePolicy
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from pipecat_rs.utils.errors import ErrorCategory
from support.frames import Data, System, tags
from support.processors import Hold, Pass, Swallow
from support.tasks import UP, task_of
from support.waiting import calls_of, settle, within

PERMANENT = {
    ErrorCategory.AUTHENTICATION,
    ErrorCategory.AUTHORIZATION,
    ErrorCategory.INVALID_REQUEST,
}


async def test_r057_error_at_the_source_fires_the_event_and_the_pipeline_goes_on():
    failing, out = Pass(), Recorder()
    task = task_of(Pass(), failing, out)
    errors = calls_of(task, "on_pipeline_error")
    async with running(task) as run:
        await failing.push_error("went wrong")
        (error,) = await errors.wait()
        await task.queue_frame(Data())
        await out.wait_for(Data)
        assert not run.done()
    assert error.error == "went wrong" and error.processor is failing


async def test_r057_fatal_error_cancels_the_task():
    failing = Pass()
    task = task_of(failing)
    errors = calls_of(task, "on_pipeline_error")
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            await failing.push_error("over", fatal=True)
        await within(run)
    assert len(errors) == 1
    assert [type(frame) for (frame,) in finished] == [CancelFrame]


@pytest.mark.parametrize("category", list(ErrorCategory))
async def test_r058_permanent_errors_cost_a_processor_its_usability(category: ErrorCategory):
    failing, above = Pass(), Recorder()
    changes = calls_of(failing, "on_usable_changed")
    seen: list[bool] = []
    failing.add_event_handler("on_error", lambda processor, _: seen.append(processor.is_usable))
    usable = category not in PERMANENT
    async with running(task_of(above, failing)):
        assert failing.is_usable
        await failing.push_error("went wrong", category=category)
        error = await above.wait_for(ErrorFrame)
        await settle()
    assert category.is_permanent is not usable
    assert error.category is category
    assert seen == [usable]  # already so when a handler sees the error
    assert failing.is_usable is usable
    assert list(changes) == ([] if usable else [(False,)])


async def test_r058_error_can_be_treated_as_permanent_and_the_processor_brought_back():
    failing = Pass()
    changes = calls_of(failing, "on_usable_changed")
    async with running(task_of(failing)):
        await failing.push_error("gave up", force_treat_as_permanent=True)
        await failing.push_error("again", force_treat_as_permanent=True)
        assert not failing.is_usable
        await failing.set_usable(True)
        assert failing.is_usable
        await changes.wait(2)
    assert list(changes) == [(False,), (True,)]


POLICIES = [
    (ProcessorUnusablePolicy.CONTINUE, None),
    (ProcessorUnusablePolicy.END, EndFrame),
    (ProcessorUnusablePolicy.CANCEL, CancelFrame),
]


@pytest.mark.parametrize(("policy", "terminal"), POLICIES)
async def test_r059_policy_for_an_unusable_processor(policy, terminal: type | None):
    failing, out = Pass(), Recorder()
    task = task_of(failing, out, processor_unusable_policy=policy)
    finished = calls_of(task, "on_pipeline_finished")
    errors = calls_of(task, "on_pipeline_error")
    async with running(task) as run:
        await failing.push_error("no key", category=ErrorCategory.AUTHENTICATION)
        await errors.wait()
        if terminal is None:
            await task.queue_frames([Data(), EndFrame()])
        await within(run)
    assert [type(frame) for (frame,) in finished] == [terminal or EndFrame]
    assert len(out.frames(Data)) == (1 if terminal is None else 0)


async def test_r059_continue_is_the_default():
    failing, out = Pass(), Recorder()
    task = task_of(failing, out)
    async with running(task):
        await failing.push_error("no key", category=ErrorCategory.AUTHENTICATION)
        await task.queue_frame(Data())
        await out.wait_for(Data)


async def test_r059_end_drains_and_is_applied_once_for_each_processor():
    failing, hold, out = Pass(), Hold(System), Recorder()
    task = task_of(failing, hold, out, processor_unusable_policy=ProcessorUnusablePolicy.END)
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        await task.queue_frames([Data(n) for n in range(5)])
        for _ in range(3):
            await failing.push_error("no key", category=ErrorCategory.AUTHENTICATION)
        await within(run)
    assert tags(out.frames()) == list(range(5))
    assert len(finished) == 1 and len(out.frames(EndFrame)) == 1


def with_attributes(kind: type[Exception] = Exception, **attributes: object) -> Exception:
    exception = kind("raised")
    for name, value in attributes.items():
        setattr(exception, name, value)
    return exception


CLASSIFIED = [
    (with_attributes(status_code=401), ErrorCategory.AUTHENTICATION),
    (with_attributes(status=403), ErrorCategory.AUTHORIZATION),
    (with_attributes(response=SimpleNamespace(status_code=404)), ErrorCategory.INVALID_REQUEST),
    (with_attributes(response=SimpleNamespace(status=429)), ErrorCategory.RATE_LIMIT),
    (with_attributes(status_code=402), ErrorCategory.QUOTA),
    (with_attributes(status_code=503), ErrorCategory.SERVER),
    (with_attributes(status_code=200), ErrorCategory.UNKNOWN),
    (ConnectionResetError("gone"), ErrorCategory.CONNECTIVITY),
    (TimeoutError("late"), ErrorCategory.CONNECTIVITY),
    (ValueError("other"), ErrorCategory.UNKNOWN),
    (None, ErrorCategory.UNKNOWN),
]


@pytest.mark.parametrize(("exception", "category"), CLASSIFIED, ids=str)
async def test_r060_category_is_worked_out_from_the_exception(exception, category):
    failing, above = Pass(), Recorder()
    async with running(task_of(above, failing)):
        await failing.push_error("went wrong", exception=exception)
        error = await above.wait_for(ErrorFrame)
    assert error.category is category and error.exception is exception


async def test_r060_category_that_is_set_stays():
    failing, above = Pass(), Recorder()
    async with running(task_of(above, failing)):
        await failing.push_error(
            "odd", exception=TimeoutError("late"), category=ErrorCategory.SERVER
        )
        error = await above.wait_for(ErrorFrame)
    assert error.category is ErrorCategory.SERVER


async def test_r061_errors_travel_upstream_as_system_frames():
    hold, middle, failing = Hold(Data), Recorder(), Pass()
    task = task_of(hold, middle, failing)
    errors = calls_of(task, "on_pipeline_error")
    busy = Data()
    async with running(task):
        await task.queue_frame(busy)
        await hold.wait_for("enter", busy)
        await failing.push_error("went wrong")
        (error,) = await errors.wait()
        assert middle.frames(ErrorFrame, UP) == [error]
        assert hold.noted("leave", error) and not hold.noted("leave", busy)
        hold.release()


async def test_r061_error_can_be_swallowed_on_its_way():
    top, failing = Recorder(), Pass()
    task = task_of(top, Swallow(ErrorFrame), failing)
    errors = calls_of(task, "on_pipeline_error")
    async with running(task):
        await failing.push_error("went wrong")
        await failing.push_frame(System(), UP)
        await top.wait_for(System)
    assert not errors and top.frames(ErrorFrame) == []


async def test_r061_on_error_fires_on_the_reporting_processor_first():
    order: list[str] = []
    fired = asyncio.Event()

    class Sees(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, ErrorFrame):
                order.append("processor above")
                fired.set()
            await super().process_frame(frame, direction)

    async def on_error(_processor: FrameProcessor, _error: ErrorFrame) -> None:
        await settle(3)
        order.append("on_error")

    failing = Pass()
    failing.add_event_handler("on_error", on_error)
    async with running(task_of(Sees(), failing)):
        await failing.push_error("went wrong")
        await within(fired.wait())
    assert order == ["on_error", "processor above"]
