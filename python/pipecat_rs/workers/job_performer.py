"""The side of a worker that does jobs for others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.exceptions import WorkerStateError
from pipecat_rs.pipeline.job_status import JobStatus
from pipecat_rs.workers.marked_methods import marked_methods

if TYPE_CHECKING:
    from pipecat_rs.bus.messages import (
        BusJobCancelMessage,
        BusJobRequestMessage,
        BusJobUpdateRequestMessage,
        BusMessage,
    )

_logger = logging.getLogger(__name__)

HANDLER_CANCEL_TIMEOUT_SECS = 1.0
"""How long a handler of a job may take to answer its cancellation before it is abandoned."""


class JobPerformer:
    """Mixin of workers: does what other workers ask for.

    A request goes to the method that `@job` marks with its name, or else to `on_job_request`,
    in a task of its own. No requester is left without an answer: what a handler raises is answered
    with the status ERROR, and what is not answered when the worker stops with CANCELLED.
    """

    _active_jobs: dict[str, BusJobRequestMessage] | None = None
    _job_handler_tasks: dict[str, asyncio.Task[None]] | None = None
    _job_locks: dict[str, asyncio.Lock] | None = None
    _job_methods: ClassVar[dict[str, str]] = {}

    if TYPE_CHECKING:
        _has_stopped: bool

        @property
        def name(self) -> str: ...
        async def on_bus_message(self, message: BusMessage) -> None: ...
        async def send_bus_message(self, message: BusMessage) -> None: ...
        async def _call_event_handler(self, event_name: str, *args: Any) -> None: ...
        def _has_event_handlers(self, event_name: str) -> bool: ...

    @property
    def active_jobs(self) -> dict[str, BusJobRequestMessage]:
        """The requests that are not answered yet, by identifier of the job."""
        if self._active_jobs is None:
            self._active_jobs = {}
        return self._active_jobs

    @classmethod
    def _collect_job_methods(cls) -> None:
        """Find the methods marked with `@job`, once for each class.

        Raises:
            ValueError: If two are marked with the same name.
        """
        if "_job_methods" not in cls.__dict__:
            cls._job_methods = marked_methods(cls, "job_name", "job")

    # ---- answering

    async def send_job_response(
        self,
        job_id: str,
        response: dict[str, Any] | None = None,
        *,
        status: JobStatus = JobStatus.COMPLETED,
        urgent: bool = False,
    ) -> None:
        """Answer a job: it is over for this worker.

        Args:
            job_id: Identifier of the job.
            response: What came out, or None.
            status: How it went.
            urgent: Whether the answer overtakes what waits with the requester.

        Raises:
            WorkerStateError: If the job is not, or no longer, this worker's.
        """
        from pipecat_rs.bus.messages import BusJobResponseMessage, BusJobResponseUrgentMessage

        request = self._request_of(job_id, "respond to")
        del self.active_jobs[job_id]  # before the message: a second answer is refused
        message_class = BusJobResponseUrgentMessage if urgent else BusJobResponseMessage
        await self.send_bus_message(
            message_class(
                source=self.name,
                target=request.source,
                job_id=job_id,
                response=response,
                status=status,
            )
        )

    async def send_job_update(
        self, job_id: str, update: dict[str, Any] | None = None, *, urgent: bool = False
    ) -> None:
        """Tell the requester how a job goes on.

        Args:
            job_id: Identifier of the job.
            update: How it stands, or None.
            urgent: Whether the message overtakes what waits with the requester.

        Raises:
            WorkerStateError: If the job is not, or no longer, this worker's.
        """
        from pipecat_rs.bus.messages import BusJobUpdateMessage, BusJobUpdateUrgentMessage

        request = self._request_of(job_id, "update")
        message_class = BusJobUpdateUrgentMessage if urgent else BusJobUpdateMessage
        await self.send_bus_message(
            message_class(source=self.name, target=request.source, job_id=job_id, update=update)
        )

    async def send_job_stream_start(self, job_id: str, data: dict[str, Any] | None = None) -> None:
        """Say that the results of a job come in pieces from now on.

        Args:
            job_id: Identifier of the job.
            data: What the pieces are, or None.

        Raises:
            WorkerStateError: If the job is not, or no longer, this worker's.
        """
        from pipecat_rs.bus.messages import BusJobStreamStartMessage

        request = self._request_of(job_id, "stream")
        await self.send_bus_message(
            BusJobStreamStartMessage(
                source=self.name, target=request.source, job_id=job_id, data=data
            )
        )

    async def send_job_stream_data(self, job_id: str, data: dict[str, Any] | None = None) -> None:
        """Send a piece of a job's results.

        Args:
            job_id: Identifier of the job.
            data: The piece, or None.

        Raises:
            WorkerStateError: If the job is not, or no longer, this worker's.
        """
        from pipecat_rs.bus.messages import BusJobStreamDataMessage

        request = self._request_of(job_id, "stream")
        await self.send_bus_message(
            BusJobStreamDataMessage(
                source=self.name, target=request.source, job_id=job_id, data=data
            )
        )

    async def send_job_stream_end(self, job_id: str, data: dict[str, Any] | None = None) -> None:
        """Say that the pieces of a job's results are complete: it is over for this worker.

        Args:
            job_id: Identifier of the job.
            data: The last piece, or None; it is what the requester finds as the response.

        Raises:
            WorkerStateError: If the job is not, or no longer, this worker's.
        """
        from pipecat_rs.bus.messages import BusJobStreamEndMessage

        request = self._request_of(job_id, "stream")
        del self.active_jobs[job_id]
        await self.send_bus_message(
            BusJobStreamEndMessage(
                source=self.name, target=request.source, job_id=job_id, data=data
            )
        )

    def _request_of(self, job_id: str, purpose: str) -> BusJobRequestMessage:
        request = self.active_jobs.get(job_id)
        if request is None:
            raise WorkerStateError(
                f"{self}: no active job '{job_id}' to {purpose}",
                hint="a job is over once it is answered, its stream has ended, or it is cancelled",
            )
        return request

    # ---- what is asked for

    async def on_job_request(self, message: BusJobRequestMessage) -> None:
        """Do a job that no method is marked for. Answer with `send_job_response`."""

    async def on_job_update_requested(self, message: BusJobUpdateRequestMessage) -> None:
        """Answer with `send_job_update` how a job goes on."""

    async def on_job_cancelled(self, message: BusJobCancelMessage) -> None:
        """Clear up behind a job that was taken back; its handler is cancelled already."""

    # ---- messages

    async def _handle_job_request(self, message: BusJobRequestMessage) -> None:
        self.active_jobs[message.job_id] = message
        if self._has_stopped:
            await self._answer_cancelled(message.job_id)
            return
        method = self._job_methods.get(message.job_name) if message.job_name else None
        handler = getattr(self, method) if method else self.on_job_request
        if method is None and not self._takes_any_job():
            await self._answer_unknown(message)
            return
        lock = None
        if message.job_name and getattr(handler, "job_sequential", False):
            if self._job_locks is None:
                self._job_locks = {}
            lock = self._job_locks.setdefault(message.job_name, asyncio.Lock())
        if self._job_handler_tasks is None:
            self._job_handler_tasks = {}
        handling = self._job_handler_tasks[message.job_id] = asyncio.create_task(
            self._run_job_handler(handler, message, lock),
            name=f"{self.name}::job_{message.job_name or 'default'}",
        )
        running = self._job_handler_tasks
        handling.add_done_callback(lambda _: running.pop(message.job_id, None))
        await self._call_event_handler("on_job_request", message)

    def _takes_any_job(self) -> bool:
        """Return whether anything would answer a job that no method is marked for."""
        from pipecat_rs.workers.base_worker import BaseWorker

        cls = type(self)
        return (
            cls.on_job_request is not JobPerformer.on_job_request
            or cls.on_bus_message is not BaseWorker.on_bus_message
            or self._has_event_handlers("on_job_request")
            or self._has_event_handlers("on_bus_message")
        )

    async def _answer_unknown(self, message: BusJobRequestMessage) -> None:
        asked = f"the job '{message.job_name}'" if message.job_name else "a job without a name"
        remedy = f"@job(name={message.job_name!r})" if message.job_name else "on_job_request"
        _logger.error("%s: '%s' asks for %s: no handler", self, message.source, asked)
        await self._answer_error(
            message, f"it has no handler for {asked}. Give it one with {remedy}."
        )

    async def _run_job_handler(
        self,
        handler: Callable[[Any], Awaitable[None]],
        message: BusJobRequestMessage,
        lock: asyncio.Lock | None,
    ) -> None:
        try:
            if lock is None:
                await handler(message)
            else:
                async with lock:
                    await handler(message)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and not current.cancelling():
                # Not taken back: something that the handler awaited was cancelled.
                await self._answer_error(message, "its handler was cancelled")
            raise
        except Exception as error:
            _logger.exception("%s: job '%s' failed", self, message.job_name or message.job_id)
            await self._answer_error(message, f"{type(error).__name__}: {error}")

    async def _answer_error(self, message: BusJobRequestMessage, error: str) -> None:
        if message.job_id in self.active_jobs:
            await self.send_job_response(message.job_id, {"error": error}, status=JobStatus.ERROR)

    async def _answer_cancelled(self, job_id: str) -> None:
        if job_id in self.active_jobs:
            await self.send_job_response(job_id, status=JobStatus.CANCELLED)

    async def _handle_job_update_request(self, message: BusJobUpdateRequestMessage) -> None:
        if message.job_id in self.active_jobs:
            await self.on_job_update_requested(message)
            await self._call_event_handler("on_job_update_requested", message)

    async def _handle_job_cancel(self, message: BusJobCancelMessage) -> None:
        if message.job_id not in self.active_jobs:
            return
        handling = (self._job_handler_tasks or {}).get(message.job_id)
        if handling is not None:
            await self._cancel_handlers([handling])
        try:
            await self.on_job_cancelled(message)
            await self._call_event_handler("on_job_cancelled", message)
        finally:
            await self._answer_cancelled(message.job_id)

    async def _stop_jobs(self) -> None:
        """Answer what is not answered, and cancel the handlers that still run."""
        for job_id in list(self._active_jobs or ()):
            await self._answer_cancelled(job_id)
        await self._cancel_handlers(list((self._job_handler_tasks or {}).values()))

    async def _cancel_handlers(self, handlers: list[asyncio.Task[None]]) -> None:
        current = asyncio.current_task()
        others = [handler for handler in handlers if handler is not current]
        for handler in others:
            handler.cancel()
        if not others:
            return
        _, left = await asyncio.wait(others, timeout=HANDLER_CANCEL_TIMEOUT_SECS)
        for handler in left:
            _logger.error(
                "%s: the handler %s swallows its cancellation and is abandoned. "
                "Let CancelledError through.",
                self,
                handler.get_name(),
            )
