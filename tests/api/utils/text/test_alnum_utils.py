"""What two spellings of a text have in common."""

# ruff: noqa: RUF001 - the characters of all scripts are meant

import sys

import pytest
from pipecat_rs.utils.text.alnum_utils import (
    advance_by_alnums,
    advance_by_chars,
    alnum_only,
    fold_for_matching,
    fold_typography,
    has_alnum,
    strip_trailing_punctuation,
)


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("Hello!?…", "Hello"),
        ("Really (so).", "Really (so"),
        ("你好。", "你好"),
        ("a. b", "a. b"),
        ("$5+", "$5+"),
        ("...", ""),
        ("", ""),
    ],
)
def test_trailing_punctuation(text: str, stripped: str):
    assert strip_trailing_punctuation(text) == stripped


def test_typography_is_folded():
    assert fold_typography("‘a’ “b” – c — dʼE") == "'a' \"b\" - c - d'E"


def test_case_accents_and_typography_are_folded_for_matching():
    assert fold_for_matching("São “Paulo” – ÉCOLE") == 'sao "paulo" - ecole'
    assert fold_for_matching("İz, Ⅷ, 中文, 한글, <b>") == "iz, Ⅷ, 中文, 한글, <b>"


def test_every_character_keeps_its_place():
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    assert len(fold_for_matching(everything)) == len(everything)
    assert len(alnum_only(everything.replace("<", ""))) == sum(map(str.isalnum, everything))


@pytest.mark.parametrize(
    ("text", "reduced"),
    [
        ("Hello, World 42!", "helloworld42"),
        ("Cão <break time='1s'/> é", "caoe"),
        ("5 < 10", "510"),
        ("한글 中文 ʼ", "한글中文ʼ"),
        ("Ⅷ ²", "ⅷ²"),
        ("👍 …", ""),
        ("<break/>", ""),
        ("", ""),
    ],
)
def test_letters_and_digits(text: str, reduced: str):
    assert alnum_only(text) == reduced
    assert has_alnum(text) is bool(reduced)


@pytest.mark.parametrize(
    ("text", "start", "count", "position"),
    [
        ("<b>one</b> two", 0, 0, 0),
        ("<b>one</b> two", 0, 1, 4),
        ("<b>one</b> two", 0, 3, 6),
        ("<b>one</b> two", 0, 4, 11),
        ("<b>one</b> two", 6, 1, 11),
        ("a < b", 0, 3, 4),
        ("ab", 0, 99, 2),
        ("ab", 5, 1, 5),
        ("ab", 0, -1, 0),
    ],
)
def test_a_cursor_passes_characters(text: str, start: int, count: int, position: int):
    assert advance_by_chars(text, start, count) == position


@pytest.mark.parametrize(
    ("text", "start", "count", "position"),
    [
        ("questions, explain", 0, 9, 10),
        ('He said "no." Then', 0, 8, 13),
        ("a <b>b</b>. c", 0, 2, 6),
        ("x < y, z", 0, 2, 6),
        ("...a", 0, 0, 3),
        ("ab", 0, 99, 2),
        ("ab", 5, 1, 5),
    ],
)
def test_a_cursor_passes_letters_and_digits(text: str, start: int, count: int, position: int):
    assert advance_by_alnums(text, start, count) == position


@pytest.mark.parametrize("piece", ["<", "<a", "<>", "</a>", "é<", ". "])
def test_long_text_takes_no_more_than_its_length(piece: str):
    # Looking for an end behind each "<" used to take the square of it, which is minutes here.
    text = piece * 200_000
    assert has_alnum(text) is bool(alnum_only(text))
    assert advance_by_chars(text, 0, len(text)) == len(text)
    assert advance_by_alnums(text, 0, len(text)) == len(text)
