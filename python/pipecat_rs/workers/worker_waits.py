"""Waiting until the workers that a job is for are ready."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pipecat_rs.exceptions import WorkerStateError

if TYPE_CHECKING:
    from pipecat_rs.pipeline.job_context import JobGroupParams
    from pipecat_rs.registry.registry import WorkerRegistry
    from pipecat_rs.registry.types import WorkerReadyData


class WorkerWaits:
    """Mixin of workers: waits for others, until one of them, or this worker, is over."""

    _ready_waits: dict[asyncio.Future[None], tuple[str, ...]] | None = None

    if TYPE_CHECKING:
        _registry: WorkerRegistry | None
        _has_stopped: bool

        @property
        def name(self) -> str: ...

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

    def _end_waits_for(self, worker_name: str) -> None:
        for ready, names in list((self._ready_waits or {}).items()):
            if worker_name in names and not ready.done():
                ready.set_exception(_WorkerGoneError(worker_name))

    def _end_all_waits(self) -> None:
        for ready in list(self._ready_waits or ()):
            if not ready.done():
                ready.set_exception(_RequesterGoneError())


class _WorkerGoneError(Exception):
    """A worker that is waited for is over."""

    def __init__(self, worker: str) -> None:
        super().__init__(worker)
        self.worker = worker


class _RequesterGoneError(Exception):
    """Who waits is over."""
