"""What spans of services say.

Names are those of OpenTelemetry's conventions for generative AI where these have one
(``gen_ai.…``), and pipecat's own else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from pipecat_rs.services.settings import ServiceSettings

_PROVIDERS = {
    "AWSBedrockLLMService": "aws.bedrock",
    "AzureLLMService": "azure.ai.openai",
    "GoogleLLMService": "gcp.gemini",
    "GoogleVertexLLMService": "gcp.vertex_ai",
    "GrokLLMService": "x_ai",
    "MistralLLMService": "mistral_ai",
}
_REQUEST_PARAMETERS = frozenset(
    {
        "temperature",
        "max_tokens",
        "max_completion_tokens",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "seed",
    }
)


def add_tts_span_attributes(
    span: Span,
    service_name: str,
    model: str,
    voice_id: str,
    text: str | None = None,
    settings: ServiceSettings | None = None,
    character_count: int | None = None,
    operation_name: str = "tts",
    ttfb: float | None = None,
    **kwargs: Any,
) -> None:
    """Describe a synthesis.

    Args:
        span: The span.
        service_name: Class of the service.
        model: Its model.
        voice_id: Its voice.
        text: What is spoken.
        settings: Settings of the service.
        character_count: Number of characters spoken.
        operation_name: What is done.
        ttfb: Time to first byte, in seconds.
        **kwargs: Further attributes; those that are no plain values are left out.
    """
    _describe(span, _provider(service_name, "TTSService"), model, operation_name)
    span.set_attribute("gen_ai.output.type", "speech")
    span.set_attribute("voice_id", voice_id)
    _set_filled(span, {"text": text})
    _set_known(span, {"metrics.character_count": character_count, "metrics.ttfb": ttfb})
    _set_settings(span, settings)
    _set_plain(span, kwargs)


def add_stt_span_attributes(
    span: Span,
    service_name: str,
    model: str,
    operation_name: str = "stt",
    transcript: str | None = None,
    is_final: bool | None = None,
    language: str | None = None,
    user_id: str | None = None,
    settings: ServiceSettings | None = None,
    vad_enabled: bool = False,
    ttfb: float | None = None,
    **kwargs: Any,
) -> None:
    """Describe a transcription.

    Args:
        span: The span.
        service_name: Class of the service.
        model: Its model.
        operation_name: What is done.
        transcript: What was understood.
        is_final: Whether that will not change any more.
        language: The language.
        user_id: Whose voice it is.
        settings: Settings of the service.
        vad_enabled: Whether the service detects voice activity itself.
        ttfb: Time to first byte, in seconds.
        **kwargs: Further attributes; those that are no plain values are left out.
    """
    _describe(span, _provider(service_name, "STTService"), model, operation_name)
    span.set_attribute("vad_enabled", vad_enabled)
    _set_filled(span, {"transcript": transcript, "language": language, "user_id": user_id})
    _set_known(span, {"is_final": is_final, "metrics.ttfb": ttfb})
    _set_settings(span, settings)
    _set_plain(span, kwargs)


def add_llm_span_attributes(
    span: Span,
    service_name: str,
    model: str,
    stream: bool = True,
    messages: str | None = None,
    output: str | None = None,
    tools: str | None = None,
    tool_count: int | None = None,
    tool_choice: str | None = None,
    system_instructions: str | None = None,
    parameters: dict[str, Any] | None = None,
    extra_parameters: dict[str, Any] | None = None,
    ttfb: float | None = None,
    **kwargs: Any,
) -> None:
    """Describe an answer of a language model.

    Args:
        span: The span.
        service_name: Class of the service.
        model: Its model.
        stream: Whether the answer comes in pieces.
        messages: The conversation, as JSON.
        output: The answer.
        tools: The functions the model may call, as JSON.
        tool_count: Their number.
        tool_choice: Which of them it may, or must, call.
        system_instructions: What the model is told ahead of the conversation.
        parameters: Parameters of the request.
        extra_parameters: Those of the provider's own.
        ttfb: Time to first byte, in seconds.
        **kwargs: Further attributes; those that are no plain values are left out.
    """
    provider = _PROVIDERS.get(service_name) or _provider(service_name, "LLMService")
    _describe(span, provider, model, "chat")
    span.set_attribute("gen_ai.output.type", "text")
    span.set_attribute("stream", stream)
    _set_filled(
        span,
        {
            "input": messages,
            "output": output,
            "tools": tools,
            "tool_choice": tool_choice,
            "gen_ai.system_instructions": system_instructions,
        },
    )
    _set_known(span, {"tool_count": tool_count, "metrics.ttfb": ttfb})
    for name, value in (parameters or {}).items():
        known = "gen_ai.request" if name in _REQUEST_PARAMETERS else "param"
        _set_plain(span, {f"{known}.{name}": value})
    _set_plain(span, {f"extra.{name}": v for name, v in (extra_parameters or {}).items()})
    _set_plain(span, kwargs)


def add_gemini_live_span_attributes(
    span: Span,
    service_name: str,
    model: str,
    operation_name: str,
    voice_id: str | None = None,
    language: str | None = None,
    modalities: str | None = None,
    settings: ServiceSettings | None = None,
    tools: list[Any] | None = None,
    tools_serialized: str | None = None,
    transcript: str | None = None,
    is_input: bool | None = None,
    text_output: str | None = None,
    audio_data_size: int | None = None,
    **kwargs: Any,
) -> None:
    """Describe what a Gemini Live service does.

    Args:
        span: The span.
        service_name: Class of the service.
        model: Its model.
        operation_name: What is done.
        voice_id: Its voice.
        language: The language.
        modalities: What the model gives: text or audio.
        settings: Settings of the service.
        tools: The functions the model may call.
        tools_serialized: The same as JSON.
        transcript: What was said.
        is_input: Whether the user said it.
        text_output: What the model wrote.
        audio_data_size: Size of the audio, in bytes.
        **kwargs: Further attributes; those that are no plain values are left out.
    """
    _describe(span, "gcp.gemini", model, operation_name)
    span.set_attribute("service.operation", operation_name)
    _set_filled(
        span,
        {
            "voice_id": voice_id,
            "language": language,
            "modalities": modalities,
            "text_output": text_output,
        },
    )
    _set_exchange(span, transcript, is_input, audio_data_size, tools, tools_serialized)
    _set_settings(span, settings)
    vad = settings.given_fields().get("vad") if settings else None
    if vad:
        _set_known(span, {"settings.vad.disabled": getattr(vad, "disabled", None)})
        for name in ("start_sensitivity", "end_sensitivity"):
            sensitivity = getattr(vad, name, None)
            if sensitivity:
                span.set_attribute(f"settings.vad.{name}", sensitivity.value)
    _set_plain(span, kwargs)


def add_openai_realtime_span_attributes(
    span: Span,
    service_name: str,
    model: str,
    operation_name: str,
    session_properties: dict[str, Any] | None = None,
    transcript: str | None = None,
    is_input: bool | None = None,
    context_messages: str | None = None,
    function_calls: list[Any] | None = None,
    tools: list[Any] | None = None,
    tools_serialized: str | None = None,
    audio_data_size: int | None = None,
    **kwargs: Any,
) -> None:
    """Describe what an OpenAI Realtime service does.

    Args:
        span: The span.
        service_name: Class of the service.
        model: Its model.
        operation_name: What is done.
        session_properties: Configuration of the session.
        transcript: What was said.
        is_input: Whether the user said it.
        context_messages: The conversation, as JSON.
        function_calls: The functions that the model calls.
        tools: The functions it may call.
        tools_serialized: The same as JSON.
        audio_data_size: Size of the audio, in bytes.
        **kwargs: Further attributes; those that are no plain values are left out.
    """
    _describe(span, "openai", model, operation_name)
    span.set_attribute("service.operation", operation_name)
    _set_filled(span, {"input": context_messages})
    _set_exchange(span, transcript, is_input, audio_data_size, tools, tools_serialized)
    if function_calls:
        span.set_attribute("function_calls.count", len(function_calls))
        _set_known(span, {"function_calls.first_name": _name_of(function_calls[0])})
    properties = dict(session_properties or {})
    turn_detection = properties.pop("turn_detection", None)
    _set_plain(span, {f"session.{name}": value for name, value in properties.items()})
    if turn_detection is not None:
        span.set_attribute("session.turn_detection.enabled", turn_detection is not False)
        if isinstance(turn_detection, Mapping):
            details = {f"session.turn_detection.{k}": v for k, v in turn_detection.items()}
            _set_plain(span, details)
    _set_plain(span, kwargs)


def _describe(span: Span, provider: str, model: str, operation: str) -> None:
    span.set_attribute("gen_ai.provider.name", provider)
    span.set_attribute("gen_ai.request.model", model)
    span.set_attribute("gen_ai.operation.name", operation)


def _provider(service_name: str, suffix: str) -> str:
    return service_name.removesuffix(suffix).lower()


def _set_exchange(
    span: Span,
    transcript: str | None,
    is_input: bool | None,
    audio_data_size: int | None,
    tools: Iterable[Any] | None,
    tools_serialized: str | None,
) -> None:
    """Set what spans of both realtime services say."""
    if transcript:
        _set_known(span, {"transcript": transcript, "transcript.is_input": is_input})
    _set_known(span, {"audio.data_size_bytes": audio_data_size})
    tools = list(tools or ())
    if tools:
        span.set_attribute("tools.count", len(tools))
        span.set_attribute("tools.available", True)
        names = [name for name in map(_name_of, tools) if name]
        _set_filled(span, {"tools.names": ",".join(names)})
    _set_filled(span, {"tools.definitions": tools_serialized})


def _name_of(tool: Any) -> str | None:
    if not isinstance(tool, Mapping):
        return getattr(tool, "name", None)
    function = tool.get("function")
    return tool.get("name") or (function.get("name") if isinstance(function, Mapping) else None)


def _set_filled(span: Span, attributes: Mapping[str, str | None]) -> None:
    for name, value in attributes.items():
        if value:
            span.set_attribute(name, value)


def _set_known(span: Span, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        if value is not None:
            span.set_attribute(name, value)


def _set_settings(span: Span, settings: ServiceSettings | None) -> None:
    given = settings.given_fields() if settings else {}
    _set_plain(span, {f"settings.{name}": value for name, value in given.items()})


def _set_plain(span: Span, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        if isinstance(value, str | int | float | bool):
            span.set_attribute(name, value)
