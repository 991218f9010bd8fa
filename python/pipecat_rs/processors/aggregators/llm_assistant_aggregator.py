"""The assistant's side of a conversation: from spoken text, and function calls, to messages."""

from __future__ import annotations

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
from pipecat_rs.processors.aggregators.aggregator_params import LLMAssistantAggregatorParams
from pipecat_rs.processors.aggregators.assistant_thoughts import AssistantThoughts
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_context_summarizer import (
    LLMContextSummarizer,
    SummaryAppliedEvent,
)
from pipecat_rs.processors.aggregators.llm_runs import LLMRuns
from pipecat_rs.processors.aggregators.tts_metadata_frame import TTSMetadataFrame
from pipecat_rs.processors.aggregators.turn_messages import (
    AssistantBackchannelMessage,
    AssistantTurnStoppedMessage,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat_rs.turns.turn_completion_config import UserTurnCompletionConfig
from pipecat_rs.utils.time import time_now_iso8601

if TYPE_CHECKING:
    from pipecat_rs.processors.aggregators.llm_user_aggregator import LLMUserAggregator

__all__ = ["LLMAssistantAggregator", "LLMAssistantAggregatorParams"]

_HEARD_FROM_USER = (
    TranscriptionFrame,
    InterimTranscriptionFrame,
    EagerTranscriptionFrame,
    TranslationFrame,
)


class LLMAssistantAggregator(LLMRuns):
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
        self._thoughts = AssistantThoughts(context)
        self._markers = set(UserTurnCompletionConfig().markers)
        self._summarizer = LLMContextSummarizer(
            context=context,
            config=params.auto_context_summarization_config,
            auto_trigger=params.enable_auto_context_summarization,
        )
        self._summarizer.add_event_handler("on_request_summarization", self._on_summary_wanted)
        self._summarizer.add_event_handler("on_summary_applied", self._on_summary_applied)
        self._speech_follows = False
        self._turn_timestamp = ""

    def __call__(self) -> LLMAssistantAggregator:
        """Return itself, so that a pair's ``assistant`` and ``assistant()`` are the same."""
        return self

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Set the summarizer up.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        await self._summarizer.setup(setup)

    async def reset(self) -> None:
        """Forget what was gathered."""
        await super().reset()
        self._thoughts.reset()

    async def cleanup(self) -> None:
        """Cancel callbacks that still run, and a summary that is being written."""
        await super().cleanup()
        await self._wind_up()

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

    async def _push_context_and_time(self) -> None:
        await self.push_context_frame()
        await self.push_frame(LLMContextAssistantTimestampFrame(timestamp=time_now_iso8601()))

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

    # ---- summaries

    async def _on_summary_wanted(
        self, _summarizer: LLMContextSummarizer, frame: LLMContextSummaryRequestFrame
    ) -> None:
        await self.push_frame(frame, FrameDirection.UPSTREAM)

    async def _on_summary_applied(
        self, summarizer: LLMContextSummarizer, event: SummaryAppliedEvent
    ) -> None:
        await self._call_event_handler("on_summary_applied", summarizer, event)

    async def _wind_up(self) -> None:
        await self._cancel_callbacks()
        await self._summarizer.cleanup()
