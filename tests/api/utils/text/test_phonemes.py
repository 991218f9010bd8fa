"""Pronunciations in the International Phonetic Alphabet."""

# ruff: noqa: RUF001 - the characters of this alphabet are meant

import pytest
from pipecat_rs.utils.text.phonemes import (
    PRIMARY_STRESS,
    SECONDARY_STRESS,
    STRESS_MARKS,
    TIE_BAR,
    ipa_phones,
    is_ipa_vowel,
    normalize_ipa,
    stress_before_vowels,
)


def test_signs():
    assert (PRIMARY_STRESS, SECONDARY_STRESS) == STRESS_MARKS == ("\u02c8", "\u02cc")
    assert TIE_BAR == "\u0361"


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("/ˈʧɪ.kən/", "ˈtʃɪkən"),
        ("[ʤ]", "dʒ"),
        ("t͡ʃ t͜ʃ d͡ʒ", "tʃ tʃ dʒ"),
        ("pitʦa", "pitt͡sa"),
        ("ʣ", "d͡z"),
        ("'go:", "ˈɡoː"),
        ("  a \n b ", "a b"),
        ("c\u0327a", "ça"),
        ("/a", "/a"),
        ("/", "/"),
        ("//", ""),
        ("", ""),
    ],
)
def test_one_notation(written: str, normal: str):
    assert normalize_ipa(written) == normal


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("mɛtˈfɔɹmɪn", ["m", "ɛ", "t", "ˈ", "f", "ɔ", "ɹ", "m", "ɪ", "n"]),
        ("ˈpit.t͡sa", ["ˈ", "p", "i", "t", "ts", "a"]),
        ("kæts", ["k", "æ", "t", "s"]),
        ("tʃaɪˌdʒoʊ", ["tʃ", "aɪ", "ˌ", "dʒ", "oʊ"]),
        ("bɔ̃ː", ["b", "ɔ̃ː"]),
        ("ˈː", ["ˈ", "ː"]),
        ("t͡", ["t͡"]),
        ("a b", ["a", "b"]),
        ("", []),
    ],
)
def test_phones(word: str, phones: list[str]):
    assert ipa_phones(word) == phones


def test_vowels():
    assert all(map(is_ipa_vowel, ["a", "aɪ", "ɔ̃ː", "ɚ"]))
    assert not any(map(is_ipa_vowel, ["t", "tʃ", "ˈ", "A", ""]))


@pytest.mark.parametrize(
    ("word", "moved"),
    [
        ("mɛtˈfɔɹmɪn", "mɛtfˈɔɹmɪn"),
        ("ˌɪntəˈnæʃ", "ˌɪntənˈæʃ"),
        ("ˈˌstraɪk", "strˌaɪk"),
        ("ˈst", "st"),
        ("", ""),
    ],
)
def test_stress_moves_to_its_vowel(word: str, moved: str):
    assert "".join(stress_before_vowels(ipa_phones(word))) == moved


@pytest.mark.parametrize("piece", ["ː", "t͡", "ˈ", "a", "t͡ʃ", "'.:"])
def test_long_words_take_no_more_than_their_length(piece: str):
    phones = ipa_phones(piece * 100_000)
    assert len(stress_before_vowels(phones)) <= len(phones)
