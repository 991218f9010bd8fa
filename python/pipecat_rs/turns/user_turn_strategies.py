"""Which strategies decide on the user's turns."""

from __future__ import annotations

from dataclasses import dataclass

from pipecat_rs.turns.turn_completion_config import UserTurnCompletionConfig
from pipecat_rs.turns.user_start import (
    BaseUserTurnStartStrategy,
    ExternalUserTurnStartStrategy,
    TranscriptionUserTurnStartStrategy,
    VADUserTurnStartStrategy,
)
from pipecat_rs.turns.user_stop import (
    BaseUserTurnStopStrategy,
    EagerMatchPolicy,
    EagerUserTurnStopStrategy,
    ExternalUserTurnStopStrategy,
    LLMTurnCompletionUserTurnStopStrategy,
    SpeechTimeoutUserTurnStopStrategy,
    TurnAnalyzerUserTurnStopStrategy,
    deferred,
)


def default_user_turn_start_strategies() -> list[BaseUserTurnStartStrategy]:
    """Return new strategies: voice activity, and behind it transcripts."""
    return [VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()]


def default_user_turn_stop_strategies() -> list[BaseUserTurnStopStrategy]:
    """Return a new strategy: smart turn if this environment has it, else the time of quiet.

    Smart turn needs its network, which pipecat-ai has installed (`audio.turn.smart_turn.model_file`
    says where it is looked for), and onnxruntime.
    """
    from pipecat_rs.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

    if not LocalSmartTurnAnalyzerV3.is_available():
        return [SpeechTimeoutUserTurnStopStrategy()]
    return [TurnAnalyzerUserTurnStopStrategy(turn_analyzer=LocalSmartTurnAnalyzerV3())]


@dataclass
class UserTurnStrategies:
    """The strategies, in the order they are asked.

    Attributes:
        start: Those for the start; voice activity and transcripts if not given.
        stop: Those for the stop; `default_user_turn_stop_strategies` if not given.
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


@dataclass
class FilterIncompleteUserTurnStrategies(UserTurnStrategies):
    """The strategies where the language model decides whether the user has finished.

    Those for the stop only say when it is asked. It begins each answer with a sign, and the turn
    ends with the one that stands for a finished user.

    Attributes:
        config: How turns are judged; None for the defaults.
    """

    config: UserTurnCompletionConfig | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stop = [
            *(deferred(strategy) for strategy in self.stop or ()),
            LLMTurnCompletionUserTurnStopStrategy(config=self.config),
        ]


@dataclass
class EagerUserTurnStrategies(ExternalUserTurnStrategies):
    """The strategies where a service says ahead of time that a turn will end.

    The language model answers at once; the answer is held back until the turn has ended.

    Attributes:
        match_policy: Whether an answer still fits what was said; None for `NormalizedMatch`.
        speculation_timeout: Longest time that an answer is held back, in seconds.
    """

    match_policy: EagerMatchPolicy | None = None
    speculation_timeout: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stop = [
            EagerUserTurnStopStrategy(
                match_policy=self.match_policy, speculation_timeout=self.speculation_timeout
            )
        ]
