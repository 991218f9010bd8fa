"""What `UserBotLatencyObserver` reports: where the time before an answer went."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from pipecat_rs.metrics.model import Model
from pipecat_rs.utils.deprecation import deprecated


@dataclass(kw_only=True)
class TTFBBreakdownMetrics(Model):
    """One service's time to first byte.

    Attributes:
        processor: Name of the service.
        model: The model it used, or None.
        start_time: When the request was made, in seconds since the epoch.
        duration_secs: The time, in seconds.
    """

    processor: str
    model: str | None = None
    start_time: float
    duration_secs: float


@dataclass(kw_only=True)
class TextAggregationBreakdownMetrics(Model):
    """How long text was gathered for the first sentence.

    Attributes:
        processor: Name of the processor.
        start_time: When the first token came, in seconds since the epoch.
        duration_secs: The time, in seconds.
    """

    processor: str
    start_time: float
    duration_secs: float


@dataclass(kw_only=True)
class FunctionCallMetrics(Model):
    """How long one function call took.

    Attributes:
        function_name: The function.
        start_time: When it began, in seconds since the epoch.
        duration_secs: The time, in seconds.
    """

    function_name: str
    start_time: float
    duration_secs: float


class MeasuredFrom(StrEnum):
    """Where a measured interval begins."""

    USER_SILENCE = "user_silence"
    """The user fell silent: a turn."""
    CLIENT_CONNECTED = "client_connected"
    """A client was there: a greeting."""


class LatencyOwnerKind(StrEnum):
    """What could be changed to save the time."""

    SERVICE = "service"
    SETTING = "setting"
    BOT = "bot"
    PIPELINE = "pipeline"


@dataclass(kw_only=True)
class LatencyContribution(Model):
    """One part of the interval. The parts do not overlap, and together they are the whole.

    Attributes:
        key: What the time went on, as a stable identifier.
        label: The same in words.
        owner: Who took it: a processor, or ``config:`` and the setting behind it.
        owner_kind: What the owner is.
        start_time: When the part began, in seconds since the epoch.
        duration_secs: How long it took, in seconds.
    """

    key: str
    label: str
    owner: str
    owner_kind: LatencyOwnerKind
    start_time: float
    duration_secs: float


@dataclass(kw_only=True)
class LatencyBreakdown(Model):
    """Where the time between a user's last word and the bot's first one went.

    Attributes:
        ttfb: Times to first byte of the services.
        contributions: The parts of the interval, in order; what nothing accounts for is last.
        measured_from: Where the interval begins.
        total_secs: Its length, in seconds.
        text_aggregation: How long the first sentence was gathered, or None.
        user_turn_start_time: When the user fell silent, in seconds since the epoch, or None.
        user_turn_secs: Time from then to the end of the user's turn, in seconds, or None.
        function_calls: The function calls meanwhile.
    """

    ttfb: list[TTFBBreakdownMetrics] = field(default_factory=list)
    contributions: list[LatencyContribution] = field(default_factory=list)
    measured_from: MeasuredFrom | None = None
    total_secs: float = 0.0
    text_aggregation: TextAggregationBreakdownMetrics | None = None
    user_turn_start_time: float | None = None
    user_turn_secs: float | None = None
    function_calls: list[FunctionCallMetrics] = field(default_factory=list)

    @deprecated(
        "`LatencyBreakdown.chronological_events` is deprecated since 1.9.0 and will be removed in "
        "2.0.0. Use `LatencyBreakdown.turn_contribution_lines` instead."
    )
    def chronological_events(self) -> list[str]:
        """Return what was measured as lines, by time. Deprecated in pipecat 1.9."""
        events = [(t.start_time, f"{t.processor}: TTFB {t.duration_secs:.3f}s") for t in self.ttfb]
        events += [
            (call.start_time, f"{call.function_name}: {call.duration_secs:.3f}s")
            for call in self.function_calls
        ]
        if self.user_turn_start_time is not None and self.user_turn_secs is not None:
            events.append((self.user_turn_start_time, f"User turn: {self.user_turn_secs:.3f}s"))
        if self.text_aggregation is not None:
            gathered = self.text_aggregation
            line = f"{gathered.processor}: text aggregation {gathered.duration_secs:.3f}s"
            events.append((gathered.start_time, line))
        return [line for _, line in sorted(events)]

    def turn_contribution_lines(self, *, by_cost: bool = False) -> list[str]:
        """Return the contributions as lines, and their total as the last one.

        Args:
            by_cost: Whether the longest comes first, rather than the earliest.
        """
        if not self.contributions:
            return []
        parts = self.contributions
        if by_cost:
            parts = sorted(parts, key=lambda part: -part.duration_secs)
        lines = [f"{part.duration_secs:6.3f}s  {part.label:20} [{part.owner}]" for part in parts]
        greeting = self.measured_from is MeasuredFrom.CLIENT_CONNECTED
        total = sum(part.duration_secs for part in parts)
        lines.append(f"{total:6.3f}s  TOTAL{' (from client connected)' if greeting else ''}")
        return lines
