"""When the words of speech are heard, on the clock of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from pipecat_rs.utils.time import seconds_to_nanoseconds

__all__ = ["WordTimestamp", "WordTimestampTracker"]


@dataclass
class WordTimestamp:
    """A word, and its place in the audio, as a text-to-speech service reports them.

    Attributes:
        word: The word.
        timestamp: Seconds from the beginning of the audio to that of the word.
        context_id: The request that the audio belongs to, or None.
        includes_inter_frame_spaces: Whether the word brings the spaces around it.
    """

    word: str
    timestamp: float
    context_id: str | None
    includes_inter_frame_spaces: bool = False


class WordTimestampTracker:
    """Turns places in audio into times on the clock, once it is known when the audio began.

    What comes before that waits. The words of a request never come ahead of those of the one
    before it, even if its audio is said to begin earlier.

    Attributes:
        last_pts: When the last word was heard, in nanoseconds; the caller writes it.
        uninterruptible_last_pts: The same of the last word that nothing may interrupt.
    """

    def __init__(self) -> None:
        """Begin without a word."""
        self.last_pts = 0
        self.uninterruptible_last_pts = 0
        self._began_at: int | None = None
        self._waiting: list[WordTimestamp] = []
        self._last_pts_before_reply = 0

    @property
    def started(self) -> bool:
        """Whether it is known when the audio began."""
        return self._began_at is not None

    @property
    def reply_last_pts(self) -> int | None:
        """When the last word of this answer was heard; None if none was."""
        return None if self.last_pts == self._last_pts_before_reply else self.last_pts

    def start_reply(self) -> None:
        """Begin an answer."""
        self._last_pts_before_reply = self.last_pts

    def start(self, now: int) -> list[WordTimestamp]:
        """Take note that the audio begins, unless it has begun.

        Args:
            now: The time in nanoseconds.

        Returns:
            The words that have waited for it, in order.
        """
        if self._began_at is not None:
            return []
        self._began_at = max(now, self.last_pts)
        waiting, self._waiting = self._waiting, []
        return waiting

    def cache(self, word: WordTimestamp) -> None:
        """Have a word wait for the audio to begin.

        Args:
            word: The word.
        """
        self._waiting.append(word)

    def pts(self, timestamp: float) -> int:
        """Return when a word is heard, in nanoseconds.

        Args:
            timestamp: Seconds from the beginning of the audio to that of the word.

        Raises:
            RuntimeError: If it is not known when the audio began.
        """
        if self._began_at is None:
            raise RuntimeError("the audio has not begun: call start() first, or cache() the word")
        return self._began_at + seconds_to_nanoseconds(timestamp)

    def reset(self) -> None:
        """Forget when the audio began, and the words that wait for it."""
        self._began_at = None
        self._waiting = []
