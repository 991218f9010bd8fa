"""Conversations in the form of Anthropic's messages."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Sequence
from typing import Any, Literal, TypedDict, TypeGuard, TypeVar

from pipecat_rs.adapters.llm.base_llm_adapter import (
    BaseLLMAdapter,
    LLMContextConversionError,
    mime_type_of,
    payload_of,
)
from pipecat_rs.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat_rs.processors.aggregators.llm_context import (
    LLMContext,
    LLMContextMessage,
    LLMSpecificMessage,
)
from pipecat_rs.utils.types import NOT_GIVEN, NotGiven

__all__ = [
    "AnthropicCacheTTL",
    "AnthropicLLMAdapter",
    "AnthropicLLMInvocationParams",
    "anthropic_is_given",
]

_logger = logging.getLogger(__name__)

_T = TypeVar("_T")

AnthropicCacheTTL = Literal["5m", "1h"]
"""How long the prompt cache keeps what was last written or read."""

# Anthropic refuses empty texts.
_EMPTY = "(empty)"
# A turn of the user that says nothing in any language.
_NO_WORDS = "."


def anthropic_is_given(value: _T | Any) -> TypeGuard[_T]:
    """Return whether a value was given: it is neither this package's sign for that nor the SDK's.

    Args:
        value: The value.
    """
    # By name, so that asking does not import the SDK.
    return type(value).__name__ not in ("NotGiven", "Omit")


class AnthropicLLMInvocationParams(TypedDict):
    """What a request takes from a context; what is ``NOT_GIVEN`` is left out of it."""

    system: str | list[dict[str, Any]] | NotGiven
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]


class AnthropicLLMAdapter(BaseLLMAdapter[AnthropicLLMInvocationParams]):
    """Turns alternate between user and assistant; calls and results are parts of them."""

    @property
    def id_for_llm_specific_messages(self) -> str:
        """``anthropic``."""
        return "anthropic"

    async def get_llm_invocation_params(
        self,
        context: LLMContext,
        enable_prompt_caching: bool = False,
        system_instruction: str | None = None,
        ensure_last_message_is_user: bool = False,
        system_prompt_cache_ttl: AnthropicCacheTTL | None = None,
        **kwargs: Any,
    ) -> AnthropicLLMInvocationParams:
        """Return what a request takes from a context.

        Args:
            context: The conversation.
            enable_prompt_caching: Whether Anthropic is to cache it.
            system_instruction: What the model is told; it wins over the context's system message.
            ensure_last_message_is_user: Whether a turn of the user without words is added if the
                assistant's is the last, which some models refuse.
            system_prompt_cache_ttl: How long the instruction is cached; None for 5 minutes.
            **kwargs: Ignored.

        Raises:
            LLMContextConversionError: If a message cannot be put into Anthropic's form.
        """
        await self.prepare_file_content(context)
        messages, in_context = self._converted(self.get_messages(context))
        if ensure_last_message_is_user and messages and messages[-1]["role"] == "assistant":
            messages.append({"role": "user", "content": [{"type": "text", "text": _NO_WORDS}]})
        instruction = self._resolve_system_instruction(
            in_context, system_instruction, discard_context_system=True
        )
        system: str | list[dict[str, Any]] | NotGiven = instruction or NOT_GIVEN
        if enable_prompt_caching:
            _mark_for_cache(messages)
            if instruction:
                control = {"type": "ephemeral"}
                if system_prompt_cache_ttl is not None:
                    control["ttl"] = system_prompt_cache_ttl
                system = [{"type": "text", "text": instruction, "cache_control": control}]
        tools = self.from_standard_tools(context.tools) or []
        return {"system": system, "messages": messages, "tools": tools}

    def to_provider_tools_format(self, tools_schema: ToolsSchema) -> list[dict[str, Any]]:
        """Return tools in Anthropic's form.

        Args:
            tools_schema: The tools.
        """
        return [
            {
                "name": tool.name,
                "description": tool.description,
                "input_schema": tool.to_default_dict()["parameters"],
            }
            for tool in tools_schema.standard_tools
        ]

    def get_messages_for_logging(self, context: LLMContext) -> list[dict[str, Any]]:
        """Return the messages in Anthropic's form, without data and signatures.

        Args:
            context: The conversation.
        """
        messages, _ = self._converted(self.get_messages(context))
        for message in messages:
            for part in message["content"] if isinstance(message["content"], list) else ():
                if "data" in part.get("source", {}):
                    part["source"]["data"] = "..."
                if part.get("signature"):
                    part["signature"] = "..."
        return messages

    def supports_file_url(self, url: str, mime_type: str) -> bool:
        """Return whether Anthropic can fetch a file itself: it can fetch images and PDF files.

        Args:
            url: Where the file is.
            mime_type: Its MIME type.
        """
        return url.startswith(("http://", "https://")) and (
            mime_type.startswith("image/") or mime_type == "application/pdf"
        )

    # ---- messages

    def _converted(
        self, messages: Sequence[LLMContextMessage]
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return messages in Anthropic's form, and the instruction that was among them."""
        rest = list(messages)
        instruction = self._extract_initial_system(rest)
        turns: list[dict[str, Any]] = []
        for message in rest:
            try:
                turn = self._turn_of(message)
            except Exception as error:
                raise LLMContextConversionError(error) from error
            if turn is None:
                continue
            if turn["role"] in ("system", "developer"):
                turn["role"] = "user"
            if turns and turns[-1]["role"] == turn["role"]:
                turns[-1]["content"] = _parts_of(turns[-1]) + _parts_of(turn)
            else:
                turns.append(turn)
        for turn in turns:
            if not turn["content"]:
                turn["content"] = _EMPTY if turn["content"] == "" else [_text(_EMPTY)]
        return turns, instruction

    def _turn_of(self, message: LLMContextMessage) -> dict[str, Any] | None:
        if isinstance(message, LLMSpecificMessage):
            return _specific_turn_of(message.message)
        message = copy.deepcopy(message)
        if message["role"] == "tool":
            result = {
                "type": "tool_result",
                "tool_use_id": message["tool_call_id"],
                "content": message["content"],
            }
            return {"role": "user", "content": [result]}
        content = message.get("content")
        if message.get("tool_calls"):
            said = [_text(content)] if isinstance(content, str) and content else []
            return {
                "role": "assistant",
                "content": said + [_call(c) for c in message["tool_calls"]],
            }
        if isinstance(content, list):
            parts = [self._part_of(part) for part in content]
            message["content"] = _with_media_first([part for part in parts if part is not None])
        elif not content:
            message["content"] = _EMPTY
        return {"role": message["role"], "content": message["content"]}

    def _part_of(self, part: dict[str, Any]) -> dict[str, Any] | None:
        if part["type"] == "text":
            return part if part["text"] else {**part, "text": _EMPTY}
        if part["type"] == "image_url":
            return _image(part["image_url"]["url"])
        if part["type"] == "file_base64":
            file = part["file"]
            return _inlined(file["file_data"], file["mime_type"])
        if part["type"] == "file_url":
            file = part["file"]
            data_url = self.inlined_file_content(file)
            if data_url is not None:
                return _inlined(str(data_url), file["mime_type"])
            kind = "image" if file["mime_type"].startswith("image/") else "document"
            return {"type": kind, "source": {"type": "url", "url": file["url"]}}
        return part


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _parts_of(turn: dict[str, Any]) -> list[Any]:
    content = turn["content"]
    return [_text(content or _EMPTY)] if isinstance(content, str) else list(content)


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    arguments = json.loads(function["arguments"] or "{}")
    return {"type": "tool_use", "id": call["id"], "name": function["name"], "input": arguments}


def _specific_turn_of(message: Any) -> dict[str, Any] | None:
    if not isinstance(message, dict) or message.get("type") != "thought":
        return copy.deepcopy(message)
    signature = message.get("signature")
    if not signature:
        return None  # Anthropic takes no thought back which it has not sealed.
    thought = {"type": "thinking", "thinking": message.get("text") or "", "signature": signature}
    return {"role": "assistant", "content": [thought]}


def _image(url: str) -> dict[str, Any] | None:
    if url.startswith("data:"):
        return _inlined(url, mime_type_of(url))
    if url.startswith("http"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    _logger.warning("an image at %s is left out: Anthropic takes http, https and data URLs", url)
    return None


def _inlined(data_url: str, mime_type: str) -> dict[str, Any]:
    if mime_type.startswith("image/"):
        kind = "image"
    elif mime_type == "application/pdf":
        kind = "document"
    else:
        raise ValueError(f"Anthropic takes images and PDF files, not {mime_type}")
    source = {"type": "base64", "media_type": mime_type, "data": payload_of(data_url)}
    return {"type": kind, "source": source}


def _with_media_first(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return parts with a single image or document ahead of the text, as Anthropic advises."""
    media = [part for part in parts if part["type"] in ("image", "document")]
    if len(media) != 1:
        return parts
    rest = [part for part in parts if part is not media[0]]
    texts = [index for index, part in enumerate(rest) if part["type"] == "text"]
    at = min(texts[0] if texts else len(rest), parts.index(media[0]))
    return [*rest[:at], media[0], *rest[at:]]


def _mark_for_cache(turns: list[dict[str, Any]]) -> None:
    """Mark the last two turns of the user: to read what the last request wrote, and to write."""
    users = [turn for turn in turns if turn["role"] == "user"]
    for turn in users[-2:]:
        parts = _parts_of(turn)
        parts[-1] = {**parts[-1], "cache_control": {"type": "ephemeral"}}
        turn["content"] = parts
