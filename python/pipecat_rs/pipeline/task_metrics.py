"""The newest measures of a task."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import MetricsFrame

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessor


_REMEMBERED = 64
"""Frames that are told from new ones: as many as can be on their way at once, and more."""


@dataclass
class MetricsReport:
    """What `on_metrics` handlers get.

    Attributes:
        ttfb_ms: Newest time to first byte, in ms, or None.
        tokens_used: Tokens used so far by all language models.
        data: The measures of this report.
    """

    ttfb_ms: float | None
    tokens_used: int
    data: list[Any] = field(default_factory=list)


class TaskMetrics:
    """Keeps the newest measure of each kind and processor."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.engine: dict[str, Any] = {}
        self._newest: dict[str, dict[str, Any]] = {}
        self._ttfb_ms: float | None = None
        self._tokens = 0
        self._seen: deque[int] | None = None  # an idle session has no use for it

    def take(self, frame: MetricsFrame) -> bool:
        """Take a frame's measures; false if they were taken at an earlier hop."""
        if self._seen is None:
            self._seen = deque(maxlen=_REMEMBERED)
        if frame.id in self._seen:
            return False
        self._seen.append(frame.id)
        for measure in frame.data:
            kind = type(measure).__name__.removesuffix("MetricsData")
            value = getattr(measure, "value", None)
            self._newest.setdefault(measure.processor, {})[kind] = value
            if kind == "TTFB" and isinstance(value, float) and value > 0:
                self._ttfb_ms = value * 1000
            elif kind == "LLMUsage":
                self._tokens += getattr(value, "total_tokens", 0)
        return True

    def report(self, frame: MetricsFrame) -> MetricsReport:
        """Return what handlers get with a frame."""
        return MetricsReport(self._ttfb_ms, self._tokens, list(frame.data))

    def zeros(self, processors: Iterable[FrameProcessor]) -> MetricsFrame:
        """Return the frame of zeros that follows the start."""
        from pipecat_rs.metrics.metrics import ProcessingMetricsData, TTFBMetricsData

        data: list[Any] = []
        for processor in processors:
            data.append(TTFBMetricsData(processor=processor.name, value=0.0))
            data.append(ProcessingMetricsData(processor=processor.name, value=0.0))
        return MetricsFrame(data=data)

    def as_dict(self) -> dict[str, Any]:
        """Return engine figures and, by processor, the newest measures."""
        if not self.engine and not self._newest:
            return {}
        return {
            "engine": dict(self.engine),
            "processors": {name: dict(kinds) for name, kinds in self._newest.items()},
        }
