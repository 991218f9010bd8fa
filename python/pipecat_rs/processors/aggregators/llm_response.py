"""Whole answers of a language model, for whoever wants to look at them."""

from __future__ import annotations

from typing import Any

from pipecat_rs.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


class LLMFullResponseAggregator(FrameProcessor):
    """Puts the tokens of each answer together, and lets all frames pass.

    Event: `on_completion` with the text, and whether the answer came to its end; an interruption
    also calls it, with what there was of the answer.
    """

    handles = (LLMFullResponseStartFrame, LLMFullResponseEndFrame, LLMTextFrame)

    _declared_events = {"on_completion": False}  # noqa: RUF012 - annotated in the base

    def __init__(self, **kwargs: Any) -> None:
        """Make an aggregator.

        Args:
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._text = ""
        self._in_answer = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Gather a token, or tell a whole answer; push the frame on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMFullResponseStartFrame):
            self._in_answer = True
        elif isinstance(frame, LLMTextFrame):
            if self._in_answer:
                self._text += frame.text
        elif isinstance(frame, (LLMFullResponseEndFrame, InterruptionFrame)):
            text, self._text = self._text, ""
            self._in_answer = False
            completed = isinstance(frame, LLMFullResponseEndFrame)
            await self._call_event_handler("on_completion", text, completed)
        await self.push_frame(frame, direction)
