"""A filter that stops what users say until they say a wake phrase."""

from __future__ import annotations

import logging
import re
import time
from enum import Enum

from pipecat_rs.frames.frames import Frame, TranscriptionFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.utils.deprecation import deprecated

_logger = logging.getLogger(__name__)


@deprecated(
    "`WakeCheckFilter` is deprecated since 0.0.106 and will be removed in 2.0.0. "
    "Use `WakePhraseUserTurnStartStrategy` instead."
)
class WakeCheckFilter(FrameProcessor):
    """Stops the transcriptions of each user until a wake phrase is among them.

    The transcription that completes the phrase passes with the text from the phrase on. Those
    after it pass for as long as no pause between them is longer than a time. All other frames
    pass. Deprecated in pipecat 0.0.106.
    """

    handles = (TranscriptionFrame,)

    class WakeState(Enum):
        """Whether a user is heard.

        Attributes:
            IDLE: Not before a wake phrase.
            AWAKE: After a wake phrase.
        """

        IDLE = 1
        AWAKE = 2

    class ParticipantState:
        """What is known about one user.

        Attributes:
            participant_id: Who it is.
            state: Whether the user is heard.
            wake_timer: When the user was last heard, in seconds of a monotonic clock.
            accumulator: What the user said since last heard.
        """

        def __init__(self, participant_id: str) -> None:
            """Make the state of a user who has said nothing.

            Args:
                participant_id: Who it is.
            """
            self.participant_id = participant_id
            self.state = WakeCheckFilter.WakeState.IDLE
            self.wake_timer = 0.0
            self.accumulator = ""

    def __init__(self, wake_phrases: list[str], keepalive_timeout: float = 3) -> None:
        """Make a filter.

        Args:
            wake_phrases: The phrases; case does not count, nor how much space is between words.
            keepalive_timeout: Longest pause after which a user is still heard, in seconds.
        """
        super().__init__()
        self._participants: dict[str, WakeCheckFilter.ParticipantState] = {}
        self._keepalive_timeout = keepalive_timeout
        self._wake_patterns = [_pattern_of(phrase) for phrase in wake_phrases]

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a frame on, unless it is a transcription of a user who is not heard.

        Args:
            frame: The frame.
            direction: Which way it travels; transcriptions are pushed downstream.
        """
        await super().process_frame(frame, direction)
        if not isinstance(frame, TranscriptionFrame):
            await self.push_frame(frame, direction)
        elif self._is_heard(frame):
            await self.push_frame(frame)

    def _is_heard(self, frame: TranscriptionFrame) -> bool:
        """Decide about a transcription; cut off what comes before a wake phrase in it."""
        user = self._participants.get(frame.user_id)
        if user is None:
            user = self._participants[frame.user_id] = self.ParticipantState(frame.user_id)
        now = time.monotonic()
        if user.state is self.WakeState.AWAKE:
            if now - user.wake_timer < self._keepalive_timeout:
                user.wake_timer = now
                return True
            user.state = self.WakeState.IDLE

        user.accumulator += frame.text
        match = self._find_phrase(user.accumulator)
        if match is None:
            return False
        _logger.debug("%s: user %r said %r", self, frame.user_id, match.group())
        user.state = self.WakeState.AWAKE
        user.wake_timer = now
        frame.text = user.accumulator[match.start() :]
        user.accumulator = ""
        return True

    def _find_phrase(self, text: str) -> re.Match[str] | None:
        for pattern in self._wake_patterns:
            if match := pattern.search(text):
                return match
        return None


def _pattern_of(phrase: str) -> re.Pattern[str]:
    words = r"\s*".join(map(re.escape, phrase.split()))
    return re.compile(rf"\b{words}\b", re.IGNORECASE)
