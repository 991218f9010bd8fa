"""Keys that a user presses become transcriptions."""

from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.frames.frames import (
    EndFrame,
    InputDTMFFrame,
    InterruptionFrame,
    TranscriptionFrame,
)
from pipecat_rs.processors.aggregators.dtmf_aggregator import DTMFAggregator
from pipecat_rs.testing import Recorder, running
from support.tasks import DOWN, UP, task_of
from support.waiting import within


def keys(text: str) -> list[InputDTMFFrame]:
    return [InputDTMFFrame(button=KeypadEntry(key)) for key in text]


async def press(text: str, *, end: bool = False, count: int = 1, **options) -> list[str]:
    """Press keys and return what was transcribed."""
    out = Recorder()
    task = task_of(DTMFAggregator(**options), out)
    async with running(task) as run:
        for key in keys(text):
            await task.queue_frame(key)
        await out.wait_for(InputDTMFFrame, count=len(text))
        if end:
            await task.queue_frame(EndFrame())
            await within(run)
        await out.wait_for(TranscriptionFrame, count=count)
    found = out.frames(TranscriptionFrame)
    assert all(frame.finalized for frame in found)
    return [frame.text for frame in found]


async def test_termination_key_ends_a_sequence() -> None:
    assert await press("12#3#", count=2) == ["DTMF: 12#", "DTMF: 3#"]


async def test_own_termination_key_and_prefix() -> None:
    options = {"termination_digit": KeypadEntry.STAR, "prefix": "keys "}
    assert await press("1#*", **options) == ["keys 1#*"]


async def test_time_without_a_key_ends_a_sequence() -> None:
    assert await press("12", timeout=0.02) == ["DTMF: 12"]


async def test_end_of_the_task_ends_a_sequence() -> None:
    assert await press("12", end=True, timeout=60) == ["DTMF: 12"]


async def test_first_key_of_a_sequence_interrupts_both_ways() -> None:
    above, below = Recorder(), Recorder()
    task = task_of(above, DTMFAggregator(timeout=60), below)
    async with running(task):
        for key in keys("12#3#"):
            await task.queue_frame(key)
        await below.wait_for(TranscriptionFrame, count=2)
        await above.wait_for(InterruptionFrame, count=2, direction=UP)
    assert len(below.frames(InterruptionFrame, DOWN)) == 2
    order = [type(frame) for frame in below.frames((InputDTMFFrame, InterruptionFrame))]
    assert order[:2] == [InputDTMFFrame, InterruptionFrame]
