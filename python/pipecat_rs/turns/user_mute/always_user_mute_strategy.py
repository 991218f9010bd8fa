"""The user is muted whenever the bot speaks."""

from __future__ import annotations

from pipecat_rs.frames.frames import BotStartedSpeakingFrame, BotStoppedSpeakingFrame, Frame
from pipecat_rs.turns.user_mute.base_user_mute_strategy import BaseUserMuteStrategy


class AlwaysUserMuteStrategy(BaseUserMuteStrategy):
    """Mutes the user while the bot speaks."""

    handles = (BotStartedSpeakingFrame, BotStoppedSpeakingFrame)

    def __init__(self) -> None:
        """Make a strategy."""
        super().__init__()
        self._bot_speaking = False

    async def process_frame(self, frame: Frame) -> bool:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, (BotStartedSpeakingFrame, BotStoppedSpeakingFrame)):
            self._bot_speaking = isinstance(frame, BotStartedSpeakingFrame)
        return self._bot_speaking
