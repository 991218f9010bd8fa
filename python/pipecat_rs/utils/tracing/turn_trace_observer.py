"""A span for each conversation, and below it one for each turn."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.lifecycle import StartFrame
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.utils.tracing.setup import is_tracing_available
from pipecat_rs.utils.tracing.tracing_context import TracingContext

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext, Tracer

    from pipecat_rs.observers.turn_tracking_observer import TurnTrackingObserver
    from pipecat_rs.observers.user_bot_latency_observer import UserBotLatencyObserver

_logger = logging.getLogger(__name__)


class TurnTraceObserver(BaseObserver):
    """Records conversation and turns as spans; those of services go below the turn's.

    The conversation begins with the StartFrame, so that nothing that is traced before the first
    turn stays outside of it.
    """

    handles = (StartFrame,)

    def __init__(
        self,
        turn_tracker: TurnTrackingObserver,
        latency_tracker: UserBotLatencyObserver,
        conversation_id: str | None = None,
        additional_span_attributes: Mapping[str, Any] | None = None,
        tracing_context: TracingContext | None = None,
        **kwargs: Any,
    ) -> None:
        """Follow two other observers.

        Args:
            turn_tracker: Tells when a turn begins and ends.
            latency_tracker: Tells how long the user waited for the answer.
            conversation_id: Identifier of the conversation, or None for a random one.
            additional_span_attributes: Attributes of the conversation's span.
            tracing_context: Where services find the spans.
            **kwargs: See `BaseObserver`.
        """
        super().__init__(**kwargs)
        self._conversation_id = conversation_id
        self._additional_span_attributes = dict(additional_span_attributes or {})
        self._tracing_context = tracing_context or TracingContext()
        self._conversation_span: Span | None = None
        self._turn_span: Span | None = None
        self._turn_number = 0
        self._turns: dict[int, SpanContext] = {}
        turn_tracker.add_event_handler("on_turn_started", self._turn_started)
        turn_tracker.add_event_handler("on_turn_ended", self._turn_ended)
        latency_tracker.add_event_handler("on_latency_measured", self._latency_measured)

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        if isinstance(data.frame, StartFrame) and self._conversation_span is None:
            self.start_conversation_tracing(self._conversation_id)

    def start_conversation_tracing(self, conversation_id: str | None = None) -> None:
        """Begin the conversation's span.

        Args:
            conversation_id: Identifier of the conversation, or None for a random one.
        """
        if not is_tracing_available():
            return
        self._conversation_id = conversation_id or TracingContext.generate_conversation_id()
        span = self._tracer().start_span("conversation")
        span.set_attribute("conversation.id", self._conversation_id)
        span.set_attribute("conversation.type", "voice")
        for name, value in self._additional_span_attributes.items():
            span.set_attribute(name, value)
        self._conversation_span = span
        self._tracing_context.set_conversation_context(
            span.get_span_context(), self._conversation_id
        )
        _logger.debug("%s: conversation %s is traced", self, self._conversation_id)

    def end_conversation_tracing(self) -> None:
        """End the conversation's span, and that of a turn which is not over yet."""
        self._end_turn({"turn.was_interrupted": True, "turn.ended_by_conversation_end": True})
        if self._conversation_span is not None:
            self._conversation_span.end()
            self._conversation_span = None
            self._conversation_id = None
            self._tracing_context.set_conversation_context(None)

    def get_current_turn_context(self) -> SpanContext | None:
        """Return the context of the present turn's span, or None between turns."""
        return None if self._turn_span is None else self._turn_span.get_span_context()

    def get_turn_context(self, turn_number: int) -> SpanContext | None:
        """Return the context of a turn's span, also if the turn is over; None if there is none.

        Args:
            turn_number: The turn, counted from 1.
        """
        return self._turns.get(turn_number)

    async def _turn_started(self, _tracker: Any, turn_number: int) -> None:
        if not is_tracing_available():
            return
        if turn_number == 1 and self._conversation_span is None:
            self.start_conversation_tracing(self._conversation_id)
        parent = self._tracing_context.get_conversation_context()
        span = self._tracer().start_span("turn", context=parent)
        span.set_attribute("turn.number", turn_number)
        span.set_attribute("turn.type", "conversation")
        if self._conversation_id:
            span.set_attribute("conversation.id", self._conversation_id)
        self._turn_span, self._turn_number = span, turn_number
        self._turns[turn_number] = span.get_span_context()
        self._tracing_context.set_turn_context(span.get_span_context())

    async def _turn_ended(
        self, _tracker: Any, turn_number: int, duration: float, was_interrupted: bool
    ) -> None:
        # Both events come in tasks: the next turn may have begun.
        if turn_number == self._turn_number:
            self._end_turn(
                {"turn.duration_seconds": duration, "turn.was_interrupted": was_interrupted}
            )

    async def _latency_measured(self, _tracker: Any, seconds: float) -> None:
        if self._turn_span is not None:
            self._turn_span.set_attribute("turn.user_bot_latency_seconds", seconds)

    def _end_turn(self, attributes: Mapping[str, Any]) -> None:
        if self._turn_span is None:
            return
        for name, value in attributes.items():
            self._turn_span.set_attribute(name, value)
        self._turn_span.end()
        self._turn_span = None
        self._tracing_context.set_turn_context(None)

    @staticmethod
    def _tracer() -> Tracer:
        from opentelemetry import trace

        return trace.get_tracer("pipecat.turn")
