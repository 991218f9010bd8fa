"""How far speech has come in three forms of one text."""

import pytest
from pipecat_rs.utils.context.text_segment_map import TextSegment, TextSegmentMap

BALANCE = ("Your balance is forty two dollars", "Your balance is $42.50", "Your is <b>$42.50</b>")


def said(words: TextSegmentMap, *reported: str) -> TextSegmentMap:
    for word in reported:
        assert words.word_belongs_current_segment(word), word
        words.advance_word(word)
    return words


def test_alike_texts_are_followed_word_by_word():
    words = TextSegmentMap("Hello, you there?", "Hello, you there?", "*Hello*, you there?")
    said(words, "Hello,")
    assert (words.raw_pos, words.user_facing_pos, words.llm_spoken_pos) == (6, 6, 6)
    assert words.llm_pos == len("*Hello*,")  # what follows a word belongs to it
    said(words, "you")
    assert not words.is_complete
    said(words, "there")
    assert words.is_complete
    assert words.user_facing_pos == len("Hello, you there?")

    words.reset()
    assert (words.raw_pos, words.user_facing_pos, words.llm_pos) == (0, 0, 0)
    assert not words.is_complete


def test_a_piece_spoken_in_another_way_is_passed_as_a_whole():
    tts, shown, _ = BALANCE
    words = said(TextSegmentMap(tts, shown), "Your", "balance", "is", "forty")
    assert words.in_transformed_segment
    assert words.user_facing_pos == len("Your balance is")
    said(words, "two", "dollars")

    assert not words.in_transformed_segment
    assert words.user_facing_pos == words.llm_pos == len(shown)
    assert words.last_completed_segment == TextSegment("$42.50", "forty two dollars", 16, 22)
    assert words.last_completed_segment.tts_alnum_count == 15
    assert words.last_completed_segment.original_alnum_count == 4


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("café Zoë", ["CAFE", "zoe"]),
        ("my account Accountant", ["my", "account.", "Accountant"]),
        ("don\u2019t go", ["don't", "go"]),
        ("so <b>bold</b> it is", ["so", "bold", "it", "is"]),
        ("so bold", ["so", "<em>bold"]),
        ("Yeah, I can", ["Yeah", ", I", "can"]),
        ("step → two", ["step", "->", "two"]),
        ("ça va ?", ["ça", "va", "?"]),
        ("<break/>hello", ["hello"]),
        ("one two", ["one", " two"]),
        ("a list: here", ["a", "list:.", "here"]),
    ],
)
def test_words_are_known_in_the_spelling_of_a_service(text, reported):
    words = TextSegmentMap(text, text)
    said(words, *reported)
    assert words.is_complete
    assert words.last_overflow is None


def test_a_sign_with_a_space_before_it_is_still_to_come():
    words = said(TextSegmentMap("ça va ?", "ça va ?"), "ça", "va")
    assert not words.is_complete
    words = said(TextSegmentMap("so long 😊", "so long 😊"), "so", "long")
    assert words.is_complete


def test_words_that_were_not_reported_are_skipped_but_not_many():
    text = "one two three four five six seven"
    assert TextSegmentMap.LOOKAHEAD_WORDS == 3
    words = said(TextSegmentMap(text, text), "one", "four")
    assert words.raw_pos == len("one two three four")
    assert TextSegmentMap(text, text).word_belongs_current_segment("four")
    assert not TextSegmentMap(text, text).word_belongs_current_segment("five")
    assert not TextSegmentMap(text, text).word_belongs_current_segment("eight")


def test_a_word_that_reaches_beyond_the_text():
    words = said(TextSegmentMap("till 1111", "till 1111"), "till", "1111And")
    assert words.last_overflow == "And"
    assert words.is_complete
    assert not words.word_belongs_current_segment("more")
    words.advance_word("")
    assert words.last_overflow is None


def test_a_sign_that_two_words_bring():
    words = said(TextSegmentMap("Yeah, I can", "Yeah, I can"), "Yeah", ", I")
    assert words.last_leading_duplicate == 2
    words = said(TextSegmentMap('say "I"', 'say "I"'), "say", '"I"')
    assert words.last_leading_duplicate == 0


def test_a_tag_holds_up_only_the_words_that_it_touches():
    text = "I count <spell>12</spell>. Then on"
    words = said(TextSegmentMap(text, text), "I", "count")
    assert words.user_facing_pos == len("I count")
    said(words, "1")
    assert words.in_transformed_segment
    said(words, "2", "Then")
    assert words.user_facing_pos == len("I count <spell>12</spell>. Then")
