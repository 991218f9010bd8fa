"""Sentence ends, tags and parts of text."""

# ruff: noqa: RUF001 - the characters of all scripts are meant

import re

import pytest
from pipecat_rs.utils.string import (
    TextPartForConcatenation,
    concatenate_aggregated_text,
    longest_trailing_partial_match,
    match_endofsentence,
    parse_start_end_tags,
    replace_match,
    resolve_sentence_tokenizer_language,
)


@pytest.mark.parametrize(
    "text",
    [
        "This is a sentence.",
        "Is it one?",
        "It is!",
        "It goes on;",
        "It trails off...",
        "It trails off…",
        "This is for Mr. and Mrs. Jones.",
        "Meet the new Mr. and Mrs.",
        "U.S.A. and N.A.S.A.",
        "My number is 123-456-7890.",
        "My emails are foo@pipecat.ai and bar@pipecat.ai.",
        "The number pi is 3.14159.",
        "It is early, it's 3:00 a.m.",
        'He said "yes."',
        "你好。",
        "吃了吗？",
        "हैलो।",
        "مرحبا؟",
        "ありがとう！",
        "안녕하세요。",
        "ကျေးဇူးတင်ပါတယ်။",
        "Բարև։",
        "ሰላም።",
        "Привет.",
    ],
)
def test_a_whole_sentence_ends_at_its_end(text: str):
    assert match_endofsentence(text) == len(text)
    assert match_endofsentence(f"{text} \n") == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "Hello",
        "This is not a sentence,",
        "Ok, Mr. Smith let's ",
        "Dr. Walker, I presume ",
        "Prof. X",
        "zweitens, und 3",
        "America, or the U.S",
        "The number pi is 3.14159",
        "Mail foo@pipecat.ai and bar@pipecat.ai",
        "See https://example.com/a?b=c for",
        "e.g. This one",
        "at 3 p.m. sharp",
        "Albert I. Douglas",
        "J.K. Rowling wrote",
        "books by J.K. Rowling",
        "vive en EE. UU. desde",
        "J. R. R. Tolkien wrote",
        "St. Louis is",
        "No. 5 is",
        "etc. and so on",
        "Jan. 5",
        "approx. 5",
        "1. First",
        'He said "Hi!" and left',
        "Wait... what",
        "one; two",
    ],
)
def test_no_sentence_has_ended(text: str):
    assert match_endofsentence(text) == 0


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        ("Hello.", " N"),
        ("This is a sentence.", " This is another one"),
        ("What?!", " No"),
        ("hi!", " ok"),
        ("It is 3 p.m.", " Then we go"),
        ("The whole U.S.", " The rest"),
        ("you and I.", " Did you see"),
        ("at Acme Inc.", " They said"),
        ("He lives on Main St.", " He does"),
        ("and so on, etc.", " And then"),
        ('He said "Hi."', " Then he left"),
        ("(Yes.)", " No"),
        ("Wait...", " What was that"),
        ("The answer is 42.", " Next question"),
        ("1. First item.", " 2. Second"),
        ("Line one", "\n\nLine two"),
        ("你好。", "再见"),
        ("¿Qué?", " Sí"),
        ("Er sagte: „Ja.“", " Gut so"),
        ("Er sagte: »Ja.«", " Gut so"),
        ("Er kam.", " »Ja"),
        ("« Oui. »", " Il part"),
        ("« Oui. » dit-il.", " Puis il part"),
        ('"Hello." he said.', " Then he left"),
        ("the first is B.", " Of course"),
        ("in Washington D.C.", " Officials said"),
    ],
)
def test_the_first_of_several(first: str, rest: str):
    assert match_endofsentence(first + rest) == len(first)


def test_ordinals_depend_on_the_language():
    text = "Heute ist der 3. Juli"
    assert match_endofsentence(text, language="de-DE") == 0
    assert match_endofsentence("I have 3. You have 4", language="en") == 9


def test_languages():
    assert resolve_sentence_tokenizer_language("pt-BR") == "pt"
    assert resolve_sentence_tokenizer_language("zh_CN") == "zh"
    for unset in (None, "", "auto"):
        assert resolve_sentence_tokenizer_language(unset) == "en"


A, SPELL = ("<a>", "</a>"), ("spell(", ")")


def test_tags():
    assert parse_start_end_tags("Hello!", [], None, 0) == (None, 0)
    assert parse_start_end_tags("Hello!", [A], None, 0) == (None, 0)
    assert parse_start_end_tags("from <a>Pipecat</a>!", [A], None, 0) == (None, 20)
    assert parse_start_end_tags("from <a>Pipecat", [A], None, 0) == (A, 15)
    assert parse_start_end_tags("from spell(Pipecat", [A, SPELL], None, 0) == (SPELL, 18)
    assert parse_start_end_tags("from <a>Pipecat", [A], A, 8) == (A, 8)
    assert parse_start_end_tags("from <a>Pipecat</a>", [A], A, 8) == (None, 19)


def test_partial_marks():
    assert longest_trailing_partial_match("so <sp", ["<spell>", "<x>"]) == 3
    assert longest_trailing_partial_match("so <", ["<spell>", "<x>"]) == 1
    assert longest_trailing_partial_match("so <spell>", ["<spell>"]) == 0
    assert longest_trailing_partial_match("", ["<x>"]) == 0


def test_replace_inside_a_match_only():
    match = re.search(r"b\.c", "a.b.c.d")
    assert match is not None
    assert replace_match("a.b.c.d", match, ".", "-") == "a.b-c.d"


def parts(*texts: str, spaces: bool) -> list[TextPartForConcatenation]:
    return [TextPartForConcatenation(text, spaces) for text in texts]


def test_concatenation():
    assert concatenate_aggregated_text([]) == ""
    assert concatenate_aggregated_text(parts("Hel", "lo", " you", spaces=True)) == "Hello you"
    assert concatenate_aggregated_text(parts("Hello", "", "you", spaces=False)) == "Hello you"
    mixed = parts("One ", "two.", spaces=True) + parts("Three", spaces=False)
    assert concatenate_aggregated_text(mixed) == "One two. Three"
    assert concatenate_aggregated_text(mixed + parts(" four", spaces=True)) == "One two. Three four"
