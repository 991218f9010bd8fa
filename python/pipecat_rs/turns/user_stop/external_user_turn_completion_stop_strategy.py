"""The user's turn stops when another processor has judged what was said to be complete."""

from __future__ import annotations

from pipecat_rs.frames.frames import Frame, UserTurnInferenceCompletedFrame
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_stop.base_user_turn_stop_strategy import BaseUserTurnStopStrategy


class ExternalUserTurnCompletionStopStrategy(BaseUserTurnStopStrategy):
    """Ends the turn at a `UserTurnInferenceCompletedFrame`.

    When the language model runs is for other strategies to say, wrapped by `deferred`. If the judge
    says nothing, a turn left open ends by itself as any other; if it says so while the user speaks
    again, it is not heeded.
    """

    handles = (UserTurnInferenceCompletedFrame,)

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, UserTurnInferenceCompletedFrame):
            await self.trigger_user_turn_finalized()
        return ProcessFrameResult.CONTINUE
