"""The user's side of a conversation: from transcripts to messages."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer
from pipecat_rs.audio.vad.vad_controller import VADController
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
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
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
    STTMetadataFrame,
    TranscriptionFrame,
    TranslationFrame,
    UserBackchannelFrame,
    UserIdleTimeoutUpdateFrame,
    UserMuteStartedFrame,
    UserMuteStoppedFrame,
    UserSpeakingFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    UserTurnInferenceCompletedFrame,
    VADParamsUpdateFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_context_aggregator import LLMContextAggregator
from pipecat_rs.processors.aggregators.realtime_mode import suit_to_realtime
from pipecat_rs.processors.aggregators.turn_messages import (
    UserBackchannelMessage,
    UserTurnMessageAddedMessage,
    UserTurnStoppedMessage,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat_rs.processors.interest import declared_interest
from pipecat_rs.turns.empty_user_turn import EmptyUserTurnConfig
from pipecat_rs.turns.strategy_interest import all_strategies, interest_with
from pipecat_rs.turns.turn_completion_config import UserTurnCompletionConfig
from pipecat_rs.turns.types import UserTurnSpeculation
from pipecat_rs.turns.user_idle_controller import UserIdleController
from pipecat_rs.turns.user_mute import BaseUserMuteStrategy
from pipecat_rs.turns.user_start import BaseUserTurnStartStrategy, UserTurnStartedParams
from pipecat_rs.turns.user_stop import BaseUserTurnStopStrategy, UserTurnStoppedParams
from pipecat_rs.turns.user_turn_controller import UserTurnController
from pipecat_rs.turns.user_turn_strategies import (
    ExternalUserTurnStrategies,
    FilterIncompleteUserTurnStrategies,
    UserTurnStrategies,
)
from pipecat_rs.utils.deprecation import warn_deprecated
from pipecat_rs.utils.restartable_timer import RestartableTimer
from pipecat_rs.utils.time import time_now_iso8601

_logger = logging.getLogger(__name__)

_DEFAULT_STT_LATENCY_SECS = 1.0

_LIFECYCLE = (StartFrame, EndFrame, CancelFrame)

_SWALLOWED_WHILE_MUTED = (
    InterruptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    EagerTranscriptionFrame,
    UserBackchannelFrame,
)


@dataclass
class LLMUserAggregatorParams:
    """How the user's side is handled.

    Attributes:
        add_tool_change_messages: Whether the model is told of functions that come and go.
        audio_idle_timeout: Time without audio after which speech has stopped, in seconds; 0 for
            never. For `vad_analyzer`.
        user_turn_strategies: What decides on turns. If not given, services may propose some.
        user_mute_strategies: What decides that the user is not listened to.
        user_turn_stop_timeout: Time after which a turn is stopped that nothing else stops, in
            seconds.
        user_idle_timeout: Time without speech after which `on_user_turn_idle` is called, in
            seconds; 0 for never.
        vad_analyzer: Detects voice activity here. Not needed behind a `VADProcessor`.
        empty_user_turn: What to do about a turn without words; None for nothing.
        filter_incomplete_user_turns: Whether the model judges if the user has finished. Deprecated
            in pipecat 1.2: use `FilterIncompleteUserTurnStrategies`.
        user_turn_completion_config: How it does so. Deprecated with it.
    """

    add_tool_change_messages: bool = False
    audio_idle_timeout: float = 1.0
    user_turn_strategies: UserTurnStrategies | None = None
    user_mute_strategies: list[BaseUserMuteStrategy] = field(default_factory=list)
    user_turn_stop_timeout: float = 5.0
    user_idle_timeout: float = 0
    vad_analyzer: VADAnalyzer | None = None
    empty_user_turn: EmptyUserTurnConfig | None = field(default_factory=EmptyUserTurnConfig)
    filter_incomplete_user_turns: bool = False
    user_turn_completion_config: UserTurnCompletionConfig | None = None

    def __post_init__(self) -> None:
        for name, strategies in {
            "filter_incomplete_user_turns": "FilterIncompleteUserTurnStrategies()",
            "user_turn_completion_config": "FilterIncompleteUserTurnStrategies(config=...)",
        }.items():
            if getattr(self, name):
                warn_deprecated(
                    f"`LLMUserAggregatorParams.{name}` is deprecated since 1.2.0 and will be "
                    f"removed in 2.0.0. Use `user_turn_strategies={strategies}` instead.",
                    stacklevel=3,
                )


class LLMUserAggregator(LLMContextAggregator):
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
            add_tool_change_messages=params.add_tool_change_messages,
            **kwargs,
        )
        self._params = params
        self._user_is_muted = False
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
        self._user_turn_controller = self._make_turn_controller()
        self._user_idle_controller = UserIdleController(user_idle_timeout=params.user_idle_timeout)
        self._user_idle_controller.add_event_handler("on_user_turn_idle", self._on_user_turn_idle)
        self._vad_controller = self._make_vad_controller()

    def __call__(self) -> LLMUserAggregator:
        """Return itself, so that a pair's ``user`` and ``user()`` are the same."""
        return self

    def _make_turn_controller(self) -> UserTurnController:
        strategies = self._params.user_turn_strategies or UserTurnStrategies()
        if self._params.filter_incomplete_user_turns:
            strategies = self._params.user_turn_strategies = FilterIncompleteUserTurnStrategies(
                start=strategies.start,
                stop=strategies.stop,
                config=self._params.user_turn_completion_config,
            )
        if self._realtime_service_mode:
            self._suit_to_realtime(strategies)
        controller = UserTurnController(
            user_turn_strategies=strategies,
            user_turn_stop_timeout=self._params.user_turn_stop_timeout,
        )
        for event, handler in {
            "on_push_frame": self._on_push_frame,
            "on_broadcast_frame": self._on_broadcast_frame,
            "on_user_turn_started": self._on_user_turn_started,
            "on_user_turn_inference_triggered": self._on_user_turn_inference_triggered,
            "on_user_turn_speculation_cancelled": self._on_user_turn_speculation_cancelled,
            "on_user_turn_stopped": self._on_user_turn_stopped,
            "on_user_turn_stop_timeout": self._on_user_turn_stop_timeout,
            "on_reset_aggregation": self._on_reset_aggregation,
        }.items():
            controller.add_event_handler(event, handler)
        return controller

    def _make_vad_controller(self) -> VADController | None:
        if self._params.vad_analyzer is None:
            return None
        controller = VADController(
            self._params.vad_analyzer, audio_idle_timeout=self._params.audio_idle_timeout
        )
        for event, handler in {
            "on_speech_started": self._on_vad_speech_started,
            "on_speech_stopped": self._on_vad_speech_stopped,
            "on_speech_activity": self._on_vad_speech_activity,
            "on_push_frame": self._on_push_frame,
            "on_broadcast_frame": self._on_broadcast_frame,
        }.items():
            controller.add_event_handler(event, handler)
        return controller

    # ---- interest

    def _layout(self) -> tuple[Any, ...]:
        return ("processor", self, self._interest())

    def _interest(self) -> tuple[type[Frame], ...] | None:
        """Return the frames that this aggregator, its strategies and its VAD handle; None: all."""
        own = declared_interest(type(self))
        if own is not None and self._vad_controller is not None:
            own = (*own, InputAudioRawFrame, VADParamsUpdateFrame)
        if own is not None and self._params.user_mute_strategies:
            own = (*own, *_SWALLOWED_WHILE_MUTED)
        strategies = all_strategies(self._user_turn_controller.user_turn_strategies)
        return interest_with(own, [*strategies, *self._params.user_mute_strategies])

    # ---- life cycle

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Set controllers and strategies up.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        if self._vad_controller is not None:
            await self._vad_controller.setup(setup)
        await self._user_turn_controller.setup(setup)
        await self._user_idle_controller.setup(setup)
        for strategy in self._params.user_mute_strategies:
            await strategy.setup(setup)

    async def cleanup(self) -> None:
        """Release controllers and strategies."""
        await super().cleanup()
        self._handoff_timer.cancel()
        if self._vad_controller is not None:
            await self._vad_controller.cleanup()
        await self._user_turn_controller.cleanup()
        await self._user_idle_controller.cleanup()
        for strategy in self._params.user_mute_strategies:
            await strategy.cleanup()

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
        if await self._is_muted(frame):
            return
        await self._handle(frame, direction)
        if self._vad_controller is not None:
            await self._vad_controller.process_frame(frame)
        await self._user_turn_controller.process_frame(frame)
        await self._user_idle_controller.process_frame(frame)

    async def _handle(self, frame: Frame, direction: FrameDirection) -> None:
        controller = self._user_turn_controller
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
            case ProposedUserStartedSpeakingFrame() if (
                controller.resolves_proposed_turn_start_frames
            ):
                pass
            case ProposedUserStoppedSpeakingFrame() if (
                controller.resolves_proposed_turn_stop_frames
            ):
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

    async def _is_muted(self, frame: Frame) -> bool:
        """Return whether a frame is swallowed; what it changes holds from the next one on."""
        strategies: Sequence[BaseUserMuteStrategy] = self._params.user_mute_strategies
        if not strategies or isinstance(frame, _LIFECYCLE):
            return False
        swallowed = self._user_is_muted and isinstance(frame, _SWALLOWED_WHILE_MUTED)
        # Each strategy has to see each frame.
        muted = any([await strategy.process_frame(frame) for strategy in strategies])
        if muted != self._user_is_muted:
            self._user_is_muted = muted
            _logger.debug("%s: the user is %s", self, "muted" if muted else "heard again")
            await self._call_event_handler(
                "on_user_mute_started" if muted else "on_user_mute_stopped"
            )
            await self.broadcast_frame(UserMuteStartedFrame if muted else UserMuteStoppedFrame)
        return swallowed

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

    async def _on_user_turn_started(
        self,
        _controller: UserTurnController,
        strategy: BaseUserTurnStartStrategy | None,
        params: UserTurnStartedParams,
    ) -> None:
        _logger.debug("%s: the user's turn starts (%s)", self, strategy)
        self._turn_timestamp = time_now_iso8601()
        self._turn_segments = []
        interrupts = params.enable_interruptions and self.interruptions_allowed
        # Unless the bot waits for the user, it thinks, speaks or runs a function.
        self._turn_interrupted_bot = interrupts and not self._user_idle_controller.waiting_for_user
        if params.enable_user_speaking_frames:
            await self.broadcast_frame(UserStartedSpeakingFrame)
        await self._user_idle_controller.process_frame(UserStartedSpeakingFrame())
        if interrupts:
            await self.broadcast_interruption()
        await self._call_event_handler("on_user_turn_started", strategy)

    async def _on_user_turn_inference_triggered(
        self,
        _controller: UserTurnController,
        strategy: BaseUserTurnStopStrategy | None,
        speculation: UserTurnSpeculation | None = None,
    ) -> None:
        if self._realtime_service_mode:
            pass  # the service itself answers
        elif speculation is not None:
            await self._push_context_on_trial(speculation)
        else:
            segment = await self.push_aggregation()
            if segment:
                self._turn_segments.append(segment)
        await self._call_event_handler("on_user_turn_inference_triggered", strategy)

    async def _push_context_on_trial(self, speculation: UserTurnSpeculation) -> None:
        """Have the model answer a turn that may still go on; the context knows nothing of it."""
        message: Any = {"role": self.role, "content": speculation.text}
        context = LLMContext(
            messages=[*self._context.get_messages(), message],
            tools=self._context.tools,
            tool_choice=self._context.tool_choice,
        )
        await self.push_frame(LLMContextFrame(context=context, speculation=True))

    async def _on_user_turn_speculation_cancelled(self, _controller: UserTurnController) -> None:
        # At once and not through the own mailbox: it has to be there ahead of the turn's end.
        await self.broadcast_frame(EagerEndOfTurnCancelFrame)

    async def _on_user_turn_stopped(
        self,
        _controller: UserTurnController,
        strategy: BaseUserTurnStopStrategy | None,
        params: UserTurnStoppedParams,
    ) -> None:
        _logger.debug("%s: the user's turn stops (%s)", self, strategy)
        if params.enable_user_speaking_frames:
            await self.broadcast_frame(UserStoppedSpeakingFrame)
        await self._user_idle_controller.process_frame(UserStoppedSpeakingFrame())
        if self._realtime_service_mode:
            message = UserTurnStoppedMessage(None, self._turn_timestamp)
            await self._call_event_handler("on_user_turn_stopped", strategy, message)
        else:
            await self._end_user_turn(strategy, is_answered=params.confirms_speculation)

    async def _on_user_turn_stop_timeout(self, _controller: UserTurnController) -> None:
        await self._call_event_handler("on_user_turn_stop_timeout")

    async def _on_reset_aggregation(
        self, _controller: UserTurnController, _strategy: BaseUserTurnStartStrategy
    ) -> None:
        await self.reset()

    async def _on_user_turn_idle(self, _controller: UserIdleController) -> None:
        await self._call_event_handler("on_user_turn_idle")

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
        await self.queue_frame(frame_cls(**kwargs))
        await self.push_frame(frame_cls(**kwargs), FrameDirection.UPSTREAM)

    async def _on_vad_speech_started(self, controller: VADController) -> None:
        assert self._params.vad_analyzer is not None
        start_secs = self._params.vad_analyzer.params.start_secs
        await self._on_broadcast_frame(
            controller, VADUserStartedSpeakingFrame, start_secs=start_secs
        )

    async def _on_vad_speech_stopped(self, controller: VADController) -> None:
        assert self._params.vad_analyzer is not None
        stop_secs = self._params.vad_analyzer.params.stop_secs
        await self._on_broadcast_frame(controller, VADUserStoppedSpeakingFrame, stop_secs=stop_secs)

    async def _on_vad_speech_activity(self, controller: VADController) -> None:
        await self._on_broadcast_frame(controller, UserSpeakingFrame)
