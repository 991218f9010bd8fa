"""Cancellation reaches callbacks where Python programmers expect it, and goes no further."""

import asyncio

import pytest
from pipecat_rs.frames.frames import EndFrame, Frame, InterruptionFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, System, tags
from support.loops import FACTORIES, on_every_loop, run_on
from support.processors import Pass
from support.tasks import task_of
from support.waiting import settle, within


class Waits(FrameProcessor):
    """Waits in each data frame; keeps the task that it runs in, and what became of each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[asyncio.Task] = []
        self.log: list[str] = []
        self.go = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, Data):
            self.tasks.append(asyncio.current_task())
            try:
                await self.wait(frame)
            except asyncio.CancelledError:
                self.log.append(f"{frame.tag} cancelled")
                raise
            self.log.append(f"{frame.tag} done")
        await self.push_frame(frame, direction)

    async def wait(self, frame: Data) -> None:
        await self.go.wait()


@on_every_loop
async def test_interruption_throws_into_the_await_of_the_callback():
    waits, out = Waits(), Recorder()
    task = task_of(waits, out)
    async with running(task):
        await task.queue_frame(Data(1))
        await settle()
        await task.queue_frame(InterruptionFrame())
        await out.wait_for(InterruptionFrame)
        await settle()
        assert waits.log == ["1 cancelled"]
        waits.go.set()
        await task.queue_frame(Data(2))
        await out.wait_for(Data)
    assert waits.log == ["1 cancelled", "2 done"]


@on_every_loop
async def test_interruption_between_the_wake_up_and_the_step():
    """The future is done already, but the callback has not been stepped again yet."""
    waits, out = Waits(), Recorder()
    task = task_of(waits, out)
    async with running(task):
        for n in range(20):
            waits.go.clear()
            await task.queue_frame(Data(n))
            await settle(8)
            await task.queue_frame(InterruptionFrame())
            waits.go.set()
            await out.wait_for(InterruptionFrame, count=n + 1)
            await settle(8)
    assert waits.log == [f"{n} cancelled" for n in range(20)]
    assert out.frames(Data) == []


@on_every_loop
async def test_interruption_just_after_the_wake_up():
    """Whichever came first, a callback is either cancelled or its output is in order."""
    waits, out = Waits(), Recorder()
    task = task_of(waits, out)
    async with running(task):
        for n in range(20):
            waits.go.clear()
            await task.queue_frame(Data(n))
            await settle(8)
            waits.go.set()
            if n % 2:
                await asyncio.sleep(0)
            await task.queue_frame(InterruptionFrame())
            await out.wait_for(InterruptionFrame, count=n + 1)
            await settle(8)
    done = [entry for entry in waits.log if entry.endswith("done")]
    assert len(waits.log) == 20
    assert {f"{tag} done" for tag in tags(out.frames(Data))} <= set(done)


@on_every_loop
async def test_cancel_of_the_current_task_from_outside_ends_that_callback_alone():
    waits, out = Waits(), Recorder()
    task = task_of(waits, out)
    async with running(task) as run:
        await task.queue_frames([Data(1), Control(2)])
        await settle()
        assert waits.tasks[0].cancel()
        await out.wait_for(Control)
        waits.go.set()
        await task.queue_frames([Data(3), EndFrame()])
        await within(run)
    assert waits.log == ["1 cancelled", "3 done"]
    assert tags(out.frames()) == [2, 3]


@on_every_loop
async def test_cancel_of_a_task_whose_callback_is_long_over():
    """The task may be waiting for its next use; it dies, and the engine takes another one."""
    waits, out = Waits(), Recorder()
    waits.go.set()
    task = task_of(waits, Pass(), out)
    async with running(task) as run:
        for n in range(5):
            await task.queue_frame(Data(n))
            await out.wait_for(Data, count=n + 1)
            await settle(4)
            waits.tasks[-1].cancel()
            if n % 2:
                await settle(4)
        await task.queue_frame(EndFrame())
        await within(run)
    assert tags(out.frames()) == list(range(5))


@on_every_loop
async def test_callback_that_cancels_its_own_task():
    class CancelsItself(Waits):
        async def wait(self, frame: Data) -> None:
            asyncio.current_task().cancel()
            if frame.tag % 2:
                await asyncio.sleep(0)

    cancels, out = CancelsItself(), Recorder()
    task = task_of(cancels, out)
    async with running(task) as run:
        await task.queue_frames([*(Data(n) for n in range(6)), EndFrame()])
        await within(run)
    assert [entry for entry in cancels.log if "cancelled" in entry] == [
        "1 cancelled",
        "3 cancelled",
        "5 cancelled",
    ]
    assert len(cancels.log) == 6


@on_every_loop
async def test_swallowed_cancellation_does_not_taint_later_callbacks():
    cancelling: list[int] = []

    class Swallows(Waits):
        async def wait(self, frame: Data) -> None:
            cancelling.append(asyncio.current_task().cancelling())
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                await asyncio.sleep(0)

    swallows, out = Swallows(), Recorder()
    task = task_of(swallows, out)
    async with running(task) as run:
        await task.queue_frame(Data("swallows"))
        await settle()
        await task.queue_frame(InterruptionFrame())
        await out.wait_for(InterruptionFrame)
        swallows.go.set()
        for n in range(3):
            await task.queue_frame(Data(n))
        await task.queue_frame(EndFrame())
        await within(run)
    assert cancelling == [0, 0, 0, 0]
    assert [tag for tag in tags(out.frames(Data)) if tag != "swallows"] == [0, 1, 2]


@on_every_loop
async def test_cleanup_code_may_await_while_it_is_cancelled():
    cleaned: list[str] = []

    class CleansUp(Waits):
        async def wait(self, frame: Data) -> None:
            try:
                await self.go.wait()
            finally:
                await asyncio.sleep(0)
                await asyncio.sleep(0.001)
                cleaned.append(frame.tag)

    waits, out = CleansUp(), Recorder()
    task = task_of(waits, out)
    async with running(task):
        await task.queue_frame(Data("one"))
        await settle()
        await task.queue_frame(InterruptionFrame())
        await out.wait_for(InterruptionFrame)
        await task.queue_frame(Control())
        await out.wait_for(Control)
    assert cleaned == ["one"]


@pytest.mark.parametrize("loop_kind", FACTORIES)
def test_loop_closes_after_callbacks_were_cancelled_behind_the_engines_back(loop_kind: str):
    """`asyncio.run` cancels what is left at its end and waits for it: that must not hang."""

    async def main() -> None:
        waits = Waits()
        task = task_of(waits, leaky=True)
        background = asyncio.create_task(task.run())
        await task.queue_frames([Data(1), System(1)])
        await settle()
        waits.tasks[0].cancel()
        await settle(3)
        await task.queue_frame(Data(2))
        await settle(3)
        assert not background.done()  # and so the program ends, in mid-run

    run_on(loop_kind, main())


@pytest.mark.parametrize("loop_kind", FACTORIES)
def test_loop_closes_in_mid_run_with_callbacks_suspended_in_both_lanes(loop_kind: str):
    class Both(Waits):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, System):
                await self.go.wait()
            await super().process_frame(frame, direction)

    both = Both()

    async def main() -> None:
        task = task_of(Pass(), both, leaky=True)
        asyncio.create_task(task.run())  # noqa: RUF006 - left behind on purpose
        await task.queue_frame(Data(1))
        await settle()
        await task.queue_frame(System(1))
        await settle()
        assert both.tasks

    run_on(loop_kind, main())
    assert both.log == ["1 cancelled"]
