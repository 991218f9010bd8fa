"""The assistant's side of a conversation: from spoken text, and function calls, to messages."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
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
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMessagesAppendFrame,
    LLMMessagesTransformFrame,
    LLMMessagesUpdateFrame,
    LLMRunFrame,
    LLMSetToolChoiceFrame,
    LLMSetToolsFrame,
    TextFrame,
    TextType,
    TranscriptionFrame,
    TranslationFrame,
    TTSStartedFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.function_call_messages import FunctionCallMessages
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_context_aggregator import LLMContextAggregator
from pipecat_rs.processors.aggregators.tts_metadata_frame import TTSMetadataFrame
from pipecat_rs.processors.aggregators.turn_messages import (
    AssistantBackchannelMessage,
    AssistantTurnStoppedMessage,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.utils.time import time_now_iso8601

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
        add_tool_change_messages: Whether the model is told of functions that come and go.
    """

    add_tool_change_messages: bool = False


class LLMAssistantAggregator(LLMContextAggregator):
    """Gathers what the assistant says and writes it to the context when it has said it.

    Its place is behind the output transport: what arrives there was spoken, so that after an
    interruption the context holds what the user has heard and no more. It also works ahead of the
    text-to-speech service. There it hands text on, and writes it as the model has written it.

    Events: `on_assistant_turn_started`, `on_assistant_turn_stopped`
    (`AssistantTurnStoppedMessage`), `on_assistant_backchannel` (`AssistantBackchannelMessage`).
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
    )

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_assistant_turn_started": False,
        "on_assistant_turn_stopped": False,
        "on_assistant_backchannel": False,
    }

    def __init__(
        self,
        context: LLMContext,
        *,
        params: LLMAssistantAggregatorParams | None = None,
        **kwargs: Any,
    ) -> None:
        """Make an aggregator.

        Args:
            context: The context.
            params: How the assistant's side is handled.
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
        self._function_calls = FunctionCallMessages(context)
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

    async def cleanup(self) -> None:
        """Cancel callbacks that still run."""
        await super().cleanup()
        await self._cancel_callbacks()

    async def reset(self) -> None:
        """Forget what was gathered, and runs that are owed."""
        await super().reset()
        self._run_after_speech = False
        self._run_owed = False

    # ---- frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Gather text, change the context, follow function calls, or pass a frame on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        match frame:
            case TextFrame():
                await self._handle_text(frame, direction)
            case LLMFullResponseStartFrame():
                self._run_owed = False
                await self._start_turn()
                await self._hand_on(frame, direction)
            case LLMFullResponseEndFrame():
                await self._hand_on(frame, direction)
                await self._stop_turn()
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
                await self._cancel_callbacks()
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

    async def _hand_on(self, frame: Frame, direction: FrameDirection) -> None:
        if self._speech_follows:
            await self.push_frame(frame, direction)

    # ---- turns

    async def push_aggregation(self) -> str:
        """Write what was gathered to the context, and push it and the time of writing."""
        if not self._aggregation:
            return ""
        text = self.aggregation_string()
        await self.reset()
        self._context.add_message({"role": self.role, "content": text})
        await self.push_context_frame()
        await self.push_frame(LLMContextAssistantTimestampFrame(timestamp=time_now_iso8601()))
        return text

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
        text = await self.push_aggregation()
        await self._call_event_handler(
            "on_assistant_turn_stopped", AssistantTurnStoppedMessage(text, interrupted, timestamp)
        )
        if text:
            await self.broadcast_frame(LLMContextAssistantTurnFrame, text=text, timestamp=timestamp)

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
            return
        if self._function_calls.settle(frame):
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

    async def _cancel_callbacks(self) -> None:
        for task in list(self._context_updated_tasks):
            await self.cancel_task(task)


async def _await(callback: Any) -> None:
    await callback()
