"""What becomes of jobs that were given: answers, updates, streams of results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipecat_rs.pipeline.job_status import JobStatus

if TYPE_CHECKING:
    from pipecat_rs.bus.messages import (
        BusJobResponseMessage,
        BusJobResponseUrgentMessage,
        BusJobStreamDataMessage,
        BusJobStreamEndMessage,
        BusJobStreamStartMessage,
        BusJobUpdateMessage,
        BusJobUpdateUrgentMessage,
    )
    from pipecat_rs.pipeline.job_context import JobGroup, JobGroupResponse


class JobAnswers:
    """Mixin of workers: hears those that do its jobs, and tells whoever waits for the results."""

    if TYPE_CHECKING:

        @property
        def job_groups(self) -> dict[str, JobGroup]: ...
        async def cancel_job_group(self, job_id: str, *, reason: str | None = None) -> None: ...
        async def _call_event_handler(self, event_name: str, *args: Any) -> None: ...

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
