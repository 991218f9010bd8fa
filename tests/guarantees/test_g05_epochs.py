"""G5: output of an interrupted turn passes no link after the interruption."""

import asyncio
import itertools
from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMTextFrame,
    StartFrame,
    TTSAudioRawFrame,
)
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import System
from support.processors import Pass
from support.tasks import task_of
from support.waiting import settle, until, within


class Speaks(FrameProcessor):
    """Pushes audio all the time, marked with the turn that it was made in."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.turn = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self.turn += 1
        if isinstance(frame, StartFrame):
            self.speaking = self.create_task(self.speak(), "speak")
        if isinstance(frame, EndFrame):
            await self.cancel_task(self.speaking)
        await self.push_frame(frame, direction)

    async def speak(self) -> None:
        while True:
            audio = TTSAudioRawFrame(audio=bytes(32), sample_rate=16000, num_channels=1)
            audio.metadata["turn"] = self.turn
            await self.push_frame(audio)
            await asyncio.sleep(0)

    async def cleanup(self) -> None:
        await self.cancel_task(self.speaking)
        await super().cleanup()


class Suspends(Pass):
    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, TTSAudioRawFrame):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await super().process_frame(frame, direction)


def assert_no_stale_audio(out: Recorder) -> int:
    """No sample of turn n comes after interruption n + 1; returns how much came at all."""
    turn = count = 0
    for frame in out.frames():
        if isinstance(frame, InterruptionFrame):
            turn += 1
        elif isinstance(frame, TTSAudioRawFrame):
            count += 1
            assert frame.metadata["turn"] >= turn
    return count


def chain(layout: str) -> list[FrameProcessor]:
    match layout:
        case "plain":
            return [Suspends(), Pass(), Suspends()]
        case "nested":
            return [Pipeline([Suspends(), Pipeline([Suspends()])])]
        case "direct":
            return [
                Pass(),
                Suspends(enable_direct_mode=True),
                Pass(enable_direct_mode=True),
                Pass(),
            ]
        case _:
            return [Pass(), ParallelPipeline([Suspends()], [Suspends(), Suspends()]), Suspends()]


@pytest.mark.parametrize("direct", [False, True], ids=["queued", "direct"])
@pytest.mark.parametrize("layout", ["plain", "nested", "parallel", "direct"])
async def test_g05_no_audio_of_a_turn_comes_after_its_interruption(layout: str, direct: bool):
    speaks, out = Speaks(enable_direct_mode=direct), Recorder()
    task = task_of(Pass(), speaks, *chain(layout), out)
    async with running(task) as run:
        for n in range(1, 9):
            heard = len(out.frames(TTSAudioRawFrame))
            await out.wait_for(TTSAudioRawFrame, count=heard + 5)
            await task.queue_frame(InterruptionFrame())
            await out.wait_for(InterruptionFrame, count=n)
        await out.wait_for(lambda f: f.__class__ is TTSAudioRawFrame and f.metadata["turn"] == 8)
        await task.queue_frame(EndFrame())
        await within(run)
    assert assert_no_stale_audio(out) >= 40


@pytest.mark.parametrize("direct", [False, True], ids=["queued", "direct"])
async def test_g05_interruption_from_the_middle_stops_what_was_made_before_it(direct: bool):
    class Interrupts(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, System):
                await self.broadcast_interruption()
            await super().process_frame(frame, direction)

    speaks, interrupts, out = Speaks(), Interrupts(enable_direct_mode=direct), Recorder()
    task = task_of(speaks, Suspends(), interrupts, Suspends(), out)
    async with running(task) as run:
        for n in range(1, 6):
            heard = len(out.frames(TTSAudioRawFrame))
            await out.wait_for(TTSAudioRawFrame, count=heard + 5)
            await interrupts.queue_frame(System())
            await out.wait_for(InterruptionFrame, count=n)
            await until(lambda n=n: speaks.turn == n)
        await task.queue_frame(EndFrame())
        await within(run)
    assert assert_no_stale_audio(out) >= 25


@pytest.mark.parametrize("direct", [False, True], ids=["queued", "direct"])
async def test_g05_what_is_made_after_the_interruption_passes_at_once(direct: bool):
    class Answers(Pass):
        """Answers an interruption, as an agent that is told to do something else."""

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, InterruptionFrame):
                await self.push_frame(LLMTextFrame("new"))

    out = Recorder()
    task = task_of(Pass(), Answers(enable_direct_mode=direct), Suspends(), Suspends(), out)
    async with running(task):
        for n in range(1, 6):
            await task.queue_frame(LLMTextFrame("old"))
            await task.queue_frame(InterruptionFrame())
            await out.wait_for(
                lambda frame: isinstance(frame, LLMTextFrame) and frame.text == "new", count=n
            )
            await settle(5)
    order = [f.text if isinstance(f, LLMTextFrame) else "!" for f in out.frames()[1:-1]]
    for before, after in itertools.pairwise(order):
        assert (before, after) != ("!", "old")


async def test_g05_direct_mode_passes_on_what_comes_after_an_interruption():
    """What it pushed carried the epoch of its start, and was dropped as old."""
    out = Recorder()
    task = task_of(Pass(), Pass(enable_direct_mode=True), Pass(), out)
    async with running(task):
        for n in range(1, 4):
            await task.queue_frames([InterruptionFrame(), LLMTextFrame(str(n))])
            await out.wait_for(LLMTextFrame, count=n)


async def test_g05_direct_mode_that_interrupts_goes_on_with_what_it_has_to_say():
    class Interrupts(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, TTSAudioRawFrame):
                await self.broadcast_interruption()
                await self.push_frame(LLMTextFrame("after"))
                return
            await super().process_frame(frame, direction)

    first, out = Recorder(), Recorder()
    task = task_of(first, Interrupts(enable_direct_mode=True), Pass(), out)
    async with running(task):
        await task.queue_frame(TTSAudioRawFrame(bytes(32), 16000, 1))
        await out.wait_for(LLMTextFrame)
        assert [type(frame) for frame in out.frames()[1:]] == [InterruptionFrame, LLMTextFrame]
        await first.wait_for(InterruptionFrame, direction=FrameDirection.UPSTREAM)
