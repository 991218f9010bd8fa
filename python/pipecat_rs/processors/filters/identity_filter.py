"""A filter that lets everything pass."""

from __future__ import annotations

from pipecat_rs.frames.frames import Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


class IdentityFilter(FrameProcessor):
    """Passes every frame on as it is, such as in a branch of a `ParallelPipeline`."""

    handles = ()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a frame on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
