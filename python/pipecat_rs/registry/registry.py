"""The register of workers: who is ready, and who waits for whom."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from pipecat_rs.registry.types import WorkerReadyData

__all__ = ["WatchHandler", "WorkerRegistry"]

_logger = logging.getLogger(__name__)

WatchHandler = Callable[[WorkerReadyData], Awaitable[None]]
"""What a watcher is called with when its worker is ready."""

_REMEMBERED = 1024
"""Names of finished workers that are kept: enough to tell late requests what happened."""


class WorkerRegistry:
    """The workers of one runner, and those that other runners have told of.

    A name is registered once. A worker that has finished leaves the register; its name is
    remembered for a while, so that a request to it fails at once and does not wait for it.
    """

    def __init__(self, runner_name: str) -> None:
        """Make an empty register.

        Args:
            runner_name: Name of the runner whose register it is.
        """
        self._runner_name = runner_name
        self._workers: dict[str, dict[str, WorkerReadyData]] = {runner_name: {}}
        self._watches: dict[str, list[WatchHandler]] = {}
        self._finished: dict[str, None] = {}

    @property
    def runner_name(self) -> str:
        """Name of the runner whose register it is."""
        return self._runner_name

    @property
    def local_workers(self) -> list[str]:
        """Names of the workers of this runner."""
        return list(self._workers[self._runner_name])

    @property
    def remote_workers(self) -> list[str]:
        """Names of the workers of other runners."""
        return [
            name
            for runner, workers in self._workers.items()
            if runner != self._runner_name
            for name in workers
        ]

    def get(self, worker_name: str) -> WorkerReadyData | None:
        """Return what is known of a worker, this runner's first; None if it is not ready."""
        for workers in self._workers.values():
            if worker_name in workers:
                return workers[worker_name]
        return None

    def __contains__(self, worker_name: str) -> bool:
        return self.get(worker_name) is not None

    def has_finished(self, worker_name: str) -> bool:
        """Return whether a worker of this name has been ready, and is over."""
        return worker_name in self._finished and worker_name not in self

    async def watch(self, worker_name: str, handler: WatchHandler) -> None:
        """Call a function each time that a worker gets ready; at once if it is.

        The same function is added for a name once.

        Args:
            worker_name: Name of the worker.
            handler: The function.
        """
        handlers = self._watches.setdefault(worker_name, [])
        if handler in handlers:
            return
        handlers.append(handler)
        ready = self.get(worker_name)
        if ready is not None:
            await handler(ready)

    def unwatch(self, worker_name: str, handler: WatchHandler) -> None:
        """Call a function no more, if it is there."""
        handlers = self._watches.get(worker_name, [])
        if handler in handlers:
            handlers.remove(handler)
        if not handlers:
            self._watches.pop(worker_name, None)

    async def register(self, worker_data: WorkerReadyData) -> bool:
        """Enter a worker and tell those who watch for it.

        Args:
            worker_data: The worker.

        Returns:
            Whether it is new.
        """
        name, runner = worker_data.worker_name, worker_data.runner
        workers = self._workers.setdefault(runner, {})
        if name in workers:
            return False
        other = self.get(name)
        if other is not None:
            _logger.warning(
                "worker '%s' is registered on '%s' and '%s'", name, other.runner, runner
            )
        workers[name] = worker_data
        self._finished.pop(name, None)
        for handler in list(self._watches.get(name, ())):
            await handler(worker_data)
        return True

    def unregister(self, worker_name: str) -> None:
        """Take a worker of this runner out: it has finished. Without effect if it is not there."""
        if self._workers[self._runner_name].pop(worker_name, None) is None:
            return
        self._finished[worker_name] = None
        if len(self._finished) > _REMEMBERED:
            del self._finished[next(iter(self._finished))]
