"""What a transport can tell, from the frames that pass it, of who is busy in the call."""

from __future__ import annotations

from collections.abc import Callable

from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

ANSWER_PATIENCE_SECS = 6.0
"""After this time without any sign of an answer, none is expected any more."""


class CallActivity:
    """Follows a conversation: who speaks, and is an answer expected or being made?"""

    UPSTREAM = (
        VADUserStartedSpeakingFrame,
        VADUserStoppedSpeakingFrame,
        UserStoppedSpeakingFrame,
        BotStartedSpeakingFrame,
    )
    """Frames to be shown to `saw` by the input, which they reach going upstream."""

    DOWNSTREAM = (
        LLMFullResponseStartFrame,
        LLMFullResponseEndFrame,
        TTSStartedFrame,
        TTSStoppedFrame,
        InterruptionFrame,
    )
    """Frames to be shown to `saw` by the output, which they reach going downstream."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Begin with nobody speaking.

        Args:
            now: The call's clock, in seconds.
        """
        self._now = now
        self._answer_expected_since: float | None = None
        self._answering = False
        self._speech_being_made = False
        self.user_speaking = False

    def saw(self, frame: Frame) -> None:
        """Take note of a frame.

        Args:
            frame: Of the classes in `UPSTREAM` or `DOWNSTREAM`; others are ignored.
        """
        match frame:
            case VADUserStartedSpeakingFrame():
                self.user_speaking = True
                self._answer_expected_since = None
            case VADUserStoppedSpeakingFrame():
                self.user_speaking = False
                self._answer_expected_since = self._now()
            case UserStoppedSpeakingFrame():
                self._answer_expected_since = self._now()
            case BotStartedSpeakingFrame():
                self._answer_expected_since = None
            case LLMFullResponseStartFrame():
                self._answer_expected_since = None
                self._answering = True
            case LLMFullResponseEndFrame():
                self._answering = False
            case TTSStartedFrame():
                self._answer_expected_since = None
                self._speech_being_made = True
            case TTSStoppedFrame():
                self._speech_being_made = False
            case InterruptionFrame():
                self._answering = self._speech_being_made = False

    @property
    def thinking(self) -> bool:
        """Whether the bot is making an answer, or somebody still decides if there will be one.

        That begins when the user pauses: a timer may be running to see if the turn is over.
        """
        if self._answering or self._speech_being_made:
            return True
        since = self._answer_expected_since
        return since is not None and self._now() - since < ANSWER_PATIENCE_SECS
