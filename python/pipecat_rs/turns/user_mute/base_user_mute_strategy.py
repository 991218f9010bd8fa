"""What decides whether the user is listened to."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pipecat_rs.frames.frames import Frame
from pipecat_rs.utils.base_object import BaseObject

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup


class BaseUserMuteStrategy(BaseObject):
    """Looks at frames and says whether the user is muted.

    Attributes:
        handles: The frames that it looks at, or None for all. A subclass that overrides
            `process_frame` says it anew, or is shown all.
    """

    handles: ClassVar[tuple[type[Frame], ...] | None] = None

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Get ready.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup.task_manager)

    async def cleanup(self) -> None:
        """Release what the strategy holds."""

    async def process_frame(self, frame: Frame) -> bool:
        """Look at a frame.

        Args:
            frame: The frame.

        Returns:
            Whether the user is muted from the next frame on.
        """
        return False
