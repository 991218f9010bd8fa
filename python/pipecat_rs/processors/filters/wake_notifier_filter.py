"""A processor that notifies a waiting task when a certain frame comes by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pipecat_rs.frames.frames import Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.utils.sync.base_notifier import BaseNotifier


class WakeNotifierFilter(FrameProcessor):
    """Notifies when a frame of some classes passes for which a function returns true.

    All frames pass.
    """

    def __init__(
        self,
        notifier: BaseNotifier,
        *,
        types: tuple[type[Frame], ...],
        filter: Callable[[Frame], Awaitable[bool]],
        **kwargs: Any,
    ) -> None:
        """Make a processor.

        Args:
            notifier: What is notified, before the frame goes on.
            types: The classes, subclasses included.
            filter: The function; it is called for frames of these classes only.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._notifier = notifier
        self._types = types
        self._filter = filter

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Notify if the frame is one to notify of, then pass it on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, self._types) and await self._filter(frame):
            await self._notifier.notify()
        await self.push_frame(frame, direction)

    def _layout(self) -> tuple[Any, ...]:
        """Narrow the interest to the classes, unless a subclass processes frames itself."""
        if type(self).process_frame is WakeNotifierFilter.process_frame:
            return ("processor", self, self._types)
        return super()._layout()
