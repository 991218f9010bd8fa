"""What can be told of the requests and answers of services that listen and speak themselves.

The libraries of their providers need not be installed: what is read is looked for by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

_SHORT, _MIDDLE, _LONG = 500, 1000, 2000
"""How much of a text is told, in characters."""


# ---- Gemini Live


def of_gemini_live(operation: str, service: Any, args: tuple[Any, ...]) -> dict[str, Any]:
    """Return the attributes of an operation of a Gemini Live service.

    Args:
        operation: The operation.
        service: The service.
        args: What its method is given.
    """
    if operation == "llm_setup":
        return _gemini_setup(service)
    if operation == "llm_tool_call" and args:
        return _gemini_call(args[0])
    if operation == "llm_tool_result" and len(args) >= 3:
        return _gemini_result(*args[:3])
    if operation == "llm_response" and args:
        return _gemini_answer(service, args[0])
    return {}


def _gemini_setup(service: Any) -> dict[str, Any]:
    from pipecat_rs.utils.tracing.service_decorators import system_instruction_of

    found: dict[str, Any] = {}
    tools = getattr(service, "_tools", None)
    tools = getattr(tools, "standard_tools", tools)
    if isinstance(tools, list) and tools:
        found["tools"] = tools
        found["tools_serialized"] = json.dumps(
            [
                {
                    "name": _read(tool, "name", "unknown"),
                    "description": _read(tool, "description", ""),
                    "properties": _read(tool, "properties", {}),
                    "required": _read(tool, "required", []),
                }
                for tool in tools
            ],
            default=str,
        )
    instruction = system_instruction_of(service, getattr(service, "_context", None))
    if instruction:
        found["gen_ai.system_instructions"] = instruction[:_SHORT]
    return found


def _gemini_call(message: Any) -> dict[str, Any]:
    calls = getattr(getattr(message, "tool_call", None), "function_calls", None)
    if not calls:
        return {}
    first = calls[0]
    return {
        "tool.function_name": first.name,
        "tool.call_id": first.id,
        "tool.calls_count": len(calls),
        "tool.all_function_names": ",".join(call.name for call in calls),
        "tool.arguments": _cut(json.dumps(first.args or {}, default=str), _MIDDLE),
    }


def _gemini_result(call_id: Any, name: Any, result: Any) -> dict[str, Any]:
    found = {"tool.call_id": call_id, "tool.function_name": name}
    if isinstance(result, dict):
        found["tool.result"] = _cut(json.dumps(result, default=str), _LONG)
        status = next((word for word in ("error", "success") if word in result), "completed")
        found["tool.result_status"] = status
    return {key: value for key, value in found.items() if value}


def _gemini_answer(service: Any, message: Any) -> dict[str, Any]:
    found = _gemini_usage(getattr(message, "usage_metadata", None))
    for modality, buffer in (("TEXT", "_bot_text_buffer"), ("AUDIO", "_llm_output_buffer")):
        text = getattr(service, buffer, "")
        if text:
            found["output"], found["output_modality"] = text, modality
            break
    if getattr(getattr(message, "server_content", None), "turn_complete", False):
        found["turn_complete"] = True
    return found


def _gemini_usage(usage: Any) -> dict[str, Any]:
    if not usage:
        return {}
    counts = {
        "input_tokens": _sum(usage, "prompt_token_count", "tool_use_prompt_token_count"),
        "output_tokens": _sum(usage, "response_token_count", "thoughts_token_count"),
        "cache_read.input_tokens": getattr(usage, "cached_content_token_count", None),
        "reasoning.output_tokens": getattr(usage, "thoughts_token_count", None),
        "audio.input_tokens": _of_audio(getattr(usage, "prompt_tokens_details", None)),
        "audio.output_tokens": _of_audio(getattr(usage, "response_tokens_details", None)),
        "audio.cache_read.input_tokens": _of_audio(getattr(usage, "cache_tokens_details", None)),
    }
    return _usage(counts)


def _of_audio(details: Iterable[Any] | None) -> int | None:
    """Return how many of the tokens are audio; None where the provider does not say."""
    for entry in details or ():
        if getattr(getattr(entry, "modality", None), "value", None) == "AUDIO":
            return entry.token_count
    return None


# ---- OpenAI Realtime


def of_openai_realtime(operation: str, service: Any, args: tuple[Any, ...]) -> dict[str, Any]:
    """Return the attributes of an operation of an OpenAI Realtime service.

    Args:
        operation: The operation.
        service: The service.
        args: What its method is given.
    """
    if operation == "llm_setup":
        return _openai_setup(service)
    if operation == "llm_request":
        return _openai_request(service)
    if operation == "llm_response" and args:
        response = getattr(args[0], "response", None)
        return {} if response is None else _openai_answer(response)
    return {}


def _openai_setup(service: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    properties: Any = getattr(service, "_session_properties", None)
    if hasattr(properties, "model_dump"):
        properties = properties.model_dump()
    elif properties and not isinstance(properties, dict):
        properties = vars(properties)
    tools = None
    if properties:
        found["session_properties"] = properties
        tools = properties.get("tools")
        instructions = properties.get("instructions")
        if instructions:
            found["instructions"] = instructions[:_SHORT]
    tools = tools or _tools_of_context(service)
    if tools:
        found["tools"], found["tools_serialized"] = tools, json.dumps(tools, default=str)
    return found


def _tools_of_context(service: Any) -> Any:
    tools = getattr(getattr(service, "_context", None), "tools", None)
    if not tools or not hasattr(service, "get_llm_adapter"):
        return None
    tools = service.get_llm_adapter().from_standard_tools(tools)
    return tools if isinstance(tools, list) else None


def _openai_request(service: Any) -> dict[str, Any]:
    context = getattr(service, "_context", None)
    if not context or not hasattr(service, "get_llm_adapter"):
        return {}
    messages = service.get_llm_adapter().get_messages_for_logging(context)
    return {"context_messages": json.dumps(messages)} if messages else {}


def _openai_answer(response: Any) -> dict[str, Any]:
    found = _openai_usage(getattr(response, "usage", None))
    for name in ("status", "id"):
        if hasattr(response, name):
            found[f"response.{name}"] = getattr(response, name)
    items = getattr(response, "output", None)
    if not items:
        return found
    found["response.output_items"] = len(items)
    said = " ".join(_said(items))
    if said:
        found["output"] = said
    calls = [_call(item) for item in items if getattr(item, "type", None) == "function_call"]
    if calls:
        found["function_calls"] = calls
        found["function_calls.all_names"] = ",".join(call["name"] for call in calls)
    return found


def _said(items: Iterable[Any]) -> Iterable[str]:
    for item in items:
        if getattr(item, "role", None) == "assistant":
            for content in getattr(item, "content", None) or ():
                transcript = getattr(content, "transcript", None)
                if transcript:
                    yield transcript.strip()


def _call(item: Any) -> dict[str, Any]:
    call = {name: getattr(item, name, "unknown") for name in ("name", "call_id")}
    if hasattr(item, "arguments"):
        call["arguments"] = _cut(item.arguments, _SHORT)
    return call


def _openai_usage(usage: Any) -> dict[str, Any]:
    inputs = getattr(usage, "input_token_details", None)
    cached = getattr(inputs, "cached_tokens_details", None)
    outputs = getattr(usage, "output_token_details", None)
    counts = {
        "input_tokens": getattr(usage, "input_tokens", None),
        "output_tokens": getattr(usage, "output_tokens", None),
        "cache_read.input_tokens": getattr(inputs, "cached_tokens", None),
        "audio.input_tokens": getattr(inputs, "audio_tokens", None),
        "audio.cache_read.input_tokens": getattr(cached, "audio_tokens", None),
        "audio.output_tokens": getattr(outputs, "audio_tokens", None),
    }
    return _usage(counts)


# ---- both


def _usage(counts: dict[str, int | None]) -> dict[str, Any]:
    return {f"gen_ai.usage.{name}": n for name, n in counts.items() if n is not None}


def _sum(usage: Any, *names: str) -> int:
    return sum(getattr(usage, name, None) or 0 for name in names)


def _read(tool: Any, name: str, default: Any) -> Any:
    return tool.get(name, default) if isinstance(tool, dict) else getattr(tool, name, default)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "..."
