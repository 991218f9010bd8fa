"""Keeps what passes a place in a pipeline."""

import asyncio
from collections.abc import Callable
from typing import Any

from pipecat_rs.frames.frames import Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

__all__ = ["FrameMatch", "Recorder"]

FrameMatch = type[Frame] | tuple[type[Frame], ...] | Callable[[Frame], bool]
"""Picks frames: a class, several of them, or a predicate."""


class Recorder(FrameProcessor):
    """Keeps every frame it sees, in order and with its direction, and passes each on.

    Attributes:
        seen: What was processed so far, as (frame, direction).
    """

    _is_end = True

    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        """Create an empty recorder.

        Args:
            name: Name of the processor; made up from its class if not given.
            **kwargs: Passed on to `FrameProcessor`.
        """
        super().__init__(name=name, **kwargs)
        self.seen: list[tuple[Frame, FrameDirection]] = []
        self._changed = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note the frame and pass it on."""
        await super().process_frame(frame, direction)
        self.seen.append((frame, direction))
        self._changed.set()
        await self.push_frame(frame, direction)

    def frames(
        self, match: FrameMatch = Frame, direction: FrameDirection | None = None
    ) -> list[Frame]:
        """The frames seen so far.

        Args:
            match: A frame class, several of them, or a predicate.
            direction: Only frames that went this way; both ways if None.

        Returns:
            The matching frames in the order in which they were processed.
        """
        return [
            frame for frame, way in self.seen if _matches(frame, match) and direction in (None, way)
        ]

    async def wait_for(
        self,
        match: FrameMatch = Frame,
        *,
        count: int = 1,
        direction: FrameDirection | None = None,
        timeout: float = 5.0,
    ) -> Frame:
        """Wait until enough frames have been seen, counting those seen before the call.

        Args:
            match: A frame class, several of them, or a predicate.
            count: How many matching frames there must be.
            direction: Only frames that went this way; both ways if None.
            timeout: Seconds to wait at most.

        Returns:
            The matching frame number `count`.

        Raises:
            TimeoutError: The frames did not come in time; it says what came instead.
        """
        found: list[Frame] = []
        try:
            async with asyncio.timeout(timeout):
                while len(found := self.frames(match, direction)) < count:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            seen = ", ".join(f"{frame.name} {way.name.lower()}" for frame, way in self.seen)
            raise TimeoutError(
                f"{self.name}: {len(found)} of {count} frames came within {timeout} s; "
                f"seen: {seen or 'nothing'}"
            ) from None
        return found[count - 1]


def _matches(frame: Frame, match: FrameMatch) -> bool:
    if isinstance(match, type | tuple):
        return isinstance(frame, match)
    return match(frame)
