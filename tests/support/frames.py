"""One frame class of each kind, with a tag to tell the frames of a test apart."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pipecat_rs.frames.frames import ControlFrame, DataFrame, Frame, SystemFrame


@dataclass
class Data(DataFrame):
    """Data: in order, dropped by an interruption."""

    tag: Any = None


@dataclass
class Control(ControlFrame):
    """Control: in order with data, dropped by an interruption."""

    tag: Any = None


@dataclass
class System(SystemFrame):
    """System: overtakes data and control."""

    tag: Any = None


@dataclass
class Lasting(DataFrame):
    """Data which an interruption neither drops nor cancels."""

    tag: Any = None
    interruptible: bool = field(default=False, init=False)


TAGGED = (Data, Control, System, Lasting)


def tags(frames: Iterable[Frame]) -> list[Any]:
    """The tags of the frames of this module among `frames`, in order."""
    return [frame.tag for frame in frames if isinstance(frame, TAGGED)]
