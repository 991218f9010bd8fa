"""What travels over the bus between workers and their runner.

::

    BusMessage
    ├── BusDataMessage        in order, for each subscriber
    └── BusSystemMessage      ahead of the data messages that wait
    BusLocalMessage           beside one of them: it never leaves the process

Frames travel inside a `BusFrameMessage`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.identity import obj_count, obj_id

if TYPE_CHECKING:
    from pipecat_rs.frames.base import Frame
    from pipecat_rs.pipeline.job_context import JobStatus
    from pipecat_rs.processors.frame_processor import FrameDirection
    from pipecat_rs.registry.types import WorkerRegistryEntry
    from pipecat_rs.workers.base_worker import BaseWorker

# ---- kinds


@dataclass(kw_only=True)
class BusMessage:
    """A message on the bus.

    Attributes:
        id: Unique identifier.
        name: Class name, ``#`` and a number.
        source: Name of the sender.
        target: Name of the only worker it is for, or None for all.
    """

    id: int = field(init=False)
    name: str = field(init=False)
    source: str
    target: str | None = None

    def __post_init__(self) -> None:
        self.id = obj_id()
        self.name = f"{type(self).__name__}#{obj_count(self)}"

    def __str__(self) -> str:
        return f"{self.name}(source: {self.source}, target: {self.target})"


class BusLocalMessage:
    """Marks messages that never leave the process."""


@dataclass(kw_only=True)
class BusDataMessage(BusMessage):
    """A message that a subscriber gets in order."""


@dataclass(kw_only=True)
class BusSystemMessage(BusMessage):
    """A message that overtakes the data messages that wait."""


# ---- frames, and what a pipeline is asked for


@dataclass
class BusFrameMessage(BusDataMessage):
    """A frame on its way to another worker's pipeline.

    Attributes:
        frame: The frame.
        direction: Which way it travels there.
        bridge: Name of the bridge that it came through, or None.
    """

    frame: Frame
    direction: FrameDirection
    bridge: str | None = None

    def __str__(self) -> str:
        return (
            f"{self.name}(source: {self.source}, target: {self.target}, frame: {self.frame}, "
            f"direction: {self.direction}, bridge: {self.bridge})"
        )


@dataclass
class BusTTSSpeakMessage(BusDataMessage):
    """Asks a pipeline's worker to say something.

    Attributes:
        text: What to say.
        append_to_context: Whether it also becomes part of the conversation.
    """

    text: str
    append_to_context: bool = True


@dataclass
class BusFlushProgressMessage(BusDataMessage):
    """Says that the pipeline which holds another worker's flush probe is still at work.

    Attributes:
        flush_id: Identifier of the flush.
    """

    flush_id: int


# ---- life of workers


@dataclass
class BusActivateWorkerMessage(BusDataMessage):
    """Makes a worker active.

    Attributes:
        args: What its `on_activated` gets, or None.
    """

    args: dict[str, Any] | None = None


@dataclass
class BusDeactivateWorkerMessage(BusDataMessage):
    """Makes a worker inactive."""


@dataclass
class BusEndMessage(BusDataMessage):
    """Asks the runner to end all workers in order.

    Attributes:
        reason: Why, or None.
    """

    reason: str | None = None


@dataclass
class BusEndWorkerMessage(BusDataMessage):
    """Tells one worker to end in order.

    Attributes:
        reason: Why, or None.
    """

    reason: str | None = None


@dataclass
class BusCancelMessage(BusSystemMessage):
    """Asks the runner to cancel all workers.

    Attributes:
        reason: Why, or None.
    """

    reason: str | None = None


@dataclass
class BusCancelWorkerMessage(BusSystemMessage):
    """Tells one worker to end at once.

    Attributes:
        reason: Why, or None.
    """

    reason: str | None = None


@dataclass
class BusAddWorkerMessage(BusSystemMessage, BusLocalMessage):
    """Asks the runner to run one more worker.

    Attributes:
        worker: The worker.
    """

    worker: BaseWorker


@dataclass
class BusWorkerRegistryMessage(BusSystemMessage):
    """Tells other runners of all workers of one.

    Attributes:
        runner: Name of the runner.
        workers: Its workers.
    """

    runner: str
    workers: list[WorkerRegistryEntry]


@dataclass
class BusWorkerReadyMessage(BusDataMessage):
    """Says that a worker is ready.

    Attributes:
        runner: Name of its runner.
        parent: Name of its parent, or None for a root worker.
        active: Whether it begins active.
        bridged: Whether its pipeline exchanges frames over the bus.
        started_at: When it became ready, in seconds since 1970.
    """

    runner: str
    parent: str | None = None
    active: bool = False
    bridged: bool = False
    started_at: float | None = None


@dataclass
class BusWorkerErrorMessage(BusSystemMessage):
    """Says that something went wrong in a root worker.

    Attributes:
        error: What went wrong.
    """

    error: str


@dataclass
class BusWorkerLocalErrorMessage(BusSystemMessage, BusLocalMessage):
    """Says to the parent that something went wrong in a child.

    Attributes:
        error: What went wrong.
    """

    error: str


# ---- jobs


@dataclass
class BusJobRequestMessage(BusDataMessage):
    """Asks a worker to do a job.

    Attributes:
        job_id: Identifier of the job.
        job_name: Name of the handler that is to do it, or None.
        payload: What the job is about, or None.
    """

    job_id: str
    job_name: str | None = None
    payload: dict[str, Any] | None = None


@dataclass
class BusJobResponseMessage(BusDataMessage):
    """A job is over.

    Attributes:
        job_id: Identifier of the job.
        status: How it went.
        response: What came out, or None.
    """

    job_id: str
    status: JobStatus
    response: dict[str, Any] | None = None


@dataclass
class BusJobResponseUrgentMessage(BusSystemMessage):
    """A job is over; said ahead of what waits.

    Attributes:
        job_id: Identifier of the job.
        status: How it went.
        response: What came out, or None.
    """

    job_id: str
    status: JobStatus
    response: dict[str, Any] | None = None


@dataclass
class BusJobUpdateMessage(BusDataMessage):
    """How a job goes on.

    Attributes:
        job_id: Identifier of the job.
        update: How it stands, or None.
    """

    job_id: str
    update: dict[str, Any] | None = None


@dataclass
class BusJobUpdateUrgentMessage(BusSystemMessage):
    """How a job goes on; said ahead of what waits.

    Attributes:
        job_id: Identifier of the job.
        update: How it stands, or None.
    """

    job_id: str
    update: dict[str, Any] | None = None


@dataclass
class BusJobUpdateRequestMessage(BusDataMessage):
    """Asks how a job goes on.

    Attributes:
        job_id: Identifier of the job.
    """

    job_id: str


@dataclass
class BusJobCancelMessage(BusSystemMessage):
    """Takes a job back.

    Attributes:
        job_id: Identifier of the job.
        reason: Why, or None.
    """

    job_id: str
    reason: str | None = None


@dataclass
class BusJobStreamStartMessage(BusDataMessage):
    """The results of a job come in pieces from now on.

    Attributes:
        job_id: Identifier of the job.
        data: What the pieces are, or None.
    """

    job_id: str
    data: dict[str, Any] | None = None


@dataclass
class BusJobStreamDataMessage(BusDataMessage):
    """A piece of a job's results.

    Attributes:
        job_id: Identifier of the job.
        data: The piece, or None.
    """

    job_id: str
    data: dict[str, Any] | None = None


@dataclass
class BusJobStreamEndMessage(BusDataMessage):
    """The pieces of a job's results are complete, and the job is over.

    Attributes:
        job_id: Identifier of the job.
        data: The last piece, or None.
    """

    job_id: str
    data: dict[str, Any] | None = None


@dataclass
class _BusWorkerGoneMessage(BusDataMessage, BusLocalMessage):
    """Tells a worker that another one, which owes it an answer, is over.

    Sent behind the answers of that worker, so that it only speaks for those that never came.
    """

    worker_name: str
