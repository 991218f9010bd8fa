"""Holds the context for the language model back until notified."""

from __future__ import annotations

import asyncio
from typing import Any

from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame, LLMContextFrame, StartFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.utils.sync.base_notifier import BaseNotifier


class GatedLLMContextAggregator(FrameProcessor):
    """Holds the last LLMContextFrame and pushes it downstream when notified.

    All other frames pass.
    """

    handles = (LLMContextFrame,)

    def __init__(self, *, notifier: BaseNotifier, start_open: bool = False, **kwargs: Any) -> None:
        """Make a gate.

        Args:
            notifier: What is waited for. A notification without a held frame does nothing.
            start_open: Whether the first frame passes at once.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._notifier = notifier
        self._start_open = start_open
        self._last_context_frame: LLMContextFrame | None = None
        self._gate_task: asyncio.Task[None] | None = None

    async def cleanup(self) -> None:
        """Stop waiting."""
        await super().cleanup()
        await self._stop()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Hold a context, and pass other frames on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame) and not self._start_open:
            self._last_context_frame = frame
            return
        if isinstance(frame, LLMContextFrame):
            self._start_open = False
        elif isinstance(frame, (EndFrame, CancelFrame)):
            await self._stop()
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame) and self._gate_task is None:
            self._gate_task = self.create_task(self._release_when_notified(), "gate")

    async def _stop(self) -> None:
        task, self._gate_task = self._gate_task, None
        if task is not None:
            await self.cancel_task(task)

    async def _release_when_notified(self) -> None:
        while True:
            await self._notifier.wait()
            frame, self._last_context_frame = self._last_context_frame, None
            if frame is not None:
                await self.push_frame(frame)
