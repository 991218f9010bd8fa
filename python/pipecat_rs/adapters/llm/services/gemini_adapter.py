"""Conversations in the form of Google's Gemini."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import urlsplit

from pipecat_rs.adapters.llm.base_llm_adapter import (
    BaseLLMAdapter,
    LLMContextConversionError,
    given_tools,
    mime_type_of,
    payload_of,
)
from pipecat_rs.adapters.llm.schemas.tools_schema import AdapterType, ToolsSchema
from pipecat_rs.adapters.llm.services.gemini_schema import adapted_to_gemini
from pipecat_rs.adapters.llm.services.gemini_thought_signatures import (
    apply_signatures,
    join_parallel_calls,
    sign_foreign_calls,
)
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.processors.aggregators.llm_context import (
    LLMContext,
    LLMContextMessage,
    LLMSpecificMessage,
)
from pipecat_rs.utils.types import NotGiven

if TYPE_CHECKING:
    from google.genai.types import Content, Part

__all__ = ["GeminiLLMAdapter", "GeminiLLMInvocationParams", "GeminiVertexLLMAdapter"]

_logger = logging.getLogger(__name__)

# Stands for the function of a result whose call is not in the context.
_UNKNOWN_CALL = "tool_call_result"
# A turn of the user that says nothing in any language.
_NO_WORDS = "."


class GeminiLLMInvocationParams(TypedDict):
    """What a request takes from a context."""

    system_instruction: str | None
    messages: list[Content]
    tools: list[Any] | NotGiven


class GeminiLLMAdapter(BaseLLMAdapter[GeminiLLMInvocationParams]):
    """Turns of user and model as `google.genai.types.Content`."""

    prefers_raw_file_bytes = True

    def __init__(self) -> None:
        """Make an adapter."""
        super().__init__()
        self._told_losses: set[tuple[str, str]] = set()

    @property
    def id_for_llm_specific_messages(self) -> str:
        """``google``."""
        return "google"

    async def get_llm_invocation_params(
        self,
        context: LLMContext,
        *,
        system_instruction: str | None = None,
        ensure_last_message_is_user: bool = False,
        **kwargs: Any,
    ) -> GeminiLLMInvocationParams:
        """Return what a request takes from a context.

        Args:
            context: The conversation.
            system_instruction: What the model is told; it wins over the context's system message.
            ensure_last_message_is_user: Whether a turn of the user without words is added if the
                model's is the last, which some models refuse.
            **kwargs: Ignored.

        Raises:
            MissingDependencyError: If ``google-genai`` is not installed.
            LLMContextConversionError: If a message cannot be put into Gemini's form.
        """
        await self.prepare_file_content(context)
        contents, in_context = self._converted(self.get_messages(context), system_instruction)
        if ensure_last_message_is_user and contents and contents[-1].role == "model":
            types = _types()
            contents.append(types.Content(role="user", parts=[types.Part(text=_NO_WORDS)]))
        return {
            "system_instruction": self._resolve_system_instruction(
                in_context, system_instruction, discard_context_system=True
            ),
            "messages": contents,
            "tools": given_tools(self.from_standard_tools(context.tools)),
        }

    def to_provider_tools_format(self, tools_schema: ToolsSchema) -> list[dict[str, Any]]:
        """Return tools in Gemini's form.

        What Gemini refuses in a schema is left out or put in other words, which a warning says.

        Args:
            tools_schema: The tools.
        """
        functions = []
        for tool in tools_schema.standard_tools:
            losses: set[str] = set()
            described = tool.to_default_dict()
            described["parameters"] = adapted_to_gemini(described["parameters"], losses)
            functions.append(described)
            self._tell_losses(tool.name, losses)
        tools: list[dict[str, Any]] = [{"function_declarations": functions}] if functions else []
        return tools + (tools_schema.custom_tools or {}).get(AdapterType.GEMINI, [])

    @staticmethod
    def to_function_response_dict(content: Any) -> dict[str, Any]:
        """Return a function's result as an object, which is all that Gemini takes.

        Args:
            content: The result, or its JSON. What is no object becomes the ``value`` of one.
        """
        if isinstance(content, str):
            try:
                content = json.loads(content)
            except ValueError:
                return {"value": content}
        return content if isinstance(content, dict) else {"value": content}

    def get_messages_for_logging(self, context: LLMContext) -> list[dict[str, Any]]:
        """Return the messages in Gemini's form, without data and signatures.

        Args:
            context: The conversation.
        """
        contents, _ = self._converted(self.get_messages(context), None)
        messages: list[Any] = [
            c.model_dump(exclude_none=True) if hasattr(c, "model_dump") else c for c in contents
        ]
        for message in messages:
            for part in message.get("parts", ()) if isinstance(message, dict) else ():
                if "inline_data" in part:
                    part["inline_data"]["data"] = "..."
                if "thought_signature" in part:
                    part["thought_signature"] = "..."
        return messages

    def supports_file_url(self, url: str, mime_type: str) -> bool:
        """Return whether Gemini can fetch a file itself: it reads its own file storage.

        Args:
            url: Where the file is.
            mime_type: Its MIME type.
        """
        host = urlsplit(url).hostname or ""
        return url.startswith("https://") and f".{host}".endswith(".googleapis.com")

    def _tell_losses(self, name: str, losses: set[str]) -> None:
        new = [loss for loss in sorted(losses) if (name, loss) not in self._told_losses]
        self._told_losses.update((name, loss) for loss in new)
        if new:
            _logger.warning("Gemini does not take the schema of %s: %s", name, "; ".join(new))

    # ---- messages

    def _converted(
        self, messages: Sequence[LLMContextMessage], system_instruction: str | None
    ) -> tuple[list[Content], str | None]:
        """Return messages in Gemini's form, and the instruction that was among them."""
        types = _types()
        rest = list(messages)
        in_context = self._extract_initial_system(rest)
        contents: list[Any] = []
        signed: list[Mapping[str, Any]] = []
        names: dict[str, str] = {}
        for message in rest:
            if isinstance(message, LLMSpecificMessage):
                if _is_signature(message.message):
                    signed.append(message.message)
                else:
                    contents.append(message.message)
                continue
            try:
                contents.append(self._content_of(message, names))
            except Exception as error:
                raise LLMContextConversionError(error) from error
        contents = [types.Content(**c) if isinstance(c, dict) else c for c in contents]
        apply_signatures(signed, contents)
        if any(entry.get("bookmark", {}).get("function_call") for entry in signed):
            contents = join_parallel_calls(contents)
        sign_foreign_calls(contents)
        instruction = in_context or system_instruction
        if instruction and not any(_is_said(content) for content in contents):
            # Calls and results alone are no conversation to Gemini.
            contents.append(types.Content(role="user", parts=[types.Part(text=instruction)]))
        return [content for content in contents if content.parts], in_context

    def _content_of(self, message: dict[str, Any], names: dict[str, str]) -> Content:
        """Return a turn.

        Args:
            message: The message.
            names: The function of each call so far, by the call's identifier.
        """
        types = _types()
        role, content = message["role"], message.get("content") or []
        if role == "tool":
            call_id = message.get("tool_call_id")
            result = types.FunctionResponse(
                id=call_id,
                name=names.get(call_id or "", _UNKNOWN_CALL),
                response=self.to_function_response_dict(message["content"]),
            )
            return types.Content(role="user", parts=[types.Part(function_response=result)])
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        parts = [part for item in content if (part := self._part_of(item)) is not None]
        for call in message.get("tool_calls") or ():
            name = names[call["id"]] = call["function"]["name"]
            arguments = json.loads(call["function"]["arguments"] or "{}")
            made = types.FunctionCall(id=call["id"], name=name, args=arguments)
            parts.append(types.Part(function_call=made))
        return types.Content(role="model" if role == "assistant" else "user", parts=parts)

    def _part_of(self, item: dict[str, Any]) -> Part | None:
        types = _types()
        kind = item["type"]
        if kind == "text":
            return types.Part(text=item["text"])
        if kind == "image_url":
            url = item["image_url"]["url"]
            if not url.startswith("data:"):
                return types.Part.from_uri(file_uri=url)
            return _data(mime_type_of(url), base64.b64decode(payload_of(url)))
        if kind == "input_audio":
            return _data("audio/wav", base64.b64decode(item["input_audio"]["data"]))
        if kind == "file_base64":
            return _data(item["file"]["mime_type"], self.decoded_file_bytes(item["file"]))
        if kind == "file_url":
            file = item["file"]
            data = self.inlined_file_content(file)
            if data is None:
                return types.Part.from_uri(file_uri=file["url"], mime_type=file["mime_type"])
            assert isinstance(data, bytes), "this adapter wants bytes"
            return _data(file["mime_type"], data)
        if kind == "file_data":
            file = item["file_data"]
            uploaded = types.FileData(
                mime_type=file.get("mime_type"), file_uri=file.get("file_uri")
            )
            return types.Part(file_data=uploaded)
        return None


class GeminiVertexLLMAdapter(GeminiLLMAdapter):
    """The same for Vertex AI, which reads Google Cloud Storage besides."""

    def supports_file_url(self, url: str, mime_type: str) -> bool:
        """Return whether Vertex AI can fetch a file itself.

        Args:
            url: Where the file is.
            mime_type: Its MIME type.
        """
        return url.startswith("gs://") or super().supports_file_url(url, mime_type)


def _types() -> Any:
    try:
        from google.genai import types
    except ImportError as error:
        raise MissingDependencyError.of(
            "google.genai", needed_by="GeminiLLMAdapter", extra="google"
        ) from error
    return types


def _data(mime_type: str, data: bytes) -> Part:
    types = _types()
    return types.Part(inline_data=types.Blob(mime_type=mime_type, data=data))


def _is_signature(message: Any) -> bool:
    return isinstance(message, dict) and message.get("type") == "thought_signature"


def _is_said(content: Any) -> bool:
    parts = content.parts or []
    return len(parts) == 1 and bool(parts[0].text)
