"""A filter by class of frame."""

from __future__ import annotations

from pipecat_rs.frames.frames import EndFrame, Frame, SystemFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


class FrameFilter(FrameProcessor):
    """Lets frames of some classes pass, system frames and the EndFrame, both ways.

    A StopFrame is stopped unless its class is among them: a task whose only way leads through here
    does not end by one.
    """

    def __init__(self, types: tuple[type[Frame], ...]) -> None:
        """Make a filter.

        Args:
            types: The classes whose frames pass, subclasses included.
        """
        super().__init__()
        self._passing = (*types, SystemFrame, EndFrame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a frame on if its class may pass, or drop it.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, self._passing):
            await self.push_frame(frame, direction)
