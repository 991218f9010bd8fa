"""The order of texts that are spoken, and of those between them that are not."""

import pytest
from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    AggregatedTextProgressFrame,
    Frame,
    TextType,
    TTSTextFrame,
)
from pipecat_rs.utils.context.aggregated_frame_sequencer import AggregatedFrameSequencer


def text(words: str, text_type=TextType.SENTENCE, **kwargs) -> AggregatedTextFrame:
    return AggregatedTextFrame(words, text_type, **kwargs)


def token(words: str) -> AggregatedTextFrame:
    return text(words, TextType.TOKEN)


def told(frames: list[Frame]) -> list[str]:
    """The words and texts of frames; how far the speaking has come is left out."""
    return [f.text for f in frames if not isinstance(f, AggregatedTextProgressFrame)]


async def spoken(sequencer, words: str, context_id: str = "a", **kwargs) -> list[Frame]:
    kwargs.setdefault("append_to_context", True)
    return await sequencer.register_spoken(text(words), context_id, words, **kwargs)


async def streamed(sequencer, *tokens: str, context_id: str = "a", **kwargs) -> list[Frame]:
    kwargs.setdefault("append_to_context", True)
    return [
        frame
        for words in tokens
        for frame in await sequencer.register_spoken(token(words), context_id, words, **kwargs)
    ]


async def test_each_word_is_a_frame_and_says_how_far_it_has_come():
    sequencer = AggregatedFrameSequencer()
    frame = text("Hi there", raw_text="<b>Hi</b> there")
    assert await sequencer.register_spoken(frame, "a", "Hi there", True) == []

    word, progress = sequencer.process_word("Hi", 7, "a")
    assert (word.text, word.raw_text, word.text_type) == ("Hi", "<b>Hi", TextType.WORD)
    assert (word.pts, word.context_id, word.segment_id) == (7, "a", frame.id)
    assert word.append_to_context
    assert (progress.accumulated_text, progress.remaining_text) == ("Hi", " there")
    assert (progress.segment_id, progress.pts) == (frame.id, 7)
    word, progress = sequencer.process_word("there", 8, "a", includes_inter_frame_spaces=True)
    assert word.includes_inter_frame_spaces
    assert progress.remaining_text == ""


async def test_words_of_a_text_that_is_not_for_the_context():
    sequencer = AggregatedFrameSequencer()
    await spoken(sequencer, "Hi", append_to_context=False)
    assert not sequencer.process_word("Hi", 1, "a")[0].append_to_context


async def test_a_text_that_is_not_spoken_waits_for_those_before_it():
    sequencer = AggregatedFrameSequencer()
    first = text("now", "code")
    assert await sequencer.register_skipped(first, "a", "speaker") == [first]
    assert (first.append_to_context, first.transport_destination) == (True, "speaker")
    assert first.context_id == "a"

    await spoken(sequencer, "Look at this:")
    code = text("x = 1", "code")
    assert await sequencer.register_skipped(code, "a", None) == []
    assert told(sequencer.process_word("Look", 1, "a")) == ["Look"]
    assert told(sequencer.process_word("at", 2, "a")) == ["at"]
    assert told(sequencer.process_word("this:", 3, "a")) == ["this:", "x = 1"]
    assert code.pts == 3


async def test_a_word_of_two_texts_is_divided():
    sequencer = AggregatedFrameSequencer()
    await spoken(sequencer, "till 1111")
    await spoken(sequencer, "And on")
    sequencer.process_word("till", 1, "a")
    assert told(sequencer.process_word("1111And", 2, "a")) == ["1111", "And"]


async def test_a_word_of_the_next_text_ends_the_one_at_hand():
    sequencer = AggregatedFrameSequencer()
    await spoken(sequencer, "one two")
    await spoken(sequencer, "three four")
    sequencer.process_word("one", 1, "a")
    assert told(sequencer.process_word("three", 2, "a")) == ["two", "three"]


async def test_a_word_that_nobody_has_written_is_dropped():
    sequencer = AggregatedFrameSequencer()
    await spoken(sequencer, "one two three")
    sequencer.process_word("one", 1, "a")
    assert sequencer.process_word("elephant", 2, "a") == []
    assert told(sequencer.process_word("three", 3, "a")) == ["two three"]


async def test_words_of_requests_that_are_over_are_dropped():
    sequencer = AggregatedFrameSequencer()
    assert sequencer.process_word("early", 1, "a") == []
    await spoken(sequencer, "one two")
    assert told(sequencer.force_complete("a", 5)) == ["one two"]
    assert sequencer.process_word("one", 6, "a") == []
    await spoken(sequencer, "three", "b")
    sequencer.clear()
    assert sequencer.process_word("three", 7, "b") == []
    # A service that knows of no requests.
    assert told(sequencer.process_word("word", 8, None)) == ["word"]


async def test_requests_do_not_take_each_others_words():
    sequencer = AggregatedFrameSequencer()
    await spoken(sequencer, "same words", "a")
    await spoken(sequencer, "same words", "b")
    assert sequencer.process_word("same", 1, "b")[0].context_id == "b"
    assert sequencer.process_word("same", 2, "a")[0].context_id == "a"
    assert told(sequencer.force_complete("a", 3)) == ["words"]
    assert told(sequencer.process_word("words", 4, "b")) == ["words"]


async def test_what_was_not_reported_is_taken_as_spoken_at_the_end():
    sequencer = AggregatedFrameSequencer()
    frame = text("one two.", raw_text="one **two.**")
    await sequencer.register_spoken(frame, "a", "one two.", True)
    code = text("x", "code")
    await sequencer.register_skipped(code, "a", None)
    sequencer.process_word("one", 1, "a")
    word, progress, skipped = sequencer.force_complete("a", 4)

    assert (word.text, word.raw_text, word.pts) == ("two.", "**two.**", 4)
    assert progress.remaining_text == ""
    assert skipped is code


async def test_requests_may_survive_the_clearing():
    sequencer = AggregatedFrameSequencer()
    await spoken(sequencer, "keep this", "a")
    await spoken(sequencer, "not this", "b")
    sequencer.clear(keep_contexts={"a"})
    assert told(sequencer.process_word("keep", 1, "a")) == ["keep"]
    assert sequencer.process_word("not", 2, "b") == []


async def test_texts_without_words_are_done_when_it_is_said():
    sequencer = AggregatedFrameSequencer()
    await spoken(sequencer, "one", build_tracker=False)
    code = text("x", "code")
    assert await sequencer.register_skipped(code, "a", None) == []
    assert sequencer.complete_spoken_slot() == [code]


@pytest.mark.parametrize(
    "tokens",
    [["Hi", " there!", " I'm", " fine", "."], ["Hi there! I'm fine."], list("Hi there! I'm fine.")],
)
async def test_tokens_become_sentences(tokens):
    sequencer = AggregatedFrameSequencer(streaming=True)
    frames = await streamed(sequencer, *tokens)
    frames += await sequencer.finalize("a")

    assert [frame.text.strip() for frame in frames] == ["Hi there!", "I'm fine."]
    for frame in frames:
        assert frame.text_type == TextType.SENTENCE
        assert frame.will_be_spoken
        assert not frame.append_to_context
    assert await sequencer.finalize("a") == []
    words = [sequencer.process_word(word, 1, "a") for word in ("Hi", "there!", "I'm", "fine.")]
    assert [told(w) for w in words] == [["Hi"], ["there!"], ["I'm"], ["fine."]]
    assert words[2][0].segment_id == frames[1].id


async def test_words_wait_for_their_sentence():
    sequencer = AggregatedFrameSequencer(streaming=True)
    await streamed(sequencer, "Hi there!")
    assert sequencer.process_word("Hi", 1, "a") == []
    frames = await streamed(sequencer, " I'm")
    assert told(frames) == ["Hi there!", "Hi"]
    assert frames[1].pts == 1
    assert told(sequencer.process_word("there!", 2, "a")) == ["there!"]
    assert sequencer.process_word("I'm", 3, "a") == []
    assert told(await sequencer.finalize("a")) == [" I'm", "I'm"]


async def test_words_that_waited_in_vain_are_dropped():
    sequencer = AggregatedFrameSequencer(streaming=True)
    await streamed(sequencer, "Hi")
    sequencer.process_word("elephant", 1, "a")
    await sequencer.finalize("a")
    assert told(sequencer.force_complete("a", 2)) == ["Hi"]
    assert told(await streamed(sequencer, "More. M", context_id="b")) == ["More."]


async def test_a_text_that_is_not_spoken_ends_the_sentence_before_it():
    sequencer = AggregatedFrameSequencer(streaming=True)
    await streamed(sequencer, "Look here")
    code = text("x", "code")
    assert told(await sequencer.register_skipped(code, "a", None)) == ["Look here"]
    sequencer.process_word("Look", 1, "a")
    assert told(sequencer.process_word("here", 2, "a")) == ["here", "x"]


async def test_sentences_without_words_are_spoken_at_once():
    sequencer = AggregatedFrameSequencer(streaming=True)
    frames = await streamed(sequencer, "Hi.", " There", build_tracker=False)
    announced, said = frames
    assert isinstance(said, TTSTextFrame)
    assert (said.text, said.segment_id) == ("Hi.", announced.id)
    assert said.append_to_context


async def test_where_the_forms_differ_a_sentence_ends_with_a_token():
    sequencer = AggregatedFrameSequencer(streaming=True)
    frames: list[Frame] = []
    for shown, tts in [("It is $5", "It is five dollars"), (".", "."), (" So", " So")]:
        frames += await sequencer.register_spoken(token(shown), "a", tts, True)
    assert told(frames) == ["It is $5."]
    assert told(sequencer.process_word("It", 1, "a")) == ["It"]
