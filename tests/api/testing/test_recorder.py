"""Recorders, and tasks that run beside a test."""

import asyncio

import pytest
from pipecat_rs.frames.frames import EndFrame, StartFrame, TextFrame
from pipecat_rs.testing import QueuedFrameProcessor, Recorder, SleepFrame, run_test, running
from support.frames import Control, Data, System
from support.processors import Pass, Swallow
from support.tasks import DOWN, UP, task_of


async def test_it_keeps_frames_in_order_with_their_directions():
    out = Recorder()
    task = task_of(Pass(), out)
    async with running(task):
        up, down = Control(1), Data(2)
        await task.queue_frame(up, UP)
        await out.wait_for(Control)
        await task.queue_frame(down)
        await out.wait_for(Data)
    seen = [pair for pair in out.seen if isinstance(pair[0], Control | Data)]
    assert seen == [(up, UP), (down, DOWN)]
    assert out.frames(Control, UP) == [up]
    assert out.frames(Control, DOWN) == []


async def test_frames_are_picked_by_class_classes_or_a_predicate():
    out = Recorder()
    task = task_of(out)
    async with running(task) as run:
        await task.queue_frames([Data(1), Control(2), Data(3), EndFrame()])
        await run
    assert [f.tag for f in out.frames((Data, Control))] == [1, 2, 3]
    assert [f.tag for f in out.frames(lambda f: getattr(f, "tag", 0) == 3)] == [3]
    assert isinstance(out.frames()[0], StartFrame)


async def test_waiting_counts_what_was_seen_before():
    out = Recorder()
    task = task_of(out)
    async with running(task):
        await task.queue_frames([Data(1), Data(2)])
        assert (await out.wait_for(Data, count=2)).tag == 2
        assert (await out.wait_for(Data)).tag == 1


async def test_a_wait_in_vain_says_what_came_instead():
    out = Recorder(name="recorder")
    task = task_of(out)
    async with running(task):
        await task.queue_frame(Control(1))
        await out.wait_for(Control)
        with pytest.raises(TimeoutError, match=r"0 of 1 frames came .* Control#.* downstream"):
            await out.wait_for(Data, timeout=0.001)


async def test_a_task_still_running_is_cancelled_when_the_block_is_left():
    task = task_of(Pass())
    async with running(task) as run:
        assert not run.done()
    assert task.has_finished()


async def test_a_failing_test_leaves_nothing_running():
    task = task_of(Pass())
    with pytest.raises(ZeroDivisionError):
        async with running(task):
            _ = 1 / 0
    assert task.has_finished()


async def test_run_test_returns_what_left_at_both_ends():
    down, up = await run_test(
        Pass(),
        frames_to_send=[TextFrame("one"), SleepFrame(sleep=0), TextFrame("two")],
        expected_down_frames=[TextFrame, TextFrame],
    )
    assert [frame.text for frame in down] == ["one", "two"]
    assert list(up) == []


async def test_run_test_says_what_else_came_out():
    with pytest.raises(AssertionError, match=r"expected \[Data\], got \[\]"):
        await run_test(Swallow(Data), frames_to_send=[Data()], expected_down_frames=[Data])


async def test_run_test_sends_upstream_too():
    _, up = await run_test(
        Pass(),
        frames_to_send=[System(1)],
        frames_to_send_direction=UP,
        expected_up_frames=[System],
    )
    assert up[0].tag == 1


async def test_a_queue_gets_the_frames_of_one_direction():
    queue: asyncio.Queue = asyncio.Queue()
    capture = QueuedFrameProcessor(queue=queue, queue_direction=DOWN)
    task = task_of(capture)
    async with running(task) as run:
        await task.queue_frames([Data(1), EndFrame()])
        await run
    assert (await queue.get()).tag == 1
    assert isinstance(await queue.get(), EndFrame)
    assert queue.empty()
