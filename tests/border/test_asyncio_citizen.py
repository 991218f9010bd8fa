"""Callbacks are real asyncio code: tasks, timeouts, groups, context variables, on every loop."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable

import pytest
from pipecat_rs.frames.frames import EndFrame, Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Data, System, tags
from support.loops import on_every_loop
from support.processors import Act, Pass
from support.tasks import task_of
from support.waiting import settle, within

Action = Callable[[FrameProcessor], Awaitable[object]]


async def doing(*actions: Action) -> list[Frame]:
    """Do something in a callback, twice in a row; return the data frames that came out."""

    async def act(processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, System):
            for action in actions:
                await action(processor)

    out = Recorder()
    task = task_of(Act(act), Pass(), out)
    async with running(task) as run:
        await task.queue_frames([System(1)])
        await out.wait_for(System)
        await task.queue_frames([System(2), EndFrame()])
        await within(run)
    return out.frames(Data)


@on_every_loop
async def test_sleep_zero_and_sleep():
    async def action(processor: FrameProcessor) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        await processor.push_frame(Data("slept"))

    assert tags(await doing(action)) == ["slept"] * 2


@on_every_loop
async def test_timeout_in_time_and_too_late():
    async def action(processor: FrameProcessor) -> None:
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005):
                await asyncio.sleep(60)
        assert asyncio.current_task().cancelling() == 0
        await processor.push_frame(Data("timed out"))

    assert tags(await doing(action)) == ["timed out"] * 2


@on_every_loop
async def test_wait_for_and_shield():
    async def action(processor: FrameProcessor) -> None:
        assert await asyncio.wait_for(asyncio.sleep(0, "value"), 5) == "value"
        inner = asyncio.ensure_future(asyncio.sleep(0.01, "kept"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(inner), 0.001)
        assert await inner == "kept"
        await processor.push_frame(Data("waited"))

    assert tags(await doing(action)) == ["waited"] * 2


@on_every_loop
async def test_gather_and_task_group():
    async def action(processor: FrameProcessor) -> None:
        assert await asyncio.gather(*(asyncio.sleep(0, n) for n in range(3))) == [0, 1, 2]
        async with asyncio.TaskGroup() as group:
            for n in range(3):
                group.create_task(processor.push_frame(Data(n)))
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(60))
                group.create_task(fails())

    async def fails() -> None:
        raise ValueError("in a group")

    assert tags(await doing(action)) == [0, 1, 2] * 2


@on_every_loop
async def test_locks_queues_and_executors():
    lock, queue = asyncio.Lock(), asyncio.Queue[int]()

    async def action(processor: FrameProcessor) -> None:
        async with lock:
            asyncio.get_running_loop().call_soon(queue.put_nowait, 7)
            got = await queue.get()
        doubled = await asyncio.to_thread(lambda: got * 2)
        await processor.push_frame(Data(doubled))

    assert tags(await doing(action)) == [14] * 2


@on_every_loop
async def test_current_task_is_a_real_task_and_stays_the_same_through_a_callback():
    seen: list[asyncio.Task] = []

    async def action(processor: FrameProcessor) -> None:
        task = asyncio.current_task()
        assert isinstance(task, asyncio.Task) and not task.done()
        assert task.get_loop() is asyncio.get_running_loop()
        await asyncio.sleep(0)
        assert asyncio.current_task() is task
        await asyncio.sleep(0.001)
        assert asyncio.current_task() is task
        assert task in asyncio.all_tasks()
        seen.append(task)

    await doing(action)
    assert len(seen) == 2


@on_every_loop
async def test_push_and_queue_can_be_made_into_tasks_and_waited_for():
    async def action(processor: FrameProcessor) -> None:
        await asyncio.create_task(processor.push_frame(Data("task")))
        await asyncio.wait_for(processor.push_frame(Data("wait_for")), 5)
        await asyncio.gather(processor.push_frame(Data("a")), processor.push_frame(Data("b")))
        await asyncio.ensure_future(processor.queue_frame(Data("own mailbox")))

    got = tags(await doing(action))
    assert sorted(got) == sorted(["task", "wait_for", "a", "b", "own mailbox"] * 2)


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@on_every_loop
async def test_context_variables_belong_to_the_processor():
    """A callback's settings neither leak to the neighbours nor get lost on a suspension."""
    seen: dict[str, list[str]] = {"first": [], "second": []}

    class Sets(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Data):
                variable.set(f"{self.name} {frame.tag}")
                await asyncio.sleep(0)
                await asyncio.sleep(0.001)
                seen[self.name].append(variable.get())
            await super().process_frame(frame, direction)

    out = Recorder()
    task = task_of(Sets(name="first"), Sets(name="second"), out)
    async with running(task) as run:
        await task.queue_frames([Data(1), Data(2), EndFrame()])
        await within(run)
    assert seen == {name: [f"{name} 1", f"{name} 2"] for name in ("first", "second")}
    assert variable.get() == "unset"


@on_every_loop
async def test_context_of_the_run_is_what_callbacks_start_with():
    seen: list[str] = []

    async def action(_processor: FrameProcessor) -> None:
        seen.append(variable.get())

    variable.set("from the program")
    await doing(action)
    assert seen == ["from the program"] * 2


@on_every_loop
async def test_tasks_made_in_a_callback_outlive_it():
    made: list[asyncio.Task] = []

    async def action(processor: FrameProcessor) -> None:
        made.append(asyncio.create_task(asyncio.sleep(0.002, "done")))

    await doing(action)
    assert await asyncio.gather(*made) == ["done"] * 2


@on_every_loop
async def test_pipeline_in_a_callback_of_another_pipeline():
    async def action(processor: FrameProcessor) -> None:
        out = Recorder()
        inner = task_of(Pass(), out)
        await inner.queue_frames([Data("inner"), EndFrame()])
        await inner.run()
        for frame in out.frames(Data):
            await processor.push_frame(Data(f"from {frame.tag}"))

    assert tags(await doing(action)) == ["from inner"] * 2


@on_every_loop
async def test_other_code_on_the_loop_has_its_turn_during_a_long_cascade():
    """Thousands of frames are no reason to keep timers and callbacks waiting."""
    turns = 0
    out = Recorder()
    task = task_of(*(Pass() for _ in range(10)), out)
    done = asyncio.Event()

    async def other() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    async with running(task) as run:
        beside = asyncio.create_task(other())
        await task.queue_frames([Data(n) for n in range(3000)])
        await task.queue_frame(EndFrame())
        await within(run, 20)
        done.set()
        await beside
    assert len(out.frames(Data)) == 3000
    assert turns > 20


@on_every_loop
async def test_async_generators_and_context_managers_in_callbacks():
    class Resource:
        entered = exited = 0

        async def __aenter__(self) -> "Resource":
            await asyncio.sleep(0)
            type(self).entered += 1
            return self

        async def __aexit__(self, *_: object) -> None:
            await asyncio.sleep(0)
            type(self).exited += 1

    async def numbers():
        for n in range(3):
            await asyncio.sleep(0)
            yield n

    async def action(processor: FrameProcessor) -> None:
        async with Resource():
            async for n in numbers():
                await processor.push_frame(Data(n))

    assert tags(await doing(action)) == [0, 1, 2] * 2
    assert Resource.entered == Resource.exited == 2
    await settle(2)
