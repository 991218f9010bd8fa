"""G7: a frame costs Python nothing where nobody asked for it, and keeps its identity."""

import asyncio

from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    OutputAudioRawFrame,
    StartFrame,
    TextFrame,
    TranscriptionFrame,
)
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor, handles
from pipecat_rs.testing import Recorder, running
from support.frames import Data, System
from support.processors import Pass
from support.tasks import UP, task_of
from support.waiting import settle, within

LIFECYCLE = (StartFrame, EndFrame, CancelFrame, InterruptionFrame)


class Narrow(FrameProcessor):
    """Wants text only."""

    handles = (TextFrame,)

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.seen.append(frame)
        await self.push_frame(frame, direction)


class Slow(Narrow):
    """Suspends in each text."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, TextFrame):
            for _ in range(5):
                await asyncio.sleep(0)
        await super().process_frame(frame, direction)


def audio(size: int = 320) -> OutputAudioRawFrame:
    return OutputAudioRawFrame(audio=bytes(size), sample_rate=16000, num_channels=1)


def speech() -> InputAudioRawFrame:
    return InputAudioRawFrame(audio=bytes(320), sample_rate=16000, num_channels=1)


async def test_g07_only_frames_of_the_declared_classes_reach_the_processor():
    narrow, out = Narrow(), Recorder()
    task = task_of(narrow, out)
    sent = [audio(), speech(), TextFrame("a"), Data(), InterruptionFrame(), System()]
    words = TranscriptionFrame(text="b", user_id="user", timestamp="now")  # a TextFrame
    async with running(task) as run:
        await task.queue_frames([*sent, words, EndFrame()])
        await within(run)
    got = [frame for frame in narrow.seen if not isinstance(frame, LIFECYCLE)]
    assert all(isinstance(frame, TextFrame) for frame in got) and words in got
    assert len([f for f in narrow.seen if isinstance(f, LIFECYCLE)]) == 3


async def test_g07_frames_that_pass_by_keep_their_order_with_those_that_are_handled():
    slow, narrow, out = Slow(), Slow(), Recorder()
    task = task_of(slow, narrow, out)
    sent: list[Frame] = []
    for n in range(30):
        sent.append(TextFrame(str(n)) if n % 3 == 0 else audio(n * 2))
    async with running(task) as run:
        await task.queue_frames([*sent, EndFrame()])
        await within(run)
    assert [id(frame) for frame in out.frames((TextFrame, OutputAudioRawFrame))] == [
        id(frame) for frame in sent
    ]


async def test_g07_frames_pass_by_in_both_directions():
    top, bottom = Recorder(), Recorder()
    task = task_of(top, Narrow(), Narrow(), bottom)
    async with running(task):
        await task.queue_frame(Data(1))
        await task.queue_frame(Data(2), UP)
        await task.queue_frame(LLMFullResponseEndFrame(), UP)
        await bottom.wait_for(Data)
        await top.wait_for(LLMFullResponseEndFrame)
    assert [frame.tag for frame in top.frames(Data, UP)] == [2]


async def test_g07_methods_can_be_marked_instead():
    class Marked(FrameProcessor):
        texts: list[str] = []  # noqa: RUF012 - one instance in this test

        @handles(TextFrame)
        async def on_text(self, frame: TextFrame, direction: FrameDirection) -> None:
            self.texts.append(frame.text)
            await self.push_frame(TextFrame(frame.text.upper()), direction)

    marked, out = Marked(), Recorder()
    task = task_of(marked, out)
    async with running(task) as run:
        await task.queue_frames([audio(), TextFrame("a"), Data(), TextFrame("b"), EndFrame()])
        await within(run)
    assert marked.texts == ["a", "b"]
    assert [frame.text for frame in out.frames(TextFrame)] == ["A", "B"]


async def test_g07_observers_and_snapshots_still_see_the_hop():
    class Watch(BaseObserver):
        def __init__(self) -> None:
            super().__init__()
            self.hops: list[tuple[FrameProcessor, FrameProcessor]] = []

        async def on_push_frame(self, data: FramePushed) -> None:
            if isinstance(data.frame, OutputAudioRawFrame):
                self.hops.append((data.source, data.destination))

    watch, before, narrow, after = Watch(), Pass(), Narrow(), Pass()
    task = task_of(before, narrow, after, observers=[watch])
    async with running(task) as run:
        await task.queue_frames([audio(), EndFrame()])
        await within(run)
    assert (before, narrow) in watch.hops and (narrow, after) in watch.hops


async def test_g07_a_frame_is_the_same_object_at_both_ends():
    out = Recorder()
    task = task_of(Narrow(), Pass(), Narrow(), out)
    frame, payload = audio(), bytes(640)
    frame.audio = payload
    async with running(task):
        await task.queue_frame(frame)
        assert await out.wait_for(OutputAudioRawFrame) is frame
    assert frame.audio is payload


async def test_g07_idle_pipeline_has_no_asyncio_tasks():
    before = asyncio.all_tasks()
    tasks = [task_of(*(Pass() for _ in range(10)), enable_turn_tracking=False) for _ in range(20)]
    runs = [asyncio.create_task(task.run()) for task in tasks]
    await settle()
    own = asyncio.all_tasks() - before - set(runs)
    assert own == set()
    for task in tasks:
        await task.cancel()
    await within(asyncio.gather(*runs))


async def test_g07_suspended_callbacks_and_nothing_else_show_as_tasks():
    gate = asyncio.Event()

    class Waits(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Data):
                await gate.wait()
            await super().process_frame(frame, direction)

    processors = [Waits() for _ in range(3)]
    task = task_of(*processors, Recorder(), enable_turn_tracking=False)
    async with running(task) as run:
        before = asyncio.all_tasks()
        assert run in before
        for processor in processors:
            await processor.queue_frame(Data())
        await settle()
        assert len(asyncio.all_tasks() - before) == 3
        gate.set()
        await settle()
        assert asyncio.all_tasks() == before
