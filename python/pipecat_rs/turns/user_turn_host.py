"""What follows the user's turns: controllers, with the processor that they belong to."""

from __future__ import annotations

import logging
from typing import Any

from pipecat_rs.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.turns.types import UserTurnSpeculation
from pipecat_rs.turns.user_idle_controller import UserIdleController
from pipecat_rs.turns.user_start import BaseUserTurnStartStrategy, UserTurnStartedParams
from pipecat_rs.turns.user_stop import BaseUserTurnStopStrategy, UserTurnStoppedParams
from pipecat_rs.turns.user_turn_controller import UserTurnController
from pipecat_rs.turns.user_turn_strategies import UserTurnStrategies

_logger = logging.getLogger(__name__)


class UserTurnHost(FrameProcessor):
    """Base of a processor that announces the user's turns, and interrupts.

    Subclasses make the controllers as soon as they know the strategies, and show each frame to
    both. What they have to do themselves in a turn is in `_begin_turn`, `_infer` and `_end_turn`.
    """

    _user_turn_controller: UserTurnController
    _user_idle_controller: UserIdleController

    def _make_controllers(
        self, strategies: UserTurnStrategies, *, stop_timeout: float, idle_timeout: float
    ) -> None:
        self._user_turn_controller = UserTurnController(
            user_turn_strategies=strategies, user_turn_stop_timeout=stop_timeout
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
        self._user_idle_controller = UserIdleController(user_idle_timeout=idle_timeout)
        self._user_idle_controller.add_event_handler("on_user_turn_idle", self._on_user_turn_idle)

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

    def _decides_on(self, frame: Frame) -> bool:
        """Return whether a frame proposes what is decided on here, and so ends here."""
        match frame:
            case ProposedUserStartedSpeakingFrame():
                return self._user_turn_controller.resolves_proposed_turn_start_frames
            case ProposedUserStoppedSpeakingFrame():
                return self._user_turn_controller.resolves_proposed_turn_stop_frames
            case _:
                return False

    # ---- for subclasses

    def _begin_turn(self, *, interrupts: bool) -> None:
        """Do what is to be done when a turn starts, ahead of all else."""

    async def _infer(self, speculation: UserTurnSpeculation | None) -> None:
        """Have the model answer what was said so far."""

    async def _end_turn(
        self, strategy: BaseUserTurnStopStrategy | None, params: UserTurnStoppedParams
    ) -> None:
        """Tell that a turn has stopped."""
        await self._call_event_handler("on_user_turn_stopped", strategy)

    # ---- what the controllers tell

    async def _on_user_turn_started(
        self,
        _controller: UserTurnController,
        strategy: BaseUserTurnStartStrategy | None,
        params: UserTurnStartedParams,
    ) -> None:
        _logger.debug("%s: the user's turn starts (%s)", self, strategy)
        interrupts = params.enable_interruptions and self.interruptions_allowed
        self._begin_turn(interrupts=interrupts)
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
        await self._infer(speculation)
        await self._call_event_handler("on_user_turn_inference_triggered", strategy)

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
        await self._end_turn(strategy, params)

    async def _on_user_turn_stop_timeout(self, _controller: UserTurnController) -> None:
        await self._call_event_handler("on_user_turn_stop_timeout")

    async def _on_user_turn_idle(self, _controller: UserIdleController) -> None:
        await self._call_event_handler("on_user_turn_idle")

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
