"""What hears messages of a bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipecat_rs.bus.messages import BusMessage


class BusSubscriber:
    """Mixin of objects that hear the messages of a bus. They have a `name` of their own on it."""

    @property
    def name(self) -> str:
        """Name of the subscriber, unique on its bus."""
        raise NotImplementedError(f"{type(self).__name__} needs a name to be on a bus")

    def accepts_bus_message(self, message: BusMessage) -> bool:
        """Return whether a message is wanted; asked right before it is handed over.

        Args:
            message: The message. If it is not wanted, others hear it all the same.
        """
        return True

    def _passes_over(self, message: BusMessage) -> bool:
        """Return whether hearing a message would do nothing; asked when it is sent.

        Such a message costs the subscriber nothing, not even a task.
        """
        return False

    async def on_bus_message(self, message: BusMessage) -> None:
        """Hear a message.

        The next one of its kind, data or system, comes when this is done. What it raises is
        logged.

        Args:
            message: The message.
        """
