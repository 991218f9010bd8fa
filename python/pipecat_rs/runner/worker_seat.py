"""What one of several processes behind one port knows of its place among them."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["WorkerSeat", "control_path"]

_SEAT = "PIPECAT_RS_WORKER"
_PARENT_CHECK_SECS = 1.0


def control_path(folder: str) -> Path:
    """Return the path of the socket over which processes get what was accepted."""
    return Path(folder) / "control"


@dataclass(frozen=True)
class WorkerSeat:
    """What one of several processes knows of its place among them.

    Attributes:
        number: Its number, from 0.
        folder: Where the processes leave files for each other.
        max_sessions: Its share of the sessions.
        parent: The process that has the port.
    """

    number: int
    folder: str
    max_sessions: int
    parent: int

    @classmethod
    def of_this_process(cls) -> WorkerSeat | None:
        """Return the seat of this process; None if it has none."""
        text = os.environ.get(_SEAT)
        return cls(**json.loads(text)) if text else None

    def environment(self) -> dict[str, str]:
        """Return the environment of the process that is to have it."""
        return {**os.environ, _SEAT: json.dumps(asdict(self))}

    def options(self) -> dict[str, Any]:
        """Return what its server is set up with."""
        return {
            "max_sessions": self.max_sessions,
            "siblings": (self.folder, str(self.number)),
            "handed_over": (str(control_path(self.folder)), self.number),
        }

    def watch_parent(self, stopped: asyncio.Event) -> None:
        """Set an event when whoever has the port is gone.

        Args:
            stopped: The event.
        """
        if os.getppid() != self.parent:
            stopped.set()
            return
        asyncio.get_running_loop().call_later(_PARENT_CHECK_SECS, self.watch_parent, stopped)
