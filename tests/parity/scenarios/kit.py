"""What scenarios are written with: programs for pipecat, with nothing of either package's own.

A scenario runs a pipeline or asks an object, and returns what a user could observe as data for
JSON. Under pipecat_rs the same imports lead to that package. Nothing waits for time: what is to
happen is waited for, and an orderly end shows that nothing more came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pipecat.frames.frames import (
    ControlFrame,
    DataFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    SystemFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

DOWN = FrameDirection.DOWNSTREAM
UP = FrameDirection.UPSTREAM
PATIENCE_SECS = 10.0

Observed = dict[str, Any]


@dataclass
class Scenario:
    """A scenario, and in what the two packages are meant to differ.

    Attributes:
        run: Returns what is observed.
        differs: Parts of what is observed that differ, each with the reason.
        more: Whether ours may have more in each part: names, say, that theirs has dropped.
    """

    run: Callable[[], Awaitable[Observed]]
    differs: dict[str, str] = field(default_factory=dict)
    more: bool = False


scenarios: dict[str, Scenario] = {}


def scenario(
    *, differs: dict[str, str] | None = None, more: bool = False
) -> Callable[[Callable[[], Awaitable[Observed]]], Callable[[], Awaitable[Observed]]]:
    """Make an async function without arguments a scenario."""

    def register(function: Callable[[], Awaitable[Observed]]) -> Any:
        name = f"{function.__module__}.{function.__name__}"
        scenarios[name] = Scenario(function, differs or {}, more)
        return function

    return register


@dataclass
class Data(DataFrame):
    """Data with a tag to tell it by."""

    tag: Any = None


@dataclass
class Control(ControlFrame):
    """Control with a tag to tell it by."""

    tag: Any = None


@dataclass
class System(SystemFrame):
    """System with a tag to tell it by."""

    tag: Any = None


@dataclass
class Lasting(DataFrame):
    """Data which an interruption leaves alone."""

    tag: Any = None
    interruptible: bool = field(default=False, init=False)


def label(frame: Frame) -> str:
    """A frame's class and what it carries, in short."""
    kind = type(frame).__name__
    for name in ("tag", "text", "error", "reason"):
        value = getattr(frame, name, None)
        if value is not None:
            return f"{kind}({value})"
    return kind


def labels(frames: Iterable[Frame]) -> list[str]:
    """Each frame in short."""
    return [label(frame) for frame in frames]


def arrow(direction: FrameDirection) -> str:
    """A direction in short."""
    return "down" if direction is DOWN else "up"


class Pass(FrameProcessor):
    """Hands every frame on."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class Tap(FrameProcessor):
    """Notes what it sees, and hands it on."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: list[tuple[Frame, FrameDirection]] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.seen.append((frame, direction))
        await self.push_frame(frame, direction)

    def down(self) -> list[str]:
        return [label(frame) for frame, direction in self.seen if direction is DOWN]

    def up(self) -> list[str]:
        return [label(frame) for frame, direction in self.seen if direction is UP]

    def has(self, text: str) -> bool:
        return any(label(frame) == text for frame, _ in self.seen)

    async def wait(self, text: str) -> Frame:
        """Wait for a frame of this label."""
        await until(lambda: self.has(text), f"{self} sees {text}; it has seen {self.seen}")
        return next(frame for frame, _ in self.seen if label(frame) == text)


class Act(FrameProcessor):
    """Awaits an action for each frame that it is told of, and hands every frame on."""

    def __init__(
        self,
        kinds: type[Frame] | tuple[type[Frame], ...],
        action: Callable[[FrameProcessor, Any, FrameDirection], Awaitable[Any]],
        *,
        keep: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kinds = kinds
        self.action = action
        self.keep = keep

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, self.kinds):
            await self.action(self, frame, direction)
            if self.keep:
                return
        await self.push_frame(frame, direction)


class Hold(FrameProcessor):
    """Stays in each data frame until it is let go; notes what it enters and leaves."""

    def __init__(self, kinds: type[Frame] | tuple[type[Frame], ...] = Data, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kinds = kinds
        self.log: list[str] = []
        self._go = asyncio.Semaphore(0)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        text = label(frame)
        if isinstance(frame, self.kinds):
            self.log.append(f"enter {text}")
            try:
                await self._go.acquire()
            except asyncio.CancelledError:
                self.log.append(f"cancelled {text}")
                raise
            self.log.append(f"leave {text}")
        else:
            self.log.append(f"pass {text}")
        await self.push_frame(frame, direction)

    def release(self, count: int = 1) -> None:
        for _ in range(count):
            self._go.release()

    async def wait(self, entry: str) -> None:
        await until(lambda: entry in self.log, f"{self} notes {entry}; it noted {self.log}")


async def waiting(processor: FrameProcessor, kind: type[Frame]) -> None:
    """Wait until a data or control frame of a class waits at a processor."""
    await until(lambda: processor.has_queued_frame(kind), f"{kind.__name__} waits at {processor}")


async def until(condition: Callable[[], Any], what: str = "") -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE_SECS):
        try:
            while not condition():
                await asyncio.sleep(0.0005)
        except asyncio.CancelledError:
            raise TimeoutError(f"in vain: {what}") from None


@dataclass
class Run:
    """A task that runs, with a tap before its processors and one behind.

    Attributes:
        task: The task.
        head: Sees what enters and, upstream, what leaves.
        tail: Sees what leaves.
        finished: The frame it ended with, once it did.
    """

    task: PipelineWorker
    head: Tap
    tail: Tap
    running: asyncio.Task[None]
    finished: list[str] = field(default_factory=list)

    async def queue(self, *frames: Frame, direction: FrameDirection = DOWN) -> None:
        """Queue frames."""
        for frame in frames:
            await self.task.queue_frame(frame, direction)

    async def end(self) -> None:
        """End in order, and wait for the end."""
        await self.task.queue_frame(EndFrame())
        await self.done()

    async def cancel(self) -> None:
        """Cancel, and wait for the end."""
        await self.task.cancel()
        await self.done()

    async def done(self) -> None:
        """Wait for the end."""
        async with asyncio.timeout(PATIENCE_SECS):
            await self.running


def task_of(*processors: FrameProcessor, **options: Any) -> PipelineWorker:
    """A task without idle timer and RTVI."""
    options.setdefault("idle_timeout_secs", None)
    return PipelineWorker(Pipeline(list(processors)), enable_rtvi=False, **options)


async def run_task(task: PipelineWorker) -> None:
    """Run a task to its end."""
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(task)
    await runner.run()


@asynccontextmanager
async def running(*processors: FrameProcessor, **options: Any) -> AsyncIterator[Run]:
    """Run processors between two taps; cancelled at the end, unless they have ended."""
    head, tail = Tap(name="head"), Tap(name="tail")
    task = task_of(head, *processors, tail, **options)
    started = asyncio.Event()
    run = Run(task, head, tail, asyncio.create_task(run_task(task)))

    @task.event_handler("on_pipeline_started")
    async def _on_started(task: Any, frame: Frame) -> None:
        started.set()

    @task.event_handler("on_pipeline_finished")
    async def _on_finished(task: Any, frame: Frame) -> None:
        run.finished.append(label(frame))

    async with asyncio.timeout(PATIENCE_SECS):
        await started.wait()
    for _ in range(20):
        await asyncio.sleep(0)  # the event comes within the start: that is to be over
    try:
        yield run
    finally:
        if not run.running.done():
            await task.cancel()
            await asyncio.wait([run.running], timeout=PATIENCE_SECS)


async def play(
    *processors: FrameProcessor, frames: Iterable[Frame] = (), up: Iterable[Frame] = ()
) -> Observed:
    """Send frames through processors and end; what left them on either side."""
    async with running(*processors) as run:
        await run.queue(*frames)
        await run.queue(*up, direction=UP)
        await run.end()
    return {"down": run.tail.down(), "up": run.head.up()}


def error_of(frame: ErrorFrame) -> Observed:
    """What an error reports."""
    return {
        "error": frame.error,
        "fatal": frame.fatal,
        "exception": repr(frame.exception),
        "category": frame.category.name if frame.category else None,
        "processor": getattr(frame.processor, "name", None),
    }


def raised(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str | None:
    """The type of what a call raises, or None."""
    try:
        function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__
    return None
