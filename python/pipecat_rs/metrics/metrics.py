"""What processors measure, as data: latencies, usage, turn predictions.

Every class takes keyword arguments only.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipecat_rs.metrics.model import Model


@dataclass(kw_only=True)
class MetricsData(Model):
    """Something measured.

    Attributes:
        processor: Name of the processor that measured it.
        model: The model it used, or None.
    """

    processor: str
    model: str | None = None


@dataclass(kw_only=True)
class TTFBMetricsData(MetricsData):
    """Time to first byte: from the request to the first output of any kind.

    Attributes:
        value: The time in seconds.
    """

    value: float


@dataclass(kw_only=True)
class TTFAMetricsData(MetricsData):
    """Time to first audio: from the request to the first sample that can be heard.

    Attributes:
        ttfa: The time in seconds; the sum of the other two.
        ttfb: Time to first byte in seconds.
        leading_silence: Length of the silence before the first audible sample, in seconds.
    """

    ttfa: float
    ttfb: float
    leading_silence: float


@dataclass(kw_only=True)
class TTFATMetricsData(MetricsData):
    """Time to first answer token: from the request to the first token that the user gets.

    Attributes:
        ttfat: The time in seconds; the sum of the other two.
        ttfb: Time to first byte in seconds.
        thinking_time: Time from the first output of any kind to the first answer token, in
            seconds.
    """

    ttfat: float
    ttfb: float
    thinking_time: float


@dataclass(kw_only=True)
class ProcessingMetricsData(MetricsData):
    """How long something took to process.

    Attributes:
        value: The time in seconds.
    """

    value: float


@dataclass(kw_only=True)
class LLMTokenUsage(Model):
    """Tokens that a language model took and gave.

    Whether `prompt_tokens` counts the cached ones is up to the provider; `total_tokens` always
    does.

    Attributes:
        prompt_tokens: Tokens of the input.
        completion_tokens: Tokens of the output, thoughts included.
        total_tokens: All tokens.
        cache_read_input_tokens: Input tokens read from the cache.
        cache_creation_input_tokens: Input tokens written to the cache.
        reasoning_tokens: Output tokens spent on thoughts.
        input_audio_tokens: Input tokens that were audio.
        output_audio_tokens: Output tokens that were audio.
        cache_read_input_audio_tokens: Cached input tokens that were audio.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    cache_read_input_audio_tokens: int | None = None


@dataclass(kw_only=True)
class LLMUsageMetricsData(MetricsData):
    """Usage of a language model.

    Attributes:
        value: The tokens.
    """

    value: LLMTokenUsage


@dataclass(kw_only=True)
class STTUsage(Model):
    """Audio given to a speech-to-text service since the last report.

    Attributes:
        audio_seconds: Its length in seconds.
    """

    audio_seconds: float


@dataclass(kw_only=True)
class STTUsageMetricsData(MetricsData):
    """Usage of a speech-to-text service.

    Attributes:
        value: The usage.
    """

    value: STTUsage


@dataclass(kw_only=True)
class TTSUsageMetricsData(MetricsData):
    """Usage of a text-to-speech service.

    Attributes:
        value: Number of characters.
    """

    value: int


@dataclass(kw_only=True)
class TextAggregationMetricsData(MetricsData):
    """How long text was gathered: from the first token to the first whole sentence.

    Attributes:
        value: The time in seconds.
    """

    value: float


@dataclass(kw_only=True)
class TurnMetricsData(MetricsData):
    """What a turn analyzer thought of a pause.

    Attributes:
        is_complete: Whether the turn is over.
        probability: How likely that is, from 0 to 1.
        e2e_processing_time_ms: Time from the beginning of the pause to this answer, in ms.
    """

    is_complete: bool
    probability: float
    e2e_processing_time_ms: float


@dataclass(kw_only=True)
class SmartTurnMetricsData(TurnMetricsData):
    """What a turn model thought of a pause. Deprecated in pipecat 0.0.104.

    Attributes:
        inference_time_ms: Time of the inference, in ms.
        server_total_time_ms: Time on the server, in ms.
    """

    inference_time_ms: float = 0.0
    server_total_time_ms: float = 0.0
