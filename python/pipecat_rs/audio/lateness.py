"""A histogram of how late things happened, cheap enough to feed on every audio chunk.

Buckets grow by a fixed ratio, so a percentile is known to within 19 % whatever its size, and a
histogram takes the same memory after a second and after a day.
"""

from __future__ import annotations

import math
from typing import Any

_FLOOR_SECS = 1e-5
_RATIO_LOG = math.log(2) / 4
_BUCKETS = 84  # 10 µs × 2^(84/4) is 21 s: anything later is put into the last bucket.


class LatenessHistogram:
    """Counts of lateness values (seconds), with their maximum and percentiles."""

    def __init__(self) -> None:
        """Start empty."""
        self._counts = [0] * (_BUCKETS + 1)
        self._count = 0
        self._sum = 0.0
        self._max = 0.0

    def record(self, seconds: float) -> None:
        """Count one value.

        Args:
            seconds: How late it was. Early counts as zero.
        """
        seconds = max(seconds, 0.0)
        self._count += 1
        self._sum += seconds
        self._max = max(self._max, seconds)
        self._counts[self._bucket(seconds)] += 1

    @property
    def count(self) -> int:
        """How many values were recorded."""
        return self._count

    @property
    def max(self) -> float:
        """The largest value, in seconds; 0 if there is none."""
        return self._max

    @property
    def mean(self) -> float:
        """The mean, in seconds; 0 if there is none."""
        return self._sum / self._count if self._count else 0.0

    def percentile(self, percent: float) -> float:
        """A value that `percent` of the recorded ones do not exceed.

        Args:
            percent: 0 to 100.

        Returns:
            Seconds, rounded up to the edge of a bucket but never above the maximum; 0 if nothing
            was recorded.

        Raises:
            ValueError: If `percent` is outside 0 to 100.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"percent must be between 0 and 100, not {percent}")
        wanted = math.ceil(self._count * percent / 100)
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(self._edge(index), self._max)
        return 0.0

    def as_dict(self) -> dict[str, Any]:
        """The figures people ask for: count, and mean, p50, p99, p99.9 and max in milliseconds."""
        return {
            "count": self._count,
            "mean_ms": self.mean * 1e3,
            "p50_ms": self.percentile(50) * 1e3,
            "p99_ms": self.percentile(99) * 1e3,
            "p99_9_ms": self.percentile(99.9) * 1e3,
            "max_ms": self._max * 1e3,
        }

    @staticmethod
    def _bucket(seconds: float) -> int:
        if seconds <= _FLOOR_SECS:
            return 0
        return min(_BUCKETS, math.ceil(math.log(seconds / _FLOOR_SECS) / _RATIO_LOG))

    @staticmethod
    def _edge(index: int) -> float:
        return _FLOOR_SECS * math.exp(index * _RATIO_LOG)
