"""Aggregators of a conversation's context, as a pair and one by one."""

from __future__ import annotations

from collections.abc import Iterator

from pipecat_rs.processors.aggregators.llm_assistant_aggregator import (
    LLMAssistantAggregator,
    LLMAssistantAggregatorParams,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_context_aggregator import LLMContextAggregator
from pipecat_rs.processors.aggregators.llm_user_aggregator import (
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat_rs.processors.aggregators.turn_messages import (
    AssistantBackchannelMessage,
    AssistantThoughtMessage,
    AssistantTurnStoppedMessage,
    UserBackchannelMessage,
    UserTurnMessageAddedMessage,
    UserTurnStoppedMessage,
)

__all__ = [
    "AssistantBackchannelMessage",
    "AssistantThoughtMessage",
    "AssistantTurnStoppedMessage",
    "LLMAssistantAggregator",
    "LLMAssistantAggregatorParams",
    "LLMContextAggregator",
    "LLMContextAggregatorPair",
    "LLMUserAggregator",
    "LLMUserAggregatorParams",
    "UserBackchannelMessage",
    "UserTurnMessageAddedMessage",
    "UserTurnStoppedMessage",
]


class LLMContextAggregatorPair:
    """The two aggregators of one context.

    ``pair.user`` and ``pair.user()`` are the same processor, and so with ``assistant``; the pair
    unpacks into the two as well.
    """

    def __init__(
        self,
        context: LLMContext,
        *,
        user_params: LLMUserAggregatorParams | None = None,
        assistant_params: LLMAssistantAggregatorParams | None = None,
        add_tool_change_messages: bool | None = None,
        realtime_service_mode: bool | None = None,
    ) -> None:
        """Make both aggregators.

        Args:
            context: The context.
            user_params: How the user's side is handled.
            assistant_params: How the assistant's side is handled.
            add_tool_change_messages: Whether the model is told of functions that come and go, or
                None as the parameters say.
            realtime_service_mode: Whether a realtime service answers, one that hears the user and
                speaks by itself. Messages are then written by what it says and not by turns, and
                turns do not wait for transcripts. None to find out from the service.
        """
        user_params = user_params or LLMUserAggregatorParams()
        assistant_params = assistant_params or LLMAssistantAggregatorParams()
        if add_tool_change_messages is not None:
            user_params.add_tool_change_messages = add_tool_change_messages
            assistant_params.add_tool_change_messages = add_tool_change_messages
        self._user = LLMUserAggregator(
            context, params=user_params, _realtime_service_mode=realtime_service_mode
        )
        self._assistant = LLMAssistantAggregator(
            context,
            params=assistant_params,
            _realtime_service_mode=realtime_service_mode,
            _paired_user_aggregator=self._user,
        )

    @property
    def user(self) -> LLMUserAggregator:
        """Gathers what the user says."""
        return self._user

    @property
    def assistant(self) -> LLMAssistantAggregator:
        """Gathers what the assistant says."""
        return self._assistant

    def __iter__(self) -> Iterator[LLMUserAggregator | LLMAssistantAggregator]:
        return iter((self._user, self._assistant))
