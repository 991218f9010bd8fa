"""What the model thinks, gathered beside what it says."""

from __future__ import annotations

from pipecat_rs.frames.frames import (
    LLMThoughtEndFrame,
    LLMThoughtStartFrame,
    LLMThoughtTextFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage
from pipecat_rs.processors.aggregators.turn_messages import AssistantThoughtMessage
from pipecat_rs.utils.string import TextPartForConcatenation, concatenate_aggregated_text
from pipecat_rs.utils.time import time_now_iso8601


class AssistantThoughts:
    """Gathers one thought after the other, and writes those that providers want to see again."""

    def __init__(self, context: LLMContext) -> None:
        """Begin without a thought.

        Args:
            context: The context.
        """
        self._context = context
        self._parts: list[TextPartForConcatenation] = []
        self._llm: str | None = None
        self._timestamp = ""

    def reset(self) -> None:
        """Forget the thought that was begun."""
        self._parts = []
        self._llm = None

    def begin(self, frame: LLMThoughtStartFrame) -> None:
        """Begin a thought.

        Args:
            frame: Its start.
        """
        self.reset()
        self._llm = frame.llm if frame.append_to_context else None
        self._timestamp = time_now_iso8601()

    def gather(self, frame: LLMThoughtTextFrame) -> None:
        """Gather a piece of the thought.

        Args:
            frame: The piece.
        """
        self._parts.append(TextPartForConcatenation(frame.text, frame.includes_inter_frame_spaces))

    def end(self, frame: LLMThoughtEndFrame) -> AssistantThoughtMessage:
        """End the thought, and write it if that is wanted.

        Args:
            frame: Its end.

        Returns:
            The thought.
        """
        text = concatenate_aggregated_text(self._parts)
        if self._llm is not None:
            message = {"type": "thought", "text": text, "signature": frame.signature}
            self._context.add_message(LLMSpecificMessage(llm=self._llm, message=message))
        self.reset()
        return AssistantThoughtMessage(text, self._timestamp)
