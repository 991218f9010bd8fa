"""Hops as observers are told of them, for tests without a pipeline."""

from types import SimpleNamespace
from typing import Any

from pipecat_rs.frames.frames import Frame
from pipecat_rs.observers.base_observer import FrameProcessed, FramePushed
from pipecat_rs.processors.frame_processor import FrameDirection

DOWN, UP = FrameDirection.DOWNSTREAM, FrameDirection.UPSTREAM


def named(name: str, number: int = 0, is_usable: bool = True) -> Any:
    """Return what stands for a processor."""

    class Named(SimpleNamespace):
        def __str__(self) -> str:
            return name

    return Named(name=name, id=number, is_usable=is_usable)


SOURCE, DESTINATION = named("source", 1), named("destination", 2)


def pushed(
    frame: Frame,
    *,
    source: Any = SOURCE,
    destination: Any = DESTINATION,
    direction: FrameDirection = DOWN,
    timestamp: int = 0,
) -> FramePushed:
    """Return a hop of a frame."""
    return FramePushed(source, destination, frame, direction, timestamp)


def processed(frame: Frame, *, processor: Any = SOURCE, timestamp: int = 0) -> FrameProcessed:
    """Return the beginning of a frame's processing."""
    return FrameProcessed(processor, frame, DOWN, timestamp)
