"""How a worker's part of a job went."""

from __future__ import annotations

from enum import StrEnum


class JobStatus(StrEnum):
    """How a worker's part of a job went.

    Attributes:
        COMPLETED: It is done.
        CANCELLED: The requester has taken it back, or the worker has finished first.
        FAILED: It could not be done.
        ERROR: Something went wrong.
    """

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    ERROR = "error"
