"""What a processor measures of itself: latencies and usage, each reported as a MetricsFrame."""

from __future__ import annotations

import logging
import time
from typing import Any, TypeVar

from pipecat_rs.frames.lifecycle import MetricsFrame
from pipecat_rs.metrics.metrics import (
    LLMTokenUsage,
    LLMUsageMetricsData,
    MetricsData,
    ProcessingMetricsData,
    STTUsage,
    STTUsageMetricsData,
    TextAggregationMetricsData,
    TTFAMetricsData,
    TTFATMetricsData,
    TTFBMetricsData,
    TTSUsageMetricsData,
)
from pipecat_rs.utils.base_object import BaseObject

_logger = logging.getLogger(__name__)

_Data = TypeVar("_Data", bound=MetricsData)

_LONGEST_LEADING_SILENCE_SECS = 3.0
"""An answer that is silent for longer is taken to be silent altogether."""
_BYTES_PER_SAMPLE = 2


class FrameProcessorMetrics(BaseObject):
    """The stop watches and counters of one processor.

    The time to first byte (TTFB) runs from a request to the first output of any kind. Two others
    start from there: the time to first audio (TTFA) adds the silence before the first audible
    sample, the time to first answer token (TTFAT) adds the time that a model thinks aloud.

    Each `stop_` and `start_..._usage_` method returns the frame to push, or None if there is
    nothing to report. All times are in seconds since the epoch.
    """

    _processor: str = ""
    _model: str | None = None
    _ttfb_since: float | None = None
    _last_ttfb: float | None = None
    _reports_ttfb: bool = True
    _processing_since: float | None = None
    _aggregating_since: float | None = None
    _audio_until_onset: bytes | None = None
    _ttfat_since: float | None = None

    @property
    def ttfb(self) -> float | None:
        """The last time to first byte in seconds, or the time so far; None if not measured."""
        if self._last_ttfb is not None:
            return self._last_ttfb
        return None if self._ttfb_since is None else time.time() - self._ttfb_since

    @property
    def is_measuring_ttfb(self) -> bool:
        """Whether a time to first byte has been started and not stopped."""
        return self._ttfb_since is not None

    def set_core_metrics_data(self, data: MetricsData) -> None:
        """Set the processor and the model that reports speak of.

        Args:
            data: Both.
        """
        self._processor = data.processor
        self._model = data.model

    def set_processor_name(self, name: str) -> None:
        """Set the processor that reports speak of, without a model.

        Args:
            name: Name of the processor.
        """
        self._processor = name
        self._model = None

    async def start_ttfb_metrics(
        self, *, start_time: float | None = None, report_only_initial_ttfb: bool = False
    ) -> None:
        """Start the time to first byte.

        Args:
            start_time: When the request was made, or None for now.
            report_only_initial_ttfb: Whether this one is the last to be measured.
        """
        # An answer that was interrupted before its first token leaves its watch running.
        self._ttfat_since = None
        if self._reports_ttfb:
            self._ttfb_since = start_time or time.time()
            self._last_ttfb = None
            self._reports_ttfb = not report_only_initial_ttfb

    async def cancel_ttfb_metrics(self) -> None:
        """Forget a time to first byte whose answer will not come."""
        self._ttfb_since = None

    async def stop_ttfb_metrics(self, *, end_time: float | None = None) -> MetricsFrame | None:
        """Stop the time to first byte. Only the first call after a start counts.

        Args:
            end_time: When the output came, or None for now. Before the start it is no answer to
                the request, and nothing is reported.
        """
        since, self._ttfb_since = self._ttfb_since, None
        if since is None:
            return None
        ttfb = (end_time or time.time()) - since
        if ttfb < 0:
            _logger.warning("%s: output predates its request by %.3f s", self._processor, -ttfb)
            return None
        self._last_ttfb = ttfb
        self._audio_until_onset = b""
        self._ttfat_since = since
        return self._report(TTFBMetricsData, value=ttfb)

    async def process_ttfa_metrics(
        self, *, audio: bytes, sample_rate: int, num_channels: int
    ) -> MetricsFrame | None:
        """Look for the first audible sample of an answer. To be told of all its audio.

        Args:
            audio: The next audio, 16-bit PCM.
            sample_rate: Its sample rate, in Hz.
            num_channels: Number of its channels.
        """
        if self._audio_until_onset is None or self._last_ttfb is None or sample_rate <= 0:
            return None
        from pipecat_rs.audio.utils import detect_speech_onset  # for audio alone

        heard = self._audio_until_onset + audio
        onset = detect_speech_onset(heard, sample_rate, num_channels)
        if onset is None:
            seconds = len(heard) / (_BYTES_PER_SAMPLE * max(num_channels, 1) * sample_rate)
            gives_up = seconds >= _LONGEST_LEADING_SILENCE_SECS
            self._audio_until_onset = None if gives_up else heard
            return None
        self._audio_until_onset = None
        silence = onset / sample_rate
        return self._report(
            TTFAMetricsData,
            ttfa=self._last_ttfb + silence,
            ttfb=self._last_ttfb,
            leading_silence=silence,
        )

    async def stop_ttfat_metrics(self, *, end_time: float | None = None) -> MetricsFrame | None:
        """Stop the time to first answer token. Only the first call after a start counts.

        Args:
            end_time: When the token came, or None for now.
        """
        since, self._ttfat_since = self._ttfat_since, None
        if since is None or self._last_ttfb is None:
            return None
        ttfat = (end_time or time.time()) - since
        return self._report(
            TTFATMetricsData,
            ttfat=ttfat,
            ttfb=self._last_ttfb,
            thinking_time=ttfat - self._last_ttfb,
        )

    async def start_processing_metrics(self, *, start_time: float | None = None) -> None:
        """Start the processing time.

        Args:
            start_time: When processing began, or None for now.
        """
        self._processing_since = start_time or time.time()

    async def stop_processing_metrics(
        self, *, end_time: float | None = None
    ) -> MetricsFrame | None:
        """Stop the processing time.

        Args:
            end_time: When processing ended, or None for now.
        """
        since, self._processing_since = self._processing_since, None
        if since is None:
            return None
        return self._report(ProcessingMetricsData, value=(end_time or time.time()) - since)

    async def start_llm_usage_metrics(self, tokens: LLMTokenUsage) -> MetricsFrame:
        """Report the tokens of one answer.

        Args:
            tokens: The tokens.
        """
        return self._report(LLMUsageMetricsData, value=tokens)

    async def start_stt_usage_metrics(self, usage: STTUsage) -> MetricsFrame:
        """Report the audio of one transcription.

        Args:
            usage: The audio.
        """
        return self._report(STTUsageMetricsData, value=usage)

    async def start_tts_usage_metrics(self, text: str) -> MetricsFrame:
        """Report the characters of one synthesis.

        Args:
            text: The text.
        """
        return self._report(TTSUsageMetricsData, value=len(text))

    async def start_text_aggregation_metrics(self) -> None:
        """Start the time that text is gathered for."""
        self._aggregating_since = time.time()

    async def stop_text_aggregation_metrics(self) -> MetricsFrame | None:
        """Stop the time that text is gathered for."""
        since, self._aggregating_since = self._aggregating_since, None
        if since is None:
            return None
        return self._report(TextAggregationMetricsData, value=time.time() - since)

    def _report(self, kind: type[_Data], **values: Any) -> MetricsFrame:
        data = kind(processor=self._processor, model=self._model, **values)
        _logger.debug("%s", data)
        return MetricsFrame(data=[data])
