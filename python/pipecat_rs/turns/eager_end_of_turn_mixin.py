"""A speech-to-text service that expects the end of a turn before it is sure of it."""

from __future__ import annotations

from typing import Any

from pipecat_rs.frames.frames import EagerEndOfTurnCancelFrame, EagerTranscriptionFrame
from pipecat_rs.processors.frame_processor import FrameProcessor
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.turns.user_stop import EagerMatchPolicy
from pipecat_rs.turns.user_turn_strategies import (
    EagerUserTurnStrategies,
    ExternalUserTurnStrategies,
    UserTurnStrategies,
)
from pipecat_rs.utils.time import time_now_iso8601


class EagerEndOfTurnSTTServiceMixin(FrameProcessor):
    """Tells what the service expects, so that the language model may answer ahead of time.

    A service calls `_push_eager_end_of_turn` when it expects the end, `_cancel_eager_end_of_turn`
    if the user goes on, and `_clear_eager_end_of_turn` when the turn has ended. It may do so
    whether or not this is switched on.
    """

    def __init__(
        self,
        *args: Any,
        enable_eager_end_of_turn: bool = False,
        eager_match_policy: EagerMatchPolicy | None = None,
        **kwargs: Any,
    ) -> None:
        """Set whether it is switched on.

        Args:
            *args: For the other base classes.
            enable_eager_end_of_turn: Whether the language model answers ahead of time. It then
                also answers turns that go on, in vain.
            eager_match_policy: Whether an answer still fits what was said; None for
                `NormalizedMatch`.
            **kwargs: For the other base classes.
        """
        super().__init__(*args, **kwargs)
        self._enable_eager_end_of_turn = enable_eager_end_of_turn
        self._eager_match_policy = eager_match_policy
        self._eager_end_of_turn_pending = False

    @property
    def eager_end_of_turn_enabled(self) -> bool:
        """Whether the language model answers ahead of time."""
        return self._enable_eager_end_of_turn

    @property
    def eager_end_of_turn_pending(self) -> bool:
        """Whether an end is expected that has not come."""
        return self._eager_end_of_turn_pending

    def recommended_user_turn_strategies(self, *, enable_interruptions: bool) -> UserTurnStrategies:
        """Return the turn strategies that suit the service, for its metadata.

        Args:
            enable_interruptions: Whether a turn which it proposes interrupts the bot.
        """
        if not self._enable_eager_end_of_turn:
            return ExternalUserTurnStrategies(enable_interruptions=enable_interruptions)
        return EagerUserTurnStrategies(
            match_policy=self._eager_match_policy, enable_interruptions=enable_interruptions
        )

    async def _push_eager_end_of_turn(
        self,
        transcript: str,
        *,
        user_id: str,
        language: Language | None = None,
        result: Any | None = None,
    ) -> None:
        """Say that the turn is expected to end here.

        Args:
            transcript: What was heard of it.
            user_id: Identifier of the user.
            language: Language of the speech, if known.
            result: What the provider has sent.
        """
        if self._enable_eager_end_of_turn:
            self._eager_end_of_turn_pending = True
            frame = EagerTranscriptionFrame(
                transcript, user_id, time_now_iso8601(), language, result=result
            )
            await self.push_frame(frame)

    async def _cancel_eager_end_of_turn(self) -> None:
        """Say that the turn goes on."""
        if self._eager_end_of_turn_pending:
            self._eager_end_of_turn_pending = False
            await self.push_frame(EagerEndOfTurnCancelFrame())

    def _clear_eager_end_of_turn(self) -> None:
        """Take note that the turn has ended. What was answered is settled by its transcript."""
        self._eager_end_of_turn_pending = False
