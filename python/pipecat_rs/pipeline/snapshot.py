"""What can be seen of a running task: who holds which frame, and where a loop stands still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LaneSnapshot:
    """One lane of a processor.

    Attributes:
        depth: Frames that wait.
        age: How long the oldest of them has waited, in seconds.
        frame: Class name of the frame in hand, or None.
        held_for: How long it has been in hand, in seconds.
    """

    depth: int
    age: float
    frame: str | None
    held_for: float


@dataclass(frozen=True)
class ProcessorSnapshot:
    """A node of the running pipeline.

    Attributes:
        name: Name of the processor.
        native: Whether it runs in Rust.
        state: ``idle``, ``processing`` or ``waiting`` (frames wait, none is in hand).
        frame: Class name of the frame in hand, data before system, or None.
        held_for: How long it has been in hand, in seconds.
        system: The system lane.
        data: The data lane.
        processed: Frames processed so far.
    """

    name: str
    native: bool
    state: str
    frame: str | None
    held_for: float
    system: LaneSnapshot
    data: LaneSnapshot
    processed: int


@dataclass(frozen=True)
class Stall:
    """A loop that does not answer.

    Attributes:
        processor: The processor whose callback is running, or None if it is other code.
        filename: File of the Python line that the loop's thread stands on.
        lineno: Its number.
        function: The function it is in.
        seconds: For how long the loop has not answered.
    """

    processor: Any
    filename: str
    lineno: int
    function: str
    seconds: float


def read_snapshot(nodes: Sequence[Mapping[str, Any]]) -> list[ProcessorSnapshot]:
    """Read what the engine says of its nodes."""
    snapshot: list[ProcessorSnapshot] = []
    for node in nodes:
        system, data = LaneSnapshot(**node["system"]), LaneSnapshot(**node["data"])
        busy = data if data.frame else system
        waiting = data.depth or system.depth
        state = "processing" if busy.frame else "waiting" if waiting else "idle"
        snapshot.append(
            ProcessorSnapshot(
                name=node["name"],
                native=node["native"],
                state=state,
                frame=busy.frame,
                held_for=busy.held_for,
                system=system,
                data=data,
                processed=node["processed"],
            )
        )
    return snapshot
