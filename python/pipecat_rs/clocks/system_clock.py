"""The clock of real time."""

from __future__ import annotations

import time

from pipecat_rs.clocks.base_clock import BaseClock


class SystemClock(BaseClock):
    """The machine's monotonic clock, from the start on. It reads 0 before that."""

    def __init__(self) -> None:
        """Make a clock that stands still."""
        self._started_at: int | None = None

    def get_time(self) -> int:
        """Return the time since `start`, in ns."""
        return 0 if self._started_at is None else time.monotonic_ns() - self._started_at

    def start(self) -> None:
        """Start the clock, or start it again at zero."""
        self._started_at = time.monotonic_ns()
