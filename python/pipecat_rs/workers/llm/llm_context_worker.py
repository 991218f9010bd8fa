"""A worker around a language model that keeps a conversation of its own."""

from __future__ import annotations

from typing import Any

from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregator,
    LLMAssistantAggregatorParams,
    LLMContextAggregatorPair,
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.workers.llm.llm_worker import LLMWorker

__all__ = ["LLMContextWorker"]


class LLMContextWorker(LLMWorker):
    """Runs a language model between the two aggregators of its own context."""

    def __init__(
        self,
        name: str | None = None,
        *,
        llm: LLMService[Any],
        active: bool = False,
        bridged: tuple[str, ...] | None = None,
        defer_tool_frames: bool = True,
        context: LLMContext | None = None,
        user_params: LLMUserAggregatorParams | None = None,
        assistant_params: LLMAssistantAggregatorParams | None = None,
    ) -> None:
        """Make a worker.

        Args:
            name: Its name, unique under its runner, or None for class name, ``#`` and a number.
            llm: The language model.
            active: Whether it begins active.
            bridged: Whether its pipeline exchanges frames with others; see `PipelineWorker`.
            defer_tool_frames: Whether what a call queues is held until no call runs.
            context: The conversation, or None for an empty one.
            user_params: How the user's side is handled.
            assistant_params: How the assistant's side is handled.
        """
        self._context = context if context is not None else LLMContext()
        self._aggregators = LLMContextAggregatorPair(
            self._context, user_params=user_params, assistant_params=assistant_params
        )
        super().__init__(
            name,
            llm=llm,
            pipeline=Pipeline([self._aggregators.user(), llm, self._aggregators.assistant()]),
            active=active,
            bridged=bridged,
            defer_tool_frames=defer_tool_frames,
        )

    @property
    def context(self) -> LLMContext:
        """The conversation."""
        return self._context

    @property
    def user_aggregator(self) -> LLMUserAggregator:
        """The aggregator of the user's side."""
        return self._aggregators.user()

    @property
    def assistant_aggregator(self) -> LLMAssistantAggregator:
        """The aggregator of the assistant's side."""
        return self._aggregators.assistant()
