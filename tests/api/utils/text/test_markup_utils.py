"""Tags in text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat_rs.utils.text.markup_utils import (
    raw_offset_after_clean_chars,
    split_markup_runs,
    strip_complete_markup,
    strip_markup,
)

TAGGED = st.text(alphabet="<>a b\n/", max_size=40)


@pytest.mark.parametrize(
    ("text", "fragment", "complete"),
    [
        ("<b>one</b> two", "one two", "one two"),
        ("one <break tim", "one ", "one <break tim"),
        ("5 < 10", "5 ", "5 < 10"),
        ("5 > 3", "5 > 3", "5 > 3"),
        ("<>a", "a", "<>a"),
        ("<<b>>", ">", ">"),
        ("", "", ""),
    ],
)
def test_tags_are_stripped(text: str, fragment: str, complete: str):
    assert strip_markup(text) == fragment
    assert strip_complete_markup(text) == complete


@pytest.mark.parametrize(
    ("count", "offset"), [(-1, 0), (0, 0), (1, 1), (2, 5), (3, 6), (4, 11), (5, 12), (6, 12)]
)
def test_offsets_of_what_is_left(count: int, offset: int):
    assert raw_offset_after_clean_chars("a<b>bc</b>d>", count) == offset


@given(TAGGED, st.integers(0, 40))
def test_what_stands_before_an_offset_is_what_was_counted(text: str, count: int):
    offset = raw_offset_after_clean_chars(text, count)
    assert strip_markup(text[:offset]) == strip_markup(text)[:count]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        (
            "I love to count <spell>1234</spell>.",
            ["I love to count ", "<spell>1234</spell>."],
        ),
        ('say <p a="b" c="d">x</p> now', ["say ", '<p a="b" c="d">x</p>', " now"]),
        ("<a>x</a> <b>y</b>", ["<a>x</a>", " ", "<b>y</b>"]),
        ("<a>two words</a> more", ["<a>two", " ", "words</a>", " more"]),
        ("one<break/>two three", ["one<break/>two", " three"]),
        ("5 < 10 > 3 <>", ["5 ", "< 10 >", " 3 <>"]),
        ("<> and 5 < 10", ["<> and 5 < 10"]),
        ("<a>", ["<a>"]),
        ("plain text", ["plain text"]),
        ("  ", ["  "]),
        ("", []),
    ],
)
def test_runs(text: str, runs: list[str]):
    assert split_markup_runs(text) == runs


@given(TAGGED)
def test_runs_are_the_text_put_together(text: str):
    assert "".join(split_markup_runs(text)) == text


@pytest.mark.parametrize("piece", ["<", "<a", "<a>", "<a> ", " ", "a "])
def test_long_text_takes_no_more_than_its_length(piece: str):
    # Comparing each word with each tag used to take the square of it, which is minutes here.
    text = piece * 200_000
    assert "".join(split_markup_runs(text)) == text
    assert len(strip_markup(text)) <= len(strip_complete_markup(text))
    assert raw_offset_after_clean_chars(text, len(text)) == len(text)
