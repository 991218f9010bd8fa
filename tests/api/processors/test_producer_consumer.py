"""Producers and consumers beyond the engine rules: errors, and the end of listening."""

import asyncio

from pipecat_rs.frames.frames import EndFrame, ErrorFrame, Frame
from pipecat_rs.processors.consumer_processor import ConsumerProcessor
from pipecat_rs.processors.producer_processor import ProducerProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Data, tags
from support.tasks import UP, task_of
from support.waiting import within


async def is_data(frame: Frame) -> bool:
    return isinstance(frame, Data)


async def test_failing_transformer_leaves_its_frame_out_and_is_reported() -> None:
    async def halved(frame: Frame) -> Frame:
        return Data(10 // frame.tag)

    producer = ProducerProcessor(filter=is_data)
    above, below = Recorder(), Recorder()
    source = task_of(producer)
    target = task_of(above, ConsumerProcessor(producer=producer, transformer=halved), below)
    async with running(target), running(source):
        await source.queue_frames([Data(0), Data(2)])
        await below.wait_for(Data)
        error = await above.wait_for(ErrorFrame, direction=UP)
    assert tags(below.frames()) == [5]
    assert isinstance(error.exception, ZeroDivisionError)


async def test_nothing_is_handed_to_a_consumer_that_has_ended() -> None:
    handed: list[Frame] = []

    async def note(frame: Frame) -> Frame:
        handed.append(frame)
        return frame

    producer, passed = ProducerProcessor(filter=is_data, transformer=note), Recorder()
    source, target = task_of(producer, passed), task_of(ConsumerProcessor(producer=producer))
    async with running(source):
        async with running(target) as run:
            await target.queue_frame(EndFrame())
            await within(run)
        await source.queue_frame(Data())
        await passed.wait_for(Data)
    assert handed == []


async def test_queue_of_ones_own() -> None:
    producer = ProducerProcessor(filter=is_data)
    queues: list[asyncio.Queue[Frame]] = [producer.add_consumer() for _ in range(2)]
    producer.remove_consumer(queues[1])
    task = task_of(producer)
    async with running(task):
        await task.queue_frame(Data(1))
        assert tags([await within(queues[0].get())]) == [1]
    assert queues[1].empty()
