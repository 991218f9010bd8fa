"""When to try a connection again, and when to give it up."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QuickFailureResult", "QuickFailureTracker", "exponential_backoff_time"]


def exponential_backoff_time(
    attempt: int, min_wait: float = 4, max_wait: float = 10, multiplier: float = 1
) -> float:
    """Return how long to wait after an attempt that failed: twice as long each time.

    Args:
        attempt: Number of the attempt, from 1.
        min_wait: Shortest wait in seconds; it wins over the longest.
        max_wait: Longest wait in seconds.
        multiplier: The wait after the first attempt, in seconds.
    """
    try:
        wait = float(multiplier * 2 ** (attempt - 1))
    except OverflowError:
        return max_wait
    return max(min_wait, min(wait, max_wait), 0)


@dataclass
class QuickFailureResult:
    """What one lost connection says.

    Attributes:
        is_quick_failure: Whether it lasted too short to count as one that worked.
        should_give_up: Whether so many in a row did that another one is pointless.
    """

    is_quick_failure: bool
    should_give_up: bool


class QuickFailureTracker:
    """Notices a peer that takes every connection and drops it at once, as for a wrong key.

    Waiting longer from one attempt to the next does not help there.
    """

    def __init__(self, min_stable_duration: float = 5.0, max_consecutive_failures: int = 3) -> None:
        """Make a tracker.

        Args:
            min_stable_duration: A connection that lasts so long has worked, in seconds.
            max_consecutive_failures: How many in a row may last shorter.
        """
        self.min_stable_duration = min_stable_duration
        self.max_consecutive_failures = max_consecutive_failures
        self.count = 0

    def record(self, duration: float) -> QuickFailureResult:
        """Take note of a connection that was lost.

        Args:
            duration: How long it lasted, in seconds.
        """
        is_quick = duration < self.min_stable_duration
        self.count = self.count + 1 if is_quick else 0
        return QuickFailureResult(
            is_quick_failure=is_quick,
            should_give_up=is_quick and self.count >= self.max_consecutive_failures,
        )

    def reset(self) -> None:
        """Forget the connections so far."""
        self.count = 0
