"""The model answers as soon as a service expects the end of the user's turn."""

from __future__ import annotations

import logging
from typing import Any

from pipecat_rs.frames.frames import EagerEndOfTurnCancelFrame, EagerTranscriptionFrame, Frame
from pipecat_rs.turns.types import ProcessFrameResult, UserTurnSpeculation
from pipecat_rs.turns.user_stop.eager_match_policy import EagerMatchPolicy, NormalizedMatch
from pipecat_rs.turns.user_stop.external_user_turn_stop_strategy import (
    ExternalUserTurnStopStrategy,
)
from pipecat_rs.utils.restartable_timer import RestartableTimer

_logger = logging.getLogger(__name__)


class EagerUserTurnStopStrategy(ExternalUserTurnStopStrategy):
    """Has an answer made on trial when an `EagerTranscriptionFrame` comes.

    The answer is held back until the turn ends. It stands if the transcript of the turn is what
    was expected; if not, or if the turn goes on, or does not end in time, it is withdrawn. What is
    written to the context is the transcript of the turn in each case.
    """

    handles = (
        *(ExternalUserTurnStopStrategy.handles or ()),
        EagerTranscriptionFrame,
        EagerEndOfTurnCancelFrame,
    )

    def __init__(
        self,
        *,
        match_policy: EagerMatchPolicy | None = None,
        speculation_timeout: float = 5.0,
        **kwargs: Any,
    ) -> None:
        """Make a strategy.

        Args:
            match_policy: Whether the answer stands; None for `NormalizedMatch`.
            speculation_timeout: Longest time that an answer is held back, in seconds.
            **kwargs: For `ExternalUserTurnStopStrategy`.
        """
        super().__init__(**kwargs)
        self._match_policy = match_policy or NormalizedMatch()
        self._speculation_timeout = speculation_timeout
        self._speculation: UserTurnSpeculation | None = None
        self._speculation_timer = RestartableTimer(self, self._withdraw, "speculation_timeout")

    @property
    def match_policy(self) -> EagerMatchPolicy:
        """Whether the answer stands."""
        return self._match_policy

    async def cleanup(self) -> None:
        """Give up the times that run."""
        await super().cleanup()
        self._take_speculation()

    async def handle_user_turn_started(self) -> None:
        """Watch for the end of the turn."""
        await self._withdraw()
        await super().handle_user_turn_started()

    async def handle_user_turn_stopped(self) -> None:
        """Forget the turn; an answer that still waits will not be heard."""
        await self._withdraw()
        await super().handle_user_turn_stopped()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, EagerTranscriptionFrame):
            # The model is to see the whole turn, and it is compared with the whole turn.
            self._speculation = UserTurnSpeculation(text=self._text + frame.text)
            self._speculation_timer.start(self._speculation_timeout)
            await self.trigger_user_turn_inference_triggered(speculation=self._speculation)
        elif isinstance(frame, EagerEndOfTurnCancelFrame):
            # The service has withdrawn the answer itself.
            self._take_speculation()
        return await super().process_frame(frame)

    async def trigger_user_turn_stopped(
        self, *, enable_user_speaking_frames: bool | None = None
    ) -> None:
        """Say that the turn is over, and that the language model is to run unless it has.

        Args:
            enable_user_speaking_frames: Whether the end is announced, or None as the strategy is
                set.
        """
        speculation = self._take_speculation()
        if speculation and self._match_policy.matches(speculation.text, self._text):
            _logger.debug("%s: the answer on trial stands", self)
            await self.trigger_user_turn_finalized(
                enable_user_speaking_frames=enable_user_speaking_frames, confirms_speculation=True
            )
            return
        if speculation:
            _logger.debug("%s: expected %r, got %r", self, speculation.text, self._text)
            await self.trigger_user_turn_speculation_cancelled()
        await super().trigger_user_turn_stopped(
            enable_user_speaking_frames=enable_user_speaking_frames
        )

    def _take_speculation(self) -> UserTurnSpeculation | None:
        self._speculation_timer.cancel()
        speculation, self._speculation = self._speculation, None
        return speculation

    async def _withdraw(self) -> None:
        if self._take_speculation():
            _logger.debug("%s: the answer on trial is withdrawn", self)
            await self.trigger_user_turn_speculation_cancelled()
