"""What the document's snippets take for granted: processors, services, a transport, a task.

The services of a snippet are the real ones, pointed at fakes of the paid providers on loopback.
Where a snippet only shows how parts are put together, its parts are recorders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import CO_COROUTINE
from typing import Any

from pipecat_rs.frames.frames import EndFrame, Frame
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder
from support.tasks import made
from support.waiting import until, within

from .snippets import Snippet


class Names(dict[str, Any]):
    """The names that a snippet sees. One that is missing is made, by what `make` has for it."""

    def __init__(self, make: dict[str, Callable[[], Any]] | None = None, **names: Any) -> None:
        super().__init__(names)
        self.makers = make or {}

    def __missing__(self, name: str) -> Any:
        if name not in self.makers:
            raise KeyError(name)
        self[name] = self.makers[name]()
        return self[name]

    async def run(self, snippet: Snippet) -> None:
        """Execute a snippet; what it defines are names too."""
        code = snippet.compiled()
        if code.co_flags & CO_COROUTINE:
            await eval(code, self)
        else:
            exec(code, self)


class Part(Recorder):
    """Stands for a processor of the user's: does something, and hands frames on."""

    _is_end = False


def parts(*names: str) -> dict[str, Part]:
    """Processors by name."""
    return {name: Part(name=name) for name in names}


class Transport:
    """Stands for a transport of the user's."""

    def __init__(self) -> None:
        self.ends = parts("input", "output")
        self.stopped = 0

    def input(self) -> FrameProcessor:
        return self.ends["input"]

    def output(self) -> FrameProcessor:
        return self.ends["output"]

    async def stop(self) -> None:
        self.stopped += 1


class RunningTask:
    """A task that runs the snippet's pipeline, from the moment that the snippet mentions it."""

    def __init__(self, names: Names, pipeline: str = "pipeline") -> None:
        self.task = PipelineTask(names[pipeline])
        made.append(self.task)
        self.run = asyncio.create_task(self.task.run())

    async def queue_frame(self, frame: Frame) -> None:
        await self.task.queue_frame(frame)

    async def end(self) -> None:
        await self.task.queue_frame(EndFrame())
        await within(self.run)


async def run_through(pipeline: Any, *frames: Frame) -> PipelineTask:
    """Run a pipeline in a task of its own with frames, to its end."""
    task = PipelineTask(pipeline)
    made.append(task)
    await task.queue_frames([*frames, EndFrame()])
    await within(task.run(), 20)
    return task


async def started(names: Names, name: str = "task") -> PipelineTask:
    """Wait until a snippet has made its task and that runs."""
    await until(lambda: name in names and names[name]._state == "running")
    made.append(names[name])
    return names[name]


def order_of(*processors: Recorder, frame: Frame) -> list[str]:
    """Who saw a frame downstream."""
    down = FrameDirection.DOWNSTREAM
    return [one.name for one in processors if frame in one.frames(type(frame), down)]
