"""Queues of frames keep what an interruption leaves."""

import asyncio

from pipecat_rs.frames.frames import EndFrame, TextFrame
from pipecat_rs.utils.frame_queue import FramePriorityQueue, FrameQueue
from support.frames import Control, Data, Lasting, tags
from support.waiting import within


def drained(queue: FrameQueue) -> list:
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def test_a_reset_takes_out_what_is_interruptible():
    queue = FrameQueue()
    for frame in (Data(1), Lasting(2), Control(3), Lasting(4), EndFrame()):
        queue.put_nowait(frame)
    assert queue.has_uninterruptible
    queue.reset()
    left = drained(queue)
    assert tags(left) == [2, 4] and isinstance(left[-1], EndFrame)
    assert not queue.has_uninterruptible


async def test_the_word_of_a_frame_counts_when_it_is_asked_for():
    queue = FrameQueue()
    frame = Data(1)
    queue.put_nowait(frame)
    assert not queue.has_uninterruptible
    frame.interruptible = False
    assert queue.has_uninterruptible
    frame.interruptible = True
    queue.reset()
    assert queue.empty()


async def test_it_tells_which_classes_wait():
    queue = FrameQueue()
    queue.put_nowait(TextFrame("a"))
    assert queue.has_frame(TextFrame) and not queue.has_frame(EndFrame)
    queue.get_nowait()
    assert not queue.has_frame(TextFrame)


async def test_items_may_hold_a_frame_or_none():
    queue = FrameQueue(frame_getter=lambda item: item[0])
    for item in ((Lasting(1), "a"), (None, "b"), (Data(2), "c")):
        queue.put_nowait(item)
    assert queue.has_frame(Data) and queue.has_uninterruptible
    queue.reset()
    assert [mark for _, mark in drained(queue)] == ["a"]


async def test_a_reset_counts_as_done():
    queue = FrameQueue()
    queue.put_nowait(Data(1))
    queue.put_nowait(Lasting(2))
    queue.reset()
    queue.get_nowait()
    queue.task_done()
    await within(queue.join())


async def test_a_priority_queue_keeps_its_order_over_a_reset():
    queue = FramePriorityQueue(frame_getter=lambda item: item[2])
    for number, (priority, frame) in enumerate(
        [(2, Lasting("late")), (1, Data("gone")), (1, Lasting("first")), (1, Lasting("second"))]
    ):
        queue.put_nowait((priority, number, frame))
    assert isinstance(queue, asyncio.PriorityQueue)
    queue.reset()
    assert tags(frame for _, _, frame in drained(queue)) == ["first", "second", "late"]
