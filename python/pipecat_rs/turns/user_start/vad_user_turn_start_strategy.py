"""The user's turn starts with the user's voice."""

from __future__ import annotations

from pipecat_rs.frames.frames import Frame, VADUserStartedSpeakingFrame
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_start.base_user_turn_start_strategy import BaseUserTurnStartStrategy


class VADUserTurnStartStrategy(BaseUserTurnStartStrategy):
    """Starts the turn when voice activity detection finds the beginning of speech."""

    handles = (VADUserStartedSpeakingFrame,)

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, VADUserStartedSpeakingFrame):
            await self.trigger_user_turn_started()
            return ProcessFrameResult.STOP
        return ProcessFrameResult.CONTINUE
