"""The base of language model services: from a conversation to an answer, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipecat_rs.adapters.llm.schemas.direct_function import DirectFunction, DirectFunctionWrapper
from pipecat_rs.frames.frames import (
    CancelFrame,
    Frame,
    FunctionCallFromLLM,
    InterruptionFrame,
    LLMConfigureOutputFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMServiceMetadataFrame,
    LLMTextFrame,
    LLMUpdateSettingsFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.ai_service import AIService
from pipecat_rs.services.function_calls import (
    FunctionCallParams,
    FunctionCallRegistryItem,
    FunctionCallResultCallback,
    FunctionCalls,
)
from pipecat_rs.services.settings import LLMSettings, is_given

__all__ = [
    "FunctionCallParams",
    "FunctionCallRegistryItem",
    "FunctionCallResultCallback",
    "LLMService",
]

_OF_AN_ANSWER = (LLMTextFrame, LLMFullResponseStartFrame, LLMFullResponseEndFrame)


class LLMService(AIService):
    """Answers each `LLMContextFrame`, and runs the functions that the model calls.

    A subclass's `process_frame` calls this one, answers a context with an
    LLMFullResponseStartFrame, LLMTextFrames and an LLMFullResponseEndFrame, and pushes all other
    frames on.

    Events: `on_completion_timeout`, `on_function_calls_started` and `on_function_calls_cancelled`
    (with a list of `FunctionCallFromLLM`).
    """

    handles = (
        *(AIService.handles or ()),
        LLMContextFrame,
        LLMConfigureOutputFrame,
        LLMUpdateSettingsFrame,
    )

    Settings = LLMSettings

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_completion_timeout": False,
        "on_function_calls_started": False,
        "on_function_calls_cancelled": False,
    }

    def __init__(
        self,
        run_in_parallel: bool = True,
        group_parallel_tools: bool = True,
        function_call_timeout_secs: float | None = None,
        settings: LLMSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            run_in_parallel: Whether function calls of one answer run side by side.
            group_parallel_tools: Whether the model runs again once all of them have ended, rather
                than each time.
            function_call_timeout_secs: Longest time for a function call in seconds, or None for no
                limit.
            settings: The settings, complete.
            **kwargs: For `AIService`.
        """
        super().__init__(settings=settings or LLMSettings(), **kwargs)
        if not is_given(self._settings.use_provider_thinking_default):
            self._settings.use_provider_thinking_default = False
        self._function_calls = FunctionCalls(
            self,
            in_parallel=run_in_parallel,
            grouped=group_parallel_tools,
            timeout_secs=function_call_timeout_secs,
        )
        self._skip_tts: bool | None = None
        self._context: LLMContext | None = None

    def service_metadata_frame(self) -> LLMServiceMetadataFrame:
        """Return that this is no service which listens and speaks by itself."""
        return LLMServiceMetadataFrame(service_name=self.name)

    def set_context(self, context: LLMContext) -> None:
        """Set the conversation that `run_inference` answers if it is given none.

        Args:
            context: The conversation.
        """
        self._context = context

    async def run_inference(
        self,
        context: LLMContext | None = None,
        max_tokens: int | None = None,
        system_instruction: str | None = None,
    ) -> str | None:
        """Answer a conversation once, outside of the pipeline.

        Args:
            context: The conversation; that of `set_context` if None.
            max_tokens: Longest answer in tokens, or None as the settings say.
            system_instruction: What the model is told, instead of what the settings say.

        Returns:
            The answer, or None if there is none.

        Raises:
            NotImplementedError: If the service cannot do this.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot run inference outside a pipeline")

    # ---- functions

    def register_function(
        self,
        function_name: str | None,
        handler: Any,
        *,
        cancel_on_interruption: bool | None = None,
        timeout_secs: float | None = None,
    ) -> None:
        """Register what runs when the model calls a function.

        Args:
            function_name: Name of the function, or None for all that are not registered.
            handler: Async, given a `FunctionCallParams`.
            cancel_on_interruption: Whether an interruption cancels a call. If not, the
                conversation goes on meanwhile, and the result joins it when it is there.
            timeout_secs: Longest time for a call in seconds, or None for the service's.
        """
        self._function_calls.register(
            function_name,
            handler,
            cancel_on_interruption=cancel_on_interruption,
            timeout_secs=timeout_secs,
        )

    def register_direct_function(
        self,
        handler: DirectFunction,
        *,
        cancel_on_interruption: bool | None = None,
        timeout_secs: float | None = None,
    ) -> None:
        """Register a function that describes itself.

        Args:
            handler: The function. Its first parameter is ``params``.
            cancel_on_interruption: See `register_function`.
            timeout_secs: See `register_function`.
        """
        wrapper = DirectFunctionWrapper(handler)
        self._function_calls.register(
            wrapper.name,
            wrapper,
            cancel_on_interruption=cancel_on_interruption,
            timeout_secs=timeout_secs,
        )

    def unregister_function(self, function_name: str | None) -> None:
        """Remove a function, if it is registered.

        Args:
            function_name: Its name.
        """
        self._function_calls.unregister(function_name)

    def unregister_direct_function(self, handler: DirectFunction) -> None:
        """Remove a function that describes itself, if it is registered.

        Args:
            handler: The function.
        """
        self._function_calls.unregister(DirectFunctionWrapper(handler).name)

    def has_function(self, function_name: str) -> bool:
        """Return whether a call of a function would be handled.

        Args:
            function_name: Its name.
        """
        return self._function_calls.has(function_name)

    async def run_function_calls(self, function_calls: Sequence[FunctionCallFromLLM]) -> None:
        """Run what the model calls. The results join the conversation.

        Args:
            function_calls: The calls of one answer.
        """
        await self._function_calls.run(function_calls)

    async def cancel_function_calls(
        self, *, reason: str = "cancelled"
    ) -> list[FunctionCallFromLLM]:
        """Cancel all calls that run.

        Args:
            reason: Why, for whoever reads the code.

        Returns:
            The calls.
        """
        return await self._function_calls.cancel()

    # ---- life cycle and frames

    async def cancel(self, frame: CancelFrame) -> None:
        """Cancel the calls that run.

        Args:
            frame: The cancel frame.
        """
        await super().cancel(frame)
        await self._function_calls.abandon()

    async def cleanup(self) -> None:
        """Cancel the calls that run."""
        await super().cleanup()
        await self._function_calls.abandon()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take over settings and functions, and cancel calls on interruption. Pushes nothing on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            self._function_calls.sync_with(frame.context.tools)
        elif isinstance(frame, InterruptionFrame):
            await self._function_calls.interrupt()
        elif isinstance(frame, LLMConfigureOutputFrame):
            self._skip_tts = frame.skip_tts
        elif isinstance(frame, LLMUpdateSettingsFrame):
            await self._take_over_settings(frame)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push a frame; those of an answer carry whether it is spoken.

        Args:
            frame: The frame.
            direction: Which way.
        """
        if self._skip_tts is not None and isinstance(frame, _OF_AN_ANSWER):
            frame.skip_tts = self._skip_tts
        await super().push_frame(frame, direction)

    async def _push_llm_text(self, text: str) -> None:
        """Push a piece of an answer.

        Args:
            text: The text.
        """
        await self.push_frame(LLMTextFrame(text))

    async def _take_over_settings(self, frame: LLMUpdateSettingsFrame) -> None:
        # The subclass pushes the frame on, whomever it is meant for.
        if frame.service is None or frame.service is self:
            await self._handle_settings_frame(frame, FrameDirection.DOWNSTREAM)
