"""What the two aggregators of a context have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from pipecat_rs.frames.frames import LLMContextFrame
from pipecat_rs.processors.aggregators.llm_context import (
    LLMContext,
    LLMContextMessage,
    LLMContextToolChoice,
    is_given,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.utils.string import TextPartForConcatenation, concatenate_aggregated_text


class LLMContextAggregator(FrameProcessor):
    """Gathers text and writes it to a context as messages of one role."""

    TOOL_ACTIVATION_MESSAGE_TEMPLATE = (
        "From now on these functions can be called too: {function_names}."
    )
    """What the model is told of functions that come."""

    TOOL_DEACTIVATION_MESSAGE_TEMPLATE = (
        "From now on these functions cannot be called, unless they are added again: "
        "{function_names}."
    )
    """What the model is told of functions that go."""

    def __init__(
        self,
        *,
        context: LLMContext,
        role: str,
        add_tool_change_messages: bool = False,
        **kwargs: Any,
    ) -> None:
        """Make an aggregator.

        Args:
            context: The context.
            role: Role of the messages: ``user`` or ``assistant``.
            add_tool_change_messages: Whether the model is told of functions that come and go.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._context = context
        self._role = role
        self._add_tool_change_messages = add_tool_change_messages
        self._aggregation: list[TextPartForConcatenation] = []

    @property
    def messages(self) -> list[LLMContextMessage]:
        """The messages of the context."""
        return self._context.get_messages()

    @property
    def role(self) -> str:
        """Role of the messages that this aggregator writes."""
        return self._role

    @property
    def context(self) -> LLMContext:
        """The context."""
        return self._context

    @abstractmethod
    async def push_aggregation(self) -> str:
        """Write what was gathered to the context and return it; "" if that is nothing."""

    async def push_context_frame(
        self, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push the context, for the language model to answer.

        Args:
            direction: Which way.
        """
        await self.push_frame(LLMContextFrame(context=self._context), direction)

    def add_messages(self, messages: list[LLMContextMessage]) -> None:
        """Add messages to the context.

        Args:
            messages: The messages.
        """
        self._context.add_messages(messages)

    def set_messages(self, messages: list[LLMContextMessage]) -> None:
        """Replace the messages of the context.

        Args:
            messages: The new messages.
        """
        self._context.set_messages(messages)

    def transform_messages(
        self, transform: Callable[[list[LLMContextMessage]], list[LLMContextMessage]]
    ) -> None:
        """Replace the messages of the context by a function of them.

        Args:
            transform: Takes the messages and returns those to keep.
        """
        self._context.transform_messages(transform)

    def set_tools(self, tools: Any) -> None:
        """Replace the tools of the context, and tell the model if that is wanted.

        Args:
            tools: The new tools, or ``NOT_GIVEN`` for none.

        Raises:
            TypeError: If they are of another kind.
        """
        before = _names_of(self._context.tools)
        self._context.set_tools(tools)
        if self._add_tool_change_messages:
            self._tell_of_tools(before, _names_of(self._context.tools))

    def set_tool_choice(self, tool_choice: LLMContextToolChoice) -> None:
        """Replace the rule by which the model picks tools.

        Args:
            tool_choice: The new rule.
        """
        self._context.set_tool_choice(tool_choice)

    async def reset(self) -> None:
        """Forget what was gathered."""
        self._aggregation = []

    def aggregation_string(self) -> str:
        """Return what was gathered, put together."""
        return concatenate_aggregated_text(self._aggregation)

    def _gather(self, text: str, *, includes_spaces: bool) -> None:
        self._aggregation.append(
            TextPartForConcatenation(text, includes_inter_part_spaces=includes_spaces)
        )

    def _tell_of_tools(self, before: set[str], after: set[str]) -> None:
        # The two aggregators share the context, so only the first to see a change sees one.
        changes = (
            (self.TOOL_ACTIVATION_MESSAGE_TEMPLATE, after - before),
            (self.TOOL_DEACTIVATION_MESSAGE_TEMPLATE, before - after),
        )
        told = " ".join(
            text.format(function_names=", ".join(f"`{name}`" for name in sorted(names)))
            for text, names in changes
            if names
        )
        if told:
            self._context.add_message({"role": "developer", "content": told})


def _names_of(tools: Any) -> set[str]:
    return {tool.name for tool in tools.standard_tools} if is_given(tools) else set()
