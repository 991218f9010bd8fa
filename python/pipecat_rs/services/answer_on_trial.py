"""Answers to turns that may still go on: held back, let go, or stopped."""

from __future__ import annotations

import asyncio
from typing import Any

from pipecat_rs.frames.frames import EagerEndOfTurnCancelFrame, Frame, LLMContextFrame
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.ai_service import AIService
from pipecat_rs.turns.speculation_gate import SpeculationGate


class AnswerOnTrialService(AIService):
    """Pushes what it is given through a `SpeculationGate`, and stops answers that are withdrawn."""

    def __init__(self, **kwargs: Any) -> None:
        """Begin with the gate open.

        Args:
            **kwargs: For `AIService`.
        """
        super().__init__(**kwargs)
        self._speculation_gate = SpeculationGate(name=f"{self}::SpeculationGate")
        self._answer_in_hand = AnswerInHand()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take note of an answer, or stop one. Pushes nothing on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            self._speculation_gate.begin_speculation(frame.speculation)
            self._answer_in_hand.begin(frame)
        elif (
            # Before the gate sees the frame: it then forgets that there was an answer on trial.
            isinstance(frame, EagerEndOfTurnCancelFrame) and self._speculation_gate.is_speculating
        ):
            self._answer_in_hand.stop()
            await self._answer_withdrawn()

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push a frame, unless it is held back until the turn that it answers has ended.

        Args:
            frame: The frame.
            direction: Which way.
        """
        for let_go, way in self._speculation_gate.process(frame, direction):
            await super().push_frame(let_go, way)

    async def _answer_withdrawn(self) -> None:
        await self.stop_all_metrics()


class AnswerInHand:
    """Finds the callback that answers a context, as long as it runs.

    An interruption stops it as well, but also drops what waits behind it: after a turn that was
    expected too early, that would be the context to answer instead.
    """

    def __init__(self) -> None:
        """Begin without one."""
        self._context_frame: LLMContextFrame | None = None
        self._task: asyncio.Task[Any] | None = None

    def begin(self, frame: LLMContextFrame) -> None:
        """Take note of a context; called from the callback that answers it.

        Args:
            frame: The context.
        """
        self._context_frame = frame
        self._task = asyncio.current_task()

    def stop(self) -> bool:
        """Cancel the callback, if it is still about that context; return whether it is."""
        task, frame = self._task, self._context_frame
        self._task = self._context_frame = None
        if task is None or task is asyncio.current_task():
            return False
        # Its task is lent to one callback after the other, so what it runs has to be looked at.
        callback = getattr(task.get_coro(), "cr_frame", None)
        if callback is None or not any(value is frame for value in callback.f_locals.values()):
            return False
        return task.cancel()
