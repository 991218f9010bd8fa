"""Observers that turn frames into records."""

import json
from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    ErrorCategory,
    ErrorFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallResultProperties,
    FunctionCallsStartedFrame,
    InterruptionFrame,
    MetricsFrame,
    TextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.metrics.metrics import (
    LLMTokenUsage,
    LLMUsageMetricsData,
    ProcessingMetricsData,
    STTUsage,
    STTUsageMetricsData,
    TTFAMetricsData,
    TTFATMetricsData,
    TTFBMetricsData,
    TTSUsageMetricsData,
)
from pipecat_rs.observers.base_observer import BaseObserver
from pipecat_rs.observers.error_observer import ErrorEvent, ErrorObserver
from pipecat_rs.observers.function_call_observer import FunctionCallEvent, FunctionCallObserver
from pipecat_rs.observers.service_metrics_observer import ServiceMetricsObserver
from pipecat_rs.observers.speaking_observer import SpeakingObserver, SpeechEvent
from support.observed import DOWN, UP, named, pushed


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


async def told(observer: BaseObserver, event: str, *frames: Frame, **hop: Any) -> list[Any]:
    """Return what an observer tells of frames that are pushed."""
    seen: list[Any] = []
    observer.add_event_handler(event, lambda _, record: seen.append(record))
    for frame in frames:
        await observer.on_push_frame(pushed(frame, **hop))
        await observer.cleanup()
    return seen


async def test_speech_and_turns():
    events: list[SpeechEvent] = await told(
        SpeakingObserver(time_source=Clock()),
        "on_speech_event",
        VADUserStartedSpeakingFrame(start_secs=0.2, timestamp=10.2),
        UserStartedSpeakingFrame(),
        VADUserStoppedSpeakingFrame(stop_secs=0.5, timestamp=12.5),
        UserStoppedSpeakingFrame(),
        BotStartedSpeakingFrame(),
        InterruptionFrame(),
        BotStoppedSpeakingFrame(),
        BotStoppedSpeakingFrame(),
        TextFrame("nothing"),
    )
    assert [(str(e.kind), e.timestamp, e.started_at) for e in events] == [
        ("user_speech_started", 10.0, None),
        ("user_turn_started", 1.0, None),
        ("user_speech_stopped", 12.0, 10.0),
        ("user_turn_stopped", 2.0, 1.0),
        ("bot_speech_started", 3.0, None),
        ("interruption", 4.0, None),
        ("bot_speech_stopped", 5.0, 3.0),
        ("bot_speech_stopped", 6.0, None),
    ]
    assert json.loads(events[0].model_dump_json())["kind"] == "user_speech_started"


async def test_a_broadcast_is_told_once():
    down, up = InterruptionFrame(), InterruptionFrame()
    down.broadcast_sibling_id, up.broadcast_sibling_id = up.id, down.id
    observer = SpeakingObserver()
    assert len(await told(observer, "on_speech_event", down, direction=DOWN)) == 1
    assert await told(SpeakingObserver(), "on_speech_event", up, direction=UP) == []


async def test_errors_are_told_of_the_processor_that_reports_them():
    broken = named("broken", is_usable=False)
    events: list[ErrorEvent] = await told(
        ErrorObserver(time_source=Clock()),
        "on_error",
        ErrorFrame("no key", processor=broken, category=ErrorCategory.AUTHENTICATION),
        ErrorFrame("odd", exception=ValueError("odd")),
        TextFrame("nothing"),
        direction=UP,
    )
    first, second = events
    assert (first.processor, first.processor_usable) == ("broken", False)
    assert (first.message, first.category) == ("no key", ErrorCategory.AUTHENTICATION)
    assert (first.exception_type, first.timestamp) == (None, 1.0)
    assert (second.processor, second.processor_usable) == ("source", True)
    assert (second.category, second.exception_type) == (ErrorCategory.UNKNOWN, "ValueError")


def call(frame: str, **kwargs: Any) -> Frame:
    of_call = {"function_name": "f", "tool_call_id": "1"}
    match frame:
        case "started":
            return FunctionCallsStartedFrame(
                [FunctionCallFromLLM(**of_call, arguments={"a": 1}, context=None)]
            )
        case "in progress":
            return FunctionCallInProgressFrame(**of_call, arguments={"a": 1}, **kwargs)
        case "result":
            return FunctionCallResultFrame(**of_call, arguments={"a": 1}, result=7, **kwargs)
        case _:
            return FunctionCallCancelFrame(**of_call, **kwargs)


async def test_the_life_of_a_function_call():
    events: list[FunctionCallEvent] = await told(
        FunctionCallObserver(time_source=Clock()),
        "on_function_call_event",
        call("started"),
        call("in progress", cancel_on_interruption=True, group_id="g"),
        call("result", properties=FunctionCallResultProperties(is_final=False)),
        call("result"),
        TextFrame("nothing"),
    )
    started, running, completed = events
    assert (str(started.kind), started.arguments) == ("function_call_started", {"a": 1})
    assert str(running.kind) == "function_call_in_progress"
    assert (running.started_at, running.blocking, running.group_id) == (1.0, True, "g")
    assert (str(completed.kind), completed.in_progress_at) == ("function_call_completed", 2.0)
    assert completed.result is None


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (call("result", error="bad"), "function_call_failed"),
        (call("cancel"), "function_call_cancelled"),
        (call("cancel", run_llm=True), "function_call_timed_out"),
    ],
)
async def test_other_ends_of_a_function_call(frame: Frame, kind: str):
    (event,) = await told(FunctionCallObserver(), "on_function_call_event", frame)
    assert str(event.kind) == kind
    assert event.result is None


async def test_arguments_and_results_by_choice():
    observer = FunctionCallObserver(include_arguments=False, include_results=True)
    frames = [call("started"), call("in progress"), call("result")]
    events = await told(observer, "on_function_call_event", *frames)
    assert [event.arguments for event in events] == [None, None, None]
    assert events[-1].result == 7


TOKENS = LLMTokenUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
MEASURED = MetricsFrame(
    [
        TTFBMetricsData(processor="p", model="m", value=0.5),
        TTFAMetricsData(processor="p", ttfa=0.7, ttfb=0.5, leading_silence=0.2),
        TTFATMetricsData(processor="p", ttfat=0.9, ttfb=0.5, thinking_time=0.4),
        ProcessingMetricsData(processor="p", value=1.0),
        LLMUsageMetricsData(processor="p", value=TOKENS),
        STTUsageMetricsData(processor="p", value=STTUsage(audio_seconds=2.5)),
        TTSUsageMetricsData(processor="p", value=12),
    ]
)


async def test_latencies_of_services():
    observer = ServiceMetricsObserver(time_source=Clock())
    records = await told(observer, "on_service_latency", MEASURED, TextFrame("nothing"))
    assert [record.model_dump(exclude_none=True) for record in records] == [
        {"kind": "ttfb", "processor": "p", "model": "m", "timestamp": 1.0, "seconds": 0.5},
        {
            "kind": "ttfa",
            "processor": "p",
            "timestamp": 2.0,
            "seconds": 0.7,
            "ttfb_secs": 0.5,
            "leading_silence_secs": 0.2,
        },
        {
            "kind": "ttfat",
            "processor": "p",
            "timestamp": 3.0,
            "seconds": 0.9,
            "ttfb_secs": 0.5,
            "thinking_time_secs": 0.4,
        },
    ]


async def test_usage_of_services():
    observer = ServiceMetricsObserver(time_source=lambda: 1.0)
    llm, stt, tts = await told(observer, "on_service_usage", MEASURED)
    assert (str(llm.kind), llm.prompt_tokens, llm.total_tokens) == ("llm", 1, 3)
    assert (str(stt.kind), stt.audio_seconds, stt.characters) == ("stt", 2.5, None)
    assert (str(tts.kind), tts.characters) == ("tts", 12)
