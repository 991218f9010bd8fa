"""G18: every error surfaces once, with its source and its category."""

import asyncio
from collections.abc import Callable

import pytest
from pipecat_rs.frames.frames import EndFrame, ErrorFrame, Frame, InterruptionFrame, StartFrame
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.testing import Recorder, running
from pipecat_rs.utils.errors import ErrorCategory
from support.frames import Control, Data, System
from support.processors import Pass
from support.tasks import UP, task_of
from support.waiting import calls_of, settle, within


class Odd(Exception):
    """Whose message cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no message")


class Fails(FrameProcessor):
    """Raises `error` for the frames of `kind`, before or after it suspended."""

    def __init__(
        self, kind: type[Frame], error: BaseException, late: bool = False, **options
    ) -> None:
        super().__init__(**options)
        self.kind, self.error, self.late = kind, error, late

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, self.kind):
            if self.late:
                await asyncio.sleep(0)
            raise self.error
        await self.push_frame(frame, direction)


LAYOUTS: dict[str, Callable[[FrameProcessor], FrameProcessor]] = {
    "plain": lambda processor: processor,
    "nested": lambda processor: Pipeline([Pass(), Pipeline([processor])]),
    "parallel": lambda processor: ParallelPipeline([Pass()], [processor], [Pass()]),
    "switcher": lambda processor: ServiceSwitcher([processor, Pass()]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("late", [False, True], ids=["at once", "after suspending"])
@pytest.mark.parametrize("kind", [Data, System])
async def test_g18_exception_surfaces_exactly_once(layout: str, late: bool, kind: type):
    boom = ValueError("boom")
    failing, above = Fails(kind, boom, late), Recorder()
    task = task_of(above, LAYOUTS[layout](failing), Pass())
    errors = calls_of(task, "on_pipeline_error")
    own = calls_of(failing, "on_error")
    async with running(task) as run:
        await task.queue_frame(kind())
        (error,) = await errors.wait()
        await task.queue_frame(EndFrame())
        await within(run)
        await settle()
    assert (len(errors), len(own), len(above.frames(ErrorFrame))) == (1, 1, 1)
    assert error.exception is boom and error.processor is failing
    assert error.category is ErrorCategory.UNKNOWN


@pytest.mark.parametrize("kind", [StartFrame, InterruptionFrame, EndFrame])
async def test_g18_exception_for_a_lifecycle_frame_surfaces_too(kind: type):
    boom = ValueError("boom")
    failing = Fails(kind, boom)
    task = task_of(
        failing, Pass(), start_timeout_secs=0.2, end_timeout_secs=0.2, cancel_timeout_secs=0.2
    )
    errors = calls_of(task, "on_pipeline_error")
    async with running(task, wait_for_start=kind is not StartFrame) as run:
        if kind is not StartFrame:
            await task.queue_frame(kind())
        (error,) = await errors.wait()
        if kind is InterruptionFrame:
            await task.queue_frame(EndFrame())
        await within(run)
    assert error.exception is boom and error.processor is failing
    assert len(errors) == 1


async def test_g18_exception_in_direct_mode():
    boom = ValueError("boom")
    failing, out = Fails(Data, boom, enable_direct_mode=True), Recorder()
    task = task_of(Pass(), failing, out)
    errors = calls_of(task, "on_pipeline_error")
    async with running(task):
        await task.queue_frames([Data(), Control()])
        (error,) = await errors.wait()
        await out.wait_for(Control)
    assert error.exception is boom and error.processor is failing and len(errors) == 1


async def test_g18_exception_in_a_setup_surfaces_exactly_once():
    class Broken(Pass):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)
            raise ConnectionError("unreachable")

    broken = Broken()
    task = task_of(Pass(), broken)
    errors = calls_of(task, "on_pipeline_error")
    async with running(task) as run:
        (error,) = await errors.wait()
        await task.queue_frame(EndFrame())
        await within(run)
    assert len(errors) == 1 and error.processor is broken
    assert error.category is ErrorCategory.CONNECTIVITY


async def test_g18_exception_in_a_setup_before_the_base_class_was_called():
    class Broken(Pass):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            raise ValueError("too early")

    broken, out = Broken(), Recorder()
    task = task_of(broken, out)
    errors = calls_of(task, "on_pipeline_error")
    async with running(task):
        (error,) = await errors.wait()
        await task.queue_frame(Data())
        await out.wait_for(Data)
    assert error.processor is broken and len(errors) == 1


@pytest.mark.parametrize("error", [Odd(), RecursionError("deep"), StopIteration(1), KeyError()])
@pytest.mark.parametrize("late", [False, True])
async def test_g18_odd_exceptions_surface_and_the_processor_goes_on(error, late: bool):
    failing, out = Fails(Data, error, late), Recorder()
    task = task_of(failing, out)
    errors = calls_of(task, "on_pipeline_error")
    async with running(task):
        await task.queue_frames([Data(), Control()])
        await out.wait_for(Control)
        (frame,) = await errors.wait()
    assert frame.processor is failing and len(errors) == 1


async def test_g18_cancelled_error_that_a_callback_raises_itself_does_not_stop_the_processor():
    failing, out = Fails(Data, asyncio.CancelledError()), Recorder()
    task = task_of(failing, out)
    async with running(task) as run:
        await task.queue_frames([Data(), Control(), EndFrame()])
        await within(run)
    assert len(out.frames(Control)) == 1


async def test_g18_exception_while_handling_an_error_frame_makes_no_storm():
    """A processor that fails on error frames reports that, and reports it once for each."""
    reported = ValueError("first")
    handles_errors = Fails(ErrorFrame, ValueError("second"))
    above = Recorder()
    task = task_of(above, handles_errors, Fails(Data, reported))
    errors = calls_of(task, "on_pipeline_error")
    async with running(task) as run:
        await task.queue_frame(Data())
        await errors.wait()
        await settle()
        await task.queue_frame(EndFrame())
        await within(run)
    assert [str(error.exception) for (error,) in errors] == ["second"]
    assert len(above.frames(ErrorFrame, UP)) == 1
