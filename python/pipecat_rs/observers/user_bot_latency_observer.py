"""How long users wait for an answer, and what for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pipecat_rs.frames.audio import TTSAudioRawFrame
from pipecat_rs.frames.function_call import FunctionCallInProgressFrame, FunctionCallResultFrame
from pipecat_rs.frames.lifecycle import MetricsFrame
from pipecat_rs.frames.llm import LLMFullResponseStartFrame, LLMMarkerFrame
from pipecat_rs.frames.text import LLMTextFrame, TranscriptionFrame
from pipecat_rs.frames.transport import ClientConnectedFrame
from pipecat_rs.frames.turn import (
    BotStartedSpeakingFrame,
    InterruptionFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.metrics.metrics import TextAggregationMetricsData, TTFBMetricsData
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.observers.latency_breakdown import (
    FunctionCallMetrics,
    LatencyBreakdown,
    LatencyContribution,
    LatencyOwnerKind,
    MeasuredFrom,
    TextAggregationBreakdownMetrics,
    TTFBBreakdownMetrics,
)
from pipecat_rs.observers.latency_timeline import (
    MIN_CONTRIBUTION_SECS,
    PRINTS_AS_ZERO_SECS,
    Mark,
    Moment,
    contributions,
    function_handler_marks,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.utils.deprecation import warn_deprecated

__all__ = [
    "MIN_CONTRIBUTION_SECS",
    "PRINTS_AS_ZERO_SECS",
    "FunctionCallMetrics",
    "LatencyBreakdown",
    "LatencyContribution",
    "LatencyOwnerKind",
    "MeasuredFrom",
    "TTFBBreakdownMetrics",
    "TextAggregationBreakdownMetrics",
    "UserBotLatencyObserver",
]


class UserBotLatencyObserver(BaseObserver):
    """Measures from the end of the user's speech to the beginning of the bot's, turn by turn.

    The end of speech is when voice activity detection was sure of it, less the silence that it
    took to be sure. If the user speaks again before the bot does, the measurement starts anew.
    The bot's first words are measured from the client's connection instead, unless the user
    speaks first. With the task's metrics on, a breakdown says where the time went.

    Events:
        on_latency_measured(observer, seconds)
        on_latency_breakdown(observer, LatencyBreakdown)
        on_first_bot_speech_latency(observer, seconds)
    """

    handles = (
        BotStartedSpeakingFrame,
        ClientConnectedFrame,
        FunctionCallInProgressFrame,
        FunctionCallResultFrame,
        InterruptionFrame,
        LLMFullResponseStartFrame,
        LLMMarkerFrame,
        LLMTextFrame,
        MetricsFrame,
        TTSAudioRawFrame,
        TranscriptionFrame,
        UserStoppedSpeakingFrame,
        VADUserStartedSpeakingFrame,
        VADUserStoppedSpeakingFrame,
    )

    _declared_events: ClassVar[Mapping[str, bool]] = {
        "on_latency_measured": False,
        "on_latency_breakdown": False,
        "on_first_bot_speech_latency": False,
    }

    def __init__(
        self,
        *,
        max_frames: int | None = None,
        min_contribution_secs: float = MIN_CONTRIBUTION_SECS,
        time_source: Callable[[], float] = time.time,
        **kwargs: Any,
    ) -> None:
        """Begin before anybody has spoken.

        Args:
            max_frames: Not used. Deprecated in pipecat 1.12.
            min_contribution_secs: Shortest part of a breakdown that is listed, in seconds.
            time_source: Returns the time, in seconds since the epoch.
            **kwargs: See `BaseObserver`.
        """
        if max_frames is not None:
            warn_deprecated(
                "`UserBotLatencyObserver(max_frames=...)` is deprecated since 1.12.0 "
                "and will be removed in 2.0.0. No replacement.",
                stacklevel=2,
            )
        super().__init__(observe_every_push=False, **kwargs)
        self._min_contribution_secs = min_contribution_secs
        self._now = time_source
        self._client_connected_at: float | None = None
        self._pipeline_started_at: float | None = None
        self._bot_has_greeted = False
        self._uses_turn_markers = False
        self._silent_since: float | None = None
        self._awaits_answer = False
        self._user_turn_secs: float | None = None
        self._forget_measurements()

    async def on_pipeline_started(self) -> None:
        """See `BaseObserver.on_pipeline_started`."""
        if self._pipeline_started_at is None:
            self._pipeline_started_at = self._now()

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        if data.direction != FrameDirection.DOWNSTREAM:
            return
        frame = data.frame
        source = data.source.name
        match frame:
            case LLMTextFrame():
                self._mark_once(Moment.FIRST_TEXT, source)
            case TTSAudioRawFrame():
                self._mark_once(Moment.FIRST_AUDIO, source)
            case MetricsFrame():
                self._note_metrics(frame)
            case ClientConnectedFrame():
                if self._client_connected_at is None:
                    self._client_connected_at = self._now()
            case VADUserStartedSpeakingFrame():
                self._silent_since = None
                self._awaits_answer = False
                self._user_turn_secs = None
                self._bot_has_greeted = True  # a greeting comes before the user's first word
                self._forget_measurements()
            case VADUserStoppedSpeakingFrame():
                self._silent_since = frame.timestamp - frame.stop_secs
                self._awaits_answer = True
                self._mark(Moment.VAD_STOP, at=frame.timestamp)
            case UserStoppedSpeakingFrame():
                if self._awaits_answer and self._silent_since is not None:
                    self._user_turn_secs = self._now() - self._silent_since
            case TranscriptionFrame():
                # An utterance may come in parts: the last one before the request counts.
                if not self._has(Moment.LLM_REQUEST):
                    self._marks = [m for m in self._marks if m.moment is not Moment.TRANSCRIPT]
                    self._mark(Moment.TRANSCRIPT, source)
            case LLMFullResponseStartFrame():
                self._llm_request = self._mark(Moment.LLM_REQUEST, source)
            case LLMMarkerFrame():
                self._note_turn_marker(frame)
            case InterruptionFrame():
                self._forget_measurements()
            case FunctionCallInProgressFrame():
                self._calls_running[frame.tool_call_id] = self._now()
            case FunctionCallResultFrame():
                self._note_function_result(frame)
            case BotStartedSpeakingFrame():
                self._mark_once(Moment.BOT_SPEAKING, source)
                await self._bot_started_speaking()
            case _:
                pass

    def _forget_measurements(self) -> None:
        self._marks: list[Mark] = []
        self._llm_request: Mark | None = None
        self._ttfb: list[TTFBBreakdownMetrics] = []
        self._text_aggregation: TextAggregationBreakdownMetrics | None = None
        self._calls_running: dict[str, float] = {}
        self._calls: list[FunctionCallMetrics] = []

    @property
    def _awaits_greeting(self) -> bool:
        return self._client_connected_at is not None and not self._bot_has_greeted

    def _has(self, moment: Moment) -> bool:
        return any(mark.moment is moment for mark in self._marks)

    def _mark(self, moment: Moment, source: str = "", at: float | None = None) -> Mark | None:
        if not (self._awaits_answer or self._awaits_greeting):
            return None
        mark = Mark(self._now() if at is None else at, moment, source)
        self._marks.append(mark)
        return mark

    def _mark_once(self, moment: Moment, source: str = "") -> None:
        if not self._has(moment):
            self._mark(moment, source)

    def _note_turn_marker(self, frame: LLMMarkerFrame) -> None:
        """A marker that stands alone holds the turn open; one before an answer ends it."""
        self._uses_turn_markers = True
        if frame.append_to_context_immediately:
            self._mark(Moment.MARKER_INCOMPLETE)
        else:
            self._mark_once(Moment.MARKER_COMPLETE)

    def _note_function_result(self, frame: FunctionCallResultFrame) -> None:
        began = self._calls_running.pop(frame.tool_call_id, None)
        if began is not None:
            self._calls.append(
                FunctionCallMetrics(
                    function_name=frame.function_name,
                    start_time=began,
                    duration_secs=self._now() - began,
                )
            )

    def _note_metrics(self, frame: MetricsFrame) -> None:
        if not (self._awaits_answer or self._awaits_greeting):
            return
        now = self._now()
        for measured in frame.data:
            if isinstance(measured, TTFBMetricsData) and measured.value > 0:
                self._note_ttfb(measured, now)
            elif isinstance(measured, TextAggregationMetricsData):
                # The first sentence alone delays the bot's first word.
                self._text_aggregation = self._text_aggregation or TextAggregationBreakdownMetrics(
                    processor=measured.processor,
                    start_time=now - measured.value,
                    duration_secs=measured.value,
                )

    def _note_ttfb(self, measured: TTFBMetricsData, now: float) -> None:
        self._ttfb.append(
            TTFBBreakdownMetrics(
                processor=measured.processor,
                model=measured.model,
                start_time=now - measured.value,
                duration_secs=measured.value,
            )
        )
        request = self._llm_request
        if request is not None and measured.processor == request.source:
            at = min(request.at + measured.value, now)
            self._marks.append(Mark(at, Moment.LLM_CHUNK, request.source, derived=True))

    async def _bot_started_speaking(self) -> None:
        now = self._now()
        greets, answers = self._awaits_greeting, self._awaits_answer
        if greets and self._client_connected_at is not None:
            self._bot_has_greeted = True
            seconds = now - self._client_connected_at
            await self._call_event_handler("on_first_bot_speech_latency", seconds)
        if answers and self._silent_since is not None:
            self._awaits_answer = False
            await self._call_event_handler("on_latency_measured", now - self._silent_since)
        if greets or answers:
            await self._call_event_handler("on_latency_breakdown", self._breakdown())
            self._silent_since = None
            self._user_turn_secs = None
            self._forget_measurements()

    def _breakdown(self) -> LatencyBreakdown:
        start = self._start_mark()
        parts: list[LatencyContribution] = []
        if start is not None and self._has(Moment.BOT_SPEAKING):
            parts = contributions(
                start,
                self._marks + self._sentence_mark() + function_handler_marks(self._calls),
                min_secs=self._min_contribution_secs,
                holds_text_for_marker=self._uses_turn_markers,
            )
        anchor = (
            MeasuredFrom.CLIENT_CONNECTED
            if self._silent_since is None
            else MeasuredFrom.USER_SILENCE
        )
        return LatencyBreakdown(
            ttfb=self._ttfb,
            contributions=parts,
            measured_from=anchor if parts else None,
            total_secs=sum(part.duration_secs for part in parts),
            text_aggregation=self._text_aggregation,
            user_turn_start_time=self._silent_since,
            user_turn_secs=self._user_turn_secs,
            function_calls=self._calls,
        )

    def _start_mark(self) -> Mark | None:
        if self._silent_since is not None:
            return Mark(self._silent_since, Moment.SILENCE)
        # A greeting can begin once there is a bot to speak and somebody to hear it.
        ready = [t for t in (self._client_connected_at, self._pipeline_started_at) if t is not None]
        return Mark(max(ready), Moment.READY) if ready else None

    def _sentence_mark(self) -> list[Mark]:
        text = next((mark for mark in self._marks if mark.moment is Moment.FIRST_TEXT), None)
        gathered = self._text_aggregation
        if text is None or gathered is None or gathered.duration_secs <= 0:
            return []
        return [Mark(text.at + gathered.duration_secs, Moment.SENTENCE, derived=True)]
