"""The spans of a service: when they begin and end, and what is written on them meanwhile.

A traced method (see `service_decorators`) names one of these classes, and the base service makes
one of it for each instance in its set-up if the task is traced. Where nothing is traced there is
none, and nothing is spent. What goes wrong here is logged: tracing never stops a service.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from pipecat_rs.frames.frames import (
    Frame,
    LLMTextFrame,
    MetricsFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat_rs.metrics.metrics import LLMTokenUsage, STTUsage, TTFBMetricsData
from pipecat_rs.utils.tracing.service_attributes import (
    add_stt_span_attributes,
    add_tts_span_attributes,
)

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from pipecat_rs.services.speech_queue import SpeechContext

_logger = logging.getLogger(__name__)

_Function = TypeVar("_Function", bound=Callable[..., Any])

SPANS_MARK = "_opens_spans"
"""Attribute of a traced method: the class of what keeps its spans."""


def spans_of(service: Any) -> ServiceSpans | None:
    """Return what keeps the spans of a service, or None if none of its methods is traced.

    Args:
        service: A service in its set-up, of a task that is traced.
    """
    for cls in type(service).__mro__:
        for member in vars(cls).values():
            kind = getattr(member, SPANS_MARK, None)
            if kind is not None:
                return kind(service)
    return None


def parent_context(service: Any) -> Context | None:
    """Return where spans of a service belong: below the turn, else the conversation.

    None is the span that is current, if there is one.

    Args:
        service: The service.
    """
    tracing = getattr(service, "_tracing_context", None)
    if tracing is None:
        return None
    return tracing.get_turn_context() or tracing.get_conversation_context()


def model_of(service: Any) -> str:
    """Return the name of a service's model; that which the provider has told wins."""
    settings = getattr(service, "_settings", None)
    names = (
        getattr(service, "_full_model_name", None),
        getattr(settings, "model", None),
        getattr(service, "model_name", None),
        getattr(service, "_model_name", None),
    )
    return next((name for name in names if name and isinstance(name, str)), "unknown")


def open_span(service: Any, name: str, start_time: float | None = None) -> Span:
    """Begin a span.

    Args:
        service: The service whose it is.
        name: Its name.
        start_time: When it begins, in seconds since the epoch, or None for now.
    """
    from opentelemetry import trace

    return trace.get_tracer("pipecat").start_span(
        name, context=parent_context(service), start_time=_in_ns(start_time)
    )


def never_failing(function: _Function) -> _Function:
    """Log what a function raises, instead of letting it out."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            _logger.warning("tracing failed: %r", error, exc_info=True)
            return None

    return wrapper  # type: ignore[return-value]


class ServiceSpans:
    """What a service tells of itself, for spans to be made of it."""

    def before_push(self, frame: Frame) -> None:
        """A frame is about to be pushed.

        Args:
            frame: The frame.
        """

    async def after_push(self, frame: Frame) -> None:
        """A frame was pushed.

        Args:
            frame: The frame.
        """

    def used(self, usage: Any) -> None:
        """The service reports what it has used: tokens, or audio.

        Args:
            usage: The usage.
        """

    def end_speech(self, at: float) -> None:
        """The latest transcript of a stretch of speech is taken to be its last.

        Args:
            at: When that came, in seconds since the epoch.
        """

    def begin_request(self, context_id: str) -> None:
        """A request to speak begins.

        Args:
            context_id: The request.
        """

    def end_request(self, context_id: str, *, interrupted: bool = False) -> None:
        """A request to speak has ended.

        Args:
            context_id: The request.
            interrupted: Whether an interruption has ended it.
        """


class LLMSpans(ServiceSpans):
    """What a language model says and uses while a span of it is open."""

    def __init__(self, service: Any) -> None:
        """Begin without a span.

        Args:
            service: The service.
        """
        self.span: Span | None = None
        self._pieces: list[str] = []

    def begin(self, span: Span) -> None:
        """Follow an answer.

        Args:
            span: Its span.
        """
        self.span, self._pieces = span, []

    def before_push(self, frame: Frame) -> None:
        """Note a piece of the answer."""
        if self.span is not None and isinstance(frame, LLMTextFrame):
            self._pieces.append(frame.text)

    @never_failing
    def used(self, usage: LLMTokenUsage) -> None:
        """Note the tokens of the answer."""
        if self.span is not None:
            add_token_usage(self.span, usage)

    @never_failing
    def finish(self) -> None:
        """Write on the span what was said, also if that was cut short."""
        if self.span is not None and self._pieces:
            self.span.set_attribute("output", "".join(self._pieces))
        self.span, self._pieces = None, []


_TOKENS = {
    "cache_read_input_tokens": "cache_read.input_tokens",
    "cache_creation_input_tokens": "cache_creation.input_tokens",
    "reasoning_tokens": "reasoning.output_tokens",
    "input_audio_tokens": "audio.input_tokens",
    "output_audio_tokens": "audio.output_tokens",
    "cache_read_input_audio_tokens": "audio.cache_read.input_tokens",
}


def add_token_usage(span: Span, tokens: LLMTokenUsage) -> None:
    """Write on a span how many tokens were used.

    Args:
        span: The span.
        tokens: The tokens; those that are not known are left out.
    """
    span.set_attribute("gen_ai.usage.input_tokens", tokens.prompt_tokens)
    span.set_attribute("gen_ai.usage.output_tokens", tokens.completion_tokens)
    for field, name in _TOKENS.items():
        count = getattr(tokens, field, None)
        if count is not None:
            span.set_attribute(f"gen_ai.usage.{name}", count)


class STTSpans(ServiceSpans):
    """A span for each stretch of speech, from where it began to its final transcript.

    It is opened when the first transcript comes, but begins where voice activity detection says:
    by then the turn that it belongs to has a span.
    """

    def __init__(self, service: Any) -> None:
        """Begin without a span.

        Args:
            service: The service.
        """
        self._service = service
        self._span: Span | None = None
        self._speech_began_at: float | None = None
        self._segments: list[str] = []
        # Both are reported ahead of the transcript that opens the span.
        self._audio_seconds: float | None = None
        self._early_metrics: MetricsFrame | None = None

    @never_failing
    def before_push(self, frame: Frame) -> None:
        """Note where speech begins, and open the span of its first transcript."""
        if self._span is not None:
            return
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._early_metrics = None
            if self._speech_began_at is None:
                self._speech_began_at = frame.timestamp - frame.start_secs
        elif isinstance(frame, TranscriptionFrame):
            self._span = open_span(self._service, "stt", self._speech_began_at)
            add_stt_span_attributes(
                span=self._span,
                service_name=type(self._service).__name__,
                model=model_of(self._service),
                settings=getattr(self._service, "_settings", None),
                vad_enabled=getattr(self._service, "vad_enabled", False),
            )
            if self._early_metrics is not None:
                _note_ttfb(self._span, self._early_metrics)

    async def after_push(self, frame: Frame) -> None:
        """Note what was pushed; the end of the user's turn ends a span without final transcript."""
        if self._span is None:
            if isinstance(frame, MetricsFrame):
                self._early_metrics = frame
        elif isinstance(frame, UserStoppedSpeakingFrame):
            # A service which never calls a transcript final is measured up to here.
            await self._service._stop_pending_ttfb()
            if self._span is not None:
                self._span.set_attribute("stt.incomplete", True)
                self._end()
        else:
            self._note(frame)

    @never_failing
    def _note(self, frame: Frame) -> None:
        assert self._span is not None
        if isinstance(frame, MetricsFrame):
            _note_ttfb(self._span, frame)
        elif isinstance(frame, TranscriptionFrame):
            self._note_transcript(self._span, frame)

    def _note_transcript(self, span: Span, frame: TranscriptionFrame) -> None:
        if frame.text:
            # Some services send what is new, some all that there is so far.
            if self._segments and frame.text.startswith(self._segments[-1]):
                self._segments.pop()
            self._segments.append(frame.text)
            span.set_attribute("transcript", " ".join(self._segments).strip())
        span.set_attribute("is_final", bool(frame.finalized))
        if frame.language:
            span.set_attribute("language", str(frame.language))
        if frame.user_id:
            span.set_attribute("user_id", frame.user_id)
        if frame.finalized:
            self._end()

    def used(self, usage: STTUsage) -> None:
        """Note audio that was transcribed; it is reported ahead of the transcript.

        Args:
            usage: The audio.
        """
        self._audio_seconds = (self._audio_seconds or 0.0) + usage.audio_seconds

    def end_speech(self, at: float) -> None:
        """End the span as of the latest transcript."""
        self._end(at)

    @never_failing
    def _end(self, at: float | None = None) -> None:
        span, self._span = self._span, None
        if span is None:
            return
        audio_seconds, self._audio_seconds = self._audio_seconds, None
        self._early_metrics = None
        self._speech_began_at = None
        self._segments = []
        if audio_seconds is not None:
            span.set_attribute("metrics.audio_seconds", audio_seconds)
        span.end(_in_ns(at))


class TTSSpans(ServiceSpans):
    """A span for each request, from its first text to its last audio."""

    def __init__(self, service: Any) -> None:
        """Begin without a span.

        Args:
            service: The service.
        """
        self._service = service
        self._spans: dict[str, Span] = {}
        self._texts: dict[str, list[str]] = {}
        self._timed: set[str] = set()

    @never_failing
    def begin_request(self, context_id: str) -> None:
        """Open the span of a request."""
        settings = getattr(self._service, "_settings", None)
        self._spans[context_id] = span = open_span(self._service, "tts")
        voice = getattr(settings, "voice", None)
        add_tts_span_attributes(
            span=span,
            service_name=type(self._service).__name__,
            model=model_of(self._service),
            voice_id=voice if isinstance(voice, str) else "unknown",
            settings=settings,
        )
        self._write_texts(context_id)

    @never_failing
    def add_text(self, context_id: str, text: str) -> None:
        """Note a sentence of a request, be it open yet or not.

        Args:
            context_id: The request.
            text: The sentence.
        """
        if text:
            self._texts.setdefault(context_id, []).append(text)
            self._write_texts(context_id)

    def _write_texts(self, context_id: str) -> None:
        span, texts = self._spans.get(context_id), self._texts.get(context_id)
        if span is not None and texts:
            span.set_attribute("text", " ".join(texts))
            span.set_attribute("metrics.character_count", sum(map(len, texts)))

    async def after_push(self, frame: Frame) -> None:
        """Note the time to first byte of the request whose audio leaves."""
        if isinstance(frame, MetricsFrame):
            self._note_metrics(frame, self._service._speech.playing)

    @never_failing
    def _note_metrics(self, frame: MetricsFrame, playing: SpeechContext | None) -> None:
        span = self._spans.get(playing.context_id) if playing is not None else None
        if span is None or playing is None or playing.context_id in self._timed:
            return
        if _note_ttfb(span, frame):
            self._timed.add(playing.context_id)

    @never_failing
    def end_request(self, context_id: str, *, interrupted: bool = False) -> None:
        """End the span of a request, if it is open."""
        self._texts.pop(context_id, None)
        self._timed.discard(context_id)
        span = self._spans.pop(context_id, None)
        if span is not None:
            if interrupted:
                span.set_attribute("tts.interrupted", True)
            span.end()


def _note_ttfb(span: Span, frame: MetricsFrame) -> bool:
    """Write a time to first byte on a span, if that is what was measured."""
    for data in frame.data:
        if isinstance(data, TTFBMetricsData):
            span.set_attribute("metrics.ttfb", data.value)
            return True
    return False


def _in_ns(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1e9)
