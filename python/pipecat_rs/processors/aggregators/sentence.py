"""Puts pieces of text together into sentences."""

from __future__ import annotations

from pipecat_rs.frames.frames import (
    EagerTranscriptionFrame,
    EndFrame,
    Frame,
    InterimTranscriptionFrame,
    TextFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.utils.string import match_endofsentence


class SentenceAggregator(FrameProcessor):
    """Pushes a TextFrame downstream for each sentence, and for the rest at the EndFrame.

    Provisional transcriptions are dropped. All other frames pass.
    """

    handles = (TextFrame,)

    def __init__(self) -> None:
        """Make an aggregator without text."""
        super().__init__()
        self._aggregation = ""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Gather text, push what is complete, and pass other frames on.

        Args:
            frame: The frame.
            direction: Which way it travels; text is pushed downstream.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, (InterimTranscriptionFrame, EagerTranscriptionFrame)):
            return
        if isinstance(frame, TextFrame):
            self._aggregation += frame.text
            if match_endofsentence(self._aggregation):
                await self._push_text()
            return
        if isinstance(frame, EndFrame) and self._aggregation:
            await self._push_text()
        await self.push_frame(frame, direction)

    async def _push_text(self) -> None:
        text, self._aggregation = self._aggregation, ""
        await self.push_frame(TextFrame(text))
