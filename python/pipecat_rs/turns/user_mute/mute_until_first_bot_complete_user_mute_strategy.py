"""The user is muted until the bot has spoken for the first time."""

from __future__ import annotations

import logging

from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    ErrorFrame,
    Frame,
)
from pipecat_rs.turns.user_mute.base_user_mute_strategy import BaseUserMuteStrategy

_logger = logging.getLogger(__name__)


class MuteUntilFirstBotCompleteUserMuteStrategy(BaseUserMuteStrategy):
    """Mutes the user from the beginning to the end of the bot's first speech.

    An error before the bot has begun to speak ends it too: there would be no speech to wait for.
    """

    handles = (BotStartedSpeakingFrame, BotStoppedSpeakingFrame, ErrorFrame)

    def __init__(self) -> None:
        """Make a strategy."""
        super().__init__()
        self._bot_started_speaking = False
        self._muted = True

    async def process_frame(self, frame: Frame) -> bool:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, BotStartedSpeakingFrame):
            self._bot_started_speaking = True
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._muted = False
        elif isinstance(frame, ErrorFrame) and self._muted and not self._bot_started_speaking:
            _logger.warning(
                "%s: the user is heard although the bot has not spoken, after an error of %s: %s",
                self,
                frame.processor,
                frame.error,
            )
            self._muted = False
        return self._muted
