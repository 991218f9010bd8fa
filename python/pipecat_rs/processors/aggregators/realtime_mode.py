"""What turns are like beside a realtime service: one that hears the user and speaks by itself."""

from __future__ import annotations

from typing import Any

from pipecat_rs.turns.user_start import TranscriptionUserTurnStartStrategy
from pipecat_rs.turns.user_turn_strategies import UserTurnStrategies


def suit_to_realtime(strategies: UserTurnStrategies) -> str:
    """Take transcripts out of turn taking: there they are a by-product, and late.

    Args:
        strategies: The strategies, which are changed.

    Returns:
        What has changed, in words; "" if nothing has.
    """
    changes: list[str] = []
    kept = []
    for strategy in strategies.start or ():
        if isinstance(strategy, TranscriptionUserTurnStartStrategy):
            changes.append(f"{type(strategy).__name__} starts no turns")
        else:
            kept.append(strategy)
    strategies.start = kept
    for strategy in strategies.stop or ():
        if _ignores_transcripts_now(strategy):
            changes.append(f"{type(strategy).__name__} waits for no transcript")
    return ", ".join(changes)


def _ignores_transcripts_now(strategy: Any) -> bool:
    if not getattr(strategy, "wait_for_transcript", False):
        return False
    try:
        strategy.wait_for_transcript = False
    except AttributeError:  # a strategy of somebody else's that cannot be told
        return False
    return True
