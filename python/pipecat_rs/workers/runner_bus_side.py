"""The side of a runner that faces the bus: what workers ask of it, and other runners tell."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pipecat_rs.bus.subscriber import BusSubscriber
from pipecat_rs.workers.base_worker import BaseWorker

if TYPE_CHECKING:
    from pipecat_rs.bus.bus import WorkerBus
    from pipecat_rs.bus.messages import BusMessage, BusWorkerRegistryMessage
    from pipecat_rs.registry.registry import WorkerRegistry
    from pipecat_rs.registry.types import WorkerReadyData

_logger = logging.getLogger(__name__)


class RunnerEntry:
    """A worker under the runner, and the asyncio task that it runs in, if it has one."""

    __slots__ = ("task", "worker")

    def __init__(self, worker: BaseWorker) -> None:
        self.worker = worker
        self.task: asyncio.Task[None] | None = None


class RunnerBusSide(BusSubscriber):
    """Mixin of `WorkerRunner`. Bus and register are made when somebody needs them."""

    _given_bus: WorkerBus | None
    _bus: WorkerBus | None
    _registry: WorkerRegistry | None
    _entries: dict[str, RunnerEntry]
    _other_runners: set[str]

    if TYPE_CHECKING:

        @property
        def name(self) -> str: ...
        async def add_workers(self, *workers: BaseWorker) -> None: ...
        async def end(self, reason: str | None = None) -> None: ...
        async def cancel(self, reason: str | None = None) -> None: ...

    @property
    def bus(self) -> WorkerBus:
        """The bus of its workers."""
        if self._bus is None:
            from pipecat_rs.bus.local.async_queue import AsyncQueueBus

            self._bus = AsyncQueueBus()
        return self._bus

    @property
    def registry(self) -> WorkerRegistry:
        """The register of workers."""
        if self._registry is None:
            from pipecat_rs.registry.registry import WorkerRegistry

            self._registry = WorkerRegistry(self.name)
        return self._registry

    def _passes_over(self, message: BusMessage) -> bool:
        from pipecat_rs.bus import messages

        heard = (
            messages.BusEndMessage,
            messages.BusCancelMessage,
            messages.BusAddWorkerMessage,
            messages.BusWorkerRegistryMessage,
        )
        is_own = type(self).on_bus_message is RunnerBusSide.on_bus_message
        return is_own and not isinstance(message, heard)

    async def on_bus_message(self, message: BusMessage) -> None:
        """Hear what workers ask of the runner, and what other runners tell.

        Args:
            message: The message.
        """
        from pipecat_rs.bus import messages

        if message.source == self.name:
            return
        if isinstance(message, messages.BusEndMessage):
            await self.end(message.reason)
        elif isinstance(message, messages.BusCancelMessage):
            await self.cancel(message.reason)
        elif isinstance(message, messages.BusAddWorkerMessage):
            await self._add_for(message.source, message.worker)
        elif isinstance(message, messages.BusWorkerRegistryMessage):
            await self._hear_of_others(message)

    async def _add_for(self, source: str, worker: BaseWorker) -> None:
        if worker.parent is not None and worker.parent not in self._entries:
            _logger.warning(
                "%s: '%s' is not run, as its parent '%s' is over", self, worker.name, source
            )
            await worker.stop()
        else:
            await self.add_workers(worker)

    async def _hear_of_others(self, message: BusWorkerRegistryMessage) -> None:
        from pipecat_rs.registry.types import WorkerReadyData

        for entry in message.workers:
            await self.registry.register(
                WorkerReadyData(worker_name=entry.name, runner=message.runner)
            )
        if message.runner not in self._other_runners:
            self._other_runners.add(message.runner)
            await self._tell_others()

    async def _on_worker_ready(self, data: WorkerReadyData) -> None:
        entry = self._entries.get(data.worker_name)
        is_ours = data.runner == self.name and entry is not None and entry.worker.parent is None
        # A bus of its own has no other runner, until one has been heard.
        if is_ours and (self._given_bus is not None or self._other_runners):
            await self._tell_others()

    async def _tell_others(self) -> None:
        from pipecat_rs.bus.messages import BusWorkerRegistryMessage
        from pipecat_rs.registry.types import WorkerRegistryEntry

        workers = [
            WorkerRegistryEntry(
                name=entry.worker.name,
                parent=entry.worker.parent,
                active=entry.worker.active,
                bridged=entry.worker.bridged,
                started_at=entry.worker.started_at,
            )
            for entry in self._entries.values()
        ]
        if workers:
            await self.bus.send(
                BusWorkerRegistryMessage(source=self.name, runner=self.name, workers=workers)
            )
