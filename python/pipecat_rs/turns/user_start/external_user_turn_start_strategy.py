"""The user's turn starts when another processor says so."""

from __future__ import annotations

from pipecat_rs.frames.frames import (
    Frame,
    ProposedUserStartedSpeakingFrame,
    UserStartedSpeakingFrame,
)
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_start.base_user_turn_start_strategy import BaseUserTurnStartStrategy


class ExternalUserTurnStartStrategy(BaseUserTurnStartStrategy):
    """Starts the turn at a service's proposal, or takes over one that was announced.

    A proposal is announced here, and interrupts; a turn announced elsewhere has done both.
    """

    handles = (ProposedUserStartedSpeakingFrame, UserStartedSpeakingFrame)

    @property
    def resolves_proposed_turn_start_frames(self) -> bool:
        """True: a proposal ends here."""
        return True

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, ProposedUserStartedSpeakingFrame):
            await self.trigger_user_turn_started()
            return ProcessFrameResult.STOP
        if isinstance(frame, UserStartedSpeakingFrame):
            await self.trigger_user_turn_started(
                enable_interruptions=False, enable_user_speaking_frames=False
            )
            return ProcessFrameResult.STOP
        return ProcessFrameResult.CONTINUE
