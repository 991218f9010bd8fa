"""What a callback may await, and what it may not: asyncio's own rules, kept to the letter."""

import asyncio
import types
from collections.abc import Generator
from typing import Any

import pytest
from pipecat_rs.frames.frames import ErrorFrame, Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data
from support.loops import on_every_loop
from support.processors import Act
from support.tasks import task_of
from support.waiting import settle


class Yields:
    """An awaitable that yields what it is told to, and counts what is raised into it."""

    def __init__(self, *values: Any) -> None:
        self.values = values
        self.raised: list[BaseException] = []

    def __await__(self) -> Generator[Any, Any, str]:
        for value in self.values:
            try:
                yield value
            except RuntimeError as error:
                self.raised.append(error)
        return "came through"


async def awaiting(make: Any) -> Any:
    """Await `make()` in a callback; its result. The next frame is processed as ever."""
    results: list[Any] = []

    async def act(_processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            results.append(await make())

    out = Recorder()
    task = task_of(Act(act), out)
    async with running(task):
        await task.queue_frames([Data(), Control()])
        await out.wait_for(Control)
    (result,) = results
    return result


@on_every_loop
async def test_bare_yields_are_passes_of_the_loop():
    yields = Yields(None, None, None)
    assert await awaiting(lambda: yields) == "came through"
    assert yields.raised == []


@on_every_loop
async def test_bad_yields_are_raised_into_the_callback_one_after_another():
    yields = Yields(42, "text", None, object())
    assert await awaiting(lambda: yields) == "came through"
    assert [type(error) for error in yields.raised] == [RuntimeError] * 3
    assert "42" in str(yields.raised[0])


@on_every_loop
async def test_future_that_is_yielded_without_being_awaited_is_raised_into_the_callback():
    yields = Yields(asyncio.get_running_loop().create_future())
    assert await awaiting(lambda: yields) == "came through"
    assert len(yields.raised) == 1


@on_every_loop
async def test_future_of_another_loop_is_raised_into_the_callback():
    other = asyncio.new_event_loop()
    foreign = other.create_future()
    try:

        async def attempt() -> str:
            with pytest.raises(RuntimeError, match="loop"):
                await foreign
            return "refused"

        assert await awaiting(attempt) == "refused"
    finally:
        other.close()


@on_every_loop
async def test_future_that_is_done_already():
    done = asyncio.get_running_loop().create_future()
    done.set_result("ready")

    async def action() -> str:
        return await done

    assert await awaiting(action) == "ready"


@on_every_loop
async def test_future_with_an_exception_and_a_cancelled_future():
    loop = asyncio.get_running_loop()

    async def action() -> str:
        failing, cancelled = loop.create_future(), loop.create_future()
        loop.call_soon(failing.set_exception, ValueError("from the future"))
        with pytest.raises(ValueError, match="from the future"):
            await failing
        loop.call_soon(cancelled.cancel)
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        return "both"

    assert await awaiting(action) == "both"


@on_every_loop
async def test_one_future_awaited_by_several_callbacks():
    shared = asyncio.get_running_loop().create_future()
    results: list[str] = []

    async def act(_processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            results.append(await shared)

    processors = [Act(act) for _ in range(5)]
    async with running(task_of(*processors)):
        for processor in processors:
            await processor.queue_frame(Data())
        await settle(10)
        shared.set_result("for all")
        await settle(30)
        assert results.count("for all") >= 5


@on_every_loop
async def test_generator_based_coroutines():
    @types.coroutine
    def old_style() -> Generator[None, None, str]:
        yield
        yield
        return "old style"

    assert await awaiting(old_style) == "old style"


@on_every_loop
async def test_awaiting_a_task_and_a_coroutine_that_ends_at_once():
    async def at_once() -> str:
        return "at once"

    async def action() -> tuple[str, str]:
        return await asyncio.create_task(at_once()), await at_once()

    assert await awaiting(action) == ("at once", "at once")


async def test_process_frame_that_returns_no_awaitable_is_reported():
    class Forgot(FrameProcessor):
        """Somebody forgot the `async`."""

        def process_frame(self, frame: Frame, direction: FrameDirection) -> Any:
            return None if isinstance(frame, Data) else self.process(frame, direction)

        async def process(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            await self.push_frame(frame, direction)

    above, forgot, out = Recorder(), Forgot(), Recorder()
    task = task_of(above, forgot, out)
    async with running(task):
        await task.queue_frames([Data(), Control()])
        await out.wait_for(Control)
        error = await above.wait_for(ErrorFrame)
    assert error.processor is forgot
    assert isinstance(error.exception, TypeError)
