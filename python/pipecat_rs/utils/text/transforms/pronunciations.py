"""Words whose pronunciation is given, in the markup of a speech service."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping

from pipecat_rs.frames.text import TextType

__all__ = ["PronunciationFormatter", "PronunciationTransform", "pronunciation_transform"]

_logger = logging.getLogger(__name__)

PronunciationFormatter = Callable[[str, str], str | None]
"""Returns the markup for a word and its pronunciation in IPA, or None if there is none for it."""


class PronunciationTransform:
    """A transform that puts a service's markup in place of words.

    A service leaves it out as long as it cannot read such markup, and then says the words as they
    are written.
    """

    def __init__(
        self, pattern: re.Pattern[str] | None, replace: Callable[[re.Match[str]], str]
    ) -> None:
        """Make a transform.

        Args:
            pattern: Finds the words; None if there are none.
            replace: Returns what comes in place of a match.
        """
        self._pattern = pattern
        self._replace = replace

    async def __call__(self, text: str, text_type: str | TextType) -> str:
        """Return a text with markup in place of the words.

        Args:
            text: The text.
            text_type: Its type; it makes no difference.
        """
        return text if self._pattern is None else self._pattern.sub(self._replace, text)


def pronunciation_transform(
    pronunciations: Mapping[str, str],
    format_pronunciation: PronunciationFormatter,
    *,
    service_name: str = "TTS service",
) -> PronunciationTransform:
    """Return a transform that puts markup in place of words.

    Only whole words count, in capitals or not, and none that a hyphen joins to another. Of two that
    begin alike, the longer one wins. A word whose pronunciation has no markup is logged now, and
    later said as it is written.

    Args:
        pronunciations: Words and how they are said, in IPA.
        format_pronunciation: Returns the markup for a word as it stands in the text.
        service_name: What the service is called in the log.
    """
    usable: dict[str, str] = {}
    unusable: list[str] = []
    for word, ipa in pronunciations.items():
        if not (word := word.strip()):
            continue
        if format_pronunciation(word, ipa) is None:
            unusable.append(word)
        else:
            usable[word.lower()] = ipa
    if unusable:
        _logger.warning(
            "%s has no markup for the pronunciation of %s; said as written",
            service_name,
            ", ".join(unusable),
        )

    def replace(match: re.Match[str]) -> str:
        word = match[0]
        # A pattern that ignores case also takes letters which `lower` does not lead back to it.
        ipa = usable.get(word.lower())
        return (format_pronunciation(word, ipa) if ipa is not None else None) or word

    return PronunciationTransform(_whole_words(list(usable)), replace)


def _whole_words(words: list[str]) -> re.Pattern[str] | None:
    if not words:
        return None
    longest_first = sorted(words, key=len, reverse=True)
    alternatives = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<![\w-])(?:{alternatives})(?![\w-])", re.IGNORECASE)
