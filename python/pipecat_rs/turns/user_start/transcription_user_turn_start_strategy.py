"""The user's turn starts with the user's words."""

from __future__ import annotations

from typing import Any

from pipecat_rs.frames.frames import Frame, InterimTranscriptionFrame, TranscriptionFrame
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_start.base_user_turn_start_strategy import BaseUserTurnStartStrategy


class TranscriptionUserTurnStartStrategy(BaseUserTurnStartStrategy):
    """Starts the turn when there is a transcript.

    It stands behind voice activity detection for speech too soft for that.
    """

    handles = (TranscriptionFrame, InterimTranscriptionFrame)

    def __init__(self, *, use_interim: bool = True, **kwargs: Any) -> None:
        """Make a strategy.

        Args:
            use_interim: Whether a transcript that may still change is enough.
            **kwargs: For `BaseUserTurnStartStrategy`.
        """
        super().__init__(**kwargs)
        self._use_interim = use_interim

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, TranscriptionFrame) or (
            self._use_interim and isinstance(frame, InterimTranscriptionFrame)
        ):
            await self.trigger_user_turn_started()
            return ProcessFrameResult.STOP
        return ProcessFrameResult.CONTINUE
