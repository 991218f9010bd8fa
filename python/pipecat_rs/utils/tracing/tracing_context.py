"""Which conversation and which turn of it the spans of one task belong to."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from pipecat_rs.utils.tracing.setup import is_tracing_available

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext


class TracingContext:
    """The span of the conversation and that of the turn, as contexts for spans below them.

    Each task has one of its own, so that tasks in one process do not mix. A `TurnTraceObserver`
    writes it, services read it. Without OpenTelemetry it stays empty.
    """

    def __init__(self) -> None:
        """Begin without a conversation."""
        self._conversation: Context | None = None
        self._turn: Context | None = None
        self._conversation_id: str | None = None

    @property
    def conversation_id(self) -> str | None:
        """Identifier of the conversation, or None."""
        return self._conversation_id

    def set_conversation_context(
        self, span_context: SpanContext | None, conversation_id: str | None = None
    ) -> None:
        """Set the conversation.

        Args:
            span_context: Of its span; None if it is over.
            conversation_id: Its identifier.
        """
        if is_tracing_available():
            self._conversation_id = conversation_id
            self._conversation = _below(span_context)

    def get_conversation_context(self) -> Context | None:
        """Return the context for spans of the conversation, or None."""
        return self._conversation

    def set_turn_context(self, span_context: SpanContext | None) -> None:
        """Set the turn.

        Args:
            span_context: Of its span; None if it is over.
        """
        if is_tracing_available():
            self._turn = _below(span_context)

    def get_turn_context(self) -> Context | None:
        """Return the context for spans of the turn, or None."""
        return self._turn

    @staticmethod
    def generate_conversation_id() -> str:
        """Return a new random identifier."""
        return str(uuid.uuid4())


def _below(span_context: SpanContext | None) -> Context | None:
    if span_context is None:
        return None
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    return set_span_in_context(NonRecordingSpan(span_context))
