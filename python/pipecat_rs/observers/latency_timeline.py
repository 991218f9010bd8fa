"""From the moments of an exchange to the named parts of its latency.

Moments are noted as they are seen. Sorted, each two neighbours bound one stretch of time, and
the table `_SPANS` names it. As the stretches lie end to end, they can neither overlap nor leave
time out: what no name fits is what the pipeline itself took.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from pipecat_rs.observers.latency_breakdown import (
    FunctionCallMetrics,
    LatencyContribution,
    LatencyOwnerKind,
)

MIN_CONTRIBUTION_SECS = 0.005
"""A shorter stretch, in seconds, is a hop rather than work, and counts as the pipeline's."""
PRINTS_AS_ZERO_SECS = 0.0005
"""A shorter stretch, in seconds, would print as zero."""


class Moment(Enum):
    """A point that a stretch can begin or end at."""

    SILENCE = auto()
    READY = auto()
    VAD_STOP = auto()
    TRANSCRIPT = auto()
    LLM_REQUEST = auto()
    LLM_CHUNK = auto()
    MARKER_COMPLETE = auto()
    MARKER_INCOMPLETE = auto()
    HANDLERS_START = auto()
    HANDLERS_END = auto()
    FIRST_TEXT = auto()
    SENTENCE = auto()
    FIRST_AUDIO = auto()
    BOT_SPEAKING = auto()


@dataclass(frozen=True)
class Mark:
    """A moment that came.

    Attributes:
        at: When, in seconds since the epoch.
        moment: Which.
        source: Name of the processor behind it.
        derived: Whether it was worked out from a measurement, which is reported a little later
            than it happened, rather than seen.
    """

    at: float
    moment: Moment
    source: str = ""
    derived: bool = False


class _Side(Enum):
    OPENER = auto()
    CLOSER = auto()


@dataclass(frozen=True)
class _Span:
    """The name of a stretch.

    `owner` is the side whose processor takes the time, or the setting behind it. A `core` one is
    listed however short it is.
    """

    key: str
    label: str
    owner: _Side | str
    core: bool = False


_INFERENCE = _Span("llm_inference", "LLM inference", _Side.OPENER, core=True)
_SYNTHESIS = _Span("speech_synthesis", "speech synthesis", _Side.CLOSER, core=True)
_COMPLETION_SETTING = "config: filter_incomplete_user_turns"
_COMPLETION = _Span("turn_completion", "turn completion", _COMPLETION_SETTING)
_SPEAKABLE = _Span("awaiting_speakable_text", "awaiting speakable text", _Side.CLOSER)

_SPANS: dict[tuple[Moment, Moment], _Span] = {
    (Moment.SILENCE, Moment.VAD_STOP): _Span(
        "endpointing_wait", "endpointing wait", "config: VAD stop_secs", core=True
    ),
    (Moment.READY, Moment.LLM_REQUEST): _Span("first_request", "first request", "bot", core=True),
    (Moment.VAD_STOP, Moment.TRANSCRIPT): _Span(
        "transcription", "transcription", _Side.CLOSER, core=True
    ),
    (Moment.TRANSCRIPT, Moment.LLM_REQUEST): _Span(
        "turn_detection", "turn detection", "config: user turn strategies", core=True
    ),
    (Moment.LLM_REQUEST, Moment.LLM_CHUNK): _INFERENCE,
    (Moment.LLM_CHUNK, Moment.FIRST_TEXT): _INFERENCE,
    (Moment.LLM_CHUNK, Moment.MARKER_COMPLETE): _COMPLETION,
    (Moment.LLM_CHUNK, Moment.MARKER_INCOMPLETE): _COMPLETION,
    (Moment.MARKER_COMPLETE, Moment.FIRST_TEXT): _COMPLETION,
    (Moment.MARKER_INCOMPLETE, Moment.LLM_REQUEST): _Span(
        "waiting_for_user", "waiting for user", _COMPLETION_SETTING
    ),
    (Moment.LLM_CHUNK, Moment.HANDLERS_START): _Span(
        "llm_tool_call", "LLM tool call", _Side.OPENER
    ),
    (Moment.HANDLERS_START, Moment.HANDLERS_END): _Span(
        "function_handler", "function handler", _Side.CLOSER
    ),
    (Moment.FIRST_TEXT, Moment.SENTENCE): _Span(
        "sentence_aggregation", "sentence aggregation", "config: text_aggregation_mode"
    ),
    (Moment.SENTENCE, Moment.FIRST_AUDIO): _SYNTHESIS,
    (Moment.FIRST_TEXT, Moment.FIRST_AUDIO): _SYNTHESIS,
    (Moment.FIRST_AUDIO, Moment.BOT_SPEAKING): _Span(
        "output_transport", "output transport", _Side.CLOSER
    ),
}


def contributions(
    start: Mark,
    marks: Iterable[Mark],
    *,
    min_secs: float = MIN_CONTRIBUTION_SECS,
    holds_text_for_marker: bool = False,
) -> list[LatencyContribution]:
    """Name the stretches between moments.

    Args:
        start: Where the interval begins; earlier moments do not count.
        marks: The moments seen and derived.
        min_secs: Shortest stretch in seconds that is listed, unless it is of the core.
        holds_text_for_marker: Whether the bot waits for a mark of turn completion before it
            speaks, which makes the time to the first text a wait rather than inference.

    Returns:
        The stretches in order, and last what they do not account for.
    """
    line = sorted(
        [start, *(mark for mark in marks if mark.derived or mark.at >= start.at)],
        key=lambda mark: (mark.at, not mark.derived),
    )
    parts: list[tuple[_Span, LatencyContribution]] = []
    for opener, closer in pairwise(line):
        span = _SPANS.get((opener.moment, closer.moment))
        if holds_text_for_marker and span is _INFERENCE and closer.moment is Moment.FIRST_TEXT:
            span = _SPEAKABLE
        if span is not None and closer.at > opener.at:
            _add(parts, span, opener, closer)
    listed = [
        part
        for span, part in parts
        if part.duration_secs >= (min(min_secs, PRINTS_AS_ZERO_SECS) if span.core else min_secs)
    ]
    rest = line[-1].at - start.at - sum(part.duration_secs for part in listed)
    if rest >= PRINTS_AS_ZERO_SECS:
        listed.append(
            LatencyContribution(
                key="pipeline",
                label="pipeline",
                owner="pipecat",
                owner_kind=LatencyOwnerKind.PIPELINE,
                start_time=start.at,
                duration_secs=rest,
            )
        )
    return listed


def function_handler_marks(calls: Iterable[FunctionCallMetrics]) -> list[Mark]:
    """Return the beginnings and ends of function calls; of calls that overlap, as of one.

    Args:
        calls: The calls.
    """
    groups: list[list[FunctionCallMetrics]] = []
    for call in sorted(calls, key=lambda call: call.start_time):
        if groups and call.start_time <= max(map(_end, groups[-1])):
            groups[-1].append(call)
        else:
            groups.append([call])
    marks: list[Mark] = []
    for group in groups:
        slowest = max(group, key=lambda call: call.duration_secs).function_name
        owner = slowest if len(group) == 1 else f"{slowest} +{len(group) - 1}"
        begin = min(call.start_time for call in group)
        marks.append(Mark(begin, Moment.HANDLERS_START, derived=True))
        marks.append(Mark(max(map(_end, group)), Moment.HANDLERS_END, owner, derived=True))
    return marks


def _end(call: FunctionCallMetrics) -> float:
    return call.start_time + call.duration_secs


def _add(
    parts: list[tuple[_Span, LatencyContribution]], span: _Span, opener: Mark, closer: Mark
) -> None:
    """Add a stretch, or lengthen the one before it if it bears the same name and touches it."""
    owner, owner_kind = _owner(span, opener, closer)
    if parts:
        _, last = parts[-1]
        gap = opener.at - (last.start_time + last.duration_secs)
        if (last.label, last.owner) == (span.label, owner) and gap < PRINTS_AS_ZERO_SECS:
            last.duration_secs = closer.at - last.start_time
            return
    part = LatencyContribution(
        key=span.key,
        label=span.label,
        owner=owner,
        owner_kind=owner_kind,
        start_time=opener.at,
        duration_secs=closer.at - opener.at,
    )
    parts.append((span, part))


def _owner(span: _Span, opener: Mark, closer: Mark) -> tuple[str, LatencyOwnerKind]:
    if isinstance(span.owner, str):
        is_setting = span.owner.startswith("config: ")
        return span.owner, LatencyOwnerKind.SETTING if is_setting else LatencyOwnerKind.BOT
    side = opener if span.owner is _Side.OPENER else closer
    return side.source, LatencyOwnerKind.SERVICE
