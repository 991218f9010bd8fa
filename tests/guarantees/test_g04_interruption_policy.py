"""G4: an interruption drops generated output of the interrupted turn, and nothing else."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat_rs.frames.frames import (
    EndFrame,
    Frame,
    FunctionCallResultFrame,
    InterruptionFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Data, Lasting, System, tags
from support.processors import Hold, Pass
from support.tasks import task_of
from support.waiting import settle, within


def audio() -> Frame:
    return TTSAudioRawFrame(audio=bytes(320), sample_rate=16000, num_channels=1)


def text() -> Frame:
    return LLMTextFrame("generated")


def transcription() -> Frame:
    return TranscriptionFrame(text="the user's own words", user_id="user", timestamp="now")


def tool_result() -> Frame:
    return FunctionCallResultFrame(
        function_name="look_up", tool_call_id="1", arguments={}, result="found"
    )


DROPPED: list[Callable[[], Frame]] = [audio, text]
KEPT: list[Callable[[], Frame]] = [tool_result, Lasting, System]


async def passing_an_interruption(*frames: Frame) -> list[Frame]:
    """What arrives of frames that wait behind one in hand when an interruption comes."""
    hold, out = Hold(LLMTextFrame), Recorder()
    task = task_of(hold, out)
    in_hand = LLMTextFrame("in hand")
    async with running(task) as run:
        await task.queue_frame(in_hand)
        await hold.wait_for("enter", in_hand)
        await task.queue_frames(frames)
        await settle()
        await task.queue_frame(InterruptionFrame())
        await hold.wait_for("cancelled", in_hand)
        hold.release(100)
        await task.queue_frame(EndFrame())
        await within(run)
    return [frame for frame in out.frames() if any(frame is one for one in frames)]


@pytest.mark.parametrize("make", DROPPED)
async def test_g04_generated_output_is_dropped(make: Callable[[], Frame]):
    assert await passing_an_interruption(make()) == []


@pytest.mark.parametrize("make", [*KEPT, EndFrame])
async def test_g04_tool_results_and_lifecycle_are_kept(make: Callable[[], Frame]):
    frame = make()
    assert await passing_an_interruption(frame) == [frame]


async def test_g04_the_users_own_words_are_kept():
    frame = transcription()
    assert await passing_an_interruption(frame) == [frame]


class Suspends(Pass):
    """Gives the loop a few passes in each frame, so that interruptions meet frames in hand."""

    def __init__(self, passes: int) -> None:
        super().__init__()
        self.passes = passes

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        for _ in range(self.passes):
            await asyncio.sleep(0)
        await super().process_frame(frame, direction)


kinds = st.sampled_from([audio, text, tool_result, Lasting, System, InterruptionFrame])
schedules = st.lists(st.tuples(kinds, st.integers(0, 3)), max_size=25)


@settings(max_examples=40, deadline=None)
@given(schedule=schedules, suspends=st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_g04_nothing_protected_is_lost_or_reordered_on_random_schedules(schedule, suspends):
    async def main() -> None:
        out = Recorder()
        task = task_of(*(Suspends(passes) for passes in suspends), out)
        sent: list[Frame] = []
        async with running(task) as run:
            for make, passes in schedule:
                sent.append(make())
                await task.queue_frame(sent[-1])
                for _ in range(passes):
                    await asyncio.sleep(0)
            end = EndFrame()
            await task.queue_frame(end)
            await within(run)
        arrived = out.frames()
        for lane in (FunctionCallResultFrame | Lasting, System, InterruptionFrame):
            expected = [frame.id for frame in sent if isinstance(frame, lane)]
            assert [frame.id for frame in arrived if isinstance(frame, lane)] == expected
        ids = [frame.id for frame in arrived]
        assert len(ids) == len(set(ids)) and arrived[-1] is end
        generated = [f.id for f in arrived if isinstance(f, LLMTextFrame | TTSAudioRawFrame)]
        assert generated == sorted(generated)

    asyncio.run(main())


@pytest.mark.parametrize("direct", [False, True], ids=["queued", "direct"])
@pytest.mark.parametrize("branches", [0, 1, 2])
async def test_g04_what_waited_by_right_is_answered_after_the_interruption(
    branches: int, direct: bool
):
    """The answer was dropped, as if it had been made before the interruption."""

    class Answers(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, TranscriptionFrame):
                await asyncio.sleep(0)
                await self.push_frame(LLMTextFrame(f"answer to {frame.text}"))
                await self.push_frame(Data(f"note on {frame.text}"))
            await super().process_frame(frame, direction)

    chain: list[FrameProcessor] = [Answers(), Pass(enable_direct_mode=direct)]
    others = [[Pass()] for _ in range(branches)]
    inside = [ParallelPipeline(chain, *others)] if branches else chain
    out = Recorder()
    task = task_of(Pass(), *inside, out)
    async with running(task) as run:
        await task.queue_frames([TranscriptionFrame(text, "user", "") for text in ("one", "two")])
        await task.queue_frame(InterruptionFrame())
        await out.wait_for(InterruptionFrame)
        await task.queue_frame(EndFrame())
        await within(run)
    assert "answer to two" in [frame.text for frame in out.frames(LLMTextFrame)]
    assert "note on two" in tags(out.frames())
