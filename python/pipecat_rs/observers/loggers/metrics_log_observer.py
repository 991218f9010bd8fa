"""What processors measure, in the log."""

from __future__ import annotations

import logging
from typing import Any

from pipecat_rs.frames.lifecycle import MetricsFrame
from pipecat_rs.metrics.metrics import (
    LLMTokenUsage,
    LLMUsageMetricsData,
    MetricsData,
    ProcessingMetricsData,
    SmartTurnMetricsData,
    STTUsageMetricsData,
    TTFAMetricsData,
    TTFATMetricsData,
    TTFBMetricsData,
    TTSUsageMetricsData,
    TurnMetricsData,
)
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed

_logger = logging.getLogger(__name__)


class MetricsLogObserver(BaseObserver):
    """Logs measurements."""

    handles = (MetricsFrame,)

    def __init__(
        self, include_metrics: set[type[MetricsData]] | None = None, **kwargs: Any
    ) -> None:
        """Set what is logged.

        Args:
            include_metrics: The classes of measurements, or None for all.
            **kwargs: See `BaseObserver`.
        """
        super().__init__(observe_every_push=False, **kwargs)
        if include_metrics is not None and SmartTurnMetricsData in include_metrics:
            include_metrics = include_metrics | {TurnMetricsData}
        self._include_metrics = include_metrics

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        if not isinstance(data.frame, MetricsFrame):
            return
        for measured in data.frame.data:
            if self._include_metrics is None or type(measured) in self._include_metrics:
                model = f" ({measured.model})" if measured.model else ""
                _logger.debug(
                    "[%s]%s %s at %.3fs",
                    measured.processor,
                    model,
                    _described(measured),
                    data.timestamp / 1e9,
                )


def _described(measured: MetricsData) -> str:
    match measured:
        case TTFBMetricsData():
            return f"TTFB: {measured.value}s"
        case TTFAMetricsData():
            return f"TTFA: {measured.ttfa}s ({measured.leading_silence}s leading silence)"
        case TTFATMetricsData():
            return f"TTFAT: {measured.ttfat}s ({measured.thinking_time}s thinking)"
        case ProcessingMetricsData():
            return f"PROCESSING TIME: {measured.value}s"
        case LLMUsageMetricsData():
            return f"LLM TOKEN USAGE: {_tokens(measured.value)}"
        case STTUsageMetricsData():
            return f"STT USAGE: {measured.value.audio_seconds:.3f}s audio"
        case TTSUsageMetricsData():
            return f"TTS USAGE: {measured.value} characters"
        case TurnMetricsData():
            complete = "COMPLETE" if measured.is_complete else "INCOMPLETE"
            return (
                f"TURN: {complete} (probability: {measured.probability:.2%}, "
                f"e2e: {measured.e2e_processing_time_ms:.1f}ms)"
            )
        case _:
            return f"METRICS: {measured!r}"


def _tokens(usage: LLMTokenUsage) -> str:
    counts = usage.model_dump(exclude_none=True)
    return ", ".join(f"{name.removesuffix('_tokens')}: {count}" for name, count in counts.items())
