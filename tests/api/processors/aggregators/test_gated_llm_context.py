"""A context waits for a notification."""

from pipecat_rs.frames.frames import LLMContextFrame, StartFrame
from pipecat_rs.processors.aggregators.gated_llm_context import GatedLLMContextAggregator
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.testing import Recorder, running
from pipecat_rs.utils.sync.event_notifier import EventNotifier
from support.frames import Data
from support.tasks import task_of


def contexts(count: int) -> list[LLMContextFrame]:
    return [LLMContextFrame(context=LLMContext()) for _ in range(count)]


async def test_last_context_is_released_when_notified() -> None:
    notifier, out = EventNotifier(), Recorder()
    task = task_of(GatedLLMContextAggregator(notifier=notifier), out)
    first, second, third = contexts(3)
    async with running(task):
        await task.queue_frames([first, second, Data()])
        await out.wait_for(Data)
        assert out.frames(LLMContextFrame) == []
        await notifier.notify()
        await out.wait_for(LLMContextFrame)
        await task.queue_frames([third, Data()])
        await out.wait_for(Data, count=2)
    assert out.frames(LLMContextFrame) == [second]
    assert len(out.frames(StartFrame)) == 1


async def test_first_context_passes_a_gate_that_starts_open() -> None:
    out = Recorder()
    task = task_of(GatedLLMContextAggregator(notifier=EventNotifier(), start_open=True), out)
    first, second = contexts(2)
    async with running(task):
        await task.queue_frames([first, second, Data()])
        await out.wait_for(Data)
    assert out.frames(LLMContextFrame) == [first]
