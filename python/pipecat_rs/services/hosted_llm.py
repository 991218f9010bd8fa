"""What language models at a provider have in common: answers over HTTP, with an end to waiting."""

from __future__ import annotations

import asyncio
import json
import logging
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from pipecat_rs.adapters.llm.base_llm_adapter import BaseLLMAdapter, LLMContextConversionError
from pipecat_rs.frames.frames import (
    Frame,
    FunctionCallFromLLM,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
)
from pipecat_rs.processors.aggregators.llm_context import (
    LLMContext,
    LLMSpecificMessage,
    standard_message_text,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.services.provider_errors import category_of, is_timeout, remedy_of
from pipecat_rs.services.response_stream import bounded_stream, close
from pipecat_rs.utils.errors import ErrorCategory
from pipecat_rs.utils.types import is_given

_logger = logging.getLogger(__name__)

_Chunk = TypeVar("_Chunk")
_Result = TypeVar("_Result")
TAdapter = TypeVar("TAdapter", bound=BaseLLMAdapter)

# For an answer that comes in one piece, outside of the pipeline.
_INFERENCE_SECS = 120.0


class HostedLLMService(LLMService[TAdapter]):
    """Answers with a model at a provider.

    An interruption closes the connection to the provider, which then stops the model. What goes
    wrong is reported upstream, and the answer ends; the next context is tried anew.
    """

    handles = LLMService.handles

    def __init__(
        self,
        *,
        stream_idle_timeout_secs: float | None = 60.0,
        retry_timeout_secs: float | None = 5.0,
        retry_on_timeout: bool | None = False,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            stream_idle_timeout_secs: Longest silence of the provider before and within an answer,
                in seconds; None for no limit.
            retry_timeout_secs: Longest time until the first piece of an answer, in seconds, after
                which the request is made anew, if that is wanted.
            retry_on_timeout: Whether it is. The second request has `stream_idle_timeout_secs`.
            **kwargs: For `LLMService`.
        """
        super().__init__(**kwargs)
        self._stream_idle_timeout_secs = stream_idle_timeout_secs
        self._retry_timeout_secs = retry_timeout_secs
        self._retry_on_timeout = bool(retry_on_timeout)
        # Made by the subclass; None once it was closed, until it is needed again.
        self._client: Any = None
        self._owns_client = True

    def can_generate_metrics(self) -> bool:
        """Return True."""
        return True

    # ---- for subclasses

    @abstractmethod
    def _make_client(self) -> Any:
        """Return a client of the provider's library.

        Raises:
            MissingDependencyError: If the library is not installed.
        """

    @abstractmethod
    async def _process_context(self, context: LLMContext) -> None:
        """Answer a context: push text and thoughts, run functions, report usage.

        What it raises is reported.

        Args:
            context: The context.
        """

    def _blames_content(self, error: Exception) -> bool:
        """Return whether the provider has refused what the request holds.

        Args:
            error: What the client has raised.
        """
        return False

    async def _close_client(self, client: Any) -> None:
        await close(client)

    # ---- life cycle and frames

    def _open_client(self) -> Any:
        """Return the client; a new one if it was closed at the end of a session."""
        if self._client is None:
            self._client = self._make_client()
        return self._client

    async def cleanup(self) -> None:
        """Close the connections."""
        await super().cleanup()
        if self._owns_client:
            client, self._client = self._client, None
            if client is not None:
                await self._close_client(client)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a context, and pass other frames on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self._answer(frame.context)
        else:
            await self.push_frame(frame, direction)

    async def _answer(self, context: LLMContext) -> None:
        await self.push_frame(LLMFullResponseStartFrame())
        await self.start_processing_metrics()
        await self.start_ttfb_metrics()
        try:
            await self._process_context(context)
        except Exception as error:
            await self._report_failure(error, context)
        finally:
            # Also when an interruption has cancelled this: an answer that began has an end.
            await self.stop_processing_metrics()
            await self.push_frame(LLMFullResponseEndFrame())

    async def _read(
        self, open_stream: Callable[[], Awaitable[AsyncIterator[_Chunk]]]
    ) -> AsyncGenerator[_Chunk, None]:
        """Read an answer, with a second try if that is wanted and nothing has come yet.

        Args:
            open_stream: Sends the request and returns the stream.

        Yields:
            The chunks.

        Raises:
            TimeoutError: If the provider is silent for too long.
        """
        idle_secs = self._stream_idle_timeout_secs
        if self._retry_on_timeout:
            began = False
            try:
                stream = bounded_stream(
                    open_stream, first_secs=self._retry_timeout_secs, idle_secs=idle_secs
                )
                async with aclosing(stream) as chunks:
                    async for chunk in chunks:
                        began = True
                        yield chunk
                return
            except Exception as error:
                # What has been said already must not be said twice.
                if began or not is_timeout(error):
                    raise
            _logger.info("%s: no answer yet, the request is made anew", self)
        stream = bounded_stream(open_stream, first_secs=idle_secs, idle_secs=idle_secs)
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _within_bounds(self, request: Awaitable[_Result]) -> _Result:
        """Await an answer in one piece.

        Raises:
            TimeoutError: If it does not come within 120 s.
        """
        async with asyncio.timeout(_INFERENCE_SECS):
            return await request

    # ---- functions and instructions

    async def _call_of(
        self, context: LLMContext, call_id: str, name: str, arguments: str
    ) -> FunctionCallFromLLM | None:
        """Return a call with its arguments read; None, and report it, if they are no JSON object.

        Args:
            context: The conversation.
            call_id: Identifier of the call.
            name: Name of the function.
            arguments: The arguments as JSON; "" for none.
        """
        try:
            read = json.loads(arguments or "{}")
        except ValueError as error:
            await self._refuse_call(name, arguments, error)
            return None
        if not isinstance(read, dict):
            await self._refuse_call(name, arguments, None)
            return None
        return FunctionCallFromLLM(
            function_name=name, tool_call_id=call_id, arguments=read, context=context
        )

    async def _refuse_call(self, name: str, arguments: str, error: Exception | None) -> None:
        await self.push_error(
            f"{self}: the model called {name} with arguments that are no JSON object, so it is not "
            f"called: {arguments!r}. If they are cut off, allow longer answers",
            exception=error,
            category=ErrorCategory.SERVER,
        )

    def _separate_instruction(
        self, context: LLMContext, system_instruction: str | None = None
    ) -> str | None:
        """Return what the model is told, for providers that take it apart from the messages.

        Such a request has one instruction, and the service's own wins over the context's. What was
        only added to the service's own is to replace nobody's, so it joins the context's.

        Args:
            context: The conversation.
            system_instruction: What is told in this request instead.
        """
        if system_instruction:
            return system_instruction
        told = self._given_setting("system_instruction")
        messages = context.get_messages()
        first = messages[0] if messages else None
        if (
            not told
            or self._base_system_instruction
            or first is None
            or isinstance(first, LLMSpecificMessage)
            or first.get("role") != "system"
            or len(messages) == 1
        ):
            return told
        return f"{standard_message_text(first)}\n\n{told}"

    def _given_setting(self, name: str) -> Any:
        """Return a setting; None if it has no value."""
        value = getattr(self._settings, name)
        # Also the client libraries' own sign for that.
        is_sign = not is_given(value) or type(value).__name__ in ("NotGiven", "Omit")
        return None if is_sign else value

    # ---- errors

    def _classify_error(self, exception: Exception) -> ErrorCategory | None:
        if isinstance(exception, LLMContextConversionError):
            return ErrorCategory.APPLICATION
        return category_of(exception)

    async def _report_failure(self, error: Exception, context: LLMContext) -> None:
        if is_timeout(error):
            await self._call_event_handler("on_completion_timeout")
        category = self._classify_error(error) or ErrorCategory.UNKNOWN
        is_content = isinstance(error, LLMContextConversionError) or self._blames_content(error)
        if is_content and context.remove_invalid_file_message():
            # The file was at fault and is gone; the service is well.
            category = ErrorCategory.APPLICATION
        what = "the provider is silent" if isinstance(error, TimeoutError) else str(error)
        remedy = remedy_of(category)
        await self.push_error(
            f"{self}: no answer: {what or type(error).__name__}"
            + (f" (hint: {remedy})" if remedy else ""),
            exception=error,
            category=category,
        )
