"""Measurements as data."""

import json

import pytest
from pipecat_rs.metrics.metrics import (
    LLMTokenUsage,
    LLMUsageMetricsData,
    MetricsData,
    SmartTurnMetricsData,
    STTUsage,
    STTUsageMetricsData,
    TTFBMetricsData,
    TurnMetricsData,
)


def test_arguments_go_by_name():
    data = TTFBMetricsData(processor="p", value=0.5)
    assert (data.processor, data.model, data.value) == ("p", None, 0.5)
    assert isinstance(data, MetricsData)
    with pytest.raises(TypeError):
        TTFBMetricsData("p", 0.5)  # type: ignore[misc]
    with pytest.raises(TypeError):
        TTFBMetricsData(processor="p")  # type: ignore[call-arg]


def test_equal_by_value():
    assert TTFBMetricsData(processor="p", value=1) == TTFBMetricsData(processor="p", value=1)
    assert TTFBMetricsData(processor="p", value=1) != TTFBMetricsData(processor="p", value=2)


def test_dumps():
    tokens = LLMTokenUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
    data = LLMUsageMetricsData(processor="p", model="m", value=tokens)
    counts = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert data.model_dump(exclude_none=True) == {"processor": "p", "model": "m", "value": counts}
    assert data.model_dump()["value"]["reasoning_tokens"] is None
    assert json.loads(data.model_dump_json(exclude_none=True))["value"] == counts
    usage = STTUsageMetricsData(processor="p", value=STTUsage(audio_seconds=1.5))
    assert usage.model_dump_json() == '{"processor":"p","model":null,"value":{"audio_seconds":1.5}}'


def test_dumps_of_a_part():
    data = TTFBMetricsData(processor="p", value=1)
    assert data.model_dump(exclude={"model"}) == {"processor": "p", "value": 1}
    assert data.model_dump(include={"value"}) == {"value": 1}
    assert (
        data.model_dump_json(indent=1, exclude={"model"}) == '{\n "processor": "p",\n "value": 1\n}'
    )
    assert str(data) == "processor='p' model=None value=1"


def test_deep_copies():
    tokens = LLMTokenUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
    data = LLMUsageMetricsData(processor="p", value=tokens)
    assert data.model_copy().value is tokens
    assert data.model_copy(deep=True).value == tokens
    assert data.model_copy(deep=True).value is not tokens


def test_copies():
    data = TTFBMetricsData(processor="p", value=1)
    assert data.model_copy() == data
    assert data.model_copy(update={"value": 2}).value == 2
    assert data.value == 1


def test_smart_turn_is_a_turn():
    data = SmartTurnMetricsData(
        processor="p", is_complete=True, probability=0.9, e2e_processing_time_ms=12
    )
    assert isinstance(data, TurnMetricsData)
    assert data.inference_time_ms == 0.0
