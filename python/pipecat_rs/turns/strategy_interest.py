"""Which frames the strategies of the user's turns have to be shown, and what listens for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipecat_rs import _core
from pipecat_rs.frames.frames import Frame, InputAudioRawFrame
from pipecat_rs.processors.interest import declared_interest
from pipecat_rs.turns.user_stop import (
    DeferredUserTurnStopStrategy,
    TurnAnalyzerUserTurnStopStrategy,
)
from pipecat_rs.turns.user_turn_strategies import UserTurnStrategies


def interest_with(
    own: Iterable[type[Frame]] | None, strategies: Iterable[Any]
) -> tuple[type[Frame], ...] | None:
    """Return the frames that an owner of strategies has to be shown; None for all.

    Args:
        own: Those that it handles itself, or None for all.
        strategies: The strategies.
    """
    wanted = [own, *(_interest_of(_innermost(strategy)) for strategy in strategies)]
    if any(interest is None for interest in wanted):
        return None
    return tuple({cls for interest in wanted for cls in interest or ()})


def all_strategies(strategies: UserTurnStrategies) -> list[Any]:
    """Return the strategies for the start and for the stop.

    Args:
        strategies: What holds them.
    """
    return [*(strategies.start or ()), *(strategies.stop or ())]


def audio_taps(strategies: Iterable[Any]) -> list[_core.SpeechSegment]:
    """Have strategies gather their audio natively, where they can.

    Args:
        strategies: The strategies.

    Returns:
        What has to listen in front of the owner, whose strategies are shown less then.
    """
    inner = (_innermost(strategy) for strategy in strategies)
    taps = (s.audio_tap() for s in inner if isinstance(s, TurnAnalyzerUserTurnStopStrategy))
    return [tap for tap in taps if tap is not None]


def layout_with(
    owner: Any,
    seat: tuple[Any, ...],
    taps: list[_core.SpeechSegment],
    *,
    has_own_vad: bool = False,
) -> tuple[Any, ...]:
    """Describe an owner's seat, with what listens in front of it, to the engine.

    Args:
        owner: The owner.
        seat: Its part of the layout.
        taps: What listens.
        has_own_vad: Whether the owner finds voice activity itself, and says so to its strategies.
    """
    for tap in taps:
        tap.set_follows_frames(not has_own_vad)
    parts = [("native", f"{owner}::turn", tap) for tap in taps]
    return ("sequence", [*parts, seat]) if parts else seat


def _interest_of(strategy: Any) -> tuple[type[Frame], ...] | None:
    interest = declared_interest(type(strategy))
    is_tapped = isinstance(strategy, TurnAnalyzerUserTurnStopStrategy) and strategy.is_tapped
    if interest is None or not is_tapped:
        return interest
    return tuple(kind for kind in interest if kind is not InputAudioRawFrame)


def _innermost(strategy: Any) -> Any:
    while isinstance(strategy, DeferredUserTurnStopStrategy):
        strategy = strategy.inner
    return strategy
