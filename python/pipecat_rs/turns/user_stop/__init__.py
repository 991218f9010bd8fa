"""Strategies that decide when the user's turn stops."""

from pipecat_rs.turns.user_stop.base_user_turn_stop_strategy import (
    BaseUserTurnStopStrategy,
    UserTurnStoppedParams,
)
from pipecat_rs.turns.user_stop.deferred_user_turn_stop_strategy import (
    DeferredUserTurnStopStrategy,
    deferred,
)
from pipecat_rs.turns.user_stop.external_user_turn_stop_strategy import (
    ExternalUserTurnStopStrategy,
)
from pipecat_rs.turns.user_stop.speech_timeout_user_turn_stop_strategy import (
    SpeechTimeoutUserTurnStopStrategy,
)

__all__ = [
    "BaseUserTurnStopStrategy",
    "DeferredUserTurnStopStrategy",
    "ExternalUserTurnStopStrategy",
    "SpeechTimeoutUserTurnStopStrategy",
    "UserTurnStoppedParams",
    "deferred",
]
