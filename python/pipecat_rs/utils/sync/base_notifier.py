"""A signal from one task to another: the interface."""

from __future__ import annotations

from abc import ABC, abstractmethod


class BaseNotifier(ABC):
    """One task notifies, another waits."""

    @abstractmethod
    async def notify(self) -> None:
        """Wake whoever waits."""

    @abstractmethod
    async def wait(self) -> None:
        """Wait for a notification."""
