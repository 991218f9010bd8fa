"""What services measured of themselves, one record for each measurement."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar

from pipecat_rs.frames.lifecycle import MetricsFrame
from pipecat_rs.metrics.metrics import (
    LLMUsageMetricsData,
    MetricsData,
    STTUsageMetricsData,
    TTFAMetricsData,
    TTFATMetricsData,
    TTFBMetricsData,
    TTSUsageMetricsData,
)
from pipecat_rs.metrics.model import Model
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed


class ServiceLatencyKind(StrEnum):
    """Which latency."""

    TTFB = "ttfb"
    TTFA = "ttfa"
    TTFAT = "ttfat"


class ServiceUsageKind(StrEnum):
    """Which kind of service."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"


@dataclass(kw_only=True)
class ServiceLatencyRecord(Model):
    """A latency that a service measured.

    Attributes:
        kind: Which.
        processor: Name of the service.
        model: The model it used, or None.
        timestamp: When it was reported, in seconds since the epoch.
        seconds: The latency.
        ttfb_secs: The time to first byte that it builds on, in seconds, or None.
        leading_silence_secs: Silence before the first audible sample, in seconds, or None.
        thinking_time_secs: Time spent thinking aloud, in seconds, or None.
    """

    kind: ServiceLatencyKind
    processor: str
    model: str | None = None
    timestamp: float
    seconds: float
    ttfb_secs: float | None = None
    leading_silence_secs: float | None = None
    thinking_time_secs: float | None = None


@dataclass(kw_only=True)
class ServiceUsageRecord(Model):
    """What a service used. A field that does not apply to its kind is None.

    Attributes:
        kind: Which kind of service.
        processor: Name of the service.
        model: The model it used, or None.
        timestamp: When it was reported, in seconds since the epoch.
        audio_seconds: Audio transcribed.
        characters: Characters spoken.
        prompt_tokens: Tokens of the input.
        completion_tokens: Tokens of the output.
        total_tokens: All tokens.
        cache_read_input_tokens: Input tokens read from the cache.
        cache_creation_input_tokens: Input tokens written to the cache.
        reasoning_tokens: Output tokens spent on thoughts.
        input_audio_tokens: Input tokens that were audio.
        output_audio_tokens: Output tokens that were audio.
        cache_read_input_audio_tokens: Cached input tokens that were audio.
    """

    kind: ServiceUsageKind
    processor: str
    model: str | None = None
    timestamp: float
    audio_seconds: float | None = None
    characters: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    cache_read_input_audio_tokens: int | None = None


class ServiceMetricsObserver(BaseObserver):
    """Tells each latency and each usage that a service reports. It sums nothing up.

    Events:
        on_service_latency(observer, ServiceLatencyRecord)
        on_service_usage(observer, ServiceUsageRecord)
    """

    handles = (MetricsFrame,)

    _declared_events: ClassVar[Mapping[str, bool]] = {
        "on_service_latency": False,
        "on_service_usage": False,
    }

    def __init__(self, *, time_source: Callable[[], float] = time.time, **kwargs: Any) -> None:
        """Begin without measurements.

        Args:
            time_source: Returns the time, in seconds since the epoch.
            **kwargs: See `BaseObserver`.
        """
        super().__init__(observe_every_push=False, **kwargs)
        self._now = time_source

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        if not isinstance(data.frame, MetricsFrame):
            return
        for measured in data.frame.data:
            latency = self._latency(measured)
            if latency is not None:
                await self._call_event_handler("on_service_latency", latency)
            usage = self._usage(measured)
            if usage is not None:
                await self._call_event_handler("on_service_usage", usage)

    def _latency(self, measured: MetricsData) -> ServiceLatencyRecord | None:
        kind = ServiceLatencyKind
        match measured:
            case TTFBMetricsData():
                values: dict[str, Any] = {"kind": kind.TTFB, "seconds": measured.value}
            case TTFAMetricsData():
                values = {
                    "kind": kind.TTFA,
                    "seconds": measured.ttfa,
                    "ttfb_secs": measured.ttfb,
                    "leading_silence_secs": measured.leading_silence,
                }
            case TTFATMetricsData():
                values = {
                    "kind": kind.TTFAT,
                    "seconds": measured.ttfat,
                    "ttfb_secs": measured.ttfb,
                    "thinking_time_secs": measured.thinking_time,
                }
            case _:
                return None
        return ServiceLatencyRecord(**self._origin(measured), **values)

    def _usage(self, measured: MetricsData) -> ServiceUsageRecord | None:
        kind = ServiceUsageKind
        match measured:
            case LLMUsageMetricsData():
                values: dict[str, Any] = {"kind": kind.LLM, **asdict(measured.value)}
            case STTUsageMetricsData():
                values = {"kind": kind.STT, **asdict(measured.value)}
            case TTSUsageMetricsData():
                values = {"kind": kind.TTS, "characters": measured.value}
            case _:
                return None
        return ServiceUsageRecord(**self._origin(measured), **values)

    def _origin(self, measured: MetricsData) -> dict[str, Any]:
        return {
            "processor": measured.processor,
            "model": measured.model,
            "timestamp": self._now(),
        }
