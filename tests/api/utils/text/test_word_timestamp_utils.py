"""Words and their times."""

from pipecat_rs.utils.text.word_timestamp_utils import merge_punct_tokens


def test_punctuation_goes_to_the_word_before_it():
    tokens = [("questions", 1.0), (", ", 1.2), ("explain", 1.4), (" ", 1.6), ("!", 1.7)]
    assert merge_punct_tokens(tokens) == [("questions,", 1.0), ("explain !", 1.4)]


def test_what_comes_before_the_first_word_is_left_out():
    assert merge_punct_tokens([("«", 0.0), (" <b>", 0.1), (" one\n", 0.2)]) == [("one", 0.2)]
    assert merge_punct_tokens([("...", 0.0)]) == []
    assert merge_punct_tokens([]) == []


def test_tags_are_no_words():
    tokens = [("<b>one", 0.0), ("</b>", 0.5), ("<3", 0.7)]
    assert merge_punct_tokens(tokens) == [("<b>one</b>", 0.0), ("<3", 0.7)]


def test_many_marks_behind_a_word():
    tokens = [("one", 0.0), *[(".", float(i)) for i in range(200_000)]]
    assert merge_punct_tokens(tokens) == [("one" + "." * 200_000, 0.0)]
