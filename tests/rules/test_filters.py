"""Engine rules 96-101: filters, producers and consumers, idle processor, aggregators."""

import asyncio

import pytest
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterimTranscriptionFrame,
    StartFrame,
    StopFrame,
    TextFrame,
)
from pipecat_rs.processors.aggregators.gated import GatedAggregator
from pipecat_rs.processors.aggregators.sentence import SentenceAggregator
from pipecat_rs.processors.consumer_processor import ConsumerProcessor
from pipecat_rs.processors.filters.frame_filter import FrameFilter
from pipecat_rs.processors.filters.function_filter import FunctionFilter
from pipecat_rs.processors.filters.identity_filter import IdentityFilter
from pipecat_rs.processors.filters.null_filter import NullFilter
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.processors.idle_frame_processor import IdleFrameProcessor
from pipecat_rs.processors.producer_processor import ProducerProcessor
from pipecat_rs.testing import Recorder, run_test, running
from support.frames import Control, Data, System, tags
from support.processors import Pass
from support.tasks import DOWN, UP, task_of
from support.waiting import settle, until, within

ALL = (Data, Control, System)


def one_of_each() -> list[Frame]:
    return [Data(1), Control(2), System(3)]


# R96, R97: filters


@pytest.mark.parametrize("direction", [DOWN, UP])
@pytest.mark.parametrize(
    ("make", "passes"),
    [
        (lambda: FrameFilter(types=(Data,)), {1, 3}),
        (lambda: FrameFilter(types=(Data, Control)), {1, 2, 3}),
        (lambda: FrameFilter(types=()), {3}),
        (NullFilter, {3}),
        (IdentityFilter, {1, 2, 3}),
    ],
)
async def test_r096_filters_by_type(make, passes: set[int], direction: FrameDirection):
    first, last = Recorder(), Recorder()
    task = task_of(first, make(), last)
    far = last if direction is DOWN else first
    async with running(task) as run:
        await task.queue_frames(one_of_each(), direction)
        await far.wait_for(ALL, count=len(passes), direction=direction)
        await settle()
        await task.queue_frame(EndFrame())  # passes each of them
        await within(run)
    assert set(tags(far.frames(ALL, direction))) == passes


@pytest.mark.parametrize("make", [lambda: FrameFilter(types=(Data,)), NullFilter])
async def test_r096_stop_frame_is_swallowed(make):
    out = Recorder()
    task = task_of(make(), out)
    async with running(task) as run:
        await task.queue_frame(StopFrame())
        await settle()
        assert out.frames(StopFrame) == [] and not run.done()
        await out.push_frame(StopFrame())  # past the filter, so that the task ends
        await within(run)
    await task.pipeline.cleanup()


@pytest.mark.parametrize(
    ("way", "filtered"), [(DOWN, {DOWN}), (UP, {UP}), (None, {DOWN, UP}), ("default", {DOWN})]
)
async def test_r097_function_filter_filters_one_direction(way, filtered: set[FrameDirection]):
    async def nothing_but_two(frame: Frame) -> bool:
        return isinstance(frame, Control)

    options = {} if way == "default" else {"direction": way}
    first, last = Recorder(), Recorder()
    task = task_of(first, FunctionFilter(filter=nothing_but_two, **options), last)
    async with running(task) as run:
        for direction, far in ((DOWN, last), (UP, first)):
            await task.queue_frames(one_of_each(), direction)
            await far.wait_for(Control, direction=direction)
            await far.wait_for(System, direction=direction)
        await task.queue_frame(EndFrame())
        await within(run)
    for direction, far in ((DOWN, last), (UP, first)):
        expected = {2, 3} if direction in filtered else {1, 2, 3}
        assert set(tags(far.frames(ALL, direction))) == expected


async def test_r097_function_filter_takes_system_frames_only_if_asked():
    async def nothing(_frame: Frame) -> bool:
        return False

    out = Recorder()
    task = task_of(FunctionFilter(filter=nothing, filter_system_frames=True), out)
    async with running(task) as run:
        await task.queue_frames([*one_of_each(), EndFrame()])
        await within(run)
    assert tags(out.frames()) == []
    assert len(out.frames(StartFrame)) == len(out.frames(EndFrame)) == 1

    out = Recorder()
    task = task_of(FunctionFilter(filter=nothing, filter_system_frames=True), out)
    async with running(task) as run:
        await task.cancel()
        await within(run)
    assert len(out.frames(CancelFrame)) == 1


async def test_r097_function_filter_in_direct_mode():
    async def odd(frame: Frame) -> bool:
        return not isinstance(frame, Data) or frame.tag % 2 == 1

    out = Recorder()
    task = task_of(FunctionFilter(filter=odd, enable_direct_mode=True), out)
    async with running(task) as run:
        await task.queue_frames([*(Data(n) for n in range(6)), EndFrame()])
        await within(run)
    assert tags(out.frames()) == [1, 3, 5]


# R98: producers and consumers


async def is_data(frame: Frame) -> bool:
    return isinstance(frame, Data)


async def doubled(frame: Frame) -> Frame:
    return Control(frame.tag * 2)


@pytest.mark.parametrize("passthrough", [True, False])
async def test_r098_producer_hands_matching_frames_to_each_consumer(passthrough: bool):
    producer = ProducerProcessor(filter=is_data, transformer=doubled, passthrough=passthrough)
    above, below = Recorder(), Recorder()
    down = ConsumerProcessor(producer=producer)
    up = ConsumerProcessor(producer=producer, direction=UP)
    task = task_of(above, up, producer, down, below)
    async with running(task):
        await settle()
        await task.queue_frames([Data(1), System("other"), Data(2)])
        await below.wait_for(Control, count=2)
        await above.wait_for(Control, count=2, direction=UP)
        await below.wait_for(System)
        await settle()
    assert tags(above.frames(Control, UP)) == tags(below.frames(Control, DOWN)) == [2, 4]
    assert tags(below.frames(Data)) == ([1, 2] if passthrough else [])


async def test_r098_consumer_feeds_into_its_own_place_in_order():
    producer = ProducerProcessor(filter=is_data)
    consumer = ConsumerProcessor(producer=producer, transformer=doubled)
    first, second = Recorder(), Recorder()
    source = task_of(producer)
    target = task_of(first, consumer, second)
    async with running(target), running(source):
        await source.queue_frames([*(Data(n) for n in range(5)), System("not produced")])
        await second.wait_for(Control, count=5)
    assert tags(second.frames()) == [0, 2, 4, 6, 8]
    assert tags(first.frames()) == []


async def test_r098_consumer_listens_from_its_start_frame():
    producer = ProducerProcessor(filter=is_data)
    consumer, out, passed = ConsumerProcessor(producer=producer), Recorder(), Recorder()
    source, target = task_of(producer, passed), task_of(consumer, out)
    async with running(source):
        await source.queue_frame(Data("too early"))
        await passed.wait_for(Data)
        async with running(target):
            await source.queue_frame(Data("heard"))
            await out.wait_for(Data)
    assert tags(out.frames()) == ["heard"]


# R99: idle processor


async def test_r099_idle_processor_calls_back_each_time_no_frame_came():
    calls: list[FrameProcessor] = []

    async def callback(processor: IdleFrameProcessor) -> None:
        calls.append(processor)

    idle, out = IdleFrameProcessor(callback=callback, timeout=0.03), Recorder()
    task = task_of(idle, out)
    async with running(task):
        await until(lambda: len(calls) >= 3)
        await task.queue_frame(Data())
        await out.wait_for(Data)
    assert set(calls) == {idle}


async def test_r099_only_the_chosen_frames_count():
    calls: list[float] = []
    loop = asyncio.get_running_loop()

    async def callback(_processor: IdleFrameProcessor) -> None:
        calls.append(loop.time())

    idle = IdleFrameProcessor(callback=callback, timeout=0.1, types=[Data])
    task = task_of(idle)
    async with running(task):
        while len(calls) < 2:  # control frames do not keep it quiet
            await task.queue_frame(Control())
            await asyncio.sleep(0.01)


async def test_r099_idle_processor_starts_with_the_start_frame():
    called = asyncio.Event()

    async def callback(_processor: IdleFrameProcessor) -> None:
        called.set()

    idle = IdleFrameProcessor(callback=callback, timeout=0.01)
    task = task_of(idle)
    await asyncio.sleep(0.03)
    assert not called.is_set()
    async with running(task):
        await within(called.wait())


# R100: gate


def gate(**options) -> GatedAggregator:
    return GatedAggregator(
        gate_open_fn=lambda frame: getattr(frame, "tag", None) == "open",
        gate_close_fn=lambda frame: getattr(frame, "tag", None) == "close",
        **options,
    )


async def test_r100_opening_frame_goes_first_and_the_held_ones_follow_in_order():
    down, _ = await run_test(
        gate(start_open=False),
        frames_to_send=[Data(1), Control(2), Data("open"), Data(3)],
        expected_up_frames=[],
    )
    assert tags(down) == ["open", 1, 2, 3]


async def test_r100_gate_that_starts_open():
    frames = [Data(1), Data("close"), Data(2), Data("open"), Data(3), EndFrame()]
    out = Recorder()
    task = task_of(gate(start_open=True), out)
    async with running(task) as run:
        await task.queue_frames(frames)
        await within(run)
    assert tags(out.frames()) == [1, "open", "close", 2, 3]


async def test_r100_system_frames_and_the_other_direction_always_pass():
    first, last = Recorder(), Recorder()
    task = task_of(first, gate(start_open=False), last)
    async with running(task):
        await task.queue_frames([Data("held"), System("s")])
        await task.queue_frames([Data("up"), System("up s")], UP)
        await last.wait_for(System)
        await first.wait_for((Data, System), count=2, direction=UP)
        await settle()
        assert tags(last.frames(direction=DOWN)) == ["s"]
    assert set(tags(first.frames(direction=UP))) == {"up", "up s"}


# R101: sentences


async def test_r101_sentences_are_pushed_at_their_end_and_the_rest_at_the_end_frame():
    out = Recorder()
    task = task_of(SentenceAggregator(), out)
    pieces = ["Hello, ", "world.", "How are", " you?", " And", " you"]
    async with running(task) as run:
        await task.queue_frames([*map(TextFrame, pieces), EndFrame()])
        await within(run)
    texts = [frame.text for frame in out.frames(TextFrame)]
    assert texts == ["Hello, world.", "How are you?", " And you"]
    assert isinstance(out.frames((TextFrame, EndFrame))[-1], EndFrame)


async def test_r101_other_frames_pass_and_interim_transcripts_stop():
    out = Recorder()
    task = task_of(SentenceAggregator(), out)
    interim = InterimTranscriptionFrame(text="hel", user_id="user", timestamp="now")
    async with running(task) as run:
        await task.queue_frames([TextFrame("Hel"), interim, Data(1), TextFrame("lo."), EndFrame()])
        await within(run)
    assert [frame.text for frame in out.frames(TextFrame)] == ["Hello."]
    assert tags(out.frames()) == [1]


async def test_r101_run_test_shows_the_same():
    await run_test(
        Pass(),
        frames_to_send=[TextFrame("a"), Data(1)],
        expected_down_frames=[TextFrame, Data],
        expected_up_frames=[],
    )
