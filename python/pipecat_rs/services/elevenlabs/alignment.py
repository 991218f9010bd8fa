"""From the times of characters, as ElevenLabs sends them, to the times of words."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_logger = logging.getLogger(__name__)

_MS_PER_SEC = 1000.0


def calculate_word_times(
    alignment_info: Mapping[str, Any],
    cumulative_time: float,
    partial_word: str = "",
    partial_word_start_time: float = 0.0,
) -> tuple[list[tuple[str, float]], str, float]:
    """Return the words that a message completes.

    Args:
        alignment_info: ``chars`` and ``charStartTimesMs`` of the message.
        cumulative_time: When the message begins, in seconds.
        partial_word: The beginning of a word that earlier messages have left.
        partial_word_start_time: When that word begins, in seconds.

    Returns:
        The words, each with its seconds; the beginning of a word that is left; when that begins.
    """
    chars, starts = alignment_info["chars"], alignment_info["charStartTimesMs"]
    if len(chars) != len(starts):
        _logger.error("%d characters came with %d times and are left out", len(chars), len(starts))
        return [], partial_word, partial_word_start_time
    words: list[tuple[str, float]] = []
    word, since = partial_word, partial_word_start_time
    for char, start in zip(chars, starts, strict=True):
        if char.isspace():
            if word:
                words.append((word, since))
            word = ""
            continue
        if not word:
            since = cumulative_time + start / _MS_PER_SEC
        word += char
    return words, word, since if word else 0.0


@dataclass
class Alignment:
    """The words of one request so far. The times of each message begin at zero.

    Attributes:
        elapsed: Seconds of speech in the messages so far.
        word: The word that is still incomplete.
        word_start: When it begins, in seconds.
    """

    elapsed: float = 0.0
    word: str = ""
    word_start: float = 0.0

    def add(self, message: Mapping[str, Any], *, spaced: bool = True) -> list[tuple[str, float]]:
        """Take a message's characters, and return the words that they complete.

        Args:
            message: ``chars``, ``charStartTimesMs`` and ``charDurationsMs``.
            spaced: Whether the language has spaces between words. If not, all that has come is
                returned.
        """
        words, self.word, self.word_start = calculate_word_times(
            message, self.elapsed, self.word, self.word_start
        )
        if not spaced:
            words += self.finish()
        starts, durations = message["charStartTimesMs"], message.get("charDurationsMs")
        if starts and durations:
            self.elapsed += (starts[-1] + durations[-1]) / _MS_PER_SEC
        elif words:
            self.elapsed = words[-1][1]
        return words

    def finish(self) -> list[tuple[str, float]]:
        """Return the last word, which no space follows."""
        word, self.word = self.word, ""
        return [(word, self.word_start)] if word else []
