"""Spans are kept in memory, in place of an exporter."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

_kept = InMemorySpanExporter()
_is_set = False


class Spans:
    """The spans that have ended, in that order."""

    def __call__(self, name: str | None = None) -> list[ReadableSpan]:
        return [s for s in _kept.get_finished_spans() if name in (None, s.name)]

    def one(self, name: str) -> ReadableSpan:
        (found,) = self(name)
        return found

    def parent(self, span: ReadableSpan) -> ReadableSpan | None:
        above = span.parent.span_id if span.parent else None
        return next((s for s in self() if s.context.span_id == above), None)


@pytest.fixture
def spans() -> Iterator[Spans]:
    """What is recorded by the test. A process has one provider of spans, for good."""
    global _is_set
    if not _is_set:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(_kept))
        trace.set_tracer_provider(provider)
        _is_set = True
    _kept.clear()
    yield Spans()
    _kept.clear()


@pytest.fixture
def attributes_of() -> Callable[..., dict[str, Any]]:
    """Calls a function that describes a span, and returns what it has written."""

    class Slate:
        def __init__(self) -> None:
            self.written: dict[str, Any] = {}

        def set_attribute(self, name: str, value: Any) -> None:
            self.written[name] = value

    def described(function: Callable[..., None], **arguments: Any) -> dict[str, Any]:
        slate = Slate()
        function(span=slate, **arguments)
        return slate.written

    return described
