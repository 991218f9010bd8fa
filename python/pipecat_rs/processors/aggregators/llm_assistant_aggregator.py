"""The assistant's side of a conversation: from spoken text, and function calls, to messages."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    AssistantImageRawFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EagerTranscriptionFrame,
    EndFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMContextAssistantTimestampFrame,
    LLMContextAssistantTurnFrame,
    LLMContextSummaryRequestFrame,
    LLMContextSummaryResultFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMarkerFrame,
    LLMMessagesAppendFrame,
    LLMMessagesTransformFrame,
    LLMMessagesUpdateFrame,
    LLMRunFrame,
    LLMServiceMetadataFrame,
    LLMSetToolChoiceFrame,
    LLMSetToolsFrame,
    LLMSummarizeContextFrame,
    LLMThoughtEndFrame,
    LLMThoughtStartFrame,
    LLMThoughtTextFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    StartFrame,
    TextFrame,
    TextType,
    TranscriptionFrame,
    TranslationFrame,
    TTSStartedFrame,
    TTSTextFrame,
    UserFileRawFrame,
    UserImageRawFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.assistant_thoughts import AssistantThoughts
from pipecat_rs.processors.aggregators.function_call_messages import FunctionCallMessages
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_context_aggregator import LLMContextAggregator
from pipecat_rs.processors.aggregators.llm_context_summarizer import (
    LLMContextSummarizer,
    SummaryAppliedEvent,
)
from pipecat_rs.processors.aggregators.tts_metadata_frame import TTSMetadataFrame
from pipecat_rs.processors.aggregators.turn_messages import (
    AssistantBackchannelMessage,
    AssistantTurnStoppedMessage,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat_rs.turns.turn_completion_config import UserTurnCompletionConfig
from pipecat_rs.utils.context.llm_context_summarization import (
    LLMAutoContextSummarizationConfig,
    LLMContextSummarizationConfig,
)
from pipecat_rs.utils.deprecation import warn_deprecated
from pipecat_rs.utils.time import time_now_iso8601

if TYPE_CHECKING:
    from pipecat_rs.processors.aggregators.llm_user_aggregator import LLMUserAggregator

_logger = logging.getLogger(__name__)

_HEARD_FROM_USER = (
    TranscriptionFrame,
    InterimTranscriptionFrame,
    EagerTranscriptionFrame,
    TranslationFrame,
)


@dataclass
class LLMAssistantAggregatorParams:
    """How the assistant's side is handled.

    Attributes:
        enable_auto_context_summarization: Whether the older part of a long conversation gives way
            to a summary by itself.
        auto_context_summarization_config: When and how; None for the defaults. How also holds for
            an `LLMSummarizeContextFrame` that says nothing itself.
        add_tool_change_messages: Whether the model is told of functions that come and go.
        enable_context_summarization: Former name of `enable_auto_context_summarization`.
            Deprecated in pipecat 1.2.
        context_summarization_config: Former name of `auto_context_summarization_config`.
            Deprecated in pipecat 1.2.
    """

    enable_auto_context_summarization: bool = False
    auto_context_summarization_config: LLMAutoContextSummarizationConfig | None = None
    add_tool_change_messages: bool = False
    enable_context_summarization: bool | None = None
    context_summarization_config: LLMContextSummarizationConfig | None = None

    def __post_init__(self) -> None:
        if self.enable_context_summarization is not None:
            _warn_of_former_name("enable_context_summarization")
            self.enable_auto_context_summarization = self.enable_context_summarization
            self.enable_context_summarization = None
        config: Any = self.context_summarization_config
        if config is not None:
            _warn_of_former_name("context_summarization_config")
            is_old = isinstance(config, LLMContextSummarizationConfig)
            self.auto_context_summarization_config = config.to_auto_config() if is_old else config
            self.context_summarization_config = None


class LLMAssistantAggregator(LLMContextAggregator):
    """Gathers what the assistant says and writes it to the context when it has said it.

    Its place is behind the output transport: what arrives there was spoken, so that after an
    interruption the context holds what the user has heard and no more. It also works ahead of the
    text-to-speech service. There it hands text on, and writes it as the model has written it.

    Events: `on_assistant_turn_started`, `on_assistant_turn_stopped`
    (`AssistantTurnStoppedMessage`), `on_assistant_thought` (`AssistantThoughtMessage`),
    `on_assistant_backchannel` (`AssistantBackchannelMessage`) and `on_summary_applied`
    (`LLMContextSummarizer`, `SummaryAppliedEvent`).
    """

    handles = (
        TTSMetadataFrame,
        TTSStartedFrame,
        TextFrame,
        LLMFullResponseStartFrame,
        LLMFullResponseEndFrame,
        LLMAssistantPushAggregationFrame,
        LLMRunFrame,
        LLMMessagesAppendFrame,
        LLMMessagesUpdateFrame,
        LLMMessagesTransformFrame,
        LLMSetToolsFrame,
        LLMSetToolChoiceFrame,
        FunctionCallsStartedFrame,
        FunctionCallInProgressFrame,
        FunctionCallResultFrame,
        FunctionCallCancelFrame,
        UserStartedSpeakingFrame,
        UserStoppedSpeakingFrame,
        BotStartedSpeakingFrame,
        BotStoppedSpeakingFrame,
        LLMMarkerFrame,
        LLMThoughtStartFrame,
        LLMThoughtTextFrame,
        LLMThoughtEndFrame,
        UserImageRawFrame,
        UserFileRawFrame,
        AssistantImageRawFrame,
        LLMSummarizeContextFrame,
        LLMContextSummaryResultFrame,
        LLMServiceMetadataFrame,
        ProposedUserStartedSpeakingFrame,
        ProposedUserStoppedSpeakingFrame,
    )

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_assistant_turn_started": False,
        "on_assistant_turn_stopped": False,
        "on_assistant_thought": False,
        "on_assistant_backchannel": False,
        "on_summary_applied": False,
    }

    def __init__(
        self,
        context: LLMContext,
        *,
        params: LLMAssistantAggregatorParams | None = None,
        _realtime_service_mode: bool | None = None,
        _paired_user_aggregator: LLMUserAggregator | None = None,
        **kwargs: Any,
    ) -> None:
        """Make an aggregator.

        Args:
            context: The context.
            params: How the assistant's side is handled.
            _realtime_service_mode: Whether a realtime service answers; None until one says so.
                Set by `LLMContextAggregatorPair`, as the next one is.
            _paired_user_aggregator: The user's side of the same context.
            **kwargs: For `FrameProcessor`.
        """
        params = params or LLMAssistantAggregatorParams()
        super().__init__(
            context=context,
            role="assistant",
            add_tool_change_messages=params.add_tool_change_messages,
            **kwargs,
        )
        self._params = params
        self._realtime_service_mode = _realtime_service_mode
        self._user_aggregator = _paired_user_aggregator
        self._function_calls = FunctionCallMessages(context)
        self._function_call_images: dict[str, UserImageRawFrame] = {}
        self._thoughts = AssistantThoughts(context)
        self._markers = set(UserTurnCompletionConfig().markers)
        self._summarizer = LLMContextSummarizer(
            context=context,
            config=params.auto_context_summarization_config,
            auto_trigger=params.enable_auto_context_summarization,
        )
        self._summarizer.add_event_handler("on_request_summarization", self._on_summary_wanted)
        self._summarizer.add_event_handler("on_summary_applied", self._on_summary_applied)
        self._context_updated_tasks: set[asyncio.Task[Any]] = set()
        self._speech_follows = False
        self._user_speaking = False
        self._bot_speaking = False
        # The model is to run once the bot has stopped speaking.
        self._run_after_speech = False
        # The model is to run; it waits for more results, or for the user. A run that starts for
        # another reason sees the context as it is, and settles it.
        self._run_owed = False
        self._turn_timestamp = ""

    def __call__(self) -> LLMAssistantAggregator:
        """Return itself, so that a pair's ``assistant`` and ``assistant()`` are the same."""
        return self

    @property
    def has_function_calls_in_progress(self) -> bool:
        """Whether functions run."""
        return bool(self._function_calls.running)

    @property
    def has_synchronous_function_calls_in_progress(self) -> bool:
        """Whether functions run whose results the model has to wait for."""
        return any(
            call is None or call.cancel_on_interruption
            for call in self._function_calls.running.values()
        )

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Set the summarizer up.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        await self._summarizer.setup(setup)

    async def cleanup(self) -> None:
        """Cancel callbacks that still run, and a summary that is being written."""
        await super().cleanup()
        await self._wind_up()

    async def reset(self) -> None:
        """Forget what was gathered, and runs that are owed."""
        await super().reset()
        self._thoughts.reset()
        self._run_after_speech = False
        self._run_owed = False

    # ---- frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Gather text, change the context, follow function calls, or pass a frame on.

        Then show it to the summarizer.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        await self._handle(frame, direction)
        await self._summarizer.process_frame(frame)

    async def _handle(self, frame: Frame, direction: FrameDirection) -> None:
        match frame:
            case TextFrame():
                await self._handle_text(frame, direction)
            case LLMFullResponseStartFrame():
                self._run_owed = False
                await self._begin_answer()
                await self._hand_on(frame, direction)
            case LLMFullResponseEndFrame():
                await self._hand_on(frame, direction)
                await self._end_answer()
            case LLMMarkerFrame():
                await self._handle_marker(frame)
            case LLMThoughtStartFrame():
                self._thoughts.begin(frame)
            case LLMThoughtTextFrame():
                self._thoughts.gather(frame)
            case LLMThoughtEndFrame():
                thought = self._thoughts.end(frame)
                await self._call_event_handler("on_assistant_thought", thought)
            case TTSStartedFrame():
                if frame.append_to_context and not self._turn_timestamp:
                    await self._start_turn()
                await self.push_frame(frame, direction)
            case LLMAssistantPushAggregationFrame():
                await self._stop_turn()
            case InterruptionFrame():
                await self._stop_turn(interrupted=True)
                await self.reset()
                await self.push_frame(frame, direction)
            case EndFrame() | CancelFrame():
                await self._stop_turn(interrupted=isinstance(frame, CancelFrame))
                await self._wind_up()
                await self.push_frame(frame, direction)
            case StartFrame():
                self._speech_follows = self._stands_before_the_voice()
                await self.push_frame(frame, direction)
                self._require_user_aggregator()
            case LLMServiceMetadataFrame():
                await self.push_frame(frame, direction)
                if frame.is_realtime_service and self._realtime_service_mode is None:
                    self._realtime_service_mode = True
                    self._require_user_aggregator()
            case ProposedUserStartedSpeakingFrame() | ProposedUserStoppedSpeakingFrame():
                if not self._is_decided_on_by_user_aggregator(frame):
                    await self.push_frame(frame, direction)
            case TTSMetadataFrame():
                # Upstream it comes from a service further down.
                self._speech_follows = direction is FrameDirection.UPSTREAM
                await self.push_frame(frame, direction)
            case UserStartedSpeakingFrame() | UserStoppedSpeakingFrame():
                self._user_speaking = isinstance(frame, UserStartedSpeakingFrame)
                await self.push_frame(frame, direction)
            case BotStartedSpeakingFrame() | BotStoppedSpeakingFrame():
                self._bot_speaking = isinstance(frame, BotStartedSpeakingFrame)
                await self.push_frame(frame, direction)
                if self._run_after_speech and not (self._bot_speaking or self._user_speaking):
                    await self.push_context_frame(FrameDirection.UPSTREAM)
            case (
                FunctionCallsStartedFrame()
                | FunctionCallInProgressFrame()
                | FunctionCallResultFrame()
                | FunctionCallCancelFrame()
            ):
                await self._handle_function_call(frame)
            case UserImageRawFrame():
                await self._handle_user_image(frame)
            case UserFileRawFrame():
                await self._handle_user_file(frame)
            case AssistantImageRawFrame():
                await self._handle_assistant_image(frame)
            case _ if await self._change_context(frame):
                pass
            case _:
                await self.push_frame(frame, direction)

    async def _change_context(self, frame: Frame) -> bool:
        """Do what a frame orders to do to the context; return whether it is such a frame."""
        match frame:
            case LLMRunFrame():
                await self.push_context_frame(FrameDirection.UPSTREAM)
            case LLMMessagesAppendFrame():
                self.add_messages(frame.messages)
                self._run_owed = self._run_owed or bool(frame.run_llm)
                await self._maybe_run_llm()
            case LLMMessagesUpdateFrame():
                self.set_messages(frame.messages)
                if frame.run_llm:
                    await self.push_context_frame(FrameDirection.UPSTREAM)
            case LLMMessagesTransformFrame():
                self.transform_messages(frame.transform)
                if frame.run_llm:
                    await self.push_context_frame(FrameDirection.UPSTREAM)
            case LLMSetToolsFrame():
                user = self._user_aggregator
                if user is None or frame not in user._taken_over:
                    self.set_tools(frame.tools)
            case LLMSetToolChoiceFrame():
                self.set_tool_choice(frame.tool_choice)
            case _:
                return False
        return True

    async def _handle_text(self, frame: TextFrame, direction: FrameDirection) -> None:
        if isinstance(frame, _HEARD_FROM_USER):
            return
        if (
            isinstance(frame, AggregatedTextFrame)
            and not isinstance(frame, TTSTextFrame)
            and frame.text_type == TextType.BACKCHANNEL
            and frame.will_be_spoken
        ):
            message = AssistantBackchannelMessage(frame.text, time_now_iso8601())
            await self._call_event_handler("on_assistant_backchannel", message)
        if frame.append_to_context and frame.text:
            raw = frame.raw_text if isinstance(frame, AggregatedTextFrame) else None
            self._gather(raw or frame.text, includes_spaces=frame.includes_inter_frame_spaces)
        await self._hand_on(frame, direction)

    def _stands_before_the_voice(self) -> bool:
        """Whether somebody further down is to speak what the model says."""
        processors = list(self.pipeline_worker._leaves())
        place = processors.index(self)
        spoken = any(processor._speaks for processor in processors[:place])
        return not spoken and any(not processor._is_end for processor in processors[place + 1 :])

    async def _hand_on(self, frame: Frame, direction: FrameDirection) -> None:
        if self._speech_follows:
            await self.push_frame(frame, direction)

    # ---- turns

    async def push_aggregation(self) -> str:
        """Write what was gathered to the context, and push it and the time of writing."""
        text = await self._write_aggregation()
        if text:
            await self._push_context_and_time()
        return text

    async def _write_aggregation(self) -> str:
        """Write what was gathered, and push nothing: the turn may go on."""
        if not self._aggregation:
            return ""
        text = self.aggregation_string()
        await self.reset()
        self._context.add_message({"role": self.role, "content": text})
        return text

    async def _push_context_and_time(self) -> None:
        await self.push_context_frame()
        await self.push_frame(LLMContextAssistantTimestampFrame(timestamp=time_now_iso8601()))

    async def push_context_frame(
        self, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push the context; upstream for the language model to answer.

        Args:
            direction: Which way.
        """
        await super().push_context_frame(direction)
        self._run_after_speech = False
        self._run_owed = False

    async def _start_turn(self) -> None:
        self._turn_timestamp = time_now_iso8601()
        await self._call_event_handler("on_assistant_turn_started")

    async def _stop_turn(self, *, interrupted: bool = False) -> None:
        timestamp, self._turn_timestamp = self._turn_timestamp, ""
        if not timestamp:
            return
        text = self._without_markers(await self.push_aggregation())
        await self._call_event_handler(
            "on_assistant_turn_stopped", AssistantTurnStoppedMessage(text, interrupted, timestamp)
        )
        if text:
            await self.broadcast_frame(LLMContextAssistantTurnFrame, text=text, timestamp=timestamp)

    async def _handle_marker(self, frame: LLMMarkerFrame) -> None:
        self._markers.add(frame.marker)
        if frame.append_to_context_immediately:
            self._context.add_message({"role": self.role, "content": frame.marker})
            await self._push_context_and_time()
        else:
            self._gather(frame.marker, includes_spaces=False)

    def _without_markers(self, text: str) -> str:
        """Return what was said without signs that are meant for the model alone."""
        found = [marker for marker in self._markers if marker in text]
        for marker in found:
            text = text.replace(marker, "")
        return text.strip() if found else text

    # ---- beside a realtime service

    async def _begin_answer(self) -> None:
        if self._realtime_service_mode and self._user_aggregator is not None:
            # The answer tells that the user has finished; transcripts may still be on their way.
            self._user_aggregator._hand_user_message_over_soon()
        await self._start_turn()

    async def _end_answer(self) -> None:
        if self._realtime_service_mode and self._user_aggregator is not None:
            await self._user_aggregator._hand_user_message_over()
        await self._stop_turn()

    def _require_user_aggregator(self) -> None:
        if self._realtime_service_mode and self._user_aggregator is None:
            raise RuntimeError(
                f"{self}: beside a realtime service it needs the user's side of the context; make "
                "both by LLMContextAggregatorPair(context)"
            )

    def _is_decided_on_by_user_aggregator(self, frame: Frame) -> bool:
        # Of a proposal from between the two, the user's side gets the sibling that goes up.
        if self._user_aggregator is None:
            return False
        controller = self._user_aggregator._user_turn_controller
        if isinstance(frame, ProposedUserStartedSpeakingFrame):
            return controller.resolves_proposed_turn_start_frames
        return controller.resolves_proposed_turn_stop_frames

    # ---- images and files

    async def _handle_user_image(self, frame: UserImageRawFrame) -> None:
        request = frame.request
        if (
            request
            and request.tool_call_id
            and request.tool_call_id in self._function_calls.running
        ):
            # It joins the context with the result of the call, which it completes.
            self._function_call_images[request.tool_call_id] = frame
            if request.result_callback:
                await request.result_callback(None)
            return
        await self._write_aggregation()
        if await self._write_image(frame) and frame.run_llm is not False:
            await self.push_context_frame(FrameDirection.UPSTREAM)

    async def _write_image(self, frame: UserImageRawFrame) -> bool:
        if not frame.append_to_context:
            return False
        await self._context.add_image_frame_message(
            format=frame.format or "RGB", size=frame.size, image=frame.image, text=frame.text
        )
        return True

    async def _handle_user_file(self, frame: UserFileRawFrame) -> None:
        if not frame.append_to_context:
            return
        # Ahead of the file: one that a provider refuses is looked for behind the last answer.
        await self._write_aggregation()
        await self._context.add_file_frame_message(
            type=frame.type,
            format=frame.format,
            file=frame.file,
            text=frame.text,
            name=frame.filename,
        )
        if frame.run_llm is not False:
            await self.push_context_frame(FrameDirection.UPSTREAM)

    async def _handle_assistant_image(self, frame: AssistantImageRawFrame) -> None:
        # As it was made, if that is known.
        as_made = frame.original_mime_type if frame.original_data else None
        await self._context.add_image_frame_message(
            format=as_made or frame.format or "RGB",
            size=frame.size,
            image=(frame.original_data or frame.image) if as_made else frame.image,
            role="assistant",
        )

    # ---- summaries

    async def _on_summary_wanted(
        self, _summarizer: LLMContextSummarizer, frame: LLMContextSummaryRequestFrame
    ) -> None:
        await self.push_frame(frame, FrameDirection.UPSTREAM)

    async def _on_summary_applied(
        self, summarizer: LLMContextSummarizer, event: SummaryAppliedEvent
    ) -> None:
        await self._call_event_handler("on_summary_applied", summarizer, event)

    # ---- function calls

    async def _handle_function_call(self, frame: Frame) -> None:
        match frame:
            case FunctionCallsStartedFrame():
                self._function_calls.announce(frame)
            case FunctionCallInProgressFrame():
                self._function_calls.begin(frame)
            case FunctionCallResultFrame():
                await self._handle_function_call_result(frame)
            case FunctionCallCancelFrame():
                if self._function_calls.cancel(frame) and not self._user_speaking:
                    await self._run_llm_when_free()

    async def _handle_function_call_result(self, frame: FunctionCallResultFrame) -> None:
        if self._function_calls.running.get(frame.tool_call_id) is None:
            _logger.warning(
                "%s: the result of %s (%s) is dropped, as no such call is running",
                self,
                frame.function_name,
                frame.tool_call_id,
            )
            # Others may have waited for this one.
            await self._maybe_run_llm()
            return
        runs_llm = self._function_calls.settle(frame)
        image = self._function_call_images.pop(frame.tool_call_id, None)
        if image is not None and await self._write_image(image) and not frame.result:
            runs_llm = True
        if runs_llm:
            self._run_owed = True
        await self._maybe_run_llm()
        callback = frame.properties.on_context_updated if frame.properties else None
        if callback is not None:
            name = f"{frame.function_name}:{frame.tool_call_id}:on_context_updated"
            task = self.create_task(_await(callback), name)
            self._context_updated_tasks.add(task)
            task.add_done_callback(self._context_updated_tasks.discard)

    async def _maybe_run_llm(self) -> None:
        if self._run_owed and not self._user_speaking:
            await self._run_llm_when_free()

    async def _run_llm_when_free(self) -> None:
        if self.has_queued_frame(FunctionCallResultFrame) or self.has_queued_frame(
            LLMMessagesAppendFrame
        ):
            _logger.debug("%s: more is to come before the model runs", self)
        elif self._bot_speaking:
            self._run_after_speech = True
        else:
            await self.push_context_frame(FrameDirection.UPSTREAM)

    async def _wind_up(self) -> None:
        for task in list(self._context_updated_tasks):
            await self.cancel_task(task)
        await self._summarizer.cleanup()


async def _await(callback: Any) -> None:
    await callback()


def _warn_of_former_name(name: str) -> None:
    new = name.replace("context", "auto_context", 1)
    warn_deprecated(
        f"`LLMAssistantAggregatorParams.{name}` is deprecated since 1.2.0 and will be removed in "
        f"2.0.0. Use `{new}` instead.",
        stacklevel=4,
    )
