"""How long users wait for an answer, and what for (rule 92)."""

from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    ClientConnectedFrame,
    Frame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    InterruptionFrame,
    LLMFullResponseStartFrame,
    LLMMarkerFrame,
    LLMTextFrame,
    MetricsFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.metrics.metrics import TextAggregationMetricsData, TTFBMetricsData
from pipecat_rs.observers.user_bot_latency_observer import (
    LatencyBreakdown,
    LatencyOwnerKind,
    MeasuredFrom,
    UserBotLatencyObserver,
)
from support.observed import UP, named, pushed

STT, LLM, TTS, OUT = named("STT#0"), named("LLM#0"), named("TTS#0"), named("Output#0")


class Call:
    """A conversation at times of the test's choice."""

    def __init__(self, **kwargs: Any) -> None:
        self.now = 100.0
        self.observer = UserBotLatencyObserver(time_source=lambda: self.now, **kwargs)
        self.latencies: list[float] = []
        self.greetings: list[float] = []
        self.breakdowns: list[LatencyBreakdown] = []
        for event, told in (
            ("on_latency_measured", self.latencies),
            ("on_first_bot_speech_latency", self.greetings),
            ("on_latency_breakdown", self.breakdowns),
        ):
            self.observer.add_event_handler(event, lambda _, value, told=told: told.append(value))

    async def at(self, secs: float, frame: Frame, source: Any = OUT, **kwargs: Any) -> None:
        self.now = 100.0 + secs
        await self.observer.on_push_frame(pushed(frame, source=source, **kwargs))
        await self.observer.cleanup()

    async def user_stops(self, secs: float, stop_secs: float = 0.2) -> None:
        frame = VADUserStoppedSpeakingFrame(stop_secs=stop_secs, timestamp=100.0 + secs)
        await self.at(secs, frame)

    def parts(self) -> list[tuple[str, str, float]]:
        parts = self.breakdowns[-1].contributions
        return [(part.key, part.owner, round(part.duration_secs, 6)) for part in parts]


async def test_from_the_users_silence_to_the_bots_first_word():
    call = Call()
    await call.at(0.0, VADUserStartedSpeakingFrame())
    await call.user_stops(1.2)
    await call.at(2.0, BotStartedSpeakingFrame())
    assert call.latencies == pytest.approx([1.0])


async def test_once_for_each_turn():
    call = Call()
    await call.user_stops(1.2)
    await call.at(2.0, BotStartedSpeakingFrame())
    await call.at(3.0, BotStartedSpeakingFrame())
    assert len(call.latencies) == 1
    await call.at(4.0, VADUserStartedSpeakingFrame())
    await call.user_stops(5.2)
    await call.at(5.5, BotStartedSpeakingFrame())
    assert call.latencies == pytest.approx([1.0, 0.5])


async def test_a_user_who_goes_on_resets_it():
    call = Call()
    await call.user_stops(1.2)
    await call.at(1.5, VADUserStartedSpeakingFrame())
    await call.at(2.0, BotStartedSpeakingFrame())
    assert call.latencies == []
    assert call.breakdowns == []


async def test_frames_that_go_upstream_do_not_count():
    call = Call()
    await call.user_stops(1.2)
    await call.at(2.0, BotStartedSpeakingFrame(), direction=UP)
    assert call.latencies == []


async def test_the_greeting_is_measured_from_the_clients_connection():
    call = Call()
    await call.at(1.0, ClientConnectedFrame())
    await call.at(1.2, ClientConnectedFrame())
    call.now = 101.5
    await call.observer.on_pipeline_started()
    await call.at(1.7, LLMFullResponseStartFrame(), LLM)
    await call.at(2.0, BotStartedSpeakingFrame())
    assert call.greetings == pytest.approx([1.0])
    assert call.latencies == []
    assert call.breakdowns[-1].measured_from is MeasuredFrom.CLIENT_CONNECTED
    assert call.parts() == [("first_request", "bot", 0.2), ("pipeline", "pipecat", 0.3)]
    assert "from client connected" in call.breakdowns[-1].turn_contribution_lines()[-1]
    await call.at(3.0, BotStartedSpeakingFrame())
    assert len(call.greetings) == 1


async def test_there_is_no_greeting_if_the_user_speaks_first():
    call = Call()
    await call.at(1.0, ClientConnectedFrame())
    await call.at(1.5, VADUserStartedSpeakingFrame())
    await call.user_stops(2.2)
    await call.at(3.0, BotStartedSpeakingFrame())
    assert call.greetings == []
    assert call.latencies == pytest.approx([1.0])


async def test_the_parts_make_up_the_whole():
    call = Call()
    await call.user_stops(1.2)
    await call.at(1.3, TranscriptionFrame("Hel", "u", "t"), STT)
    await call.at(1.4, TranscriptionFrame("Hello", "u", "t"), STT)
    await call.at(1.5, UserStoppedSpeakingFrame())
    await call.at(1.5, LLMFullResponseStartFrame(), LLM)
    await call.at(
        1.81, MetricsFrame([TTFBMetricsData(processor="LLM#0", model="m", value=0.3)]), LLM
    )
    await call.at(1.82, LLMTextFrame("Hi"), LLM)
    await call.at(1.9, LLMTextFrame(" you"), LLM)
    gathered = TextAggregationMetricsData(processor="TTS#0", value=0.18)
    await call.at(2.0, MetricsFrame([gathered]), TTS)
    await call.at(2.3, TTSAudioRawFrame(b"", 16000, 1), TTS)
    await call.at(2.304, BotStartedSpeakingFrame(), OUT)
    assert call.parts() == [
        ("endpointing_wait", "config: VAD stop_secs", 0.2),
        ("transcription", "STT#0", 0.2),
        ("turn_detection", "config: user turn strategies", 0.1),
        ("llm_inference", "LLM#0", 0.32),
        ("sentence_aggregation", "config: text_aggregation_mode", 0.18),
        ("speech_synthesis", "TTS#0", 0.3),
        ("pipeline", "pipecat", 0.004),
    ]
    breakdown = call.breakdowns[-1]
    assert breakdown.total_secs == pytest.approx(call.latencies[0])
    assert breakdown.measured_from is MeasuredFrom.USER_SILENCE
    assert breakdown.user_turn_start_time == pytest.approx(101.0)
    assert breakdown.user_turn_secs == pytest.approx(0.5)
    assert [(t.processor, t.model, t.duration_secs) for t in breakdown.ttfb] == [
        ("LLM#0", "m", 0.3)
    ]
    kinds = [part.owner_kind for part in breakdown.contributions]
    assert kinds[0] is LatencyOwnerKind.SETTING
    assert kinds[1] is LatencyOwnerKind.SERVICE
    assert kinds[-1] is LatencyOwnerKind.PIPELINE
    lines = breakdown.turn_contribution_lines(by_cost=True)
    assert lines[0].endswith("[LLM#0]")
    assert lines[-1].endswith("TOTAL")
    with pytest.deprecated_call(match="turn_contribution_lines"):
        assert "LLM#0: TTFB 0.300s" in breakdown.chronological_events()
    assert breakdown.model_dump()["total_secs"] == breakdown.total_secs


async def test_short_parts_can_be_listed():
    call = Call(min_contribution_secs=0)
    await call.user_stops(1.2)
    await call.at(2.3, TTSAudioRawFrame(b"", 16000, 1), TTS)
    await call.at(2.304, BotStartedSpeakingFrame(), OUT)
    assert ("output_transport", "Output#0", 0.004) in call.parts()


async def test_function_calls_that_overlap_are_one_part():
    call = Call()
    await call.user_stops(1.2)
    await call.at(1.3, LLMFullResponseStartFrame(), LLM)
    await call.at(1.5, MetricsFrame([TTFBMetricsData(processor="LLM#0", value=0.2)]), LLM)
    await call.at(1.6, FunctionCallInProgressFrame("slow", "1", {}))
    await call.at(1.7, FunctionCallInProgressFrame("quick", "2", {}))
    await call.at(1.8, FunctionCallResultFrame("quick", "2", {}, "x"))
    await call.at(2.0, FunctionCallResultFrame("slow", "1", {}, "x"))
    await call.at(2.2, BotStartedSpeakingFrame(), OUT)
    assert ("function_handler", "slow +1", 0.4) in call.parts()
    assert ("llm_tool_call", "LLM#0", 0.1) in call.parts()
    assert [c.function_name for c in call.breakdowns[-1].function_calls] == ["quick", "slow"]


async def test_markers_of_turn_completion():
    call = Call()
    await call.user_stops(1.2)
    await call.at(1.3, LLMFullResponseStartFrame(), LLM)
    await call.at(1.5, MetricsFrame([TTFBMetricsData(processor="LLM#0", value=0.2)]), LLM)
    await call.at(1.6, LLMMarkerFrame("✓", append_to_context_immediately=False), LLM)
    await call.at(1.7, LLMTextFrame("Hi"), LLM)
    await call.at(1.9, BotStartedSpeakingFrame(), OUT)
    setting = "config: filter_incomplete_user_turns"
    assert ("turn_completion", setting, 0.2) in call.parts()


async def test_an_interruption_forgets_what_was_measured():
    call = Call()
    await call.user_stops(1.2)
    await call.at(1.5, MetricsFrame([TTFBMetricsData(processor="LLM#0", value=0.2)]), LLM)
    await call.at(1.6, InterruptionFrame())
    await call.at(2.0, BotStartedSpeakingFrame())
    assert call.breakdowns[-1].ttfb == []


async def test_measurements_outside_a_turn_do_not_count():
    call = Call()
    await call.at(1.0, MetricsFrame([TTFBMetricsData(processor="LLM#0", value=0.2)]), LLM)
    await call.user_stops(1.2)
    await call.at(2.0, BotStartedSpeakingFrame())
    assert call.breakdowns[-1].ttfb == []


def test_nothing_measured_has_no_lines():
    assert LatencyBreakdown().turn_contribution_lines() == []
    with pytest.warns(DeprecationWarning, match="max_frames"):
        UserBotLatencyObserver(max_frames=10)
