"""Answers to turns that may still go on: held back, let go, or stopped."""

from __future__ import annotations

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
        self._answered_frame: LLMContextFrame | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take note of an answer, or stop one. Pushes nothing on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            self._speculation_gate.begin_speculation(frame.speculation)
            self._answered_frame = frame
        elif (
            # Before the gate sees the frame: it then forgets that there was an answer on trial.
            isinstance(frame, EagerEndOfTurnCancelFrame) and self._speculation_gate.is_speculating
        ):
            self._stop_answer()
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

    def _stop_answer(self) -> None:
        """Stop the answer that is being made, and nothing else.

        An interruption would also drop what waits behind it: the context to answer instead.
        """
        if self._answered_frame is not None:
            self._cancel_callback(self._answered_frame)
            self._answered_frame = None

    async def _answer_withdrawn(self) -> None:
        await self.stop_all_metrics()
