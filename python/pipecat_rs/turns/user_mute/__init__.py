"""Strategies that decide when the user is not listened to."""

from pipecat_rs.turns.user_mute.always_user_mute_strategy import AlwaysUserMuteStrategy
from pipecat_rs.turns.user_mute.base_user_mute_strategy import BaseUserMuteStrategy
from pipecat_rs.turns.user_mute.first_speech_user_mute_strategy import FirstSpeechUserMuteStrategy
from pipecat_rs.turns.user_mute.function_call_user_mute_strategy import (
    FunctionCallUserMuteStrategy,
)
from pipecat_rs.turns.user_mute.mute_until_first_bot_complete_user_mute_strategy import (
    MuteUntilFirstBotCompleteUserMuteStrategy,
)

__all__ = [
    "AlwaysUserMuteStrategy",
    "BaseUserMuteStrategy",
    "FirstSpeechUserMuteStrategy",
    "FunctionCallUserMuteStrategy",
    "MuteUntilFirstBotCompleteUserMuteStrategy",
]
