"""Decorators that trace the methods of services.

Without OpenTelemetry they return the method as it is. With it, a method costs one look at an
attribute more, unless the task is traced.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipecat_rs.utils.tracing.service_attributes import (
    add_gemini_live_span_attributes,
    add_llm_span_attributes,
    add_openai_realtime_span_attributes,
)
from pipecat_rs.utils.tracing.service_spans import (
    SPANS_MARK,
    LLMSpans,
    STTSpans,
    TTSSpans,
    model_of,
    never_failing,
    open_span,
)
from pipecat_rs.utils.tracing.setup import is_tracing_available

if TYPE_CHECKING:
    from opentelemetry.trace import Span

__all__ = [
    "traced_gemini_live",
    "traced_llm",
    "traced_openai_realtime",
    "traced_stt",
    "traced_tts",
]

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def traced_tts(func: Callable[..., Any] | None = None, *, name: str | None = None) -> Any:
    """Trace `run_tts` of a text-to-speech service: a span ``tts`` for each request.

    The span is open from the beginning of the request's audio context to its end, and tells the
    whole text, the voice, and the time to first byte.

    Args:
        func: The method, an async generator or a coroutine.
        name: Accepted as pipecat has it; the span's name does not change.
    """
    return _decorate(func, _trace_tts)


def traced_stt(func: Callable[..., Any] | None = None, *, name: str | None = None) -> Any:
    """Trace a speech-to-text service: a span ``stt`` for each final transcript.

    Which method it decorates does not matter: the frames that the service pushes tell where speech
    begins and ends.

    Args:
        func: The method; it is left as it is.
        name: Accepted as pipecat has it; the span's name does not change.
    """
    return _decorate(func, _trace_stt)


def traced_llm(func: Callable[..., Any] | None = None, *, name: str | None = None) -> Any:
    """Trace the method of a language model service that answers a context: a span ``llm``.

    The span tells the conversation, the functions, the settings, the answer, its tokens, and the
    time to first byte.

    Args:
        func: The method, a coroutine whose first argument is the context.
        name: Accepted as pipecat has it; the span's name does not change.
    """
    return _decorate(func, _trace_llm)


def traced_gemini_live(operation: str) -> _Decorator:
    """Trace a method of a Gemini Live service.

    Args:
        operation: What it does, and the span's name: ``llm_setup``, ``llm_tool_call``,
            ``llm_tool_result`` or ``llm_response``.
    """

    def describe(span: Span, service: Any, args: tuple[Any, ...]) -> None:
        from pipecat_rs.utils.tracing.realtime_attributes import of_gemini_live

        settings = getattr(service, "_settings", None)
        modalities = getattr(settings, "modalities", None)
        add_gemini_live_span_attributes(
            span=span,
            service_name=type(service).__name__,
            model=model_of(service),
            operation_name=operation,
            voice_id=getattr(service, "_voice_id", None),
            language=getattr(service, "_language_code", None),
            modalities=None if not modalities else str(getattr(modalities, "value", modalities)),
            settings=settings,
            **of_gemini_live(operation, service, args),
        )
        _set_ttfb(span, service)

    return _traced_operation(operation, describe)


def traced_openai_realtime(operation: str) -> _Decorator:
    """Trace a method of an OpenAI Realtime service.

    Args:
        operation: What it does, and the span's name: ``llm_setup``, ``llm_request`` or
            ``llm_response``.
    """

    def describe(span: Span, service: Any, args: tuple[Any, ...]) -> None:
        from pipecat_rs.utils.tracing.realtime_attributes import of_openai_realtime

        add_openai_realtime_span_attributes(
            span=span,
            service_name=type(service).__name__,
            model=model_of(service),
            operation_name=operation,
            **of_openai_realtime(operation, service, args),
        )
        if operation == "llm_response":
            _set_ttfb(span, service)

    return _traced_operation(operation, describe)


# ---- the methods


def _decorate(func: Callable[..., Any] | None, trace: _Decorator) -> Any:
    """Serve both ``@traced`` and ``@traced(name=...)``."""
    if func is None:
        return functools.partial(_decorate, trace=trace)
    return trace(func) if is_tracing_available() else func


def _trace_tts(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapper(self: Any, text: str, *args: Any, **kwargs: Any) -> Any:
        spans = getattr(self, "_spans", None)
        if isinstance(spans, TTSSpans):
            spans.add_text(args[0] if args else kwargs.get("context_id", ""), text)
        # The generator or coroutine itself: closing it reaches the method.
        return method(self, text, *args, **kwargs)

    setattr(wrapper, SPANS_MARK, TTSSpans)
    return wrapper


def _trace_stt(method: Callable[..., Any]) -> Callable[..., Any]:
    setattr(method, SPANS_MARK, STTSpans)
    return method


def _trace_llm(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def wrapper(self: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        spans = getattr(self, "_spans", None)
        span = _opened(self, "llm") if isinstance(spans, LLMSpans) else None
        if span is None or not isinstance(spans, LLMSpans):
            return await method(self, context, *args, **kwargs)
        _describe_answer(span, self, context)
        with _current(span):
            spans.begin(span)
            try:
                return await method(self, context, *args, **kwargs)
            finally:
                spans.finish()
                _set_ttfb(span, self)

    setattr(wrapper, SPANS_MARK, LLMSpans)
    return wrapper


def _traced_operation(
    operation: str, describe: Callable[[Any, Any, tuple[Any, ...]], None]
) -> _Decorator:
    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        if not is_tracing_available():
            return method

        @functools.wraps(method)
        async def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            is_traced = getattr(self, "_tracing_enabled", False)
            span = _opened(self, operation) if is_traced else None
            if span is None:
                return await method(self, *args, **kwargs)
            never_failing(describe)(span, self, args)
            with _current(span):
                return await method(self, *args, **kwargs)

        return wrapper

    return decorate


# ---- the spans

_opened = never_failing(open_span)


@contextmanager
def _current(span: Span) -> Iterator[None]:
    """Make a span the current one, so that spans of what is called go below it, and end it."""
    from opentelemetry import trace

    with trace.use_span(span, end_on_exit=True):
        yield


@never_failing
def _set_ttfb(span: Span, service: Any) -> None:
    ttfb = getattr(getattr(service, "_metrics", None), "ttfb", None)
    if ttfb is not None:
        span.set_attribute("metrics.ttfb", ttfb)


@never_failing
def _describe_answer(span: Span, service: Any, context: Any) -> None:
    messages, tools = _request_of(service, context) or (None, None)
    given = service._settings.given_fields() if hasattr(service, "_settings") else {}
    parameters = {
        name: "NOT_GIVEN" if value is None else value
        for name, value in given.items()
        if name != "system_instruction"  # which has an attribute of its own
    }
    add_llm_span_attributes(
        span=span,
        service_name=type(service).__name__,
        model=model_of(service),
        messages=json.dumps(messages) if messages else None,
        tools=json.dumps(tools) if tools else None,
        tool_count=(len(tools) if isinstance(tools, list) else 1) if tools else None,
        system_instructions=system_instruction_of(service, context),
        parameters=parameters,
    )


@never_failing
def _request_of(service: Any, context: Any) -> tuple[Any, Any]:
    """Return messages and functions as the provider gets them, for services that can tell."""
    if not hasattr(service, "get_llm_adapter"):
        return context.get_messages(), None
    adapter = service.get_llm_adapter()
    tools = adapter.from_standard_tools(context.tools) if hasattr(context, "tools") else None
    return adapter.get_messages_for_logging(context), tools


def system_instruction_of(service: Any, context: Any) -> str | None:
    """Return what the model is told ahead of the conversation: by settings, else by the context.

    Args:
        service: The service.
        context: The conversation, or None.
    """
    instruction = getattr(getattr(service, "settings", None), "system_instruction", None)
    if instruction:
        return instruction
    messages = context.get_messages() if context else []
    first = messages[0] if messages else None
    if not isinstance(first, dict) or first.get("role") != "system":
        return None
    content = first.get("content")
    if isinstance(content, list):
        texts = [p for p in content if isinstance(p, dict) and p.get("type") == "text"]
        return " ".join(part.get("text", "") for part in texts)
    return content if isinstance(content, str) else None
