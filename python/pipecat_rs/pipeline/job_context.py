"""Jobs: work that a worker asks others for, and waits for in a block.

::

    async with self.job("research", params=JobParams(payload={"topic": topic}, timeout=30)) as job:
        async for event in job:
            ...
    print(job.response)
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pipecat_rs.exceptions import PipecatError, WorkerStateError
from pipecat_rs.pipeline.job_status import JobStatus
from pipecat_rs.utils.deprecation import warn_deprecated

if TYPE_CHECKING:
    from typing import Self

    from pipecat_rs.workers.base_worker import BaseWorker

__all__ = [
    "JobContext",
    "JobError",
    "JobEvent",
    "JobGroup",
    "JobGroupContext",
    "JobGroupError",
    "JobGroupEvent",
    "JobGroupParams",
    "JobGroupResponse",
    "JobParams",
    "JobParamsT",
    "JobStatus",
    "resolve_job_params",
]


@dataclass(kw_only=True)
class JobParams:
    """How a job is done.

    Attributes:
        name: Name of the handler that is to do it, or None for `on_job_request`.
        payload: What the job is about, or None.
        timeout: Longest time for everything, the wait for the worker to be ready included, in
            seconds; None for no limit.
        label: What people are shown of it, or None.
        cancellable: Whether somebody outside of the worker may cancel it.
    """

    name: str | None = None
    payload: dict[str, Any] | None = None
    timeout: float | None = None
    label: str | None = None
    cancellable: bool = True

    def model_dump(self) -> dict[str, Any]:
        """Return the fields by name, under the method's name in pipecat."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}


@dataclass(kw_only=True)
class JobGroupParams(JobParams):
    """How a job for several workers is done.

    Attributes:
        cancel_on_error: Whether the rest is cancelled when one worker fails.
    """

    cancel_on_error: bool = True


JobParamsT = TypeVar("JobParamsT", bound=JobParams)


def resolve_job_params(
    params: JobParamsT | None, params_class: type[JobParamsT], **deprecated: Any
) -> JobParamsT:
    """Return a job's parameters, from an object or from the arguments that it has replaced.

    Args:
        params: The object, or None.
        params_class: Its class.
        **deprecated: The arguments; those that are None were not given. Deprecated in pipecat 1.8.

    Raises:
        TypeError: If both are given.
    """
    given = {name: value for name, value in deprecated.items() if value is not None}
    if not given:
        return params if params is not None else params_class()
    names = ", ".join(f"{name}=..." for name in sorted(given))
    if params is not None:
        raise TypeError(f"`params` and `{names}` are both given. Put everything into `params`.")
    warn_deprecated(
        f"`{names}` is deprecated since 1.8.0 and will be removed in 2.0.0. "
        f"Use `params={params_class.__name__}(...)` instead.",
        stacklevel=3,
    )
    return params_class(**given)


class JobError(PipecatError):
    """A job ended without a result: it failed, was cancelled or took too long."""


class JobGroupError(PipecatError):
    """A job for several workers ended without all results."""


@dataclass
class JobGroupResponse:
    """What came out of a job for several workers.

    Attributes:
        job_id: Identifier of the job.
        responses: What each worker answered, by its name.
    """

    job_id: str
    responses: dict[str, dict[str, Any]]


@dataclass
class JobEvent:
    """Something that a worker says while it does a job.

    Attributes:
        type: One of the four constants.
        data: What it says, or None.
    """

    UPDATE: ClassVar[str] = "update"
    STREAM_START: ClassVar[str] = "stream_start"
    STREAM_DATA: ClassVar[str] = "stream_data"
    STREAM_END: ClassVar[str] = "stream_end"

    type: str
    data: dict[str, Any] | None = None


@dataclass
class JobGroupEvent:
    """Something that one of several workers says while it does its part of a job.

    Attributes:
        type: One of the four constants.
        worker_name: Name of the worker.
        data: What it says, or None.
    """

    UPDATE: ClassVar[str] = "update"
    STREAM_START: ClassVar[str] = "stream_start"
    STREAM_DATA: ClassVar[str] = "stream_data"
    STREAM_END: ClassVar[str] = "stream_end"

    type: str
    worker_name: str
    data: dict[str, Any] | None = None


@dataclass
class JobGroup:
    """A job in progress, as its requester sees it.

    Attributes:
        job_id: Its identifier, the same for all workers.
        worker_names: The workers, in the order they were asked.
        responses: What they have answered, by name.
        timeout_task: The timer of its timeout, if it has one.
        cancel_on_error: Whether the rest is cancelled when one worker fails.
        label: What people are shown of it, or None.
        cancellable: Whether somebody outside of the requester may cancel it.
        terminated: Names of the workers that are done.
        event_queue: Events that wait for a block's `async for`; None behind the last one.
        name: Name of the handler that was asked for, or None.
    """

    job_id: str
    worker_names: list[str]
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)
    timeout_task: asyncio.TimerHandle | None = None
    cancel_on_error: bool = True
    label: str | None = None
    cancellable: bool = True
    terminated: set[str] = field(default_factory=set)
    event_queue: asyncio.Queue[JobGroupEvent | None] | None = field(default=None, repr=False)
    _done: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _error: JobGroupError | None = field(default=None, repr=False)
    name: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether it is over, in one way or the other."""
        return self._done.is_set()

    async def wait(self) -> None:
        """Wait until all workers have answered.

        Raises:
            JobGroupError: If it was cancelled.
        """
        await self._done.wait()
        if self._error is not None:
            raise self._error

    def complete(self) -> None:
        """Say that all workers have answered."""
        self._finish()

    def fail(self, reason: str | None = None) -> None:
        """Say that it was cancelled.

        Args:
            reason: Why.
        """
        if self.is_done:
            return
        missing = [name for name in self.worker_names if name not in self.terminated]
        self._error = JobGroupError(
            f"{_described(self.name, self.job_id)} has no result: {reason or 'it was cancelled'}"
            + (f"; no answer from {_listed(missing)}" if missing else ""),
            hint=_hint(reason),
        )
        self._finish()

    def _finish(self) -> None:
        if self.timeout_task is not None:
            self.timeout_task.cancel()
        self._done.set()
        if self.event_queue is not None:
            self.event_queue.put_nowait(None)


def _described(name: str | None, job_id: str) -> str:
    return f"job '{name}' ({job_id[:8]})" if name else f"job {job_id[:8]}"


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _hint(reason: str | None) -> str | None:
    if reason == "timeout":
        return "let the worker answer with send_job_response(), or give params a longer timeout"
    return None


class _JobBlock:
    """What the two blocks have in common: a group that is begun on entry and over on exit."""

    def __init__(self, worker: BaseWorker, worker_names: list[str], params: JobGroupParams) -> None:
        self._worker = worker
        self._names = worker_names
        self._group_params = params
        self._group: JobGroup | None = None

    @property
    def job_id(self) -> str:
        """Identifier of the job.

        Raises:
            WorkerStateError: Before the block.
        """
        return self._begun.job_id

    @property
    def _begun(self) -> JobGroup:
        if self._group is None:
            raise WorkerStateError(
                f"{self._worker}: the job for {_listed(self._names)} has not begun",
                hint="enter the block first: async with worker.job(...) as job:",
            )
        return self._group

    async def _next_event(self) -> JobGroupEvent:
        queue = self._group.event_queue if self._group is not None else None
        if self._group is None or queue is None or (self._group.is_done and queue.empty()):
            raise StopAsyncIteration
        event = await queue.get()
        if event is None:
            raise StopAsyncIteration
        return event

    async def __aenter__(self) -> Self:
        group = await self._worker.create_job_group_and_request_job(
            self._names, params=self._group_params
        )
        if group.event_queue is None:
            group.event_queue = asyncio.Queue()
            if group.is_done:
                group.event_queue.put_nowait(None)
        self._group = group
        return self

    async def _exit(self, error: BaseException | None) -> None:
        group = self._begun
        if error is None:
            try:
                await group.wait()
            except asyncio.CancelledError:
                await self._take_back("the requester was cancelled")
                raise
        elif group.job_id in self._worker.job_groups:
            await self._take_back("context exited with error")

    async def _take_back(self, reason: str) -> None:
        # In a task of its own: it has to go through, also while the caller is being cancelled.
        cancelling = asyncio.ensure_future(
            self._worker.cancel_job_group(self._begun.job_id, reason=reason)
        )
        await asyncio.shield(cancelling)


class JobGroupContext(_JobBlock):
    """A block that gives a job to several workers, and ends when all have answered.

    Inside of it, `async for` yields what they say meanwhile. If the block raises, or is cancelled,
    the job is cancelled.
    """

    def __init__(
        self,
        worker: BaseWorker,
        worker_names: tuple[str, ...],
        *,
        params: JobGroupParams | None = None,
    ) -> None:
        """Prepare a job; it begins with the block.

        Args:
            worker: Who asks for it.
            worker_names: Names of the workers.
            params: How it is done.
        """
        super().__init__(worker, list(worker_names), params or JobGroupParams())

    @property
    def responses(self) -> dict[str, dict[str, Any]]:
        """What the workers have answered, by name.

        Raises:
            WorkerStateError: Before the block.
        """
        return self._begun.responses

    def __aiter__(self) -> AsyncIterator[JobGroupEvent]:
        return self

    async def __anext__(self) -> JobGroupEvent:
        return await self._next_event()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool:
        """Wait for all answers, or cancel the job if the block raised.

        Raises:
            JobGroupError: If it ended without all results.
        """
        await self._exit(exc_val)
        return False


class JobContext(_JobBlock):
    """A block that gives a job to one worker, and ends when that has answered.

    Inside of it, `async for` yields what it says meanwhile. If the block raises, or is cancelled,
    the job is cancelled.
    """

    def __init__(
        self, worker: BaseWorker, worker_name: str, *, params: JobParams | None = None
    ) -> None:
        """Prepare a job; it begins with the block.

        Args:
            worker: Who asks for it.
            worker_name: Name of the worker.
            params: How it is done.
        """
        as_group = JobGroupParams(**params.model_dump()) if params else JobGroupParams()
        super().__init__(worker, [worker_name], as_group)

    @property
    def response(self) -> dict[str, Any]:
        """What the worker has answered.

        Raises:
            WorkerStateError: Before the block.
        """
        return self._begun.responses.get(self._names[0], {})

    def __aiter__(self) -> AsyncIterator[JobEvent]:
        return self

    async def __anext__(self) -> JobEvent:
        event = await self._next_event()
        return JobEvent(type=event.type, data=event.data)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool:
        """Wait for the answer, or cancel the job if the block raised.

        Raises:
            JobError: If it ended without a result.
        """
        try:
            await self._exit(exc_val)
        except JobGroupError as error:
            raise JobError(*error.args, hint=error.hint) from error
        return False
