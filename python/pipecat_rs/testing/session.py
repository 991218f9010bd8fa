"""Runs a pipeline task beside a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pipecat_rs.pipeline.task import PipelineTask

__all__ = ["running"]


@asynccontextmanager
async def running(
    task: PipelineTask, *, wait_for_start: bool = True, timeout: float = 10.0
) -> AsyncIterator[asyncio.Task[None]]:
    """Run a pipeline task in the background for the length of a `with` block.

    A task that is still going when the block is left is cancelled, so that a failing test leaves
    nothing behind.

    Args:
        task: The task, not yet run.
        wait_for_start: Enter the block only once the StartFrame has reached the end of the
            pipeline (or the run is over already).
        timeout: Seconds allowed for the start, and for the end once the block has been left.

    Yields:
        The asyncio task that awaits `task.run()`.

    Raises:
        TimeoutError: The pipeline did not start or did not end in time.
    """
    started = asyncio.Event()
    task.add_event_handler("on_pipeline_started", lambda *_: started.set())
    run = asyncio.create_task(task.run())
    begun = asyncio.create_task(started.wait())
    try:
        if wait_for_start:
            done, _ = await asyncio.wait(
                {run, begun}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                raise TimeoutError(f"{task.name} did not start within {timeout} s")
        yield run
    finally:
        begun.cancel()
        if not run.done():
            await task.cancel()
        await asyncio.wait({run, begun}, timeout=timeout)
        if not run.done():
            run.cancel()
            raise TimeoutError(f"{task.name} did not end within {timeout} s")
        if not run.cancelled():
            run.result()
