"""Pronunciations as Cartesia reads them within a text."""

from __future__ import annotations

from pipecat_rs.utils.text.phonemes import ipa_phones, normalize_ipa, stress_before_vowels

__all__ = ["format_cartesia_pronunciation"]


def format_cartesia_pronunciation(word: str, ipa: str) -> str | None:
    """Return a pronunciation as phones, for example ``<<m|ɛ|t>>``; None if it is empty.

    Args:
        word: The word that it stands in place of.
        ipa: How the word is said, in IPA. Each of several words has phones of its own.
    """
    words = (stress_before_vowels(ipa_phones(part)) for part in normalize_ipa(ipa).split())
    return " ".join(f"<<{'|'.join(phones)}>>" for phones in words) or None
