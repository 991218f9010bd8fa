"""What turn strategies hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ProcessFrameResult(Enum):
    """Whether the strategies after this one see the frame too.

    Attributes:
        CONTINUE: They do.
        STOP: They do not.
    """

    CONTINUE = "continue"
    STOP = "stop"


@dataclass
class UserTurnSpeculation:
    """An answer that is asked for before the turn has ended, and held back until it has.

    Attributes:
        text: What the user has said, as it is answered.
    """

    text: str
