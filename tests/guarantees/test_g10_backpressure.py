"""G10: every link is bounded; who pushes waits; depth and age are visible; nothing is lost."""

import asyncio

from pipecat_rs.frames.frames import EndFrame, Frame, InterruptionFrame
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.testing import Recorder, running
from support.frames import Data, System, tags
from support.processors import Hold, Pass
from support.tasks import task_of
from support.waiting import settle, until, within

BOUND = 8


class Producer(Pass):
    """Pushes many frames from a task of its own, as a service does."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count, self.pushed = count, 0
        self.done = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, System) and frame.tag != "urgent":
            self.work = self.create_task(self.produce(), "produce")
        await super().process_frame(frame, direction)

    async def produce(self) -> None:
        for n in range(self.count):
            await self.push_frame(Data(n))
            self.pushed += 1
        self.done.set()


async def test_g10_slow_sink_makes_the_producer_wait_and_loses_nothing():
    producer, hold, out = Producer(100), Hold(Data), Recorder()
    task = task_of(producer, hold, out, mailbox_bound=BOUND)
    async with running(task) as run:
        await task.queue_frame(System())
        await until(lambda: producer.pushed > 0)
        await settle()
        assert producer.pushed <= BOUND + 3 and not producer.done.is_set()
        node = next(node for node in task.snapshot() if node.name == hold.name)
        assert node.frame == "Data" and 0 < node.data.depth <= BOUND + 1
        assert node.data.age >= 0
        hold.release(100)
        await within(producer.done.wait())
        await task.queue_frame(EndFrame())
        await within(run)
    assert tags(out.frames(Data)) == list(range(100))


async def test_g10_queueing_on_the_task_waits_for_room_too():
    hold, out = Hold(Data), Recorder()
    task = task_of(hold, out, mailbox_bound=BOUND)
    queued = 0

    async def feed() -> None:
        nonlocal queued
        for n in range(100):
            await task.queue_frame(Data(n))
            queued += 1
        await task.queue_frame(EndFrame())

    async with running(task) as run:
        feeding = asyncio.create_task(feed())
        await until(lambda: queued > 0)
        await settle()
        assert queued <= 2 * BOUND + 4  # the way in has a bound of its own
        hold.release(100)
        await within(feeding)
        await within(run)
    assert tags(out.frames(Data)) == list(range(100))


async def test_g10_interruption_makes_room_at_once():
    producer, hold, out = Producer(30), Hold(Data), Recorder()
    task = task_of(producer, hold, out, mailbox_bound=BOUND)
    async with running(task):
        await task.queue_frame(System())
        await until(lambda: producer.pushed > 0)
        await settle()
        assert not producer.done.is_set()
        for _ in range(30):
            if producer.done.is_set():
                break
            await task.queue_frame(InterruptionFrame())
            await settle()
        await within(producer.done.wait())
        hold.release(100)
        assert out.frames(InterruptionFrame)


async def test_g10_system_frames_pass_a_full_mailbox():
    producer, hold, out = Producer(100), Hold(Data), Recorder()
    task = task_of(producer, hold, out, mailbox_bound=BOUND)
    async with running(task):
        await task.queue_frame(System())
        await until(lambda: producer.pushed > 0)
        await settle()
        await task.queue_frame(System("urgent"))
        await out.wait_for(lambda frame: isinstance(frame, System) and frame.tag == "urgent")
        hold.release(100)
        await within(producer.done.wait())


async def test_g10_processor_that_floods_itself_does_not_lock_up():
    """Waiting for room in one's own mailbox cannot end; such a wait is bounded or not begun."""

    class Floods(Recorder):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, System):
                for n in range(BOUND + 2):
                    await self.queue_frame(Data(n))
            await super().process_frame(frame, direction)

    floods = Floods()
    task = task_of(floods, mailbox_bound=BOUND)
    async with running(task):
        await task.queue_frame(System())
        await floods.wait_for(Data, count=BOUND + 2, timeout=15)
    assert tags(floods.frames(Data)) == list(range(BOUND + 2))
