"""Test kit for processors and pipelines: `run_test`, `Recorder`, `running`.

`run_test` sends frames through one processor and compares the classes of what comes out:

    await run_test(
        SentenceAggregator(),
        frames_to_send=[TextFrame("Hello "), TextFrame("there.")],
        expected_down_frames=[TextFrame],
    )

For anything that has to be watched while it runs, put a `Recorder` into a pipeline and keep the
task going with `running`; wait for frames, never for time:

    out = Recorder()
    task = PipelineTask(Pipeline([processor, out]))
    async with running(task):
        await task.queue_frame(TextFrame("Hello"))
        frame = await out.wait_for(TextFrame)
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pipecat_rs.frames.frames import EndFrame, Frame, HeartbeatFrame, StartFrame, SystemFrame
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

__all__ = [
    "HeartbeatsObserver",
    "QueuedFrameProcessor",
    "Recorder",
    "SleepFrame",
    "run_test",
    "running",
]

FrameMatch = type[Frame] | tuple[type[Frame], ...] | Callable[[Frame], bool]


@dataclass
class SleepFrame(SystemFrame):
    """Makes `run_test` wait before it sends the next frame; never enters the pipeline.

    Attributes:
        sleep: Seconds to wait.
    """

    sleep: float = 0.2


class HeartbeatsObserver(BaseObserver):
    """Calls back for each heartbeat that one processor pushes."""

    def __init__(
        self,
        *,
        target: FrameProcessor,
        heartbeat_callback: Callable[[FrameProcessor, HeartbeatFrame], Awaitable[None]],
        **kwargs: Any,
    ) -> None:
        """Watch one processor.

        Args:
            target: The processor whose heartbeats count.
            heartbeat_callback: Awaited with the processor and the heartbeat.
            **kwargs: Passed on to `BaseObserver`.
        """
        super().__init__(**kwargs)
        self._target = target
        self._callback = heartbeat_callback

    async def on_push_frame(self, data: FramePushed) -> None:
        """Report the push if it is a heartbeat of the watched processor."""
        if data.source is self._target and isinstance(data.frame, HeartbeatFrame):
            await self._callback(self._target, data.frame)


class QueuedFrameProcessor(FrameProcessor):
    """Puts each frame of one direction into a queue and passes every frame on."""

    def __init__(
        self,
        *,
        queue: asyncio.Queue[Frame],
        queue_direction: FrameDirection,
        ignore_start: bool = True,
    ) -> None:
        """Capture frames into a queue of the caller.

        Args:
            queue: Where the frames go; it should be unbounded.
            queue_direction: Which direction is captured.
            ignore_start: Leave StartFrames out.
        """
        super().__init__(enable_direct_mode=True)
        self._queue = queue
        self._queue_direction = queue_direction
        self._ignore_start = ignore_start

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Capture the frame if it goes the right way, then pass it on."""
        await super().process_frame(frame, direction)
        wanted = not (self._ignore_start and isinstance(frame, StartFrame))
        if direction == self._queue_direction and wanted:
            await self._queue.put(frame)
        await self.push_frame(frame, direction)


class Recorder(FrameProcessor):
    """Keeps every frame it sees, in order and with its direction, and passes each on.

    Attributes:
        seen: What was processed so far, as (frame, direction).
    """

    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        """Create an empty recorder.

        Args:
            name: Name of the processor; made up from its class if not given.
            **kwargs: Passed on to `FrameProcessor`.
        """
        super().__init__(name=name, **kwargs)
        self.seen: list[tuple[Frame, FrameDirection]] = []
        self._changed = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note the frame and pass it on."""
        await super().process_frame(frame, direction)
        self.seen.append((frame, direction))
        self._changed.set()
        await self.push_frame(frame, direction)

    def frames(
        self, match: FrameMatch = Frame, direction: FrameDirection | None = None
    ) -> list[Frame]:
        """The frames seen so far.

        Args:
            match: A frame class, several of them, or a predicate.
            direction: Only frames that went this way; both ways if None.

        Returns:
            The matching frames in the order in which they were processed.
        """
        return [
            frame for frame, way in self.seen if _matches(frame, match) and direction in (None, way)
        ]

    async def wait_for(
        self,
        match: FrameMatch = Frame,
        *,
        count: int = 1,
        direction: FrameDirection | None = None,
        timeout: float = 5.0,
    ) -> Frame:
        """Wait until enough frames have been seen, counting those seen before the call.

        Args:
            match: A frame class, several of them, or a predicate.
            count: How many matching frames there must be.
            direction: Only frames that went this way; both ways if None.
            timeout: Seconds to wait at most.

        Returns:
            The matching frame number `count`.

        Raises:
            TimeoutError: The frames did not come in time; it says what came instead.
        """
        found: list[Frame] = []
        try:
            async with asyncio.timeout(timeout):
                while len(found := self.frames(match, direction)) < count:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            seen = ", ".join(f"{frame.name} {way.name.lower()}" for frame, way in self.seen)
            raise TimeoutError(
                f"{self.name}: {len(found)} of {count} frames came within {timeout} s; "
                f"seen: {seen or 'nothing'}"
            ) from None
        return found[count - 1]


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


async def run_test(
    processor: FrameProcessor,
    *,
    enable_rtvi: bool = False,
    expected_down_frames: Sequence[type] | None = None,
    expected_up_frames: Sequence[type] | None = None,
    frames_to_send: Sequence[Frame],
    frames_to_send_direction: FrameDirection = FrameDirection.DOWNSTREAM,
    ignore_start: bool = True,
    observers: list[BaseObserver] | None = None,
    pipeline_params: PipelineParams | None = None,
    send_end_frame: bool = True,
    start_metadata: dict[str, Any] | None = None,
    start_timeout: float = 1.0,
) -> tuple[Sequence[Frame], Sequence[Frame]]:
    """Send frames through a processor in a pipeline of its own and check what comes out.

    Args:
        processor: What is tested.
        enable_rtvi: Put an RTVI processor in front.
        expected_down_frames: Classes of the frames that must leave downstream, in order;
            anything goes if None.
        expected_up_frames: The same for the upstream side.
        frames_to_send: What to send; a `SleepFrame` among them makes a pause.
        frames_to_send_direction: Downstream enters before the processor, upstream behind it.
        ignore_start: Leave StartFrames out of what is compared and returned.
        observers: Observers of the run.
        pipeline_params: Parameters of the run.
        send_end_frame: Send an EndFrame after the last frame (and leave it out of the result).
            If False, something else has to end the task.
        start_metadata: Metadata for the StartFrame, on top of that of `pipeline_params`.
        start_timeout: Seconds allowed until the pipeline has started.

    Returns:
        The frames that left downstream and those that left upstream.

    Raises:
        AssertionError: Other classes of frames came out than expected.
        TimeoutError: The pipeline did not start in time.
    """
    params = copy.copy(pipeline_params) if pipeline_params else PipelineParams()
    if start_metadata:
        params.start_metadata = {**params.start_metadata, **start_metadata}

    up: asyncio.Queue[Frame] = asyncio.Queue()
    down: asyncio.Queue[Frame] = asyncio.Queue()
    source = QueuedFrameProcessor(
        queue=up, queue_direction=FrameDirection.UPSTREAM, ignore_start=ignore_start
    )
    sink = QueuedFrameProcessor(
        queue=down, queue_direction=FrameDirection.DOWNSTREAM, ignore_start=ignore_start
    )
    task = PipelineTask(
        Pipeline([source, processor, sink]),
        cancel_on_idle_timeout=False,
        enable_rtvi=enable_rtvi,
        observers=observers or [],
        params=params,
    )
    started = asyncio.Event()
    task.add_event_handler("on_pipeline_started", lambda *_: started.set())

    run = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))
    try:
        await asyncio.wait_for(started.wait(), start_timeout)
        for frame in frames_to_send:
            if isinstance(frame, SleepFrame):
                await asyncio.sleep(frame.sleep)
            else:
                await task.queue_frame(frame, frames_to_send_direction)
        if send_end_frame:
            await task.queue_frame(EndFrame())
        await run
    finally:
        if not run.done():
            await task.cancel()
            await asyncio.wait({run})

    went_down = _drain(down)
    if send_end_frame:
        went_down = [frame for frame in went_down if not isinstance(frame, EndFrame)]
    went_up = _drain(up)
    _compare("downstream", went_down, expected_down_frames)
    _compare("upstream", went_up, expected_up_frames)
    return went_down, went_up


def _matches(frame: Frame, match: FrameMatch) -> bool:
    if isinstance(match, type | tuple):
        return isinstance(frame, match)
    return match(frame)


def _drain(queue: asyncio.Queue[Frame]) -> list[Frame]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


def _compare(side: str, got: Sequence[Frame], expected: Sequence[type] | None) -> None:
    if expected is None:
        return
    same = len(got) == len(expected) and all(map(isinstance, got, expected))
    assert same, (
        f"{side}: expected [{', '.join(kind.__name__ for kind in expected)}], "
        f"got [{', '.join(type(frame).__name__ for frame in got)}]"
    )
