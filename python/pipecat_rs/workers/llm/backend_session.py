"""A frontend's side of what it has with its backend."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pipecat_rs.exceptions import WorkerStateError
from pipecat_rs.pipeline.job_context import (
    JobError,
    JobEvent,
    JobGroup,
    JobGroupError,
    JobGroupParams,
    JobParams,
)
from pipecat_rs.workers.llm.backend_events import ATTACHED_UPDATE_TYPE, BackendEvent, event_of

if TYPE_CHECKING:
    from typing import Self

    from pipecat_rs.workers.base_worker import BaseWorker

ATTACH_JOB_NAME = "attach"
"""Name of the job which lasts as long as a frontend hears its backend."""

MESSAGE_JOB_NAME = "message"
"""Name of the job which puts a request to the backend."""


class BackendSession:
    """A block in which a worker hears a backend, with `async for`, and puts requests to it.

    The backend stops its work when the block is left. The iteration ends when the backend is over.

    Attributes:
        detached: Whether the iteration has ended because this side has left.
    """

    def __init__(
        self, worker: BaseWorker, backend_name: str, *, timeout_secs: float | None = 30
    ) -> None:
        """Prepare a session; it begins with the block.

        Args:
            worker: The worker whose session it is.
            backend_name: Name of the backend.
            timeout_secs: Longest time for a request to be taken in, in seconds; None for no limit.
        """
        self._worker = worker
        self._backend_name = backend_name
        self._timeout_secs = timeout_secs
        self._group: JobGroup | None = None
        self._capabilities: dict[str, bool] = {}
        self.detached = False

    @property
    def backend_name(self) -> str:
        """Name of the backend."""
        return self._backend_name

    @property
    def capabilities(self) -> dict[str, bool]:
        """What the backend can do, once it has said so."""
        return self._capabilities

    async def __aenter__(self) -> Self:
        self._group = await self._worker.create_job_group_and_request_job(
            [self._backend_name], params=JobGroupParams(name=ATTACH_JOB_NAME)
        )
        self._group.event_queue = asyncio.Queue()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool:
        """Leave the backend, which stops its work."""
        await self.close()
        return False

    async def close(self) -> None:
        """Leave the backend, which stops its work. May be called again."""
        if self._group is not None and not self._group.is_done:
            self.detached = True
            leaving = self._worker.cancel_job_group(
                self._group.job_id, reason="the frontend has left"
            )
            await asyncio.shield(asyncio.ensure_future(leaving))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> BackendEvent:
        if self._group is None or self._group.event_queue is None:
            raise WorkerStateError(
                f"{self._worker}: the session with '{self._backend_name}' has not begun",
                hint="enter its block first",
            )
        while (event := await self._group.event_queue.get()) is not None:
            data = event.data
            if event.type != JobEvent.UPDATE or not data:
                continue
            if data.get("type") == ATTACHED_UPDATE_TYPE:
                self._capabilities = dict(data.get("capabilities") or {})
            elif (found := event_of(data)) is not None:
                return found
        await self._raise_what_went_wrong(self._group)
        raise StopAsyncIteration

    async def _raise_what_went_wrong(self, group: JobGroup) -> None:
        try:
            await group.wait()
        except JobGroupError as error:
            if not group.responses:  # no answer of the backend: this side has left, or it is gone
                self.detached = self.detached or self._worker._has_stopped
                if self.detached:
                    return
            raise JobError(*error.args, hint=error.hint) from error

    async def send(self, request: str) -> str:
        """Put a request to the backend.

        Args:
            request: The request.

        Returns:
            What the backend was at when it came: ``"idle"`` or ``"working"``.

        Raises:
            JobError: If the backend refuses it, or does not take it in in time.
        """
        params = JobParams(
            name=MESSAGE_JOB_NAME, payload={"request": request}, timeout=self._timeout_secs
        )
        async with self._worker.job(self._backend_name, params=params) as asked:
            pass
        response: dict[str, Any] = asked.response
        return str(response.get("backend") or "idle")
