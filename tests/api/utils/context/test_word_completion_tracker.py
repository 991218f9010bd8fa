"""One text on its way through a text-to-speech service."""

from pipecat_rs.utils.context.word_completion_tracker import WordCompletionTracker


def told(tracker: WordCompletionTracker, *words: str) -> list[tuple]:
    """What is spoken and remembered of each word, and whether the text is complete."""
    found = []
    for word in words:
        complete = tracker.add_word_and_check_complete(word)
        found.append((tracker.get_word_for_frame(), tracker.get_llm_consumed(), complete))
    return found


def test_what_is_remembered_is_what_the_model_wrote():
    tracker = WordCompletionTracker(
        "<spell>4111 1111</spell> ok", "<card>4111 1111</card> ok", "4111 1111 ok"
    )
    assert told(tracker, "4111", "1111", "ok") == [
        ("4111", "<card>4111", False),
        ("1111", "1111", False),
        ("ok", "</card> ok", True),
    ]
    assert tracker.get_remaining_user_facing_text() == ""
    assert tracker.get_accumulated_llm_text() == "<card>4111 1111</card> ok"


def test_a_number_in_words_is_remembered_once():
    tracker = WordCompletionTracker("It is forty two dollars now", "It is $42 now", "It is $42 now")
    told(tracker, "It", "is")
    assert told(tracker, "forty", "two") == [("forty", None, False), ("two", None, False)]
    assert tracker.suppress_in_context()
    assert tracker.get_remaining_user_facing_text(strip=False) == " $42 now"
    assert told(tracker, "dollars") == [("dollars", "$42", False)]
    assert not tracker.suppress_in_context()
    assert tracker.get_accumulated_user_facing_text() == "It is $42"
    assert tracker.get_remaining_llm_text() == "now"


def test_a_sign_that_was_remembered_with_its_word_is_not_again():
    tracker = WordCompletionTracker("Yeah , I", "Yeah, I", "Yeah , I")
    assert told(tracker, "Yeah") == [("Yeah", "Yeah,", False)]
    tracker.add_word_and_check_complete(",")
    assert tracker.get_word_for_frame() == ","
    assert tracker.suppress_in_context()


def test_a_word_from_further_on_brings_what_was_skipped():
    tracker = WordCompletionTracker("one two three four", "one two three four")
    assert told(tracker, "one", "three") == [
        ("one", "one", False),
        ("two three", "two three", False),
    ]


def test_a_word_of_another_text_ends_this_one():
    tracker = WordCompletionTracker("one two.", "<b>one</b> two.", "one two.")
    assert told(tracker, "one", "elephant") == [
        ("one", "<b>one", False),
        ("two.", "</b> two.", True),
    ]
    assert tracker.get_overflow_word() == "elephant"
    assert tracker.is_complete
    assert tracker.get_remaining_user_facing_text() == ""
    assert tracker.add_word_and_check_complete("more")
    assert tracker.get_word_for_frame() is None

    tracker.reset()
    assert not tracker.is_complete
    assert told(tracker, "one") == [("one", "<b>one", False)]


def test_a_word_of_two_texts():
    tracker = WordCompletionTracker("till 1111")
    assert told(tracker, "till", "1111And") == [("till", None, False), ("1111", None, True)]
    assert tracker.get_overflow_word() == "And"


def test_without_a_text_of_the_model_all_is_remembered_as_spoken():
    tracker = WordCompletionTracker("<b>Hi</b> there")
    assert told(tracker, "Hi", "there") == [("Hi", None, False), ("there", None, True)]
    assert not tracker.suppress_in_context()
    assert tracker.get_accumulated_llm_text() is tracker.get_remaining_llm_text() is None
    assert tracker.get_accumulated_user_facing_text() == "Hi there"


def test_what_is_left_may_be_taken_as_spoken():
    tracker = WordCompletionTracker("one two three", "one two three")
    told(tracker, "one")
    assert tracker.get_accumulated_tts_text() == "one"
    assert tracker.get_remaining_tts_text(strip=False) == " two three"
    tracker.take_remaining_as_spoken()
    assert tracker.get_accumulated_user_facing_text() == "one two three"
    assert tracker.get_remaining_llm_text() is None


def test_a_sign_in_another_spelling_stands_for_the_one_that_was_written():
    tracker = WordCompletionTracker("a → b", "a → b")
    assert [llm for _, llm, _ in told(tracker, "a", "-", "b")] == ["a", "→", "b"]
