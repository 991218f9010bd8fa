"""The package under test, by name, and the few things that every workload does with it."""

import asyncio
import gc
import time
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from .figure import Scale

BARE = {"enable_rtvi": False, "enable_turn_tracking": False, "idle_timeout_secs": None}
SETUPS: dict[str, dict[str, Any]] = {"bare": BARE, "default": {}}


class Api:
    """The public names of one package: `pipecat` or `pipecat_rs`.

    Args:
        package: The name to import from.
        uvloop: Whether further processes that a workload starts use uvloop too.
    """

    def __init__(self, package: str, uvloop: bool = False) -> None:
        if package == "pipecat":
            from loguru import logger

            logger.remove()
        self.package = package
        self.uvloop = uvloop
        self.frames = import_module(f"{package}.frames.frames")
        processor = import_module(f"{package}.processors.frame_processor")
        self.FrameProcessor: Any = processor.FrameProcessor
        self.Pipeline: Any = import_module(f"{package}.pipeline.pipeline").Pipeline
        self.PipelineTask: Any = import_module(f"{package}.pipeline.task").PipelineTask
        self.PipelineRunner: Any = import_module(f"{package}.pipeline.runner").PipelineRunner
        # Both keep deprecated names that users still write; the warning is not the subject.
        warnings.simplefilter("ignore", DeprecationWarning)

    def module(self, path: str) -> Any:
        """A further module of the package, such as `pipeline.parallel_pipeline`."""
        return import_module(f"{self.package}.{path}")

    def text_frames(self, count: int) -> list[Any]:
        """New data frames; always new, since a fan-out drops an id that it has seen."""
        return [self.frames.TextFrame("a") for _ in range(count)]

    def pass_through(self) -> type[Any]:
        """The smallest processor that a user writes: hands everything on."""

        class PassThrough(self.FrameProcessor):
            async def process_frame(self, frame: Any, direction: Any) -> None:
                await super().process_frame(frame, direction)
                await self.push_frame(frame, direction)

        return PassThrough

    def sink(self, counted: type[Any]) -> Any:
        """A last processor that counts frames of a class and says when all have come."""

        class Sink(self.FrameProcessor):
            def expect(self, count: int) -> asyncio.Future[None]:
                self.left = count
                self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                return self.done

            async def process_frame(self, frame: Any, direction: Any) -> None:
                await super().process_frame(frame, direction)
                if isinstance(frame, counted):
                    self.left -= 1
                    if self.left == 0:
                        self.arrived_ns = time.perf_counter_ns()
                        self.done.set_result(None)
                await self.push_frame(frame, direction)

        return Sink()

    @asynccontextmanager
    async def running(self, processors: Sequence[Any], setup: str = "bare") -> AsyncIterator[Any]:
        """A started task of these processors; cancelled on the way out.

        Args:
            processors: The pipeline.
            setup: "bare" (no RTVI, no turn tracking, no idle watch) or "default".

        Yields:
            The task, after its StartFrame has reached the end.
        """
        task, started, ran = self.launch(processors, setup)
        await asyncio.wait_for(started.wait(), 30)
        yield task
        await task.cancel()
        await asyncio.wait_for(ran, 30)

    def launch(
        self, processors: Sequence[Any], setup: str = "bare"
    ) -> tuple[Any, asyncio.Event, asyncio.Task[None]]:
        """Start a task; returns it, the event of its start and the asyncio task that runs it."""
        task = self.PipelineTask(self.Pipeline(list(processors)), **SETUPS[setup])
        started = asyncio.Event()

        @task.event_handler("on_pipeline_started")
        async def on_pipeline_started(*_: Any) -> None:
            started.set()

        runner = self.PipelineRunner(handle_sigint=False)
        return task, started, asyncio.create_task(runner.run(task))


async def bulk_cpu_us(
    task: Any, sink: Any, make_frames: Callable[[], list[Any]], expected: int, scale: Scale
) -> float:
    """CPU time of the whole process for each frame of a batch queued at once.

    The frames are made, and garbage collected, outside of the timed part. One batch warms up.

    Args:
        task: A running task.
        sink: Its sink, see `Api.sink`.
        make_frames: Makes one batch.
        expected: How many frames of a batch the sink counts.
        scale: How long to go on.

    Returns:
        The least of all batches, in µs a frame.
    """
    least, spent, batches = float("inf"), 0, -1
    while batches < scale.least_batches or spent < scale.batch_secs * 1e9:
        frames = make_frames()
        done = sink.expect(expected)
        gc.collect()
        begin = time.process_time_ns()
        await task.queue_frames(frames)
        await done
        took = time.process_time_ns() - begin
        if batches >= 0:
            spent += took
            least = min(least, took / len(frames) / 1000)
        batches += 1
        await asyncio.sleep(0)
    return least
