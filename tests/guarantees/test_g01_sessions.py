"""G1: many sessions in one process; none can delay another."""

import asyncio
import threading

from pipecat_rs.frames.frames import EndFrame, Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Data, tags
from support.processors import Hold, Pass
from support.tasks import task_of
from support.waiting import within


class BlocksItsLoop(FrameProcessor):
    """Blocks the thread of its loop in each data frame until `go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked, self.go = threading.Event(), threading.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, Data):
            self.blocked.set()
            assert self.go.wait(20), "the other session never finished"
        await self.push_frame(frame, direction)


def test_g01_session_that_blocks_its_loop_does_not_delay_one_on_another_loop():
    blocks, done = BlocksItsLoop(), Recorder()

    def blocking_session() -> None:
        async def main() -> None:
            task = task_of(blocks)
            await task.queue_frames([Data(), EndFrame()])
            await within(task.run(), 25)

        asyncio.run(main())

    async def free_session() -> None:
        task = task_of(*(Pass() for _ in range(5)), done)
        await task.queue_frames([*(Data(n) for n in range(200)), EndFrame()])
        await within(task.run(), 15)

    thread = threading.Thread(target=blocking_session)
    thread.start()
    try:
        assert blocks.blocked.wait(10)
        asyncio.run(free_session())  # only possible while the other one is blocked
    finally:
        blocks.go.set()
        thread.join(20)
    assert not thread.is_alive()
    assert tags(done.frames()) == list(range(200))


async def test_g01_session_that_never_comes_back_does_not_delay_others_on_its_loop():
    stuck = Hold(Data)
    stuck_task = task_of(stuck)
    async with running(stuck_task):
        frame = Data()
        await stuck_task.queue_frame(frame)
        await stuck.wait_for("enter", frame)
        outs = [Recorder() for _ in range(100)]
        tasks = [task_of(Pass(), out) for out in outs]
        for task in tasks:
            await task.queue_frames([Data(1), Data(2), EndFrame()])
        await within(asyncio.gather(*(task.run() for task in tasks)), 20)
        assert all(tags(out.frames()) == [1, 2] for out in outs)


async def test_g01_busy_session_lets_others_have_their_turn():
    """One session has always something to do; the loop's other work goes on all the same."""

    class Again(FrameProcessor):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, Data):
                await self.queue_frame(Data())
            else:
                await self.push_frame(frame, direction)

    busy, out = Again(), Recorder()
    async with running(task_of(busy)):
        await busy.queue_frame(Data())
        task = task_of(out)
        await task.queue_frames([*(Data(n) for n in range(50)), EndFrame()])
        await within(task.run(), 10)
    assert tags(out.frames()) == list(range(50))
