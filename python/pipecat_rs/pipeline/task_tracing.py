"""The spans of one task: who records them, and where its services find them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipecat_rs.observers.user_bot_latency_observer import UserBotLatencyObserver
from pipecat_rs.utils.tracing.tracing_context import TracingContext
from pipecat_rs.utils.tracing.turn_trace_observer import TurnTraceObserver

if TYPE_CHECKING:
    from pipecat_rs.observers.base_observer import BaseObserver
    from pipecat_rs.observers.turn_tracking_observer import TurnTrackingObserver


class TaskTracing:
    """A task's conversation and turns, as spans.

    Attributes:
        context: Where services find the span that theirs go below.
        turn_trace_observer: What records conversation and turns.
        observers: The observers that this takes.
    """

    def __init__(
        self,
        turn_tracker: TurnTrackingObserver,
        conversation_id: str | None,
        additional_span_attributes: Mapping[str, Any],
    ) -> None:
        """Prepare the observers.

        Args:
            turn_tracker: Tells when turns begin and end.
            conversation_id: Identifier of the conversation, or None for a random one.
            additional_span_attributes: Attributes of the conversation's span.
        """
        self.context = TracingContext()
        latency_tracker = UserBotLatencyObserver()
        self.turn_trace_observer = TurnTraceObserver(
            turn_tracker,
            latency_tracker,
            conversation_id=conversation_id,
            additional_span_attributes=additional_span_attributes,
            tracing_context=self.context,
        )
        self.observers: list[BaseObserver] = [latency_tracker, self.turn_trace_observer]
