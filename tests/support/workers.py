"""Workers under a runner."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from pipecat_rs.bus import BusMessage
from pipecat_rs.pipeline.runner import WorkerRunner
from pipecat_rs.registry.types import WorkerReadyData
from pipecat_rs.workers.base_worker import BaseWorker

from support.waiting import until, within


@asynccontextmanager
async def running_workers(*workers: BaseWorker, **options: Any) -> AsyncIterator[WorkerRunner]:
    """Run workers until the block is left, and then to their end.

    Inside of the block all of them are ready.
    """
    runner = WorkerRunner(handle_sigint=False, **options)
    await runner.add_workers(*workers)
    run = asyncio.create_task(runner.run())
    try:
        for worker in workers:
            await is_ready(runner, worker.name)
        yield runner
    finally:
        await runner.cancel(reason="the test is over")
        await within(run)


async def is_ready(runner: WorkerRunner, name: str) -> None:
    """Wait until a worker is ready."""
    ready = asyncio.Event()

    async def heard(_: WorkerReadyData) -> None:
        ready.set()

    await runner.registry.watch(name, heard)
    await within(ready.wait())
    runner.registry.unwatch(name, heard)


class Listener(BaseWorker):
    """Hears every message of the bus, in `heard`."""

    def __init__(self, name: str = "listener", **options: Any) -> None:
        super().__init__(name, **options)
        self.heard: list[BusMessage] = []

    async def on_bus_message(self, message: BusMessage) -> None:
        self.heard.append(message)
        await super().on_bus_message(message)

    def of(self, message_class: type[BusMessage]) -> list[Any]:
        """Return the messages of a class."""
        return [message for message in self.heard if isinstance(message, message_class)]

    async def wait_for(
        self, message_class: type[BusMessage], which: Callable[[Any], bool] = lambda _: True
    ) -> Any:
        """Wait for a message of a class."""
        await until(lambda: any(which(message) for message in self.of(message_class)))
        return next(message for message in self.of(message_class) if which(message))
