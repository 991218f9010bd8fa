"""The base of language model services: from a conversation to an answer, token by token."""

from __future__ import annotations

import logging
from typing import Any, Generic, Literal, TypeVar, cast

from pipecat_rs.adapters.llm.base_llm_adapter import BaseLLMAdapter, LLMContextConversionError
from pipecat_rs.frames.frames import (
    CancelFrame,
    EagerEndOfTurnCancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMConfigureOutputFrame,
    LLMContextFrame,
    LLMContextSummaryRequestFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMServiceMetadataFrame,
    LLMTextFrame,
    LLMUpdateSettingsFrame,
    StartFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.async_tool_messages import ASYNC_TOOL_INSTRUCTIONS
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.services.ai_service import AIService
from pipecat_rs.services.answer_on_trial import AnswerOnTrialService
from pipecat_rs.services.cancel_tools import CancelTools
from pipecat_rs.services.context_summaries import ContextSummaries, generate_summary
from pipecat_rs.services.function_calls import (
    FunctionCallHandler,
    FunctionCallParams,
    FunctionCallRegistryItem,
    FunctionCallResultCallback,
    FunctionCalls,
)
from pipecat_rs.services.registered_functions import RegisteredFunctions
from pipecat_rs.services.settings import LLMSettings, is_given
from pipecat_rs.turns.user_turn_completion_mixin import UserTurnCompletionLLMServiceMixin
from pipecat_rs.utils.async_tool_cancellation import ASYNC_TOOL_CANCELLATION_INSTRUCTIONS
from pipecat_rs.utils.deprecation import warn_deprecated
from pipecat_rs.utils.log_config import LLMContextLogMode, llm_context_log_mode

__all__ = [
    "FunctionCallHandler",
    "FunctionCallParams",
    "FunctionCallRegistryItem",
    "FunctionCallResultCallback",
    "LLMService",
    "LLMWithBackendRole",
]

_logger = logging.getLogger(__name__)

LLMWithBackendRole = Literal["frontend", "backend"]
"""The two parts that a model can play where one talks and another one works."""

TAdapter = TypeVar("TAdapter", bound=BaseLLMAdapter)

_OF_AN_ANSWER = (LLMTextFrame, LLMFullResponseStartFrame, LLMFullResponseEndFrame)
_OF_THE_INSTRUCTION = {
    "filter_incomplete_user_turns",
    "system_instruction",
    "user_turn_completion_config",
}


class LLMService(
    UserTurnCompletionLLMServiceMixin, AnswerOnTrialService, RegisteredFunctions, Generic[TAdapter]
):
    """Answers each `LLMContextFrame`, and runs the functions that the model calls.

    A subclass's `process_frame` calls this one, answers a context with an
    LLMFullResponseStartFrame, LLMTextFrames and an LLMFullResponseEndFrame, and pushes all other
    frames on.

    Events: `on_completion_timeout`, `on_function_calls_started` and `on_function_calls_cancelled`
    (with a list of `FunctionCallFromLLM`).
    """

    handles = (
        *(AIService.handles or ()),
        *(UserTurnCompletionLLMServiceMixin.handles or ()),
        UserStoppedSpeakingFrame,
        EagerEndOfTurnCancelFrame,
        LLMContextFrame,
        LLMContextSummaryRequestFrame,
        LLMConfigureOutputFrame,
        LLMUpdateSettingsFrame,
    )

    Settings = LLMSettings

    adapter_class: type[BaseLLMAdapter] | None = None
    """Puts contexts into the provider's form; None for `OpenAILLMAdapter`."""

    supports_response_schema: bool = False
    """Whether `run_inference` can have the provider hold an answer to a JSON schema."""

    MISSING_FUNCTION_CALL_MESSAGE_TEMPLATE = "The function `{function_name}` cannot be called now."
    """What the model gets as result of a function that is not registered."""

    FUNCTION_CALL_ERROR_MESSAGE_TEMPLATE = (
        "The function `{function_name}` failed, and there is no result."
    )
    """What the model gets as result of a function that raises."""

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
        enable_async_tool_cancellation: bool = False,
        settings: LLMSettings | None = None,
        file_resolver: Any = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            run_in_parallel: Whether function calls of one answer run side by side.
            group_parallel_tools: Whether the model runs again once all of them have ended, rather
                than each time.
            function_call_timeout_secs: Longest time for a function call in seconds, or None for no
                limit.
            enable_async_tool_cancellation: Whether the model may cancel every function that runs
                while the conversation goes on. Deprecated in pipecat 1.8: use `cancellable_by_llm`
                where functions are registered.
            settings: The settings, complete.
            file_resolver: Fetches the files of a context that the provider cannot fetch itself, a
                `FileResolver`; None for one that does so over HTTP.
            **kwargs: For `AIService`.

        Raises:
            InvalidEnvVarValueError: If ``PIPECAT_LOG_LLM_CONTEXT`` is neither ``full`` nor ``off``.
        """
        super().__init__(settings=settings or LLMSettings(), **kwargs)
        llm_context_log_mode()  # a wrong one is found now, and not once somebody turns DEBUG on
        if not is_given(self._settings.use_provider_thinking_default):
            self._settings.use_provider_thinking_default = False
        self._function_calls = FunctionCalls(
            self,
            in_parallel=run_in_parallel,
            grouped=group_parallel_tools,
            timeout_secs=function_call_timeout_secs,
            all_cancellable=enable_async_tool_cancellation,
        )
        if enable_async_tool_cancellation:
            warn_deprecated(
                "`enable_async_tool_cancellation` is deprecated since 1.8.0 and will be removed in "
                "2.0.0. Use `cancellable_by_llm=True` on the functions instead.",
                stacklevel=3,
            )
        self._adapter = cast(TAdapter, self._resolve_adapter_class()())
        self._adapter.file_resolver = file_resolver
        self._cancel_tools = CancelTools(self._function_calls, self._adapter.builtin_tools)
        instruction = self._settings.system_instruction
        self._base_system_instruction = instruction if isinstance(instruction, str) else None
        self._appended_system_instructions: list[str] = []
        self._reports_ttfat: bool | None = None
        self._skip_tts: bool | None = None
        self._context: LLMContext | None = None
        # Switched on by the turn strategy that heeds it.
        self._filter_incomplete_user_turns = False
        self._warn_of_settings_that_strategies_own()
        self._context_summaries = ContextSummaries(self)

    def _warn_of_settings_that_strategies_own(self) -> None:
        for name, strategies in {
            "filter_incomplete_user_turns": "FilterIncompleteUserTurnStrategies()",
            "user_turn_completion_config": "FilterIncompleteUserTurnStrategies(config=...)",
        }.items():
            if getattr(self._settings, name, None):
                warn_deprecated(
                    f"`{type(self._settings).__name__}.{name}` is deprecated since 1.7.0 and will "
                    f"be removed in 2.0.0. Use `user_turn_strategies={strategies}` instead. It has "
                    "no effect here.",
                    stacklevel=4,
                )

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
        response_schema: dict[str, Any] | None = None,
        *,
        messages: list[Any] | None = None,
    ) -> str | None:
        """Answer a conversation once, outside of the pipeline.

        Args:
            context: The conversation; that of `set_context` if None.
            max_tokens: Longest answer in tokens, or None as the settings say.
            system_instruction: What the model is told, instead of what the settings say.
            response_schema: JSON Schema that the answer follows as JSON, if the provider can hold
                the model to one. Every object lists all its properties as required and forbids
                others.
            messages: The conversation, instead of a context.

        Returns:
            The answer, or None if there is none.

        Raises:
            NotImplementedError: If the service cannot do this.
            ValueError: If there is no conversation.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot run inference outside a pipeline")

    def _conversation(self, context: LLMContext | None, messages: list[Any] | None) -> LLMContext:
        """Return what `run_inference` is to answer."""
        if messages is not None:
            return LLMContext(messages=[*messages])
        context = context or self._context
        if context is None:
            raise ValueError(
                f"{self}: run_inference needs a context, messages, or set_context before it"
            )
        return context

    @staticmethod
    def model_supports_response_schema(model: str) -> bool:
        """Return whether a model of this provider can be held to a JSON schema.

        Args:
            model: Its name.
        """
        return True

    def _check_response_schema(
        self, response_schema: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        """Return the schema to send; None, with a warning, if the model cannot be held to it."""
        if response_schema is None:
            return None
        model = self._settings.model or ""
        if self.supports_response_schema and self.model_supports_response_schema(model):
            return response_schema
        _logger.warning("%s: response_schema is ignored, %s knows none", self, model or "it")
        return None

    # ---- what a service can do

    @classmethod
    def _resolve_adapter_class(cls) -> type[BaseLLMAdapter]:
        if cls.adapter_class is not None:
            return cls.adapter_class
        from pipecat_rs.adapters.llm.services.open_ai_adapter import OpenAILLMAdapter

        return OpenAILLMAdapter

    def get_llm_adapter(self) -> TAdapter:
        """Return what puts contexts into the provider's form."""
        return self._adapter

    def create_llm_specific_message(self, message: Any) -> LLMSpecificMessage:
        """Return a message for a context that only this provider gets to see.

        Args:
            message: The message in the provider's form.
        """
        return self._adapter.create_llm_specific_message(message)

    @property
    def reports_ttfat(self) -> bool:
        """Whether the time to the first answer token is measured: not if it answers in audio."""
        if self._reports_ttfat is None:  # asked for with each token
            self._reports_ttfat = not self.service_metadata_frame().is_realtime_service
        return self._reports_ttfat

    @property
    def accepts_intermediate_function_call_results(self) -> bool:
        """Whether partial results of functions reach the model."""
        return True

    def llm_with_backend_role_objection(self, role: LLMWithBackendRole) -> str | None:
        """Return why this service cannot play a part beside another one, or None if it can.

        Args:
            role: The part.
        """
        return None

    # ---- instructions

    def append_system_instruction(self, instruction: str) -> None:
        """Add to what the model is told, for as long as this service lives.

        It follows the user's own instruction, also when that is changed.

        Args:
            instruction: The text.
        """
        self._appended_system_instructions.append(instruction)
        self._compose_system_instruction()

    def _system_instruction_addons(self) -> list[str]:
        """Return what is told besides the user's own instruction."""
        addons = list(self._appended_system_instructions)
        if self._filter_incomplete_user_turns:
            addons.append(self._user_turn_completion_config.completion_instructions)
        if self._cancel_tools.names:
            addons.append(ASYNC_TOOL_CANCELLATION_INSTRUCTIONS)
        if self._function_calls.has_lasting():
            addons.append(ASYNC_TOOL_INSTRUCTIONS)
        return addons

    def _compose_system_instruction(self) -> None:
        """Put together what the model is told."""
        parts = [self._base_system_instruction, *self._system_instruction_addons()]
        self._settings.system_instruction = "\n\n".join(p for p in parts if p) or None

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if "filter_incomplete_user_turns" in changed:
            self._filter_incomplete_user_turns = bool(self._settings.filter_incomplete_user_turns)
        if self._filter_incomplete_user_turns and "user_turn_completion_config" in changed:
            self.set_user_turn_completion_config(self._settings.user_turn_completion_config)
        if "system_instruction" in changed:
            instruction = self._settings.system_instruction
            self._base_system_instruction = instruction if isinstance(instruction, str) else None
        if changed.keys() & _OF_THE_INSTRUCTION:
            self._compose_system_instruction()
        return changed

    # ---- functions

    def _service_tools(self) -> Any:
        """Return tools that were given to the service itself, for a context without any."""
        return None

    def _sync_registered_tool_handlers(self, tools: Any) -> None:
        """Take over the handlers that tools bring, and what follows from them.

        Args:
            tools: Those of a context: a schema, a list, ``NOT_GIVEN`` or None.
        """
        if isinstance(tools, list):
            tools = LLMContext._normalize_and_validate_tools(tools)
        if tools is None or not is_given(tools):
            own = self._service_tools()
            if own is not None:
                own = LLMContext._normalize_and_validate_tools(own, allow_provider_tools=True)
                tools = own if hasattr(own, "standard_tools") else None
        self._function_calls.sync_with(tools)
        self._cancel_tools.sync()
        self._compose_system_instruction()

    # ---- life cycle and frames

    async def start(self, frame: StartFrame) -> None:
        """Take over the handlers of the service's own tools.

        Args:
            frame: The start frame.
        """
        await super().start(frame)
        self._sync_registered_tool_handlers(None)

    async def stop(self, frame: EndFrame) -> None:
        """Give up summaries that are being written.

        Args:
            frame: The end frame.
        """
        await super().stop(frame)
        await self._context_summaries.abandon()

    async def cancel(self, frame: CancelFrame) -> None:
        """Cancel the calls that run, and summaries.

        Args:
            frame: The cancel frame.
        """
        await super().cancel(frame)
        await self._context_summaries.abandon()
        await self._function_calls.abandon()

    async def cleanup(self) -> None:
        """Cancel the calls that run, and summaries."""
        await super().cleanup()
        await self._context_summaries.abandon()
        await self._function_calls.abandon()
        await self._function_calls.clean_up()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take over settings and functions, and cancel calls on interruption. Pushes nothing on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        if frame.__class__ is InputAudioRawFrame:
            return  # fifty a second, where a subclass has not said what it handles
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            self._sync_registered_tool_handlers(frame.context.tools)
            self._log_context(frame.context)
        elif isinstance(frame, LLMContextSummaryRequestFrame):
            self._context_summaries.request(frame)
        elif isinstance(frame, InterruptionFrame):
            await self._function_calls.interrupt()
        elif isinstance(frame, LLMConfigureOutputFrame):
            self._skip_tts = frame.skip_tts
        elif isinstance(frame, LLMUpdateSettingsFrame):
            await self._take_over_settings(frame)

    def _log_context(self, context: LLMContext) -> None:
        if not _logger.isEnabledFor(logging.DEBUG):
            return
        if llm_context_log_mode() is LLMContextLogMode.OFF:
            _logger.debug("%s: answers", self)
        else:
            messages: Any
            try:
                messages = self.get_llm_adapter().get_messages_for_logging(context)
            except LLMContextConversionError as error:
                # Files are fetched with the request, which reports what is wrong after that.
                messages = error
            _logger.debug("%s: answers %s", self, messages)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push a frame; those of an answer carry whether it is spoken.

        Args:
            frame: The frame.
            direction: Which way.
        """
        if frame.__class__ is InputAudioRawFrame:
            await FrameProcessor.push_frame(self, frame, direction)
            return
        if self._skip_tts is not None and isinstance(frame, _OF_AN_ANSWER):
            frame.skip_tts = self._skip_tts
        await super().push_frame(frame, direction)

    async def _answer_withdrawn(self) -> None:
        await super()._answer_withdrawn()
        self._forget_answer()

    def _abandon_answer(self) -> None:
        """Stop the answer that is being made, as nobody will get it."""
        self._stop_answer()

    async def _push_llm_text(self, text: str) -> None:
        """Push a piece of an answer.

        Args:
            text: The text.
        """
        if self.reports_ttfat:
            await self.stop_ttfat_metrics()
        if self._filter_incomplete_user_turns:
            await self._push_turn_text(text)
        else:
            await self.push_frame(LLMTextFrame(text))

    async def _generate_summary(self, frame: LLMContextSummaryRequestFrame) -> tuple[str, int]:
        """Return a summary of a conversation, and the index of the last message in it."""
        return await generate_summary(self, frame)

    async def _take_over_settings(self, frame: LLMUpdateSettingsFrame) -> None:
        # The subclass pushes the frame on, whomever it is meant for.
        if frame.service is None or frame.service is self:
            await self._handle_settings_frame(frame, FrameDirection.DOWNSTREAM)
