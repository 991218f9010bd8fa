"""The side of a worker that gives jobs to others."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from pipecat_rs.exceptions import WorkerStateError
from pipecat_rs.pipeline.job_status import JobStatus

if TYPE_CHECKING:
    from pipecat_rs.bus.bus import WorkerBus
    from pipecat_rs.bus.messages import (
        BusJobResponseMessage,
        BusJobResponseUrgentMessage,
        BusJobStreamDataMessage,
        BusJobStreamEndMessage,
        BusJobStreamStartMessage,
        BusJobUpdateMessage,
        BusJobUpdateUrgentMessage,
        BusMessage,
    )
    from pipecat_rs.pipeline.job_context import (
        JobContext,
        JobGroup,
        JobGroupContext,
        JobGroupParams,
        JobGroupResponse,
        JobParams,
    )
    from pipecat_rs.registry.registry import WorkerRegistry
    from pipecat_rs.registry.types import WorkerReadyData


class JobRequester:
    """Mixin of workers: gives jobs to other workers and hears what becomes of them.

    A job is over when all its workers have answered, when its time is over, when it is cancelled,
    or when a worker that owes an answer finishes. Nothing is kept before the first job.
    """

    _job_groups: dict[str, JobGroup] | None = None
    _ready_waits: dict[asyncio.Future[None], tuple[str, ...]] | None = None

    if TYPE_CHECKING:
        _bus: WorkerBus | None
        _registry: WorkerRegistry | None
        _has_stopped: bool

        @property
        def name(self) -> str: ...
        async def send_bus_message(self, message: BusMessage) -> None: ...
        async def _call_event_handler(self, event_name: str, *args: Any) -> None: ...
        def _run_in_event_task(self, event_name: str, handling: Any) -> None: ...
        async def _run_handler(self, event_name: str, caller: Any, *args: Any) -> None: ...

    @property
    def job_groups(self) -> dict[str, JobGroup]:
        """The jobs in progress that this worker has given, by identifier."""
        if self._job_groups is None:
            self._job_groups = {}
        return self._job_groups

    # ---- giving jobs

    def job(
        self,
        worker_name: str,
        *,
        params: JobParams | None = None,
        name: str | None = None,
        payload: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> JobContext:
        """Return a block that gives a job to a worker and waits for its answer.

        Args:
            worker_name: Name of the worker.
            params: How the job is done.
            name: Deprecated; see `JobParams.name`.
            payload: Deprecated; see `JobParams.payload`.
            timeout: Deprecated; see `JobParams.timeout`.

        Returns:
            The block, for `async with`. It raises `JobError` if there is no result.
        """
        from pipecat_rs.pipeline.job_context import JobContext, JobParams, resolve_job_params

        self._check_names((worker_name,))
        params = resolve_job_params(params, JobParams, name=name, payload=payload, timeout=timeout)
        return JobContext(self, worker_name, params=params)  # type: ignore[arg-type]

    def job_group(
        self,
        *worker_names: str,
        params: JobGroupParams | None = None,
        name: str | None = None,
        payload: dict[str, Any] | None = None,
        timeout: float | None = None,
        cancel_on_error: bool | None = None,
    ) -> JobGroupContext:
        """Return a block that gives a job to several workers and waits for their answers.

        Args:
            *worker_names: Names of the workers.
            params: How the job is done.
            name: Deprecated; see `JobGroupParams.name`.
            payload: Deprecated; see `JobGroupParams.payload`.
            timeout: Deprecated; see `JobGroupParams.timeout`.
            cancel_on_error: Deprecated; see `JobGroupParams.cancel_on_error`.

        Returns:
            The block, for `async with`. It raises `JobGroupError` if a result is missing.
        """
        from pipecat_rs.pipeline.job_context import (
            JobGroupContext,
            JobGroupParams,
            resolve_job_params,
        )

        self._check_names(worker_names)
        params = resolve_job_params(
            params,
            JobGroupParams,
            name=name,
            payload=payload,
            timeout=timeout,
            cancel_on_error=cancel_on_error,
        )
        return JobGroupContext(self, worker_names, params=params)  # type: ignore[arg-type]

    async def request_job(
        self,
        worker_name: str,
        *,
        params: JobParams | None = None,
        name: str | None = None,
        payload: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> str:
        """Give a job to a worker, as soon as that is ready, and go on.

        Args:
            worker_name: Name of the worker.
            params: How the job is done.
            name: Deprecated; see `JobParams.name`.
            payload: Deprecated; see `JobParams.payload`.
            timeout: Deprecated; see `JobParams.timeout`.

        Returns:
            Identifier of the job; what becomes of it is told in the `on_job_...` methods.

        Raises:
            JobGroupError: If the worker does not get ready in time.
        """
        from pipecat_rs.pipeline.job_context import JobGroupParams, JobParams, resolve_job_params

        self._check_names((worker_name,))
        params = resolve_job_params(params, JobParams, name=name, payload=payload, timeout=timeout)
        group = await self.create_job_group_and_request_job(
            [worker_name], params=JobGroupParams(**params.model_dump())
        )
        return group.job_id

    async def request_job_group(
        self,
        *worker_names: str,
        params: JobGroupParams | None = None,
        name: str | None = None,
        payload: dict[str, Any] | None = None,
        timeout: float | None = None,
        cancel_on_error: bool | None = None,
    ) -> str:
        """Give a job to several workers, as soon as all are ready, and go on.

        Args:
            *worker_names: Names of the workers.
            params: How the job is done.
            name: Deprecated; see `JobGroupParams.name`.
            payload: Deprecated; see `JobGroupParams.payload`.
            timeout: Deprecated; see `JobGroupParams.timeout`.
            cancel_on_error: Deprecated; see `JobGroupParams.cancel_on_error`.

        Returns:
            Identifier of the job; what becomes of it is told in the `on_job_...` methods.

        Raises:
            JobGroupError: If the workers do not get ready in time.
        """
        from pipecat_rs.pipeline.job_context import JobGroupParams, resolve_job_params

        self._check_names(worker_names)
        params = resolve_job_params(
            params,
            JobGroupParams,
            name=name,
            payload=payload,
            timeout=timeout,
            cancel_on_error=cancel_on_error,
        )
        group = await self.create_job_group_and_request_job(list(worker_names), params=params)
        return group.job_id

    async def create_job_group_and_request_job(
        self,
        worker_names: list[str],
        *,
        params: JobGroupParams | None = None,
        name: str | None = None,
        payload: dict[str, Any] | None = None,
        timeout: float | None = None,
        cancel_on_error: bool | None = None,
    ) -> JobGroup:
        """Wait until some workers are ready and give them a job.

        Args:
            worker_names: Names of the workers.
            params: How the job is done.
            name: Deprecated; see `JobGroupParams.name`.
            payload: Deprecated; see `JobGroupParams.payload`.
            timeout: Deprecated; see `JobGroupParams.timeout`.
            cancel_on_error: Deprecated; see `JobGroupParams.cancel_on_error`.

        Returns:
            The job in progress; `await group.wait()` waits for the answers.

        Raises:
            JobGroupError: If the workers do not get ready in time, or one of them has finished.
            WorkerStateError: If this worker has no runner.
        """
        from pipecat_rs.bus.messages import BusJobRequestMessage
        from pipecat_rs.pipeline.job_context import JobGroup, JobGroupParams, resolve_job_params

        params = resolve_job_params(
            params,
            JobGroupParams,
            name=name,
            payload=payload,
            timeout=timeout,
            cancel_on_error=cancel_on_error,
        )
        loop = asyncio.get_running_loop()
        until = None if params.timeout is None else loop.time() + params.timeout
        await self._wait_until_ready(worker_names, params)

        group = JobGroup(
            job_id=str(uuid.uuid4()),
            worker_names=list(worker_names),
            cancel_on_error=params.cancel_on_error,
            label=params.label,
            cancellable=params.cancellable,
            name=params.name,
        )
        self.job_groups[group.job_id] = group
        if until is not None:
            group.timeout_task = loop.call_at(until, self._timed_out, group.job_id)
        for worker_name in worker_names:
            await self.send_bus_message(
                BusJobRequestMessage(
                    source=self.name,
                    target=worker_name,
                    job_id=group.job_id,
                    job_name=params.name,
                    payload=params.payload,
                )
            )
        if not worker_names:
            del self.job_groups[group.job_id]
            group.complete()
        return group

    async def cancel_job_group(self, job_id: str, *, reason: str | None = None) -> None:
        """Cancel a job that this worker has given. Without effect if it is over.

        Args:
            job_id: Identifier of the job.
            reason: Why.
        """
        from pipecat_rs.bus.messages import BusJobCancelMessage

        group = self.job_groups.pop(job_id, None)
        if group is None:
            return
        try:
            for worker_name in group.worker_names:
                await self.send_bus_message(
                    BusJobCancelMessage(
                        source=self.name, target=worker_name, job_id=job_id, reason=reason
                    )
                )
        finally:
            group.fail(reason)

    async def request_cancel_job_group(self, job_id: str, *, reason: str | None = None) -> bool:
        """Cancel a job for somebody outside, if its `cancellable` allows that.

        Args:
            job_id: Identifier of the job.
            reason: Why.

        Returns:
            Whether it is cancelled.
        """
        group = self.job_groups.get(job_id)
        if group is None or not group.cancellable:
            return False
        await self.cancel_job_group(job_id, reason=reason)
        return True

    async def request_job_update(self, job_id: str, worker_name: str) -> None:
        """Ask a worker how a job goes on; it answers in `on_job_update`.

        Args:
            job_id: Identifier of the job.
            worker_name: Name of the worker.
        """
        from pipecat_rs.bus.messages import BusJobUpdateRequestMessage

        await self.send_bus_message(
            BusJobUpdateRequestMessage(source=self.name, target=worker_name, job_id=job_id)
        )

    # ---- what becomes of them

    async def on_job_response(
        self, message: BusJobResponseMessage | BusJobResponseUrgentMessage
    ) -> None:
        """Hear that a worker has answered."""

    async def on_job_update(self, message: BusJobUpdateMessage | BusJobUpdateUrgentMessage) -> None:
        """Hear how a job goes on."""

    async def on_job_completed(self, result: JobGroupResponse) -> None:
        """Hear that all workers have answered."""

    async def on_job_error(
        self, message: BusJobResponseMessage | BusJobResponseUrgentMessage
    ) -> None:
        """Hear that a worker has failed, and that the job is cancelled for that."""

    async def on_job_stream_start(self, message: BusJobStreamStartMessage) -> None:
        """Hear that a worker's results come in pieces from now on."""

    async def on_job_stream_data(self, message: BusJobStreamDataMessage) -> None:
        """Hear a piece of a worker's results."""

    async def on_job_stream_end(self, message: BusJobStreamEndMessage) -> None:
        """Hear that a worker's results are complete."""

    # ---- waiting for workers

    def _check_names(self, worker_names: tuple[Any, ...]) -> None:
        for name in worker_names:
            if not isinstance(name, str):
                raise TypeError(
                    f"{self}: a job is given to workers by their names, not to {name!r}. "
                    "Write worker.name."
                )

    async def _wait_until_ready(self, worker_names: list[str], params: JobGroupParams) -> None:
        registry = self._registry
        if registry is None:
            raise WorkerStateError(
                f"{self} has no runner, and so nobody to give a job to",
                hint="add it to a WorkerRunner with add_workers()",
            )
        if self._has_stopped:
            raise self._not_ready(worker_names, params, f"'{self.name}' itself has finished")
        while True:
            gone = [name for name in worker_names if registry.has_finished(name)]
            if gone:
                raise self._not_ready(gone, params, "it has finished")
            missing = [name for name in worker_names if name not in registry]
            if not missing:
                return
            await self._wait_for_missing(registry, missing, params)

    async def _wait_for_missing(
        self, registry: WorkerRegistry, missing: list[str], params: JobGroupParams
    ) -> None:
        left = set(missing)
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def on_ready(data: WorkerReadyData) -> None:
            left.discard(data.worker_name)
            if not left and not ready.done():
                ready.set_result(None)

        if self._ready_waits is None:
            self._ready_waits = {}
        self._ready_waits[ready] = tuple(missing)
        try:
            for name in missing:
                await registry.watch(name, on_ready)
            await asyncio.wait_for(ready, params.timeout)
        except TimeoutError:
            raise self._not_ready(sorted(left), params, "timeout") from None
        except _WorkerGoneError as gone:
            raise self._not_ready([gone.worker], params, "it has finished") from None
        except _RequesterGoneError:
            raise self._not_ready(
                sorted(left), params, f"'{self.name}' itself has finished"
            ) from None
        finally:
            del self._ready_waits[ready]
            for name in missing:
                registry.unwatch(name, on_ready)

    def _not_ready(self, names: list[str], params: JobGroupParams, why: str) -> Exception:
        from pipecat_rs.pipeline.job_context import JobGroupError

        job = f"job '{params.name}'" if params.name else "a job"
        return JobGroupError(
            f"{self}: {job} was not given, workers not ready: "
            + ", ".join(f"'{name}'" for name in names)
            + f" ({why})",
            hint="is a worker of that name added to the runner, and does it still run?",
        )

    # ---- messages

    async def _handle_job_response(
        self, message: BusJobResponseMessage | BusJobResponseUrgentMessage
    ) -> None:
        self._worker_is_done(message.job_id, message.source)
        await self.on_job_response(message)
        await self._call_event_handler("on_job_response", message)
        if message.status in (JobStatus.ERROR, JobStatus.FAILED):
            group = self.job_groups.get(message.job_id)
            if group is not None and group.cancel_on_error:
                group.responses[message.source] = message.response or {}
                await self.on_job_error(message)
                await self._call_event_handler("on_job_error", message)
                said = (message.response or {}).get("error")
                reason = f"worker '{message.source}' errored" + (f": {said}" if said else "")
                await self.cancel_job_group(message.job_id, reason=reason)
                return
        await self._take_response(message.job_id, message.source, message.response)

    async def _handle_job_update(
        self, message: BusJobUpdateMessage | BusJobUpdateUrgentMessage
    ) -> None:
        await self.on_job_update(message)
        await self._call_event_handler("on_job_update", message)
        self._tell_block("update", message.job_id, message.source, message.update)

    async def _handle_job_stream_start(self, message: BusJobStreamStartMessage) -> None:
        await self.on_job_stream_start(message)
        await self._call_event_handler("on_job_stream_start", message)
        self._tell_block("stream_start", message.job_id, message.source, message.data)

    async def _handle_job_stream_data(self, message: BusJobStreamDataMessage) -> None:
        await self.on_job_stream_data(message)
        await self._call_event_handler("on_job_stream_data", message)
        self._tell_block("stream_data", message.job_id, message.source, message.data)

    async def _handle_job_stream_end(self, message: BusJobStreamEndMessage) -> None:
        self._worker_is_done(message.job_id, message.source)
        await self.on_job_stream_end(message)
        await self._call_event_handler("on_job_stream_end", message)
        self._tell_block("stream_end", message.job_id, message.source, message.data)
        await self._take_response(message.job_id, message.source, message.data)

    async def _handle_worker_gone(self, message: Any) -> None:
        """A worker is over, and all that it had to say has been heard."""
        name = message.worker_name
        for group in list((self._job_groups or {}).values()):
            if name in group.worker_names and name not in group.terminated:
                await self.cancel_job_group(
                    group.job_id, reason=f"worker '{name}' has finished before it answered"
                )

    def _worker_is_done(self, job_id: str, worker_name: str) -> None:
        group = self.job_groups.get(job_id)
        if group is not None:
            group.terminated.add(worker_name)

    def _tell_block(
        self, event: str, job_id: str, worker_name: str, data: dict[str, Any] | None
    ) -> None:
        from pipecat_rs.pipeline.job_context import JobGroupEvent

        group = self.job_groups.get(job_id)
        if group is not None and group.event_queue is not None:
            group.event_queue.put_nowait(JobGroupEvent(event, worker_name, data))

    async def _take_response(
        self, job_id: str, worker_name: str, response: dict[str, Any] | None
    ) -> None:
        from pipecat_rs.pipeline.job_context import JobGroupResponse

        group = self.job_groups.get(job_id)
        if group is None:
            return
        group.responses[worker_name] = response or {}
        if not group.responses.keys() >= set(group.worker_names):
            return
        del self.job_groups[job_id]
        try:
            result = JobGroupResponse(job_id=job_id, responses=group.responses)
            await self.on_job_completed(result)
            await self._call_event_handler("on_job_completed", result)
        finally:
            group.complete()

    # ---- ends that nobody has asked for

    def _timed_out(self, job_id: str) -> None:
        """Cancel a job whose time is over; called by its timer."""

        async def cancel(_: object) -> None:
            await self.cancel_job_group(job_id, reason="timeout")

        self._run_in_event_task("timeout", self._run_handler("timeout", cancel))

    def _peer_gone(self, worker_name: str) -> bool:
        """Hear from the runner that a worker is over.

        Returns:
            Whether a job waits for it, so that a message behind its answers is due.
        """
        for ready, names in list((self._ready_waits or {}).items()):
            if worker_name in names and not ready.done():
                ready.set_exception(_WorkerGoneError(worker_name))
        groups = (self._job_groups or {}).values()
        return any(
            worker_name in group.worker_names and worker_name not in group.terminated
            for group in groups
        )

    async def _stop_requests(self) -> None:
        """Cancel every job that this worker has given."""
        for ready in list(self._ready_waits or ()):
            if not ready.done():
                ready.set_exception(_RequesterGoneError())
        for job_id in list(self._job_groups or ()):
            await self.cancel_job_group(job_id, reason=f"worker '{self.name}' stopped")


class _WorkerGoneError(Exception):
    """A worker that is waited for is over."""

    def __init__(self, worker: str) -> None:
        super().__init__(worker)
        self.worker = worker


class _RequesterGoneError(Exception):
    """Who waits is over."""
