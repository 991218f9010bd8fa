"""Words whose pronunciation is given."""

import re

import pytest
from pipecat_rs.utils.text.transforms.pronunciations import (
    PronunciationTransform,
    pronunciation_transform,
)


def marked(word: str, ipa: str) -> str | None:
    return None if ipa == "?" else f"<{word}|{ipa}>"


async def test_whole_words_are_replaced_in_capitals_or_not():
    transform = pronunciation_transform({" Metformin ": "mɛt"}, marked)
    assert await transform("Metformin, METFORMIN and metformin.", "*") == (
        "<Metformin|mɛt>, <METFORMIN|mɛt> and <metformin|mɛt>."
    )
    untouched = "metformins premetformin metformin-free non-metformin metformin_2"
    assert await transform(untouched, "*") == untouched


async def test_the_longer_word_wins():
    transform = pronunciation_transform({"New": "n", "New York": "nj", "C++": "c"}, marked)
    assert await transform("New York, new C++", "*") == "<New York|nj>, <new|n> <C++|c>"


async def test_what_has_no_markup_is_said_as_written(caplog: pytest.LogCaptureFixture):
    transform = pronunciation_transform({"one": "?", "two": "t"}, marked, service_name="Voice")
    assert await transform("one two", "*") == "one <two|t>"
    assert "Voice" in caplog.text
    assert "one" in caplog.text


@pytest.mark.parametrize("pronunciations", [{}, {" ": "a"}, {"one": "?"}])
async def test_nothing_to_replace(pronunciations: dict[str, str]):
    transform = pronunciation_transform(pronunciations, marked)
    assert await transform("one two", "*") == "one two"


async def test_letters_that_only_ignoring_case_makes_equal():
    # "\u017f" is another "s", and no small letter of it.
    transform = pronunciation_transform({"us": "ʌs"}, marked)
    assert await transform("u\u017f us", "*") == "u\u017f <us|ʌs>"


async def test_empty_markup_leaves_the_word():
    assert await pronunciation_transform({"one": "w"}, lambda word, ipa: "")("one", "*") == "one"


async def test_a_transform_of_ones_own():
    transform = PronunciationTransform(re.compile("a+"), lambda match: str(len(match[0])))
    assert await transform("baab", "*") == "b2b"
    assert await PronunciationTransform(None, lambda match: "")("baab", "*") == "baab"
