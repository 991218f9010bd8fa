"""Whether an answer on trial also answers what the user has really said."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod

_APOSTROPHES = "'\u2019\u02bc"


class EagerMatchPolicy(ABC):
    """Compares the transcript that was expected with the one that came."""

    @abstractmethod
    def matches(self, eager: str, final: str) -> bool:
        """Return whether the answer stands.

        Args:
            eager: The transcript that was answered.
            final: The transcript of the turn.
        """


class ExactMatch(EagerMatchPolicy):
    """The two are the same, character by character."""

    def matches(self, eager: str, final: str) -> bool:
        """Return whether the answer stands.

        Args:
            eager: The transcript that was answered.
            final: The transcript of the turn.
        """
        return eager == final


class NormalizedMatch(EagerMatchPolicy):
    """The two have the same words: case, punctuation and spaces are no matter.

    Services often write a transcript properly only when they are sure of it.
    """

    def matches(self, eager: str, final: str) -> bool:
        """Return whether the answer stands.

        Args:
            eager: The transcript that was answered.
            final: The transcript of the turn.
        """
        return _words(eager) == _words(final)


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    # "it's" and "its" are one word; other signs part words.
    kept = (c for c in folded if c not in _APOSTROPHES)
    return "".join(c if c.isalnum() or c == "_" else " " for c in kept).split()
