"""What holds an answer back that was asked for before the user's turn had ended."""

from __future__ import annotations

import logging
from enum import Enum

from pipecat_rs.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    SystemFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection

__all__ = ["GatedFrame", "SpeculationGate", "SpeculationState"]

GatedFrame = tuple[Frame, FrameDirection]
"""A frame and which way it goes."""

_logger = logging.getLogger(__name__)


class SpeculationState(Enum):
    """What happens to frames.

    Attributes:
        OPEN: They pass.
        HOLDING: They wait for the end of the turn.
        DROPPING: They are the rest of an answer that was withdrawn, and end here.
    """

    OPEN = "open"
    HOLDING = "holding"
    DROPPING = "dropping"


class SpeculationGate:
    """Holds the frames of an answer on trial until the turn that it answers has ended.

    The end of the turn lets them go, as does an end that came first; an
    `EagerEndOfTurnCancelFrame` or an interruption drops them, but for those that an interruption
    leaves alone too. System frames and frames upstream pass at all times.

    It never waits: it says for each frame which frames are to be pushed now. So several tasks may
    push through it. Whoever asks for an answer on trial sees to it that its turn ends or that it
    is withdrawn.
    """

    def __init__(self, *, name: str = "SpeculationGate") -> None:
        """Begin open.

        Args:
            name: What it is called in the log.
        """
        self._name = name
        self._state = SpeculationState.OPEN
        self._speculating = False
        self._turn_ended = False
        self._held: list[GatedFrame] = []

    def __str__(self) -> str:
        return self._name

    @property
    def state(self) -> SpeculationState:
        """What happens to frames."""
        return self._state

    @property
    def is_speculating(self) -> bool:
        """Whether the model answers a turn that may still go on."""
        return self._speculating

    def begin_speculation(self, speculation: bool) -> None:
        """Take note that the model begins to answer.

        Args:
            speculation: Whether it does so on trial.
        """
        # The end of the turn is a system frame and may have overtaken the context.
        self._speculating = speculation and not self._turn_ended

    def process(self, frame: Frame, direction: FrameDirection) -> list[GatedFrame]:
        """Return what is to be pushed, in order, when a frame is.

        Args:
            frame: The frame.
            direction: Which way it goes.
        """
        gated = (frame, direction)
        if direction is not FrameDirection.DOWNSTREAM:
            return [gated]
        if isinstance(frame, SystemFrame):
            # What it lets go belongs behind it.
            return [gated, *self._judge(frame)]
        if isinstance(frame, EndFrame):
            return [*self._withdraw(), gated]
        let_go: list[GatedFrame] = []
        if isinstance(frame, LLMFullResponseStartFrame):
            let_go = self._begin_answer()
        if self._state is SpeculationState.HOLDING:
            self._held.append(gated)
        elif self._state is SpeculationState.OPEN or not frame.interruptible:
            let_go.append(gated)
        elif isinstance(frame, LLMFullResponseEndFrame):
            self._state = SpeculationState.OPEN
        return let_go

    def _judge(self, frame: Frame) -> list[GatedFrame]:
        if isinstance(frame, (EagerEndOfTurnCancelFrame, InterruptionFrame)):
            return self._withdraw()
        if isinstance(frame, UserStoppedSpeakingFrame):
            return self._confirm()
        if isinstance(frame, UserStartedSpeakingFrame):
            self._turn_ended = False
        return []

    def _begin_answer(self) -> list[GatedFrame]:
        # An answer that was cancelled while it was made may never have had its end.
        let_go = self._drop_held()
        self._state = SpeculationState.HOLDING if self._speculating else SpeculationState.OPEN
        return let_go

    def _confirm(self) -> list[GatedFrame]:
        self._turn_ended = True
        self._speculating = False
        if self._state is not SpeculationState.HOLDING:
            return []
        _logger.debug("%s: lets an answer of %d frames go", self, len(self._held))
        self._state = SpeculationState.OPEN
        let_go, self._held = self._held, []
        return let_go

    def _withdraw(self) -> list[GatedFrame]:
        self._speculating = False
        complete = self._state is not SpeculationState.HOLDING or any(
            isinstance(frame, LLMFullResponseEndFrame) for frame, _ in self._held
        )
        self._state = SpeculationState.OPEN if complete else SpeculationState.DROPPING
        return self._drop_held()

    def _drop_held(self) -> list[GatedFrame]:
        """Forget what is held, and return that of it which nothing may drop."""
        if self._held:
            _logger.debug("%s: drops an answer of %d frames", self, len(self._held))
        held, self._held = self._held, []
        return [gated for gated in held if not gated[0].interruptible]
