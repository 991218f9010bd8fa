"""Conversations in the form of OpenAI's chat completions, which others have taken over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict, TypeGuard, TypeVar

from pipecat_rs.adapters.llm.base_llm_adapter import (
    BaseLLMAdapter,
    LLMContextConversionError,
    given_tools,
)
from pipecat_rs.adapters.llm.schemas.tools_schema import AdapterType, ToolsSchema
from pipecat_rs.processors.aggregators.llm_context import (
    LLMContext,
    LLMContextMessage,
    LLMContextToolChoice,
    LLMSpecificMessage,
    standard_message_text,
)
from pipecat_rs.utils.types import NotGiven

__all__ = [
    "OpenAILLMAdapter",
    "OpenAILLMInvocationParams",
    "openai_is_given",
]

_T = TypeVar("_T")


def openai_is_given(value: _T | Any) -> TypeGuard[_T]:
    """Return whether a value was given: it is neither this package's sign for that nor the SDK's.

    Args:
        value: The value.
    """
    # By name, so that asking does not import the SDK.
    return type(value).__name__ not in ("NotGiven", "Omit")


class OpenAILLMInvocationParams(TypedDict):
    """What a request takes from a context; what is ``NOT_GIVEN`` is left out of it."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | NotGiven
    tool_choice: LLMContextToolChoice | NotGiven


class OpenAILLMAdapter(BaseLLMAdapter[OpenAILLMInvocationParams]):
    """Messages are in OpenAI's form already; files and tools are put into it."""

    @property
    def id_for_llm_specific_messages(self) -> str:
        """``openai``."""
        return "openai"

    async def get_llm_invocation_params(
        self,
        context: LLMContext,
        *,
        system_instruction: str | None = None,
        convert_developer_to_user: bool = False,
        **kwargs: Any,
    ) -> OpenAILLMInvocationParams:
        """Return what a request takes from a context.

        Args:
            context: The conversation.
            system_instruction: Goes ahead of it as a system message.
            convert_developer_to_user: Whether messages of the developer become the user's, for
                providers that do not know this role.
            **kwargs: Ignored.

        Raises:
            LLMContextConversionError: If a file is of a kind that OpenAI does not take, or cannot
                be had.
        """
        await self.prepare_file_content(context)
        messages = self._converted(self.get_messages(context), convert_developer_to_user)
        if system_instruction:
            first = messages[0] if messages else {}
            in_context = standard_message_text(first) if first.get("role") == "system" else None
            self._resolve_system_instruction(
                in_context, system_instruction, discard_context_system=False
            )
            messages.insert(0, {"role": "system", "content": system_instruction})
        return {
            "messages": messages,
            "tools": given_tools(self.from_standard_tools(context.tools)),
            "tool_choice": context.tool_choice,
        }

    def to_provider_tools_format(self, tools_schema: ToolsSchema) -> list[dict[str, Any]]:
        """Return tools in OpenAI's form.

        Args:
            tools_schema: The tools.
        """
        functions = [
            {"type": "function", "function": tool.to_default_dict()}
            for tool in tools_schema.standard_tools
        ]
        return functions + (tools_schema.custom_tools or {}).get(AdapterType.OPENAI, [])

    def get_messages_for_logging(self, context: LLMContext) -> list[dict[str, Any]]:
        """Return the messages with long values cut.

        Args:
            context: The conversation.
        """
        return [
            message.message if isinstance(message, LLMSpecificMessage) else message
            for message in self.get_messages(context, truncate_large_values=True)
        ]

    def supports_file_url(self, url: str, mime_type: str) -> bool:
        """Return whether OpenAI can fetch a file itself: it can fetch images.

        Args:
            url: Where the file is.
            mime_type: Its MIME type.
        """
        return mime_type.startswith("image/") and url.startswith(("http://", "https://"))

    def _converted(
        self, messages: Sequence[LLMContextMessage], developer_to_user: bool
    ) -> list[dict[str, Any]]:
        converted: list[dict[str, Any]] = []
        for message in messages:
            if isinstance(message, LLMSpecificMessage):
                converted.append(message.message)
                continue
            content = message.get("content")
            if isinstance(content, list):
                message = {**message, "content": [self._converted_part(p) for p in content]}
            converted.append(dict(message))
        if developer_to_user:
            return [
                {**message, "role": "user"} if message.get("role") == "developer" else message
                for message in converted
            ]
        return converted

    def _converted_part(self, part: dict[str, Any]) -> dict[str, Any]:
        try:
            if part["type"] == "file_base64":
                file = part["file"]
                return _inlined(file["file_data"], file.get("filename", ""), file["mime_type"])
            if part["type"] == "file_url":
                file = part["file"]
                data_url = self.inlined_file_content(file)
                if data_url is None:
                    return {"type": "image_url", "image_url": {"url": file["url"]}}
                return _inlined(str(data_url), file.get("filename", ""), file["mime_type"])
        except Exception as error:
            raise LLMContextConversionError(error) from error
        return part


def _inlined(data_url: str, filename: str, mime_type: str) -> dict[str, Any]:
    if mime_type.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": data_url}}
    if mime_type == "application/pdf":
        return {"type": "file", "file": {"filename": filename, "file_data": data_url}}
    raise ValueError(f"OpenAI takes images and PDF files, not {mime_type}")
