"""What a processor measures of itself (rules 93 to 95)."""

import logging
import math
import struct
from typing import Any

import pytest
from pipecat_rs.frames.frames import MetricsFrame
from pipecat_rs.metrics.metrics import (
    LLMTokenUsage,
    MetricsData,
    STTUsage,
    TTFAMetricsData,
    TTFATMetricsData,
    TTFBMetricsData,
)
from pipecat_rs.processors.metrics.frame_processor_metrics import FrameProcessorMetrics

RATE = 16000


@pytest.fixture
def metrics() -> FrameProcessorMetrics:
    made = FrameProcessorMetrics()
    made.set_core_metrics_data(MetricsData(processor="a processor", model="a model"))
    return made


def only(frame: MetricsFrame | None) -> Any:
    assert frame is not None
    (data,) = frame.data
    assert (data.processor, data.model) == ("a processor", "a model")
    return data


def silence(seconds: float) -> bytes:
    return bytes(2 * round(seconds * RATE))


def tone(seconds: float) -> bytes:
    count = round(seconds * RATE)
    samples = (round(8000 * math.sin(2 * math.pi * 440 * n / RATE)) for n in range(count))
    return struct.pack(f"<{count}h", *samples)


async def hear(metrics: FrameProcessorMetrics, audio: bytes) -> MetricsFrame | None:
    return await metrics.process_ttfa_metrics(audio=audio, sample_rate=RATE, num_channels=1)


async def test_ttfb(metrics: FrameProcessorMetrics):
    assert metrics.ttfb is None
    await metrics.start_ttfb_metrics(start_time=10.0, report_only_initial_ttfb=False)
    assert metrics.ttfb is not None
    data = only(await metrics.stop_ttfb_metrics(end_time=10.5))
    assert isinstance(data, TTFBMetricsData)
    assert data.value == metrics.ttfb == 0.5


async def test_a_stop_without_a_start_reports_nothing(metrics: FrameProcessorMetrics):
    assert await metrics.stop_ttfb_metrics() is None
    assert await metrics.stop_ttfat_metrics() is None
    assert await metrics.stop_processing_metrics() is None
    assert await metrics.stop_text_aggregation_metrics() is None
    assert await hear(metrics, tone(1)) is None


async def test_only_the_first_stop_counts(metrics: FrameProcessorMetrics):
    await metrics.start_ttfb_metrics(start_time=1.0, report_only_initial_ttfb=False)
    assert await metrics.stop_ttfb_metrics(end_time=2.0) is not None
    assert await metrics.stop_ttfb_metrics(end_time=3.0) is None


async def test_only_the_initial_ttfb(metrics: FrameProcessorMetrics):
    await metrics.start_ttfb_metrics(start_time=1.0, report_only_initial_ttfb=True)
    assert await metrics.stop_ttfb_metrics(end_time=2.0) is not None
    await metrics.start_ttfb_metrics(start_time=5.0, report_only_initial_ttfb=True)
    assert await metrics.stop_ttfb_metrics(end_time=6.0) is None


async def test_output_before_its_request_is_no_answer(
    metrics: FrameProcessorMetrics, caplog: pytest.LogCaptureFixture
):
    await metrics.start_ttfb_metrics(start_time=2.0, report_only_initial_ttfb=False)
    assert await metrics.stop_ttfb_metrics(end_time=1.0) is None
    assert "a processor" in caplog.text
    assert await metrics.stop_ttfb_metrics(end_time=3.0) is None


async def test_a_cancelled_ttfb_is_forgotten(metrics: FrameProcessorMetrics):
    await metrics.start_ttfb_metrics(report_only_initial_ttfb=False)
    await metrics.cancel_ttfb_metrics()
    assert await metrics.stop_ttfb_metrics() is None


async def test_ttfa_adds_leading_silence_to_ttfb(metrics: FrameProcessorMetrics):
    await metrics.start_ttfb_metrics(start_time=1.0, report_only_initial_ttfb=False)
    await metrics.stop_ttfb_metrics(end_time=1.25)
    assert await hear(metrics, silence(0.1)) is None
    assert await hear(metrics, silence(0.1)) is None
    data = only(await hear(metrics, tone(0.2)))
    assert isinstance(data, TTFAMetricsData)
    assert data.ttfb == 0.25
    assert data.leading_silence == pytest.approx(0.2, abs=0.01)
    assert data.ttfa == data.ttfb + data.leading_silence
    assert await hear(metrics, tone(0.2)) is None


async def test_ttfa_gives_up_on_silence(metrics: FrameProcessorMetrics):
    await metrics.start_ttfb_metrics(start_time=1.0, report_only_initial_ttfb=False)
    await metrics.stop_ttfb_metrics(end_time=1.25)
    assert await hear(metrics, silence(3.0)) is None
    assert await hear(metrics, tone(1.0)) is None


async def test_ttfat(metrics: FrameProcessorMetrics):
    await metrics.start_ttfb_metrics(start_time=1.0, report_only_initial_ttfb=False)
    assert await metrics.stop_ttfat_metrics(end_time=1.1) is None
    await metrics.stop_ttfb_metrics(end_time=1.25)
    data = only(await metrics.stop_ttfat_metrics(end_time=2.0))
    assert isinstance(data, TTFATMetricsData)
    assert (data.ttfat, data.ttfb, data.thinking_time) == (1.0, 0.25, 0.75)
    assert await metrics.stop_ttfat_metrics(end_time=3.0) is None


async def test_a_new_request_forgets_the_last_ttfat(metrics: FrameProcessorMetrics):
    await metrics.start_ttfb_metrics(start_time=1.0, report_only_initial_ttfb=False)
    await metrics.stop_ttfb_metrics(end_time=1.25)
    await metrics.start_ttfb_metrics(start_time=5.0, report_only_initial_ttfb=False)
    assert await metrics.stop_ttfat_metrics(end_time=6.0) is None


async def test_processing_and_aggregation(metrics: FrameProcessorMetrics):
    await metrics.start_processing_metrics(start_time=1.0)
    assert only(await metrics.stop_processing_metrics(end_time=3.0)).value == 2.0
    await metrics.start_text_aggregation_metrics()
    assert only(await metrics.stop_text_aggregation_metrics()).value >= 0


async def test_usage(metrics: FrameProcessorMetrics, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    tokens = LLMTokenUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
    assert only(await metrics.start_llm_usage_metrics(tokens)).value is tokens
    usage = STTUsage(audio_seconds=1.5)
    assert only(await metrics.start_stt_usage_metrics(usage)).value is usage
    assert only(await metrics.start_tts_usage_metrics("four")).value == 4
    assert "a processor" in caplog.text


async def test_processor_name_alone():
    metrics = FrameProcessorMetrics()
    metrics.set_processor_name("named")
    frame = await metrics.start_tts_usage_metrics("x")
    assert (frame.data[0].processor, frame.data[0].model) == ("named", None)
