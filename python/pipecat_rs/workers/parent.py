"""The side of a worker that has children: they are run, ended and cancelled with it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipecat_rs.bus.bus import WorkerBus
    from pipecat_rs.bus.messages import (
        BusCancelWorkerMessage,
        BusEndWorkerMessage,
        BusMessage,
        BusWorkerErrorMessage,
        BusWorkerLocalErrorMessage,
    )
    from pipecat_rs.registry.types import WorkerErrorData
    from pipecat_rs.workers.base_worker import BaseWorker

_logger = logging.getLogger(__name__)


class Parent:
    """Mixin of workers: adds children, which the same runner runs."""

    _parent: str | None = None
    _children: list[BaseWorker] | None = None
    _unannounced: list[tuple[BaseWorker, bool]] | None = None

    if TYPE_CHECKING:
        _bus: WorkerBus | None

        @property
        def name(self) -> str: ...
        async def send_bus_message(self, message: BusMessage) -> None: ...
        async def watch_workers(self, *worker_names: str) -> None: ...
        async def _call_event_handler(self, event_name: str, *args: Any) -> None: ...

    @property
    def parent(self) -> str | None:
        """Name of its parent, or None for a root worker."""
        return self._parent

    @property
    def children(self) -> list[BaseWorker]:
        """The workers that it has added."""
        if self._children is None:
            self._children = []
        return self._children

    async def add_workers(self, *workers: BaseWorker, watch: bool = True) -> None:
        """Add children: the runner runs them, and they end and are cancelled with this one.

        Without a runner they wait until there is one.

        Args:
            *workers: The children. One that has a parent already is left alone, with a warning.
            watch: Whether `on_worker_ready` is called when each is ready.
        """
        for worker in workers:
            if worker._parent is not None:
                _logger.warning(
                    "%s: '%s' already has the parent '%s'", self, worker.name, worker._parent
                )
                continue
            worker._parent = self.name
            self.children.append(worker)
            if self._bus is None:
                self._unannounced = [*(self._unannounced or []), (worker, watch)]
            else:
                await self._announce(worker, watch)

    async def _announce(self, child: BaseWorker, watch: bool) -> None:
        from pipecat_rs.bus.messages import BusAddWorkerMessage

        await self.send_bus_message(BusAddWorkerMessage(source=self.name, worker=child))
        if watch:
            await self.watch_workers(child.name)

    async def _announce_all(self) -> None:
        """Tell the runner of the children that were added before there was one."""
        waiting, self._unannounced = self._unannounced or [], None
        for child, watch in waiting:
            await self._announce(child, watch)

    async def on_worker_failed(self, data: WorkerErrorData) -> None:
        """Hear that something went wrong in a child.

        Args:
            data: What went wrong.
        """

    async def _handle_worker_error(
        self, message: BusWorkerErrorMessage | BusWorkerLocalErrorMessage
    ) -> None:
        from pipecat_rs.registry.types import WorkerErrorData

        if any(child.name == message.source for child in self._children or ()):
            data = WorkerErrorData(worker_name=message.source, error=message.error)
            await self.on_worker_failed(data)
            await self._call_event_handler("on_worker_failed", data)

    def _running_children(self) -> list[BaseWorker]:
        """Return the children that a runner has, and that are not over."""
        return [
            child
            for child in self._children or ()
            if child._worker_runner is not None and not child._has_stopped
        ]

    async def _propagate_end_to_children(self, message: BusEndWorkerMessage) -> None:
        """End the children in order, and wait for them."""
        children = self._running_children()
        if children:
            await asyncio.gather(*(self._end_child(child, message.reason) for child in children))

    async def _end_child(self, child: BaseWorker, reason: str | None) -> None:
        from pipecat_rs.bus.messages import BusCancelWorkerMessage, BusEndWorkerMessage

        await self.send_bus_message(
            BusEndWorkerMessage(source=self.name, target=child.name, reason=reason)
        )
        try:
            await asyncio.wait_for(child.wait(), child._end_limit_secs)
        except TimeoutError:
            _logger.error(
                "%s: the child '%s' has not ended in %s s and is cancelled. "
                "Let its run() return when it is told to end.",
                self,
                child.name,
                child._end_limit_secs,
            )
            await self.send_bus_message(
                BusCancelWorkerMessage(source=self.name, target=child.name, reason=reason)
            )

    async def _propagate_cancel_to_children(self, message: BusCancelWorkerMessage) -> None:
        """Cancel the children."""
        from pipecat_rs.bus.messages import BusCancelWorkerMessage

        for child in self._running_children():
            await self.send_bus_message(
                BusCancelWorkerMessage(source=self.name, target=child.name, reason=message.reason)
            )
