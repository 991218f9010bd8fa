"""The bus within one process."""

from __future__ import annotations

from pipecat_rs.bus.bus import WorkerBus
from pipecat_rs.bus.messages import BusMessage

__all__ = ["AsyncQueueBus"]


class AsyncQueueBus(WorkerBus):
    """A bus within one event loop: what is sent waits with each subscriber, at once."""

    async def publish(self, message: BusMessage) -> None:
        """Hand a message to the subscribers.

        Args:
            message: The message.
        """
        self.on_message_received(message)
