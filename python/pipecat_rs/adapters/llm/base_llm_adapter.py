"""From a conversation in the common form to what one provider takes."""

from __future__ import annotations

import base64
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat_rs.processors.aggregators.llm_context import (
    LLMContext,
    LLMContextMessage,
    LLMSpecificMessage,
    standard_message_text,
)
from pipecat_rs.utils.types import NOT_GIVEN, is_given

if TYPE_CHECKING:
    from pipecat_rs.utils.file_resolver import FileResolver

__all__ = ["BaseLLMAdapter", "LLMContextConversionError", "TLLMInvocationParams"]

_logger = logging.getLogger(__name__)

TLLMInvocationParams = TypeVar("TLLMInvocationParams", bound=Mapping[str, Any])


class LLMContextConversionError(Exception):
    """A conversation holds what cannot be put into a provider's form. The cause says what."""

    def __init__(self, cause: Exception) -> None:
        """Describe the error.

        Args:
            cause: What went wrong.
        """
        super().__init__(f"the context cannot be put into the provider's form: {cause}")


class BaseLLMAdapter(ABC, Generic[TLLMInvocationParams]):
    """Puts messages and tools into the form of one provider.

    A service has one adapter. The context itself is never changed.
    """

    prefers_raw_file_bytes: bool = False
    """Whether files go into a request as bytes, rather than as ``data:`` URLs."""

    def __init__(self) -> None:
        """Make an adapter."""
        self._builtin_tools: dict[str, FunctionSchema] = {}
        self._file_resolver: FileResolver | None = None
        self._warned_of_two_instructions = False

    # ---- for subclasses

    @property
    @abstractmethod
    def id_for_llm_specific_messages(self) -> str:
        """The provider's name in an `LLMSpecificMessage`."""

    @abstractmethod
    async def get_llm_invocation_params(
        self, context: LLMContext, **kwargs: Any
    ) -> TLLMInvocationParams:
        """Return what a request takes from a context.

        Args:
            context: The conversation.
            **kwargs: What else the provider needs to know.

        Raises:
            LLMContextConversionError: If a message cannot be put into the provider's form.
        """

    @abstractmethod
    def to_provider_tools_format(self, tools_schema: ToolsSchema) -> list[Any]:
        """Return tools in the provider's form.

        Args:
            tools_schema: The tools.
        """

    @abstractmethod
    def get_messages_for_logging(self, context: LLMContext) -> list[dict[str, Any]]:
        """Return the messages in the provider's form, without what nobody wants in a log.

        Args:
            context: The conversation.
        """

    def supports_file_url(self, url: str, mime_type: str) -> bool:
        """Return whether the provider can fetch a file itself.

        Args:
            url: Where the file is.
            mime_type: Its MIME type.
        """
        return False

    # ---- tools

    @property
    def builtin_tools(self) -> dict[str, FunctionSchema]:
        """Functions that every request shows the model, beside those of the context, by name."""
        return self._builtin_tools

    def from_standard_tools(self, tools: Any) -> Any:
        """Return tools in the provider's form, with the built-in ones.

        A tool of the context goes ahead of a built-in one of the same name.

        Args:
            tools: A schema, ``NOT_GIVEN`` or None; anything else is taken for the provider's own
                form and returned as it is.
        """
        if tools is None or not is_given(tools):
            if not self._builtin_tools:
                return tools
            tools = ToolsSchema(standard_tools=[])
        if not isinstance(tools, ToolsSchema):
            if self._builtin_tools:
                _logger.warning(
                    "tools in a provider's own form: the model is not shown %s. Put them into "
                    "ToolsSchema(custom_tools=...) instead",
                    ", ".join(self._builtin_tools),
                )
            return tools
        named = {tool.name for tool in tools.standard_tools}
        added = [tool for name, tool in self._builtin_tools.items() if name not in named]
        if added:
            tools = ToolsSchema([*tools.standard_tools, *added], tools.custom_tools)
        return self.to_provider_tools_format(tools)

    # ---- messages

    def create_llm_specific_message(self, message: Any) -> LLMSpecificMessage:
        """Return a message for a context that only this provider gets to see.

        Args:
            message: The message in the provider's form.
        """
        return LLMSpecificMessage(llm=self.id_for_llm_specific_messages, message=message)

    def get_messages(
        self, context: LLMContext, *, truncate_large_values: bool = False
    ) -> list[LLMContextMessage]:
        """Return the messages of a context that are for this provider.

        Args:
            context: The conversation.
            truncate_large_values: Whether to return copies in which long values are cut.
        """
        return context.get_messages(
            self.id_for_llm_specific_messages, truncate_large_values=truncate_large_values
        )

    def _extract_initial_system(self, messages: list[LLMContextMessage]) -> str | None:
        """Take a system message from the head of a list, and return its text.

        If it is the only message it becomes the user's, as no provider answers to nothing.

        Args:
            messages: The messages. The list is changed, the messages in it are not.
        """
        first = messages[0] if messages else None
        if not isinstance(first, dict) or first.get("role") != "system":
            return None
        if len(messages) == 1:
            messages[0] = {**first, "role": "user"}
            return None
        del messages[0]
        return standard_message_text(first)

    def _resolve_system_instruction(
        self,
        system_from_context: str | None,
        system_instruction: str | None,
        *,
        discard_context_system: bool,
    ) -> str | None:
        """Return the instruction to send, and warn once if there are two.

        Args:
            system_from_context: That of the context's first message.
            system_instruction: That of the service.
            discard_context_system: Whether only one can be sent; the service's wins. If not, the
                context's is among the messages already.
        """
        has_two = bool(system_from_context and system_instruction)
        if has_two and not self._warned_of_two_instructions:
            self._warned_of_two_instructions = True
            _logger.warning(
                "the service has a system_instruction, and the context begins with a system "
                "message: %s. Keep one of them, best the service's",
                "the latter is not sent" if discard_context_system else "both are sent",
            )
        if system_instruction:
            return system_instruction
        return system_from_context if discard_context_system else None

    # ---- files

    @property
    def file_resolver(self) -> FileResolver | None:
        """Fetches the files which the provider cannot fetch itself; None for one that is made
        when the first such file is there."""
        return self._file_resolver

    @file_resolver.setter
    def file_resolver(self, resolver: FileResolver | None) -> None:
        self._file_resolver = resolver

    async def prepare_file_content(self, context: LLMContext) -> None:
        """Fetch the files of a context which have to be sent along.

        Args:
            context: The conversation.

        Raises:
            LLMContextConversionError: If one cannot be had.
        """
        for message in context.get_messages():
            content = message.get("content") if isinstance(message, dict) else None
            for part in content if isinstance(content, list) else ():
                try:
                    await self._prepare_file(part)
                except Exception as error:
                    raise LLMContextConversionError(error) from error

    async def _prepare_file(self, part: Any) -> None:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "file_url":
            url, mime_type = part["file"]["url"], part["file"]["mime_type"]
            if await self._is_fetched_by_provider(url, mime_type):
                return
            if self.prefers_raw_file_bytes:
                await self._resolver().fetch(url)
            else:
                await self._resolver().ensure_data_url(url, mime_type)
        elif kind == "file_base64" and self.prefers_raw_file_bytes:
            await self._resolver().fetch(part["file"]["file_data"])

    async def _is_fetched_by_provider(self, url: str, mime_type: str) -> bool:
        if not self.supports_file_url(url, mime_type):
            return False
        if not _is_http(url):
            return True  # in the provider's own storage
        from pipecat_rs.utils.security.ssrf import UrlReachability

        return await self._resolver().classify(url) == UrlReachability.PUBLIC

    def _resolver(self) -> FileResolver:
        if self._file_resolver is None:
            from pipecat_rs.utils.file_resolver import FileResolver

            self._file_resolver = FileResolver()
        return self._file_resolver

    def inlined_file_content(self, file_data: Mapping[str, Any]) -> bytes | str | None:
        """Return what is sent of a file: bytes or a ``data:`` URL, or None if its URL is.

        Args:
            file_data: What the context says of the file.

        Raises:
            ValueError: If it has to be sent and was not fetched.
        """
        resolver, url = self._file_resolver, file_data["url"]
        if self.supports_file_url(url, file_data["mime_type"]):
            reachability = resolver.cached_reachability(url) if resolver and _is_http(url) else None
            if reachability is None or reachability.name == "PUBLIC":
                return None
        found: bytes | str | None = None
        if resolver is not None:
            raw = self.prefers_raw_file_bytes
            found = resolver.cached_bytes(url) if raw else resolver.cached_data_url(url)
        if found is None:
            raise ValueError(f"the file at {url!r} was not fetched: await prepare_file_content()")
        return found

    def decoded_file_bytes(self, file_data: Mapping[str, Any]) -> bytes:
        """Return the bytes of a file that the context carries itself.

        Args:
            file_data: What the context says of the file.
        """
        url = file_data["file_data"]
        cached = self._file_resolver.cached_bytes(url) if self._file_resolver else None
        return cached if cached is not None else base64.b64decode(payload_of(url))


def mime_type_of(data_url: str) -> str:
    """Return the MIME type of a ``data:`` URL.

    Args:
        data_url: The URL.
    """
    return data_url.partition(":")[2].partition(";")[0].partition(",")[0]


def payload_of(data_url: str) -> str:
    """Return what a ``data:`` URL carries, as it stands there.

    Args:
        data_url: The URL.
    """
    return data_url.partition(",")[2]


def given_tools(tools: Any) -> Any:
    """Return tools in a provider's form, and ``NOT_GIVEN`` if there are none.

    Args:
        tools: The tools, an empty list, None or ``NOT_GIVEN``.
    """
    return tools if tools else NOT_GIVEN


def _is_http(url: str) -> bool:
    return urlsplit(url).scheme in ("http", "https")
