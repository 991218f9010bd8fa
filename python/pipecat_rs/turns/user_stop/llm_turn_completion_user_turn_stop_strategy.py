"""The user's turn stops when the language model says that the user has finished."""

from __future__ import annotations

from typing import Any

from pipecat_rs.frames.frames import (
    Frame,
    LLMUpdateSettingsFrame,
    StartFrame,
    UserTurnInferenceCompletedFrame,
)
from pipecat_rs.turns.turn_completion_config import UserTurnCompletionConfig
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_stop.external_user_turn_completion_stop_strategy import (
    ExternalUserTurnCompletionStopStrategy,
)


class LLMTurnCompletionUserTurnStopStrategy(ExternalUserTurnCompletionStopStrategy):
    """Has language models judge the user's turns, from the start on, and heeds what they say.

    Behind a switcher it tells all models, as any of them may come to be the active one.
    """

    handles = (StartFrame, UserTurnInferenceCompletedFrame)

    def __init__(self, *, config: UserTurnCompletionConfig | None = None, **kwargs: Any) -> None:
        """Make a strategy.

        Args:
            config: How turns are judged.
            **kwargs: For `BaseUserTurnStopStrategy`.
        """
        super().__init__(**kwargs)
        self._config = config or UserTurnCompletionConfig()

    @property
    def config(self) -> UserTurnCompletionConfig:
        """How turns are judged."""
        return self._config

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, StartFrame):
            # Services import turns, not the other way round, until there is a service to tell.
            from pipecat_rs.services.settings import LLMSettings

            delta = LLMSettings(
                filter_incomplete_user_turns=True, user_turn_completion_config=self._config
            )
            await self.push_frame(LLMUpdateSettingsFrame(delta=delta, reach_inactive_services=True))
        return await super().process_frame(frame)
