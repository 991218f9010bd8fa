"""Pronunciations in the International Phonetic Alphabet, made ready for a speech service.

Services want them in markup of their own, and begin alike: one way of writing each sound, the word
taken apart into phones, each stress mark where it belongs. Only the notation changes, never the
sound, so this holds for every language.
"""

# ruff: noqa: RUF001 - the characters of this alphabet are meant

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

__all__ = [
    "PRIMARY_STRESS",
    "SECONDARY_STRESS",
    "STRESS_MARKS",
    "TIE_BAR",
    "ipa_phones",
    "is_ipa_vowel",
    "normalize_ipa",
    "stress_before_vowels",
]

PRIMARY_STRESS = "ˈ"
SECONDARY_STRESS = "ˌ"
STRESS_MARKS = (PRIMARY_STRESS, SECONDARY_STRESS)
TIE_BAR = "\u0361"
"""Stands between two letters that are one sound."""

_ONE_NOTATION = str.maketrans(
    {
        "\u035c": TIE_BAR,  # the one drawn below
        "ʧ": "tʃ",
        "ʤ": "dʒ",
        "ʦ": f"t{TIE_BAR}s",
        "ʣ": f"d{TIE_BAR}z",
        "g": "ɡ",
        "'": PRIMARY_STRESS,
        ":": "ː",
    }
)
_SYLLABLE_BREAK = "."
_ALWAYS_ONE_PHONE = ("tʃ", "dʒ", "aɪ", "aʊ", "ɔɪ", "oʊ", "eɪ")
"""Affricates and diphthongs that hardly any dictionary ties."""
_PHONE = re.compile(rf"(.){TIE_BAR}(.)|{'|'.join(_ALWAYS_ONE_PHONE)}|.", re.DOTALL)
_VOWELS = frozenset("aeiouyæɑɒɔəɚɛɜɝɪʊʌɐᵻɨʉɯɤøœɶɵɘɞ")
_SIGNS_OF_LENGTH = "ːˑ"


def normalize_ipa(ipa: str) -> str:
    """Return a pronunciation in one notation: "/ˈʧɪ.kən/" becomes "ˈtʃɪkən".

    Slashes or brackets around it go, and syllable breaks. ``tʃ`` and ``dʒ`` are written without
    a tie bar, other affricates with one.

    Args:
        ipa: The pronunciation.
    """
    ipa = unicodedata.normalize("NFC", ipa.strip())
    if len(ipa) > 1 and ipa[0] + ipa[-1] in ("//", "[]"):
        ipa = ipa[1:-1]
    ipa = ipa.translate(_ONE_NOTATION)
    for affricate in ("tʃ", "dʒ"):
        ipa = ipa.replace(TIE_BAR.join(affricate), affricate)
    return " ".join(ipa.replace(_SYLLABLE_BREAK, "").split())


def ipa_phones(ipa: str) -> list[str]:
    """Return the phones of a word, and among them its stress marks.

    Tied letters, affricates and the English diphthongs are one phone each. Signs of length and
    diacritics belong to the phone before them.

    Args:
        ipa: The word's pronunciation.

    Returns:
        Phones, without tie bars, and stress marks, in the order in which they are written.
    """
    return list(_phones(normalize_ipa(ipa).replace(" ", "")))


def _phones(ipa: str) -> Iterator[str]:
    begin = 0
    while begin < len(ipa):
        if ipa[begin] in STRESS_MARKS:
            yield ipa[begin]
            begin += 1
            continue
        phone = _PHONE.match(ipa, begin)
        assert phone is not None  # its last branch takes any character
        end = phone.end()
        while end < len(ipa) and _is_modifier(ipa[end]):
            end += 1
        letters = phone[1] + phone[2] if phone[1] else phone[0]
        yield letters + ipa[phone.end() : end]
        begin = end


def is_ipa_vowel(phone: str) -> bool:
    """Return whether a phone is a vowel.

    Args:
        phone: One of `ipa_phones`.
    """
    return phone[:1] in _VOWELS


def stress_before_vowels(phones: list[str]) -> list[str]:
    """Return phones with each stress mark directly before its vowel, not before its syllable.

    A mark that no vowel follows is left out.

    Args:
        phones: Phones and stress marks, as `ipa_phones` returns them.
    """
    moved = []
    mark = None
    for phone in phones:
        if phone in STRESS_MARKS:
            mark = phone
            continue
        if mark and is_ipa_vowel(phone):
            moved.append(mark)
            mark = None
        moved.append(phone)
    return moved


def _is_modifier(char: str) -> bool:
    return char in _SIGNS_OF_LENGTH or unicodedata.category(char) == "Mn"
