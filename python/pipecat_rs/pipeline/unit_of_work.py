"""Where one piece of a service's work ends and the next begins.

A strategy that selects is asked at each beginning: a service that has begun something finishes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipecat_rs.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseStartFrame,
    TTSSpeakFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import FrameProcessor
from pipecat_rs.processors.interest import declared_interest

_SINGLE: Final = (TTSSpeakFrame, LLMContextFrame, LLMFullResponseStartFrame)
"""Each of these frames begins a unit: a text to speak, a conversation to answer, an answer to
speak."""

_USER_STARTS: Final = (VADUserStartedSpeakingFrame, UserStartedSpeakingFrame)
_USER_STOPS: Final = (VADUserStoppedSpeakingFrame, UserStoppedSpeakingFrame)


class UnitsOfWork:
    """Tells which frames begin a unit of work for some services.

    A frame counts if one of the services handles its class: a conversation on its way to the
    language model is no work for a voice. A user's turn begins with the first sign of speech and
    lasts through its pauses.
    """

    def __init__(self, services: Sequence[FrameProcessor]) -> None:
        """Look at what the services handle.

        Args:
            services: The services.
        """
        interests = [
            None if service.processors else declared_interest(type(service)) for service in services
        ]
        wanted = (*_SINGLE, *_USER_STARTS)
        beginnings = tuple(
            kind
            for kind in wanted
            if any(interest is None or issubclass(kind, interest) for interest in interests)
        )
        self._single = tuple(kind for kind in beginnings if kind in _SINGLE)
        self._hears = any(kind in _USER_STARTS for kind in beginnings)
        self._user_speaks = False
        self._in_turn = False

    @property
    def marks(self) -> tuple[type[Frame], ...]:
        """The frame classes that `begins` must see."""
        return (*self._single, *_USER_STARTS, *_USER_STOPS) if self._hears else self._single

    def begins(self, frame: Frame) -> bool:
        """Return whether a unit of work begins with a frame.

        Args:
            frame: A frame of one of the `marks`, in the order of the pipeline.
        """
        if isinstance(frame, self._single):
            return True
        if not self._hears:
            return False
        if isinstance(frame, _USER_STARTS):
            is_new = not self._user_speaks
            self._user_speaks = True
            self._in_turn |= isinstance(frame, UserStartedSpeakingFrame)
            return is_new
        if isinstance(frame, UserStoppedSpeakingFrame):
            self._user_speaks = self._in_turn = False
        elif isinstance(frame, VADUserStoppedSpeakingFrame) and not self._in_turn:
            self._user_speaks = False  # nobody tells turns here: each stretch of speech is one
        return False
