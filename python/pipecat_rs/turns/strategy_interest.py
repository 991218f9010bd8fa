"""Which frames the strategies of the user's turns have to be shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipecat_rs.frames.frames import Frame
from pipecat_rs.processors.interest import declared_interest
from pipecat_rs.turns.user_stop import DeferredUserTurnStopStrategy
from pipecat_rs.turns.user_turn_strategies import UserTurnStrategies


def interest_with(
    own: Iterable[type[Frame]] | None, strategies: Iterable[Any]
) -> tuple[type[Frame], ...] | None:
    """Return the frames that an owner of strategies has to be shown; None for all.

    Args:
        own: Those that it handles itself, or None for all.
        strategies: The strategies.
    """
    wanted = [own, *(declared_interest(type(_innermost(strategy))) for strategy in strategies)]
    if any(interest is None for interest in wanted):
        return None
    return tuple({cls for interest in wanted for cls in interest or ()})


def all_strategies(strategies: UserTurnStrategies) -> list[Any]:
    """Return the strategies for the start and for the stop.

    Args:
        strategies: What holds them.
    """
    return [*(strategies.start or ()), *(strategies.stop or ())]


def _innermost(strategy: Any) -> Any:
    while isinstance(strategy, DeferredUserTurnStopStrategy):
        strategy = strategy.inner
    return strategy
