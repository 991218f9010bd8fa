"""Tasks that are named, watched and cancelled within a time (rules 26 and 27)."""

import asyncio
import contextvars

import pytest
from pipecat_rs.utils.asyncio.task_manager import TaskManager, TaskManagerParams


async def sleep_for_ever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_result_name_and_account():
    manager = TaskManager()

    async def work() -> str:
        return "done"

    task = manager.create_task(work(), "object::work")
    assert task.get_name() == "object::work"
    assert list(manager.current_tasks()) == [task]
    assert await task == "done"
    await asyncio.sleep(0)  # one turn of the loop, for the task's done callbacks
    assert manager.current_tasks() == []


async def test_exceptions_are_logged_and_stay_inside(caplog: pytest.LogCaptureFixture):
    async def fails() -> None:
        raise ValueError("broken")

    assert await TaskManager().create_task(fails(), "a task") is None
    assert "a task" in caplog.text
    assert "broken" in caplog.text


async def test_cancel_waits_for_the_end():
    manager, ended = TaskManager(), []

    async def tidies_up() -> None:
        try:
            await sleep_for_ever()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    task = manager.create_task(tidies_up(), "tidy")
    await asyncio.sleep(0)  # let it begin
    await manager.cancel_task(task, timeout=1.0)
    assert ended == [True]
    assert task.cancelled()


async def test_cancel_gives_up_on_a_task_that_goes_on(caplog: pytest.LogCaptureFixture):
    manager, release = TaskManager(), asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    task = manager.create_task(stubborn(), "stubborn")
    await asyncio.sleep(0)  # let it begin
    await manager.cancel_task(task, timeout=0.01)
    assert "stubborn" in caplog.text
    assert not task.done()
    release.set()
    await task


async def test_cancel_before_the_first_step_leaves_no_warning():
    manager = TaskManager()
    task = manager.create_task(sleep_for_ever(), "never begun")
    await manager.cancel_task(task)
    assert task.cancelled()


async def test_cancelling_the_running_task_is_ignored(caplog: pytest.LogCaptureFixture):
    manager = TaskManager()

    async def cancels_itself() -> str:
        task = asyncio.current_task()
        assert task is not None
        await manager.cancel_task(task)
        return "went on"

    assert await manager.create_task(cancels_itself(), "self") == "went on"
    assert "self" in caplog.text


async def test_the_callers_own_cancellation_comes_through():
    manager, release = TaskManager(), asyncio.Event()

    async def stubborn() -> None:
        try:
            await sleep_for_ever()
        except asyncio.CancelledError:
            await release.wait()

    child = manager.create_task(stubborn(), "child")
    await asyncio.sleep(0)  # let it begin
    caller = asyncio.create_task(manager.cancel_task(child))
    await asyncio.sleep(0)  # let it begin to wait
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    release.set()
    await child


async def test_the_childs_cancellation_does_not():
    manager = TaskManager()
    child = manager.create_task(sleep_for_ever(), "child")
    child.cancel()
    await manager.cancel_task(child, timeout=1.0)
    assert child.cancelled()


async def test_tasks_of_one_name_are_told_apart():
    manager = TaskManager()
    first = manager.create_task(sleep_for_ever(), "same")
    second = manager.create_task(sleep_for_ever(), "same")
    await manager.cancel_task(first)
    assert list(manager.current_tasks()) == [second]
    await manager.cancel_task(second)


async def test_context_variables():
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outside")
    context = contextvars.copy_context()
    context.run(variable.set, "inside")

    async def read() -> str:
        return variable.get()

    manager = TaskManager(context=context)
    assert await manager.create_task(read(), "theirs") == "inside"
    own = contextvars.copy_context()
    assert await manager.create_task(read(), "own", context=own) == "outside"


def test_a_manager_can_be_made_without_a_loop():
    manager = TaskManager()
    with pytest.raises(RuntimeError):
        manager.get_event_loop()
    loop = asyncio.new_event_loop()
    manager.setup(TaskManagerParams(loop=loop))
    assert manager.get_event_loop() is loop
    loop.close()
