"""Strategies that decide when the user's turn stops."""

from pipecat_rs.turns.user_stop.base_user_turn_stop_strategy import (
    BaseUserTurnStopStrategy,
    UserTurnStoppedParams,
)
from pipecat_rs.turns.user_stop.deferred_user_turn_stop_strategy import (
    DeferredUserTurnStopStrategy,
    deferred,
)
from pipecat_rs.turns.user_stop.eager_match_policy import (
    EagerMatchPolicy,
    ExactMatch,
    NormalizedMatch,
)
from pipecat_rs.turns.user_stop.eager_user_turn_stop_strategy import EagerUserTurnStopStrategy
from pipecat_rs.turns.user_stop.external_user_turn_completion_stop_strategy import (
    ExternalUserTurnCompletionStopStrategy,
)
from pipecat_rs.turns.user_stop.external_user_turn_stop_strategy import (
    ExternalUserTurnStopStrategy,
)
from pipecat_rs.turns.user_stop.llm_turn_completion_user_turn_stop_strategy import (
    LLMTurnCompletionUserTurnStopStrategy,
)
from pipecat_rs.turns.user_stop.speech_timeout_user_turn_stop_strategy import (
    SpeechTimeoutUserTurnStopStrategy,
)
from pipecat_rs.turns.user_stop.turn_analyzer_user_turn_stop_strategy import (
    TurnAnalyzerUserTurnStopStrategy,
)

__all__ = [
    "BaseUserTurnStopStrategy",
    "DeferredUserTurnStopStrategy",
    "EagerMatchPolicy",
    "EagerUserTurnStopStrategy",
    "ExactMatch",
    "ExternalUserTurnCompletionStopStrategy",
    "ExternalUserTurnStopStrategy",
    "LLMTurnCompletionUserTurnStopStrategy",
    "NormalizedMatch",
    "SpeechTimeoutUserTurnStopStrategy",
    "TurnAnalyzerUserTurnStopStrategy",
    "UserTurnStoppedParams",
    "deferred",
]
