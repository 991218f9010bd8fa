"""The conversation as a language model is shown it: messages and tools, for every provider.

Messages are dicts in OpenAI's form. A service translates them into its provider's when it needs
them.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pipecat_rs.adapters.llm.schemas.direct_function import DirectFunction
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat_rs.utils.image import encode_image
from pipecat_rs.utils.types import NOT_GIVEN, NotGiven, is_given

if TYPE_CHECKING:
    from pipecat_rs.frames.frames import AudioRawFrame
    from pipecat_rs.processors.aggregators.llm_response_universal import (
        LLMContextAggregatorPair as LLMContextAggregatorPair,
    )

__all__ = [
    "NOT_GIVEN",
    "LLMContext",
    "LLMContextAggregatorPair",
    "LLMContextMessage",
    "LLMContextToolChoice",
    "LLMSpecificMessage",
    "LLMStandardMessage",
    "NotGiven",
    "is_given",
    "standard_message_text",
]

_logger = logging.getLogger(__name__)

LLMStandardMessage: TypeAlias = dict[str, Any]
LLMContextToolChoice: TypeAlias = str | dict[str, Any]

_FILE_CONTENT = ("file_base64", "file_url", "image_url")
_LONGEST_LOGGED = 100


@dataclass
class LLMSpecificMessage:
    """A message in the form of one provider.

    Attributes:
        llm: Name of the provider.
        message: The message.
    """

    llm: str
    message: Any


LLMContextMessage: TypeAlias = LLMStandardMessage | LLMSpecificMessage


def __getattr__(name: str) -> Any:
    # The pair stands on this module; users look for it here as well.
    if name == "LLMContextAggregatorPair":
        from pipecat_rs.processors.aggregators.llm_response_universal import (
            LLMContextAggregatorPair,
        )

        return LLMContextAggregatorPair
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def standard_message_text(message: LLMContextMessage) -> str:
    """Return the text of a message; "" if it has none, or is in a provider's own form.

    Args:
        message: The message.
    """
    content = None if isinstance(message, LLMSpecificMessage) else message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (p.get("text") for p in parts if isinstance(p, dict) and p.get("type") == "text")
    return " ".join(text for text in texts if text)


class LLMContext:
    """Messages and tools of one conversation.

    The aggregators of a pipeline share one context and write to it.
    """

    def __init__(
        self,
        messages: list[LLMContextMessage] | None = None,
        tools: ToolsSchema | list[FunctionSchema | DirectFunction] | NotGiven = NOT_GIVEN,
        tool_choice: LLMContextToolChoice | NotGiven = NOT_GIVEN,
    ) -> None:
        """Begin a conversation.

        Args:
            messages: The first messages. The list is kept, not copied, unless it is empty.
            tools: What the model may call.
            tool_choice: Rule by which it picks.

        Raises:
            TypeError: If the tools are of another kind.
        """
        self._messages: list[LLMContextMessage] = messages or []
        self._tools: ToolsSchema | NotGiven = self._normalize_and_validate_tools(tools)
        self._tool_choice = tool_choice

    # ---- messages

    @property
    def messages(self) -> list[LLMContextMessage]:
        """All messages."""
        return self.get_messages()

    def get_messages(
        self,
        llm_specific_filter: str | None = None,
        *,
        truncate_large_values: bool = False,
    ) -> list[LLMContextMessage]:
        """Return the messages.

        Args:
            llm_specific_filter: Leave out messages in the form of other providers than this,
                and log an error if there were any.
            truncate_large_values: Return copies in which binary data and long values are cut,
                for a log.
        """
        messages = self._messages
        if llm_specific_filter is not None:
            messages = [
                message
                for message in messages
                if not isinstance(message, LLMSpecificMessage) or message.llm == llm_specific_filter
            ]
            if len(messages) < len(self._messages):
                _logger.error(
                    "messages in the form of another provider were left out for %r",
                    llm_specific_filter,
                )
        return [_shortened(message) for message in messages] if truncate_large_values else messages

    def add_message(self, message: LLMContextMessage) -> None:
        """Add a message.

        Args:
            message: The message.
        """
        self._messages.append(message)

    def add_messages(self, messages: Sequence[LLMContextMessage]) -> None:
        """Add messages.

        Args:
            messages: The messages.
        """
        self._messages.extend(messages)

    def set_messages(self, messages: Sequence[LLMContextMessage]) -> None:
        """Replace all messages; who holds the list sees it.

        Args:
            messages: The new messages.
        """
        self._messages[:] = messages

    def transform_messages(
        self, transform: Callable[[list[LLMContextMessage]], list[LLMContextMessage]]
    ) -> None:
        """Replace all messages by a function of them.

        Args:
            transform: Takes the messages and returns those to keep.
        """
        self.set_messages(transform(self._messages))

    def remove_invalid_file_message(self) -> bool:
        """Remove the oldest message with a file or an image since the assistant last answered.

        For a service whose provider has refused a request because of what a file holds, without
        saying which: what came before the last answer had been accepted.

        Returns:
            Whether there was one.
        """
        since = 0
        for index, message in enumerate(self._messages):
            if not isinstance(message, LLMSpecificMessage) and message.get("role") == "assistant":
                since = index + 1
        for index in range(since, len(self._messages)):
            if _has_file(self._messages[index]):
                _logger.warning("a message with a file was removed, as the provider refused it")
                del self._messages[index]
                return True
        return False

    # ---- tools

    @property
    def tools(self) -> ToolsSchema | NotGiven:
        """What the model may call."""
        return self._tools

    @property
    def tool_choice(self) -> LLMContextToolChoice | NotGiven:
        """Rule by which the model picks tools."""
        return self._tool_choice

    def set_tools(
        self, tools: ToolsSchema | list[FunctionSchema | DirectFunction] | NotGiven = NOT_GIVEN
    ) -> None:
        """Replace the tools.

        Args:
            tools: The new tools, or ``NOT_GIVEN`` for none.

        Raises:
            TypeError: If they are of another kind.
        """
        self._tools = self._normalize_and_validate_tools(tools)

    def set_tool_choice(self, tool_choice: LLMContextToolChoice | NotGiven) -> None:
        """Replace the rule by which the model picks tools.

        Args:
            tool_choice: The new rule.
        """
        self._tool_choice = tool_choice

    @staticmethod
    def _normalize_and_validate_tools(tools: Any, *, allow_provider_tools: bool = False) -> Any:
        """Return tools as a schema, and none as ``NOT_GIVEN``.

        Args:
            tools: A schema, a list of schemas and functions, or ``NOT_GIVEN``.
            allow_provider_tools: Whether a list of anything else is returned as it is.

        Raises:
            TypeError: If the tools are of another kind.
        """
        if isinstance(tools, list):
            if allow_provider_tools and not all(
                isinstance(tool, FunctionSchema) or callable(tool) for tool in tools
            ):
                return tools
            tools = ToolsSchema(standard_tools=tools)
        if isinstance(tools, ToolsSchema):
            return tools if tools.standard_tools or tools.custom_tools else NOT_GIVEN
        if tools is NOT_GIVEN:
            return NOT_GIVEN
        raise TypeError(
            "tools are a ToolsSchema, a list of FunctionSchema objects and async functions, or "
            f"NOT_GIVEN, not {type(tools).__name__}"
        )

    # ---- images, files and audio

    @staticmethod
    def create_image_url_message(
        *, role: str = "user", url: str, text: str | None = None
    ) -> LLMContextMessage:
        """Return a message with an image at an URL.

        Args:
            role: Whose message it is.
            url: The URL; ``data:`` URLs are usual.
            text: Text that goes with it.
        """
        return _message(role, text, {"type": "image_url", "image_url": {"url": url}})

    @staticmethod
    async def create_image_message(
        *,
        role: str = "user",
        format: str,
        size: tuple[int, int],
        image: bytes,
        text: str | None = None,
    ) -> LLMContextMessage:
        """Return a message with an image; encoding it happens in a thread.

        Args:
            role: Whose message it is.
            format: Pixel format such as ``RGB``, or a MIME type if it is encoded already.
            size: Width and height, in pixels.
            image: The image.
            text: Text that goes with it.
        """
        data, mime = await encode_image(image, size, format)
        url = f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
        return LLMContext.create_image_url_message(role=role, url=url, text=text)

    @staticmethod
    async def create_file_message(
        *,
        role: str = "user",
        type: str,
        format: str,
        file: str,
        name: str | None = None,
        text: str | None = None,
    ) -> LLMContextMessage:
        """Return a message with a file.

        Args:
            role: Whose message it is.
            type: ``url``, or ``bytes`` for a ``data:`` URL.
            format: MIME type of the file.
            file: The URL.
            name: Name of the file.
            text: Text that goes with it.
        """
        if type == "url":
            return LLMContext.create_file_url_message(
                role=role, format=format, url=file, filename=name, text=text
            )
        described = {"file_data": file, "filename": name or "", "mime_type": format}
        return _message(role, text, {"type": "file_base64", "file": described})

    @staticmethod
    def create_file_url_message(
        *,
        role: str = "user",
        format: str,
        url: str,
        filename: str | None = None,
        text: str | None = None,
    ) -> LLMContextMessage:
        """Return a message with a file at an URL.

        Args:
            role: Whose message it is.
            format: MIME type of the file.
            url: The URL.
            filename: Name of the file.
            text: Text that goes with it.
        """
        described = {"url": url, "filename": filename or "", "mime_type": format}
        return _message(role, text, {"type": "file_url", "file": described})

    @staticmethod
    async def create_audio_message(
        *, role: str = "user", audio_frames: list[AudioRawFrame], text: str = "Audio follows"
    ) -> LLMContextMessage:
        """Return a message with audio, as WAV; encoding it happens in a thread.

        Args:
            role: Whose message it is.
            audio_frames: The audio, all of one format.
            text: Text that goes with it.
        """
        data = await asyncio.to_thread(_encoded_audio, audio_frames)
        audio = {"data": data, "format": "wav"}
        return _message(role, text, {"type": "input_audio", "input_audio": audio})

    async def add_image_frame_message(
        self,
        *,
        format: str,
        size: tuple[int, int],
        image: bytes,
        text: str | None = None,
        role: str = "user",
    ) -> None:
        """Add a message with an image. See `create_image_message`."""
        self.add_message(
            await self.create_image_message(
                role=role, format=format, size=size, image=image, text=text
            )
        )

    async def add_file_frame_message(
        self,
        *,
        type: str,
        format: str,
        file: str,
        text: str | None = None,
        name: str | None = None,
        role: str = "user",
    ) -> None:
        """Add a message with a file. See `create_file_message`."""
        self.add_message(
            await self.create_file_message(
                role=role, type=type, format=format, file=file, name=name, text=text
            )
        )

    async def add_audio_frames_message(
        self, *, audio_frames: list[AudioRawFrame], text: str = "Audio follows"
    ) -> None:
        """Add a message with audio. See `create_audio_message`."""
        self.add_message(await self.create_audio_message(audio_frames=audio_frames, text=text))


def _message(role: str, text: str | None, part: dict[str, Any]) -> LLMStandardMessage:
    parts = [{"type": "text", "text": text}] if text else []
    return {"role": role, "content": [*parts, part]}


def _encoded_audio(frames: list[AudioRawFrame]) -> str:
    from pipecat_rs.audio.utils import pcm_to_wav

    pcm = b"".join(frame.audio for frame in frames)
    wav = pcm_to_wav(pcm, frames[0].sample_rate, frames[0].num_channels)
    return base64.b64encode(wav).decode("ascii")


def _has_file(message: LLMContextMessage) -> bool:
    content = None if isinstance(message, LLMSpecificMessage) else message.get("content")
    return isinstance(content, list) and any(
        isinstance(part, dict) and part.get("type") in _FILE_CONTENT for part in content
    )


def _shortened(message: LLMContextMessage) -> LLMContextMessage:
    """Return a copy of a message without what nobody wants in a log."""
    if isinstance(message, LLMSpecificMessage):
        return LLMSpecificMessage(message.llm, _with_short_strings(message.message))
    short = copy.deepcopy(message)
    content = short.get("content")
    for part in content if isinstance(content, list) else []:
        kind = part.get("type")
        if kind == "image_url" and part["image_url"].get("url", "").startswith("data:image/"):
            part["image_url"]["url"] = "data:image/..."
        elif kind == "file_base64" and "file" in part:
            part["file"]["file_data"] = "..."
            part["file"].pop("_raw_bytes", None)
        elif kind in ("input_audio", "audio"):
            if "input_audio" in part:
                part["input_audio"]["data"] = "..."
            if "audio" in part:
                part["audio"] = "..."
    if str(short.get("mime_type", "")).startswith("image/"):
        short["data"] = "..."
    return short


def _with_short_strings(value: Any) -> Any:
    if isinstance(value, str):
        long = len(value) > _LONGEST_LOGGED
        return f"{value[:_LONGEST_LOGGED]}...({len(value)} chars)" if long else value
    if isinstance(value, dict):
        return {key: _with_short_strings(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_short_strings(inner) for inner in value]
    return value
