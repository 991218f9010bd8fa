"""A filter that asks a function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame, StartFrame, SystemFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

FilterType = Callable[[Frame], Awaitable[bool]]
"""Says whether a frame passes."""


class FunctionFilter(FrameProcessor):
    """Lets those frames pass for which a function returns true.

    The StartFrame, EndFrame and CancelFrame always pass. The function is called for every frame,
    also for those that pass whatever it says, so that it may follow what goes on.
    """

    def __init__(
        self,
        filter: FilterType,
        direction: FrameDirection | None = FrameDirection.DOWNSTREAM,
        filter_system_frames: bool = False,
        **kwargs: Any,
    ) -> None:
        """Make a filter.

        Args:
            filter: The function.
            direction: Which way frames are filtered, the other way is free; None for both ways.
            filter_system_frames: Whether system frames can be stopped too.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._filter = filter
        self._direction = direction
        self._always_passing = (
            (StartFrame, EndFrame, CancelFrame) if filter_system_frames else (SystemFrame, EndFrame)
        )

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a frame on, or drop it if the function says so.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        passes = await self._filter(frame)
        if passes or not self._may_stop(frame, direction):
            await self.push_frame(frame, direction)

    def _may_stop(self, frame: Frame, direction: FrameDirection) -> bool:
        if self._direction is not None and direction is not self._direction:
            return False
        return not isinstance(frame, self._always_passing)
