"""A wire that an input and an output share: it is let go when neither has a use for it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from pipecat_rs.frames.frames import CancelFrame, EndFrame
from pipecat_rs.transports.base_transport import BaseTransport


class SharedWireTransport(BaseTransport):
    """A transport whose two halves hold one wire."""

    def __init__(self, **kwargs: Any) -> None:
        """Initialize the transport.

        Args:
            **kwargs: For the base class.
        """
        super().__init__(**kwargs)
        self._holders: set[object] = set()

    def _hold(self, holder: object) -> None:
        self._holders.add(holder)

    async def _release(self, holder: object) -> None:
        self._holders.discard(holder)
        if not self._holders:
            await self._close()

    @abstractmethod
    async def _close(self) -> None:
        """Let the wire go. May be called again."""


class WireHalf:
    """What either half does at its end; to be mixed in before `WireInputTransport` or its twin."""

    _transport: Any

    async def stop(self, frame: EndFrame) -> None:
        """Do what is left to do, then let the wire go.

        Args:
            frame: The EndFrame.
        """
        await super().stop(frame)  # pyright: ignore[reportAttributeAccessIssue]
        await self._transport._release(self)

    async def cancel(self, frame: CancelFrame) -> None:
        """Let the wire go.

        Args:
            frame: The CancelFrame.
        """
        await super().cancel(frame)  # pyright: ignore[reportAttributeAccessIssue]
        await self._transport._release(self)

    async def cleanup(self) -> None:
        """Close the wire."""
        await super().cleanup()  # pyright: ignore[reportAttributeAccessIssue]
        await self._transport._close()
