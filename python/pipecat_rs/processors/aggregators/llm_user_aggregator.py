"""The user's side of a conversation: from transcripts to messages."""

from __future__ import annotations

import logging
from typing import Any
from weakref import WeakSet

from pipecat_rs import _core
from pipecat_rs.audio.vad.events import VoiceActivityFrame
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    EndFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    LLMContextUserTurnFrame,
    LLMMessagesAppendFrame,
    LLMMessagesTransformFrame,
    LLMMessagesUpdateFrame,
    LLMRunFrame,
    LLMServiceMetadataFrame,
    LLMSetToolChoiceFrame,
    LLMSetToolsFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    ServiceMetadataFrame,
    StartFrame,
    StopFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    TranslationFrame,
    UserBackchannelFrame,
    UserIdleTimeoutUpdateFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    UserTurnInferenceCompletedFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.aggregator_params import LLMUserAggregatorParams
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_context_aggregator import LLMContextAggregator
from pipecat_rs.processors.aggregators.realtime_mode import suit_to_realtime
from pipecat_rs.processors.aggregators.turn_messages import (
    UserBackchannelMessage,
    UserTurnMessageAddedMessage,
    UserTurnStoppedMessage,
)
from pipecat_rs.processors.aggregators.user_muting import SWALLOWED_WHILE_MUTED, UserMuting
from pipecat_rs.processors.audio.speech_announcer import SpeechAnnouncer
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat_rs.processors.interest import declared_interest
from pipecat_rs.turns.strategy_interest import (
    all_strategies,
    audio_taps,
    interest_with,
    layout_with,
)
from pipecat_rs.turns.types import UserTurnSpeculation
from pipecat_rs.turns.user_start import BaseUserTurnStartStrategy
from pipecat_rs.turns.user_stop import BaseUserTurnStopStrategy, UserTurnStoppedParams
from pipecat_rs.turns.user_turn_controller import UserTurnController
from pipecat_rs.turns.user_turn_host import UserTurnHost
from pipecat_rs.turns.user_turn_strategies import (
    ExternalUserTurnStrategies,
    FilterIncompleteUserTurnStrategies,
    UserTurnStrategies,
)
from pipecat_rs.utils.restartable_timer import RestartableTimer
from pipecat_rs.utils.time import time_now_iso8601

__all__ = ["LLMUserAggregator", "LLMUserAggregatorParams"]

_logger = logging.getLogger(__name__)

_DEFAULT_STT_LATENCY_SECS = 1.0


class LLMUserAggregator(UserTurnHost, UserMuting, LLMContextAggregator):
    """Gathers what the user says in a turn, and at its end has the language model answer.

    A turn's start is announced both ways and interrupts the bot; at its stop, what was heard is
    written to the context as one message and the context is pushed. Transcripts end here.

    Beside a realtime service, which listens by itself, the message is written when the service
    begins to answer, as transcripts may be late; turns do not wait for them.

    It is shown the frames that it and its strategies handle. A strategy that says nothing about
    which it handles is shown all, which costs a step of Python for each.

    Events: `on_user_turn_started` (strategy), `on_user_turn_inference_triggered` (strategy),
    `on_user_turn_stopped` (strategy, `UserTurnStoppedMessage`), `on_user_turn_stop_timeout`,
    `on_user_turn_message_added` (`UserTurnMessageAddedMessage`), `on_user_turn_idle`,
    `on_user_mute_started`, `on_user_mute_stopped`, `on_user_backchannel`
    (`UserBackchannelMessage`).
    """

    handles = (
        TranscriptionFrame,
        InterimTranscriptionFrame,
        EagerTranscriptionFrame,
        TranslationFrame,
        UserBackchannelFrame,
        LLMRunFrame,
        LLMMessagesAppendFrame,
        LLMMessagesUpdateFrame,
        LLMMessagesTransformFrame,
        LLMSetToolsFrame,
        LLMSetToolChoiceFrame,
        ServiceMetadataFrame,
        VADUserStartedSpeakingFrame,
        VADUserStoppedSpeakingFrame,
        ProposedUserStartedSpeakingFrame,
        ProposedUserStoppedSpeakingFrame,
        UserStartedSpeakingFrame,
        UserStoppedSpeakingFrame,
        BotStartedSpeakingFrame,
        BotStoppedSpeakingFrame,
        UserIdleTimeoutUpdateFrame,
        FunctionCallsStartedFrame,
        FunctionCallResultFrame,
        FunctionCallCancelFrame,
        # For strategies that a service proposes while the pipeline runs.
        EagerEndOfTurnCancelFrame,
        UserTurnInferenceCompletedFrame,
    )

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_user_turn_started": False,
        "on_user_turn_inference_triggered": False,
        "on_user_turn_stopped": False,
        "on_user_turn_stop_timeout": False,
        "on_user_turn_message_added": False,
        "on_user_turn_idle": False,
        "on_user_mute_started": False,
        "on_user_mute_stopped": False,
        "on_user_backchannel": False,
    }

    def __init__(
        self,
        context: LLMContext,
        *,
        params: LLMUserAggregatorParams | None = None,
        _realtime_service_mode: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Make an aggregator.

        Args:
            context: The context.
            params: How the user's side is handled.
            _realtime_service_mode: Whether a realtime service answers; None until one says so.
                Set by `LLMContextAggregatorPair`.
            **kwargs: For `FrameProcessor`.
        """
        params = params or LLMUserAggregatorParams()
        super().__init__(
            context=context,
            role="user",
            user_mute_strategies=params.user_mute_strategies,
            add_tool_change_messages=params.add_tool_change_messages,
            **kwargs,
        )
        self._params = params
        self._turn_timestamp = ""
        # Each inference in a turn writes what was said since the last one; the event at the end of
        # the turn tells it all.
        self._turn_segments: list[str] = []
        self._turn_interrupted_bot = False
        self._empty_turn_recoveries = 0
        self._realtime_service_mode = _realtime_service_mode
        self._stt_latency = _DEFAULT_STT_LATENCY_SECS
        # Frames with tools that the assistant's side is not to take over again: when they get
        # there, the context may have newer ones.
        self._taken_over: WeakSet[Frame] = WeakSet()
        self._handoff_timer = RestartableTimer(self, self._write_late_words, "realtime_handoff")
        self._make_controllers(
            self._own_strategies(),
            stop_timeout=params.user_turn_stop_timeout,
            idle_timeout=params.user_idle_timeout,
        )
        self._user_turn_controller.add_event_handler(
            "on_reset_aggregation", self._on_reset_aggregation
        )
        self._vad_controller = self._make_vad_controller()
        self._taps: list[_core.SpeechSegment] = []

    def __call__(self) -> LLMUserAggregator:
        """Return itself, so that a pair's ``user`` and ``user()`` are the same."""
        return self

    def _own_strategies(self) -> UserTurnStrategies:
        strategies = self._params.user_turn_strategies or UserTurnStrategies()
        if self._params.filter_incomplete_user_turns:
            strategies = self._params.user_turn_strategies = FilterIncompleteUserTurnStrategies(
                start=strategies.start,
                stop=strategies.stop,
                config=self._params.user_turn_completion_config,
            )
        if self._realtime_service_mode:
            self._suit_to_realtime(strategies)
        return strategies

    def _make_vad_controller(self) -> SpeechAnnouncer | None:
        if self._params.vad_analyzer is None:
            return None
        return SpeechAnnouncer(
            self,
            self._params.vad_analyzer,
            push=self.queue_frame,
            broadcast=self._queue_broadcast,
            audio_idle_timeout=self._params.audio_idle_timeout,
        )

    # ---- interest

    def _layout(self) -> tuple[Any, ...]:
        # First: what is listened to natively, strategies need not be shown.
        self._taps = audio_taps(all_strategies(self._user_turn_controller.user_turn_strategies))
        interest = self._interest()
        if self._vad_controller is None:
            return layout_with(self, ("processor", self, interest), self._taps)
        seat = self._vad_controller.layout(interest)
        return layout_with(self, seat, self._taps, has_own_vad=True)

    def _interest(self) -> tuple[type[Frame], ...] | None:
        """Return the frames that this aggregator, its strategies and its VAD handle; None: all."""
        own = declared_interest(type(self))
        if self._vad_controller is not None:
            needs_audio = type(self).handles is not LLMUserAggregator.handles
            own = self._vad_controller.interest(own, needs_audio=needs_audio)
        if own is not None and self._mute_strategies:
            own = (*own, *SWALLOWED_WHILE_MUTED)
        strategies = all_strategies(self._user_turn_controller.user_turn_strategies)
        return interest_with(own, [*strategies, *self._mute_strategies])

    # ---- life cycle

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Set controllers and strategies up.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        if self._vad_controller is not None:
            await self._vad_controller.setup(setup)

    async def cleanup(self) -> None:
        """Release controllers and strategies."""
        await super().cleanup()
        self._handoff_timer.cancel()
        if self._vad_controller is not None:
            await self._vad_controller.cleanup()

    async def _start(self) -> None:
        if self._vad_controller is not None:
            await self._vad_controller.start()
        await self._user_turn_controller.start()

    async def _stop(self) -> None:
        """Write what is left, and stop the timers: they could only report the end itself."""
        self._handoff_timer.cancel()
        if self._realtime_service_mode:
            await self._push_aggregation(run_llm=False)
        else:
            await self._end_user_turn(None, at_session_end=True)
        if self._vad_controller is not None:
            await self._vad_controller.stop()
        await self._user_turn_controller.stop()
        await self._user_idle_controller.stop()

    # ---- frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Gather a transcript, change the context, or pass a frame on; then show it to the turns.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if self._vad_controller is not None:
            if isinstance(frame, VoiceActivityFrame):
                await self._vad_controller.process_frame(frame)
                return
            if isinstance(frame, (EndFrame, StopFrame)):
                await self._vad_controller.drain()
        is_swallowed = await self._is_muted(frame)
        if self._vad_controller is not None:
            self._vad_controller.set_deaf(self._user_is_muted)
        for tap in self._taps:
            tap.set_deaf(self._user_is_muted)
        if is_swallowed:
            return
        await self._handle(frame, direction)
        if self._vad_controller is not None:
            await self._vad_controller.process_frame(frame)
        await self._user_turn_controller.process_frame(frame)
        await self._user_idle_controller.process_frame(frame)

    async def _handle(self, frame: Frame, direction: FrameDirection) -> None:
        match frame:
            case TranscriptionFrame():
                self._handle_transcription(frame)
            case InterimTranscriptionFrame() | EagerTranscriptionFrame() | TranslationFrame():
                pass
            case StartFrame():
                await self.push_frame(frame, direction)
                await self._start()
            case EndFrame() | CancelFrame():
                await self._stop()
                await self.push_frame(frame, direction)
            case LLMRunFrame():
                await self.push_context_frame()
            case LLMMessagesAppendFrame():
                self.add_messages(frame.messages)
                await self._maybe_run_llm(frame.run_llm)
            case LLMMessagesUpdateFrame():
                self.set_messages(frame.messages)
                await self._maybe_run_llm(frame.run_llm)
            case LLMMessagesTransformFrame():
                self.transform_messages(frame.transform)
                await self._maybe_run_llm(frame.run_llm)
            case LLMSetToolsFrame():
                self.set_tools(frame.tools)
                self._taken_over.add(frame)
                # A model that listens by itself has to learn of it too.
                await self.push_frame(frame, direction)
            case LLMSetToolChoiceFrame():
                self.set_tool_choice(frame.tool_choice)
            case ServiceMetadataFrame():
                await self._handle_service_metadata(frame)
                await self.push_frame(frame, direction)
            case UserBackchannelFrame():
                message = UserBackchannelMessage(frame.text, frame.timestamp, frame.user_id)
                await self._call_event_handler("on_user_backchannel", message)
                await self.push_frame(frame, direction)
            case _ if self._decides_on(frame):
                pass
            case _:
                await self.push_frame(frame, direction)

    def _handle_transcription(self, frame: TranscriptionFrame) -> None:
        if frame.text.strip():
            self._turn_timestamp = self._turn_timestamp or time_now_iso8601()
            self._gather(frame.text, includes_spaces=frame.includes_inter_frame_spaces)

    async def _maybe_run_llm(self, run_llm: bool | None) -> None:
        if run_llm:
            await self.push_context_frame()

    async def _handle_service_metadata(self, frame: ServiceMetadataFrame) -> None:
        if frame.user_turn_strategies is not None:
            await self._consider_strategies(frame.service_name, frame.user_turn_strategies)
        if isinstance(frame, STTMetadataFrame):
            self._stt_latency = frame.ttfs_p99_latency
        elif isinstance(frame, LLMServiceMetadataFrame) and frame.is_realtime_service:
            await self._join_realtime_service(frame.service_name)

    async def _consider_strategies(self, service: str, proposed: UserTurnStrategies) -> None:
        own = self._params.user_turn_strategies
        if own is None:
            _logger.debug("%s: takes over the turn strategies of %s", self, service)
            await self._user_turn_controller.update_strategies(proposed)
            return
        _logger.debug("%s: keeps its turn strategies, not those of %s", self, service)
        if (
            isinstance(proposed, ExternalUserTurnStrategies)
            and isinstance(own, ExternalUserTurnStrategies)
            and own.enable_interruptions
            and not proposed.enable_interruptions
        ):
            _logger.warning(
                "%s: %s is set not to interrupt the bot, and the turn strategies given here do "
                "interrupt it. Give none, or ExternalUserTurnStrategies(enable_interruptions="
                "False).",
                self,
                service,
            )

    # ---- beside a realtime service

    async def _join_realtime_service(self, service: str) -> None:
        if self._realtime_service_mode is None:
            _logger.debug("%s: %s is a realtime service", self, service)
            self._realtime_service_mode = True
        if self._realtime_service_mode:
            # Also if it was so before: the strategies may have come with this service.
            strategies = self._user_turn_controller.user_turn_strategies
            self._suit_to_realtime(strategies)
            await self._user_turn_controller.update_strategies(strategies)

    def _suit_to_realtime(self, strategies: UserTurnStrategies) -> None:
        # The service has heard what was said, whether or not there is a transcript.
        self._params.empty_user_turn = None
        changes = suit_to_realtime(strategies)
        if changes:
            is_own = self._params.user_turn_strategies is not None
            level = logging.WARNING if is_own else logging.DEBUG
            _logger.log(level, "%s: beside a realtime service, %s", self, changes)

    def _hand_user_message_over_soon(self) -> None:
        """Write what was heard once transcripts have had their time: the assistant answers."""
        self._handoff_timer.start(self._stt_latency)

    async def _hand_user_message_over(self) -> None:
        """Write what was heard now: the assistant has answered, and its message comes next."""
        self._handoff_timer.cancel()
        await self._write_late_words()

    async def _write_late_words(self) -> None:
        if await self.push_aggregation():
            self._turn_timestamp = ""

    # ---- writing to the context

    async def push_aggregation(self) -> str:
        """Write what was gathered to the context, and push it for the model to answer."""
        return await self._push_aggregation(run_llm=True)

    async def _push_aggregation(self, *, run_llm: bool) -> str:
        if not self._aggregation:
            return ""
        text = self.aggregation_string()
        await self.reset()
        self._context.add_message({"role": self.role, "content": text})
        timestamp = self._turn_timestamp
        await self.broadcast_frame(LLMContextUserTurnFrame, text=text, timestamp=timestamp)
        if run_llm:
            await self.push_context_frame()
        await self._call_event_handler(
            "on_user_turn_message_added", UserTurnMessageAddedMessage(text, timestamp)
        )
        return text

    async def _end_user_turn(
        self,
        strategy: BaseUserTurnStopStrategy | None,
        *,
        at_session_end: bool = False,
        is_answered: bool = False,
    ) -> None:
        """Write what is left of the turn, and tell the whole of it."""
        # At the end of the session nobody is left to answer.
        segment = await self._push_aggregation(run_llm=not (at_session_end or is_answered))
        content = " ".join([*self._turn_segments, segment] if segment else self._turn_segments)
        self._turn_segments = []
        interrupted_bot, self._turn_interrupted_bot = self._turn_interrupted_bot, False
        if content or not at_session_end:
            message = UserTurnStoppedMessage(content, self._turn_timestamp)
            self._turn_timestamp = ""
            await self._call_event_handler("on_user_turn_stopped", strategy, message)
        if content:
            self._empty_turn_recoveries = 0
        elif not at_session_end and not await self._recover_from_empty_turn(interrupted_bot):
            # The bot stays silent, so nothing else would let the user's idle time begin.
            await self._user_idle_controller.wait_for_user()

    async def _recover_from_empty_turn(self, interrupted_bot: bool) -> bool:
        """Have the model answer a turn without words, if that is wanted; return whether."""
        config = self._params.empty_user_turn
        prompt = config and (config.interrupted_prompt if interrupted_bot else config.idle_prompt)
        if (
            config is None
            or not prompt
            or self._empty_turn_recoveries >= config.max_consecutive_recoveries
            or self._user_is_muted
            or self._user_idle_controller.function_calls_in_progress
        ):
            return False
        self._empty_turn_recoveries += 1
        self._context.add_message({"role": "developer", "content": prompt})
        await self.push_context_frame()
        return True

    # ---- turns

    def _begin_turn(self, *, interrupts: bool) -> None:
        self._turn_timestamp = time_now_iso8601()
        self._turn_segments = []
        # Unless the bot waits for the user, it thinks, speaks or runs a function.
        self._turn_interrupted_bot = interrupts and not self._user_idle_controller.waiting_for_user

    async def _infer(self, speculation: UserTurnSpeculation | None) -> None:
        if self._realtime_service_mode:
            pass  # the service itself answers
        elif speculation is not None:
            await self._push_context_on_trial(speculation)
        else:
            segment = await self.push_aggregation()
            if segment:
                self._turn_segments.append(segment)

    async def _end_turn(
        self, strategy: BaseUserTurnStopStrategy | None, params: UserTurnStoppedParams
    ) -> None:
        if self._realtime_service_mode:
            message = UserTurnStoppedMessage(None, self._turn_timestamp)
            await self._call_event_handler("on_user_turn_stopped", strategy, message)
        else:
            await self._end_user_turn(strategy, is_answered=params.confirms_speculation)

    async def _push_context_on_trial(self, speculation: UserTurnSpeculation) -> None:
        """Have the model answer a turn that may still go on; the context knows nothing of it."""
        message: Any = {"role": self.role, "content": speculation.text}
        context = LLMContext(
            messages=[*self._context.get_messages(), message],
            tools=self._context.tools,
            tool_choice=self._context.tool_choice,
        )
        await self.push_frame(LLMContextFrame(context=context, speculation=True))

    async def _on_reset_aggregation(
        self, _controller: UserTurnController, _strategy: BaseUserTurnStartStrategy
    ) -> None:
        await self.reset()

    # ---- what controllers and strategies have pushed

    async def _on_push_frame(
        self,
        _controller: Any,
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
    ) -> None:
        # Through this aggregator's own mailbox, so that it and the strategies see the frame too.
        await self.queue_frame(frame, direction)

    async def _on_broadcast_frame(
        self, _controller: Any, frame_cls: type[Frame], **kwargs: Any
    ) -> None:
        await self._queue_broadcast(frame_cls, **kwargs)

    async def _queue_broadcast(self, frame_cls: type[Frame], **kwargs: Any) -> None:
        await self.queue_frame(frame_cls(**kwargs))
        await self.push_frame(frame_cls(**kwargs), FrameDirection.UPSTREAM)
