"""The side of a worker that gives jobs to others."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from pipecat_rs.workers.job_answers import JobAnswers
from pipecat_rs.workers.worker_waits import WorkerWaits

if TYPE_CHECKING:
    from pipecat_rs.bus.messages import (
        BusMessage,
    )
    from pipecat_rs.pipeline.job_context import (
        JobContext,
        JobGroup,
        JobGroupContext,
        JobGroupParams,
        JobParams,
    )


class JobRequester(WorkerWaits, JobAnswers):
    """Mixin of workers: gives jobs to other workers and hears what becomes of them.

    A job is over when all its workers have answered, when its time is over, when it is cancelled,
    or when a worker that owes an answer finishes. Nothing is kept before the first job.
    """

    _job_groups: dict[str, JobGroup] | None = None

    if TYPE_CHECKING:

        async def send_bus_message(self, message: BusMessage) -> None: ...
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

    async def _handle_worker_gone(self, message: Any) -> None:
        """A worker is over, and all that it had to say has been heard."""
        name = message.worker_name
        for group in list((self._job_groups or {}).values()):
            if name in group.worker_names and name not in group.terminated:
                await self.cancel_job_group(
                    group.job_id, reason=f"worker '{name}' has finished before it answered"
                )

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
        self._end_waits_for(worker_name)
        groups = (self._job_groups or {}).values()
        return any(
            worker_name in group.worker_names and worker_name not in group.terminated
            for group in groups
        )

    async def _stop_requests(self) -> None:
        """Cancel every job that this worker has given."""
        self._end_all_waits()
        for job_id in list(self._job_groups or ()):
            await self.cancel_job_group(job_id, reason=f"worker '{self.name}' stopped")
