"""What is known of a worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class WorkerRegistryEntry:
    """A worker in what a runner tells of all its workers.

    Attributes:
        name: Its name.
        parent: Name of its parent, or None for a root worker.
        active: Whether it is active.
        bridged: Whether its pipeline exchanges frames over the bus.
        started_at: When it became ready, in seconds since 1970, or None.
    """

    name: str
    parent: str | None = None
    active: bool = False
    bridged: bool = False
    started_at: float | None = None


@dataclass
class WorkerReadyData:
    """A worker that is ready to be addressed.

    Attributes:
        worker_name: Its name.
        runner: Name of the runner that it runs on.
    """

    worker_name: str
    runner: str


@dataclass
class WorkerErrorData:
    """What went wrong in a worker.

    Attributes:
        worker_name: Its name.
        error: What went wrong.
    """

    worker_name: str
    error: str
