"""The user's turn starts once the user has said enough."""

from __future__ import annotations

from typing import Any

from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
)
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_start.base_user_turn_start_strategy import BaseUserTurnStartStrategy


class MinWordsUserTurnStartStrategy(BaseUserTurnStartStrategy):
    """Starts the turn at a number of words while the bot speaks, otherwise at the first one.

    A transcript with fewer words is forgotten.
    """

    handles = (
        BotStartedSpeakingFrame,
        BotStoppedSpeakingFrame,
        TranscriptionFrame,
        InterimTranscriptionFrame,
    )

    def __init__(self, *, min_words: int, use_interim: bool = True, **kwargs: Any) -> None:
        """Make a strategy.

        Args:
            min_words: The number of words.
            use_interim: Whether words of a transcript that may still change count.
            **kwargs: For `BaseUserTurnStartStrategy`.
        """
        super().__init__(**kwargs)
        self._min_words = min_words
        self._use_interim = use_interim
        self._bot_speaking = False

    async def handle_user_turn_started(self) -> None:
        """Begin anew: the turn has the floor now."""
        self._bot_speaking = False

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, BotStartedSpeakingFrame):
            self._bot_speaking = True
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._bot_speaking = False
        elif isinstance(frame, TranscriptionFrame) or (
            self._use_interim and isinstance(frame, InterimTranscriptionFrame)
        ):
            if len(frame.text.split()) >= (self._min_words if self._bot_speaking else 1):
                await self.trigger_user_turn_started()
                return ProcessFrameResult.STOP
            await self.trigger_reset_aggregation()
        return ProcessFrameResult.CONTINUE
