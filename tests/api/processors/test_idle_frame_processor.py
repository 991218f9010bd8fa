"""The idle processor beyond the engine rules: frames keep it quiet, and errors do not end it."""

import asyncio
from typing import Any

from pipecat_rs.frames.frames import ErrorFrame, Frame
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.processors.idle_frame_processor import IdleFrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, tags
from support.tasks import UP, task_of
from support.waiting import within


async def test_frames_that_count_put_the_call_off() -> None:
    loop = asyncio.get_running_loop()
    called: asyncio.Future[float] = loop.create_future()

    async def callback(_processor: IdleFrameProcessor) -> None:
        if not called.done():
            called.set_result(loop.time())

    out = Recorder()
    idle = IdleFrameProcessor(callback=callback, timeout=0.2, types=[Data])
    task = task_of(idle, out)
    async with running(task):
        await asyncio.sleep(0.1)  # part of the time passes: nothing else can show that it restarts
        last = loop.time()
        await task.queue_frame(Data())
        assert await within(called) >= last + 0.2


async def test_failing_callback_is_reported_and_called_again() -> None:
    async def callback(_processor: IdleFrameProcessor) -> None:
        raise ValueError("no")

    above = Recorder()
    task = task_of(above, IdleFrameProcessor(callback=callback, timeout=0.01))
    async with running(task):
        await above.wait_for(ErrorFrame, count=2, direction=UP)
    assert {type(frame.exception) for frame in above.frames(ErrorFrame, UP)} == {ValueError}


async def test_own_subclass_with_types_gets_all_frames() -> None:
    seen: list[Any] = []

    class Curious(IdleFrameProcessor):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            seen.extend(tags([frame]))
            await super().process_frame(frame, direction)

    async def callback(_processor: IdleFrameProcessor) -> None: ...

    out = Recorder()
    task = task_of(Curious(callback=callback, timeout=60, types=[Data]), out)
    async with running(task):
        await task.queue_frames([Control(1), Data(2)])
        await out.wait_for(Data)
    assert seen == [1, 2]
