"""What a task's clock is."""

from __future__ import annotations

from abc import ABC, abstractmethod


class BaseClock(ABC):
    """A clock which a task starts when it starts, and reads from then on."""

    @abstractmethod
    def get_time(self) -> int:
        """Return the time since the clock was started, in ns."""

    @abstractmethod
    def start(self) -> None:
        """Start the clock at zero."""
