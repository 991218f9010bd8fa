"""From a language model's tokens to sentences."""

import pytest
from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    EndFrame,
    ErrorFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSStoppedFrame,
)
from pipecat_rs.processors.aggregators.llm_text_processor import LLMTextProcessor
from pipecat_rs.utils.text.pattern_pair_aggregator import MatchAction, PatternPairAggregator
from support.passage import kinds, passage, passed


def tokens(*texts: str, skip_tts: bool | None = None) -> list[LLMTextFrame]:
    frames = [LLMTextFrame(text) for text in texts]
    for frame in frames:
        frame.skip_tts = skip_tts
    return frames


def texts(frames) -> list[str]:
    return [frame.text for frame in frames if isinstance(frame, AggregatedTextFrame)]


async def test_tokens_become_sentences_and_the_rest_comes_ahead_of_the_end():
    answer = [*tokens("One. ", "Two", ". Thr"), LLMFullResponseEndFrame()]
    down, _ = await passed(LLMTextProcessor(), frames=[LLMFullResponseStartFrame(), *answer])

    assert texts(down) == ["One.", "Two.", "Thr"]
    assert kinds(down)[0] is LLMFullResponseStartFrame
    assert kinds(down)[-1] is LLMFullResponseEndFrame
    sentence = down[1]
    assert (sentence.text_type, sentence.raw_text) == ("sentence", "One.")
    assert sentence.append_to_context


async def test_whether_it_is_spoken_goes_along():
    end = LLMFullResponseEndFrame()
    end.skip_tts = False
    frames = [*tokens("Not this. ", "But", skip_tts=True), end]
    down, _ = await passed(LLMTextProcessor(), frames=frames)

    assert [f.skip_tts for f in down if isinstance(f, AggregatedTextFrame)] == [True, False]


@pytest.mark.parametrize("stop", [TTSStoppedFrame, EndFrame])
async def test_what_is_held_comes_ahead_of_a_stop(stop):
    processor = LLMTextProcessor()
    async with passage(processor) as ways:
        await ways.send(*tokens("No full stop"))
        if stop is TTSStoppedFrame:
            await ways.send(TTSStoppedFrame())
        await ways.end()

    assert texts(ways.went_down()) == ["No full stop"]
    assert kinds(ways.went_down())[0] is AggregatedTextFrame


async def test_an_interruption_drops_what_is_held():
    async with passage(LLMTextProcessor()) as ways:
        await ways.send(*tokens("Said. This is not"))
        await ways.down.wait_for(AggregatedTextFrame)
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame)
        await ways.send(*tokens("This is. "))
        await ways.end()

    assert texts(ways.went_down()) == ["Said.", "This is."]


async def test_functions_change_the_text_of_their_type():
    async def louder(text: str, text_type: str) -> str:
        return text.upper()

    async def nothing(text: str, text_type: str) -> str:
        return " "

    processor = LLMTextProcessor(text_transforms=[("sentence", louder), ("code", nothing)])
    down, _ = await passed(processor, frames=[*tokens("Hello."), LLMFullResponseEndFrame()])
    assert texts(down) == ["HELLO."]

    processor = LLMTextProcessor()
    processor.add_text_transformer(nothing)
    processor.add_text_transformer(louder, "sentence")
    processor.remove_text_transformer(louder, "*")  # not that one
    processor.remove_text_transformer(nothing)
    down, _ = await passed(processor, frames=[*tokens("Hello."), LLMFullResponseEndFrame()])
    assert texts(down) == ["HELLO."]


async def test_what_a_function_leaves_nothing_of_is_left_out():
    async def without_emoji(text: str, text_type: str) -> str:
        return text.replace("🙂", "")

    processor = LLMTextProcessor(text_transforms=[("*", without_emoji)])
    down, _ = await passed(processor, frames=[*tokens("🙂"), LLMFullResponseEndFrame()])

    assert texts(down) == []


async def test_text_whose_function_fails_does_not_get_through():
    async def redact(text: str, text_type: str) -> str:
        raise ValueError("no")

    processor = LLMTextProcessor(text_transforms=[("*", redact)])
    down, up = await passed(processor, frames=[*tokens("Secret."), LLMFullResponseEndFrame()])

    assert texts(down) == []
    assert [type(f.exception) for f in up if isinstance(f, ErrorFrame)] == [ValueError]


async def test_a_marked_passage_keeps_its_marks_for_the_context():
    async def spelled(text: str, text_type: str) -> str:
        return " ".join(text)

    aggregator = PatternPairAggregator()
    aggregator.add_pattern("code", "<c>", "</c>", action=MatchAction.AGGREGATE)
    processor = LLMTextProcessor(text_aggregator=aggregator, text_transforms=[("code", spelled)])
    frames = [*tokens("It is <c>AB1</c>."), LLMFullResponseEndFrame()]
    down, _ = await passed(processor, frames=frames)

    code = next(f for f in down if isinstance(f, AggregatedTextFrame) and f.text_type == "code")
    assert (code.text, code.raw_text) == ("A B 1", "<c>A B 1</c>")
