"""The user is muted while functions run."""

from __future__ import annotations

from pipecat_rs.frames.frames import (
    Frame,
    FunctionCallCancelFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
)
from pipecat_rs.turns.user_mute.base_user_mute_strategy import BaseUserMuteStrategy


class FunctionCallUserMuteStrategy(BaseUserMuteStrategy):
    """Mutes the user while a function call is running."""

    handles = (FunctionCallsStartedFrame, FunctionCallResultFrame, FunctionCallCancelFrame)

    def __init__(self) -> None:
        """Make a strategy."""
        super().__init__()
        self._running: set[str] = set()

    async def process_frame(self, frame: Frame) -> bool:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, FunctionCallsStartedFrame):
            self._running.update(call.tool_call_id for call in frame.function_calls)
        elif isinstance(frame, (FunctionCallResultFrame, FunctionCallCancelFrame)):
            self._running.discard(frame.tool_call_id)
        return bool(self._running)
