"""A signal from one task to another, made of an asyncio event."""

from __future__ import annotations

import asyncio

from pipecat_rs.utils.sync.base_notifier import BaseNotifier


class EventNotifier(BaseNotifier):
    """Keeps one notification until it is waited for; for one waiter at a time."""

    def __init__(self) -> None:
        """Make a notifier without a notification."""
        self._event = asyncio.Event()

    async def notify(self) -> None:
        """Wake the waiter, or let the next wait return at once."""
        self._event.set()

    async def wait(self) -> None:
        """Wait for a notification and use it up."""
        await self._event.wait()
        self._event.clear()
