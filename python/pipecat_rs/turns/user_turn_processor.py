"""The user's turns, decided for all context aggregators behind."""

from __future__ import annotations

import logging
from typing import Any

from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EagerEndOfTurnCancelFrame,
    EndFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    StartFrame,
    TranscriptionFrame,
    UserIdleTimeoutUpdateFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.processors.interest import declared_interest
from pipecat_rs.turns.strategy_interest import all_strategies, interest_with
from pipecat_rs.turns.types import UserTurnSpeculation
from pipecat_rs.turns.user_idle_controller import UserIdleController
from pipecat_rs.turns.user_start import BaseUserTurnStartStrategy, UserTurnStartedParams
from pipecat_rs.turns.user_stop import BaseUserTurnStopStrategy, UserTurnStoppedParams
from pipecat_rs.turns.user_turn_controller import UserTurnController
from pipecat_rs.turns.user_turn_strategies import UserTurnStrategies

_logger = logging.getLogger(__name__)


class UserTurnProcessor(FrameProcessor):
    """Announces the user's turns, and interrupts, where one decision is to hold for several users.

    The aggregators behind it take the turns over with `ExternalUserTurnStrategies`.

    Events: `on_user_turn_started` (strategy), `on_user_turn_inference_triggered` (strategy),
    `on_user_turn_stopped` (strategy), `on_user_turn_stop_timeout` and `on_user_turn_idle`.
    """

    handles = (
        TranscriptionFrame,
        InterimTranscriptionFrame,
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
    )

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_user_turn_started": False,
        "on_user_turn_inference_triggered": False,
        "on_user_turn_stopped": False,
        "on_user_turn_stop_timeout": False,
        "on_user_turn_idle": False,
    }

    def __init__(
        self,
        *,
        user_turn_strategies: UserTurnStrategies | None = None,
        user_turn_stop_timeout: float = 5.0,
        user_idle_timeout: float = 0,
        **kwargs: Any,
    ) -> None:
        """Make a processor.

        Args:
            user_turn_strategies: What decides on turns.
            user_turn_stop_timeout: Time after which a turn is stopped that nothing else stops, in
                seconds.
            user_idle_timeout: Time without speech after which `on_user_turn_idle` is called, in
                seconds; 0 for never.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._user_turn_controller = UserTurnController(
            user_turn_strategies=user_turn_strategies or UserTurnStrategies(),
            user_turn_stop_timeout=user_turn_stop_timeout,
        )
        for event, handler in {
            "on_push_frame": self._on_push_frame,
            "on_broadcast_frame": self._on_broadcast_frame,
            "on_user_turn_started": self._on_user_turn_started,
            "on_user_turn_inference_triggered": self._on_user_turn_inference_triggered,
            "on_user_turn_speculation_cancelled": self._on_user_turn_speculation_cancelled,
            "on_user_turn_stopped": self._on_user_turn_stopped,
            "on_user_turn_stop_timeout": self._on_user_turn_stop_timeout,
        }.items():
            self._user_turn_controller.add_event_handler(event, handler)
        self._user_idle_controller = UserIdleController(user_idle_timeout=user_idle_timeout)
        self._user_idle_controller.add_event_handler("on_user_turn_idle", self._on_user_turn_idle)

    def _layout(self) -> tuple[Any, ...]:
        strategies = all_strategies(self._user_turn_controller.user_turn_strategies)
        return ("processor", self, interest_with(declared_interest(type(self)), strategies))

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Set controllers and strategies up.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        await self._user_turn_controller.setup(setup)
        await self._user_idle_controller.setup(setup)

    async def cleanup(self) -> None:
        """Release controllers and strategies."""
        await super().cleanup()
        await self._user_turn_controller.cleanup()
        await self._user_idle_controller.cleanup()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a frame on, unless it is a proposal decided on here, and show it to the turns.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        controller = self._user_turn_controller
        match frame:
            case StartFrame():
                await self.push_frame(frame, direction)
                await controller.start()
            case EndFrame() | CancelFrame():
                await controller.stop()
                await self._user_idle_controller.stop()
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
        await controller.process_frame(frame)
        await self._user_idle_controller.process_frame(frame)

    # ---- turns

    async def _on_user_turn_started(
        self,
        _controller: UserTurnController,
        strategy: BaseUserTurnStartStrategy | None,
        params: UserTurnStartedParams,
    ) -> None:
        _logger.debug("%s: the user's turn starts (%s)", self, strategy)
        if params.enable_user_speaking_frames:
            await self.broadcast_frame(UserStartedSpeakingFrame)
        await self._user_idle_controller.process_frame(UserStartedSpeakingFrame())
        if params.enable_interruptions and self.interruptions_allowed:
            await self.broadcast_interruption()
        await self._call_event_handler("on_user_turn_started", strategy)

    async def _on_user_turn_inference_triggered(
        self,
        _controller: UserTurnController,
        strategy: BaseUserTurnStopStrategy | None,
        _speculation: UserTurnSpeculation | None = None,
    ) -> None:
        await self._call_event_handler("on_user_turn_inference_triggered", strategy)

    async def _on_user_turn_speculation_cancelled(self, _controller: UserTurnController) -> None:
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
        await self._call_event_handler("on_user_turn_stopped", strategy)

    async def _on_user_turn_stop_timeout(self, _controller: UserTurnController) -> None:
        await self._call_event_handler("on_user_turn_stop_timeout")

    async def _on_user_turn_idle(self, _controller: UserIdleController) -> None:
        await self._call_event_handler("on_user_turn_idle")

    # ---- what controller and strategies have pushed

    async def _on_push_frame(
        self,
        _controller: Any,
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
    ) -> None:
        await self.push_frame(frame, direction)

    async def _on_broadcast_frame(
        self, _controller: Any, frame_cls: type[Frame], **kwargs: Any
    ) -> None:
        await self.broadcast_frame(frame_cls, **kwargs)
