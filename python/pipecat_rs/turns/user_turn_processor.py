"""The user's turns, decided for all context aggregators behind."""

from __future__ import annotations

import logging
from typing import Any

from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
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
)
from pipecat_rs.processors.interest import declared_interest
from pipecat_rs.turns.strategy_interest import (
    all_strategies,
    audio_taps,
    interest_with,
    layout_with,
)
from pipecat_rs.turns.user_turn_host import UserTurnHost
from pipecat_rs.turns.user_turn_strategies import UserTurnStrategies

_logger = logging.getLogger(__name__)


class UserTurnProcessor(UserTurnHost):
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
        self._make_controllers(
            user_turn_strategies or UserTurnStrategies(),
            stop_timeout=user_turn_stop_timeout,
            idle_timeout=user_idle_timeout,
        )

    def _layout(self) -> tuple[Any, ...]:
        strategies = all_strategies(self._user_turn_controller.user_turn_strategies)
        taps = audio_taps(strategies)
        interest = interest_with(declared_interest(type(self)), strategies)
        return layout_with(self, ("processor", self, interest), taps)

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
            case _ if self._decides_on(frame):
                pass
            case _:
                await self.push_frame(frame, direction)
        await controller.process_frame(frame)
        await self._user_idle_controller.process_frame(frame)
