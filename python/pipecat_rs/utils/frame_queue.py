"""Asyncio queues of frames that know what an interruption leaves in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.base import Frame

if TYPE_CHECKING:
    _Queue = asyncio.Queue[Any]
    _PriorityQueue = asyncio.PriorityQueue[Any]
else:
    _Queue = asyncio.Queue
    _PriorityQueue = asyncio.PriorityQueue


def _itself(item: Any) -> Any:
    return item


class FrameQueue(_Queue):
    """A queue of frames, or of items that hold one.

    The word of a frame on interruptions counts as it is when it is asked for, not as it was when
    the frame was put in.
    """

    def __init__(self, frame_getter: Callable[[Any], Frame | None] = _itself) -> None:
        """Make an empty queue without a bound.

        Args:
            frame_getter: Returns the frame of an item, or None if it holds none. By default the
                item is the frame.
        """
        super().__init__()
        self._frame_getter = frame_getter

    @property
    def has_uninterruptible(self) -> bool:
        """Whether a frame waits that an interruption leaves alone."""
        return any(map(self._outlives_interruption, self._waiting()))

    def has_frame(self, frame_type: type[Frame]) -> bool:
        """Return whether a frame of a class waits.

        Args:
            frame_type: The class; its subclasses count.
        """
        return any(isinstance(self._frame_getter(item), frame_type) for item in self._waiting())

    def reset(self) -> None:
        """Take out what an interruption drops; the rest stays, in order.

        What is taken out counts as done for `join`.
        """
        kept = []
        while not self.empty():
            item = self.get_nowait()
            self.task_done()
            if self._outlives_interruption(item):
                kept.append(item)
        for item in kept:
            self.put_nowait(item)

    def _waiting(self) -> list[Any]:
        return list(self._queue)  # type: ignore[attr-defined]  # asyncio has no public look inside

    def _outlives_interruption(self, item: Any) -> bool:
        frame = self._frame_getter(item)
        return frame is not None and not frame.interruptible


class FramePriorityQueue(FrameQueue, _PriorityQueue):
    """The same, in which the least item comes out first.

    Items are usually tuples of priority, a running number and the frame; the `frame_getter` is then
    ``lambda item: item[2]``.
    """
