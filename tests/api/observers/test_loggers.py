"""Observers that write to the log."""

import logging

import pytest
from pipecat_rs.frames.frames import (
    InterruptionFrame,
    MetricsFrame,
    OutputAudioRawFrame,
    StartFrame,
    TextFrame,
    TranscriptionFrame,
)
from pipecat_rs.metrics.metrics import (
    LLMTokenUsage,
    LLMUsageMetricsData,
    MetricsData,
    ProcessingMetricsData,
    SmartTurnMetricsData,
    STTUsage,
    STTUsageMetricsData,
    TextAggregationMetricsData,
    TTFAMetricsData,
    TTFATMetricsData,
    TTFBMetricsData,
    TTSUsageMetricsData,
    TurnMetricsData,
)
from pipecat_rs.observers.loggers.debug_log_observer import DebugLogObserver, FrameEndpoint
from pipecat_rs.observers.loggers.metrics_log_observer import MetricsLogObserver
from support.observed import DESTINATION, SOURCE, UP, pushed


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


async def test_frames_with_their_fields(logged: pytest.LogCaptureFixture):
    observer = DebugLogObserver()
    await observer.on_push_frame(pushed(TextFrame("hello"), timestamp=1_500_000_000))
    await observer.on_push_frame(pushed(OutputAudioRawFrame(b"12", 16000, 1), direction=UP))
    await observer.on_push_frame(pushed(StartFrame()))
    text, audio, start = logged.messages
    assert text.startswith("source → destination: TextFrame")
    assert "text: 'hello'" in text
    assert text.endswith("at 1.50s")
    assert audio.startswith("source ← destination: OutputAudioRawFrame")
    assert "audio:" not in audio
    assert "audio_in_sample_rate: 16000" in start


async def test_chosen_frames_only(logged: pytest.LogCaptureFixture):
    observer = DebugLogObserver(frame_types=(TextFrame,), exclude_fields={"text"})
    assert observer.handles == (TextFrame,)
    await observer.on_push_frame(pushed(TranscriptionFrame("hi", "u", "t")))
    await observer.on_push_frame(pushed(InterruptionFrame()))
    (message,) = logged.messages
    assert "text:" not in message


async def test_frames_at_one_end_of_a_hop(logged: pytest.LogCaptureFixture):
    at_source = {TextFrame: (type(SOURCE), FrameEndpoint.SOURCE), InterruptionFrame: None}
    observer = DebugLogObserver(frame_types=at_source)
    await observer.on_push_frame(pushed(TextFrame("from here")))
    await observer.on_push_frame(pushed(TextFrame("not"), source=DESTINATION))
    await observer.on_push_frame(pushed(InterruptionFrame()))
    at_destination = {TextFrame: (type(DESTINATION), FrameEndpoint.DESTINATION)}
    await DebugLogObserver(frame_types=at_destination).on_push_frame(pushed(TextFrame("to there")))
    assert [m for m in logged.messages if "not" in m] == []
    assert len(logged.messages) == 3


TOKENS = LLMTokenUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3, reasoning_tokens=1)
CASES = [
    (TTFBMetricsData(processor="p", model="m", value=0.5), "[p] (m) TTFB: 0.5s"),
    (TTFAMetricsData(processor="p", ttfa=0.7, ttfb=0.5, leading_silence=0.2), "TTFA: 0.7s"),
    (TTFATMetricsData(processor="p", ttfat=0.9, ttfb=0.5, thinking_time=0.4), "TTFAT: 0.9s"),
    (ProcessingMetricsData(processor="p", value=1.0), "PROCESSING TIME: 1.0s"),
    (LLMUsageMetricsData(processor="p", value=TOKENS), "prompt: 1, completion: 2, total: 3"),
    (STTUsageMetricsData(processor="p", value=STTUsage(audio_seconds=2.5)), "2.500s audio"),
    (TTSUsageMetricsData(processor="p", value=12), "12 characters"),
    (
        TurnMetricsData(
            processor="p", is_complete=True, probability=0.9, e2e_processing_time_ms=12
        ),
        "COMPLETE (probability: 90.00%, e2e: 12.0ms)",
    ),
    (TextAggregationMetricsData(processor="p", value=0.1), "TextAggregationMetricsData"),
]


@pytest.mark.parametrize(("data", "text"), CASES, ids=lambda case: type(case).__name__)
async def test_measurements(data: MetricsData, text: str, logged: pytest.LogCaptureFixture):
    await MetricsLogObserver().on_push_frame(pushed(MetricsFrame([data])))
    assert text in logged.text


async def test_chosen_measurements_only(logged: pytest.LogCaptureFixture):
    observer = MetricsLogObserver(include_metrics={SmartTurnMetricsData})
    turn = TurnMetricsData(
        processor="p", is_complete=False, probability=0.1, e2e_processing_time_ms=12
    )
    await observer.on_push_frame(pushed(MetricsFrame([CASES[0][0], turn])))
    (message,) = logged.messages
    assert "INCOMPLETE" in message
