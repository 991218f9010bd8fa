"""Pronunciations as ElevenLabs reads them within a text."""

from __future__ import annotations

import html

from pipecat_rs.utils.text.phonemes import normalize_ipa

__all__ = ["ELEVENLABS_PHONEME_MODELS", "format_elevenlabs_pronunciation"]

ELEVENLABS_PHONEME_MODELS = frozenset({"eleven_flash_v2", "eleven_turbo_v2"})
"""The models that read them."""


def format_elevenlabs_pronunciation(word: str, ipa: str) -> str | None:
    """Return a word with its pronunciation in a phoneme tag of SSML.

    Args:
        word: The word, or several; each gets a tag of its own.
        ipa: How it is said, in IPA.

    Returns:
        The tags, or None if there are not as many words on both sides.
    """
    words, spoken = word.split(), normalize_ipa(ipa).split()
    if not words or len(words) != len(spoken):
        return None
    tags = (_phoneme_tag(one, said) for one, said in zip(words, spoken, strict=True))
    return " ".join(tags)


def _phoneme_tag(word: str, ipa: str) -> str:
    content = html.escape(word, quote=False)
    return f'<phoneme alphabet="ipa" ph="{html.escape(ipa)}">{content}</phoneme>'
