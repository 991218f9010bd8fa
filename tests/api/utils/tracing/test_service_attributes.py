"""What spans of services say."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pipecat_rs.services.settings import TTSSettings
from pipecat_rs.utils.tracing.service_attributes import (
    add_gemini_live_span_attributes,
    add_llm_span_attributes,
    add_openai_realtime_span_attributes,
    add_stt_span_attributes,
    add_tts_span_attributes,
)

Described = Callable[..., dict[str, Any]]


def test_of_text_to_speech(attributes_of: Described):
    told = attributes_of(
        add_tts_span_attributes,
        service_name="CartesiaTTSService",
        model="m",
        voice_id="v",
        text="",
        settings=TTSSettings(voice="v", extra={"speed": 1.5, "list": [1]}),
        character_count=0,
        ttfb=0.25,
        cfg=True,
        skipped=object(),
    )
    assert told == {
        "gen_ai.provider.name": "cartesia",
        "gen_ai.request.model": "m",
        "gen_ai.operation.name": "tts",
        "gen_ai.output.type": "speech",
        "voice_id": "v",
        "settings.voice": "v",
        "settings.speed": 1.5,
        "metrics.character_count": 0,
        "metrics.ttfb": 0.25,
        "cfg": True,
    }


def test_of_speech_to_text(attributes_of: Described):
    told = attributes_of(
        add_stt_span_attributes,
        service_name="DeepgramSTTService",
        model="m",
        transcript="hello",
        is_final=False,
        language="en",
        user_id="u",
        vad_enabled=True,
    )
    assert told == {
        "gen_ai.provider.name": "deepgram",
        "gen_ai.request.model": "m",
        "gen_ai.operation.name": "stt",
        "vad_enabled": True,
        "transcript": "hello",
        "is_final": False,
        "language": "en",
        "user_id": "u",
    }


@pytest.mark.parametrize(
    ("service", "provider"),
    [
        ("OpenAILLMService", "openai"),
        ("GoogleVertexLLMService", "gcp.vertex_ai"),
        ("AWSBedrockLLMService", "aws.bedrock"),
        ("Mind", "mind"),
    ],
)
def test_of_a_language_model(attributes_of: Described, service: str, provider: str):
    told = attributes_of(
        add_llm_span_attributes,
        service_name=service,
        model="m",
        tools="[]",
        tool_count=0,
        tool_choice="auto",
        parameters={"top_p": 0.9, "model": "m", "list": []},
        extra_parameters={"tier": "flex", "list": []},
    )
    assert told == {
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": "m",
        "gen_ai.operation.name": "chat",
        "gen_ai.output.type": "text",
        "stream": True,
        "tools": "[]",
        "tool_count": 0,
        "tool_choice": "auto",
        "gen_ai.request.top_p": 0.9,
        "param.model": "m",
        "extra.tier": "flex",
    }


def test_of_gemini_live(attributes_of: Described):
    vad = SimpleNamespace(
        disabled=False, start_sensitivity=SimpleNamespace(value="HIGH"), end_sensitivity=None
    )
    told = attributes_of(
        add_gemini_live_span_attributes,
        service_name="GeminiLiveLLMService",
        model="m",
        operation_name="llm_response",
        settings=TTSSettings(extra={"vad": vad}),
        tools=[{"name": "a"}, SimpleNamespace(name="b")],
        transcript="hello",
        is_input=False,
        audio_data_size=0,
    )
    assert told == {
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "m",
        "gen_ai.operation.name": "llm_response",
        "service.operation": "llm_response",
        "settings.vad.disabled": False,
        "settings.vad.start_sensitivity": "HIGH",
        "tools.count": 2,
        "tools.available": True,
        "tools.names": "a,b",
        "transcript": "hello",
        "transcript.is_input": False,
        "audio.data_size_bytes": 0,
    }


def test_of_openai_realtime(attributes_of: Described):
    told = attributes_of(
        add_openai_realtime_span_attributes,
        service_name="OpenAIRealtimeLLMService",
        model="m",
        operation_name="llm_setup",
        session_properties={"voice": "alloy", "turn_detection": False},
        tools=[{"type": "function", "function": {"name": "a"}}],
        function_calls=[{"name": "a"}],
    )
    assert told == {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.operation.name": "llm_setup",
        "service.operation": "llm_setup",
        "session.voice": "alloy",
        "session.turn_detection.enabled": False,
        "tools.count": 1,
        "tools.available": True,
        "tools.names": "a",
        "function_calls.count": 1,
        "function_calls.first_name": "a",
    }
