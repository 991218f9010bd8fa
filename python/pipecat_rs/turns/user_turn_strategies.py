"""Which strategies decide on the user's turns."""

from __future__ import annotations

from dataclasses import dataclass

from pipecat_rs.turns.user_start import (
    BaseUserTurnStartStrategy,
    ExternalUserTurnStartStrategy,
    TranscriptionUserTurnStartStrategy,
    VADUserTurnStartStrategy,
)
from pipecat_rs.turns.user_stop import (
    BaseUserTurnStopStrategy,
    ExternalUserTurnStopStrategy,
    SpeechTimeoutUserTurnStopStrategy,
)


def default_user_turn_start_strategies() -> list[BaseUserTurnStartStrategy]:
    """Return new strategies: voice activity, and behind it transcripts."""
    return [VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()]


def default_user_turn_stop_strategies() -> list[BaseUserTurnStopStrategy]:
    """Return a new strategy: the time the user has been quiet."""
    return [SpeechTimeoutUserTurnStopStrategy()]


@dataclass
class UserTurnStrategies:
    """The strategies, in the order they are asked.

    Attributes:
        start: Those for the start; voice activity and transcripts if not given.
        stop: Those for the stop; the time the user has been quiet if not given.
    """

    start: list[BaseUserTurnStartStrategy] | None = None
    stop: list[BaseUserTurnStopStrategy] | None = None

    def __post_init__(self) -> None:
        if not self.start:
            self.start = default_user_turn_start_strategies()
        if not self.stop:
            self.stop = default_user_turn_stop_strategies()


@dataclass
class ExternalUserTurnStrategies(UserTurnStrategies):
    """The strategies where another processor, or a service, decides on turns.

    Attributes:
        enable_interruptions: Whether a turn which a service proposes interrupts the bot.
    """

    enable_interruptions: bool = True

    def __post_init__(self) -> None:
        self.start = [ExternalUserTurnStartStrategy(enable_interruptions=self.enable_interruptions)]
        self.stop = [ExternalUserTurnStopStrategy()]
