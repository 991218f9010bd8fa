"""A strategy that has the language model run, and leaves the end of the turn to another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import Frame
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_stop.base_user_turn_stop_strategy import BaseUserTurnStopStrategy

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup


class DeferredUserTurnStopStrategy(BaseUserTurnStopStrategy):
    """Wraps a strategy: nobody hears from it that the turn is over."""

    def __init__(self, inner: BaseUserTurnStopStrategy, **kwargs: Any) -> None:
        """Wrap a strategy.

        Args:
            inner: The strategy.
            **kwargs: For `BaseUserTurnStopStrategy`.
        """
        super().__init__(**kwargs)
        self._inner = inner

    @property
    def inner(self) -> BaseUserTurnStopStrategy:
        """The wrapped strategy."""
        return self._inner

    @property
    def resolves_proposed_turn_stop_frames(self) -> bool:
        """Whether the wrapped strategy decides on proposals."""
        return self._inner.resolves_proposed_turn_stop_frames

    def add_event_handler(self, event_name: str, handler: Callable[..., Any]) -> None:
        """Add a handler to the wrapped strategy, unless it is one for the end of the turn.

        Args:
            event_name: Name of the event.
            handler: The function.
        """
        if event_name != "on_user_turn_stopped":
            self._inner.add_event_handler(event_name, handler)

    def remove_event_handler(self, event_name: str, handler: Callable[..., Any]) -> None:
        """Remove a handler from the wrapped strategy, if it is there.

        Args:
            event_name: Name of the event.
            handler: The function.
        """
        self._inner.remove_event_handler(event_name, handler)

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Set both up.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        await self._inner.setup(setup)

    async def cleanup(self) -> None:
        """Clean both up."""
        await super().cleanup()
        await self._inner.cleanup()

    async def handle_user_turn_started(self) -> None:
        """Tell the wrapped strategy."""
        await self._inner.handle_user_turn_started()

    async def handle_user_turn_stopped(self) -> None:
        """Tell the wrapped strategy."""
        await self._inner.handle_user_turn_stopped()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult | None:
        """Have the wrapped strategy look at a frame.

        Args:
            frame: The frame.
        """
        return await self._inner.process_frame(frame)


def deferred(strategy: BaseUserTurnStopStrategy) -> DeferredUserTurnStopStrategy:
    """Wrap a strategy, so that another one in the list decides when the turn is over.

    Args:
        strategy: The strategy.
    """
    return DeferredUserTurnStopStrategy(strategy)
