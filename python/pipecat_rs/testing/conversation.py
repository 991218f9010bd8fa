"""Frames in, frames out: `run_test`, and the processors and frames around it."""

import asyncio
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipecat_rs.frames.frames import EndFrame, Frame, StartFrame, SystemFrame
from pipecat_rs.observers.base_observer import BaseObserver
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

__all__ = ["QueuedFrameProcessor", "SleepFrame", "run_test"]


@dataclass
class SleepFrame(SystemFrame):
    """Makes `run_test` wait before it sends the next frame; never enters the pipeline.

    Attributes:
        sleep: Seconds to wait.
    """

    sleep: float = 0.2


class QueuedFrameProcessor(FrameProcessor):
    """Puts each frame of one direction into a queue and passes every frame on."""

    _is_end = True

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
