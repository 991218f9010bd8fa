"""Whole answers of a language model."""

from pipecat_rs.frames.frames import (
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat_rs.processors.aggregators.llm_response import LLMFullResponseAggregator
from support.passage import kinds, passage
from support.waiting import calls_of


async def test_a_whole_answer_is_told_and_its_frames_pass():
    aggregator = LLMFullResponseAggregator()
    completed = calls_of(aggregator, "on_completion")
    answer = [
        LLMTextFrame("early"),
        LLMFullResponseStartFrame(),
        LLMTextFrame("Good "),
        LLMTextFrame("morning."),
        LLMFullResponseEndFrame(),
    ]
    async with passage(aggregator) as ways:
        await ways.send(*answer, LLMFullResponseStartFrame(), LLMTextFrame("And"))
        await ways.down.wait_for(LLMTextFrame, count=4)
        await ways.send(InterruptionFrame(), LLMTextFrame("late"))
        await completed.wait(2)
        await ways.end()

    assert completed == [("Good morning.", True), ("And", False)]
    assert kinds(ways.went_down())[:5] == kinds(answer)
