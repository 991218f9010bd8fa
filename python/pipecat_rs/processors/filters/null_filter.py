"""A filter that lets nothing pass that can be stopped."""

from __future__ import annotations

from pipecat_rs.frames.frames import EndFrame, Frame, SystemFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


class NullFilter(FrameProcessor):
    """Stops all frames but system frames and the EndFrame, both ways.

    A StopFrame is stopped too: a task whose only way leads through here does not end by one.
    """

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a system frame or the EndFrame on, and drop any other.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, (SystemFrame, EndFrame)):
            await self.push_frame(frame, direction)
