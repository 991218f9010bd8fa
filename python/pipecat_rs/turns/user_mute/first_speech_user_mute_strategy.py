"""The user is muted while the bot speaks for the first time."""

from __future__ import annotations

from pipecat_rs.frames.frames import BotStartedSpeakingFrame, BotStoppedSpeakingFrame, Frame
from pipecat_rs.turns.user_mute.base_user_mute_strategy import BaseUserMuteStrategy


class FirstSpeechUserMuteStrategy(BaseUserMuteStrategy):
    """Mutes the user while the bot speaks for the first time, neither before nor after."""

    handles = (BotStartedSpeakingFrame, BotStoppedSpeakingFrame)

    def __init__(self) -> None:
        """Make a strategy."""
        super().__init__()
        self._bot_speaking = False
        self._first_speech_over = False

    async def process_frame(self, frame: Frame) -> bool:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, BotStartedSpeakingFrame):
            self._bot_speaking = True
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._bot_speaking = False
            self._first_speech_over = True
        return self._bot_speaking and not self._first_speech_over
