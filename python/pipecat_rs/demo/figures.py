"""The figures about the engine that the demo shows at the end of a call."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipecat_rs import _core
from pipecat_rs.audio.lateness import LatenessHistogram
from pipecat_rs.frames.frames import DataFrame, EndFrame, Frame
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

if TYPE_CHECKING:
    from pipecat_rs.transports.local.audio_file import AudioFileTransport

_PROCESSORS = 10
_FRAMES = 3000


@dataclass(frozen=True)
class Figure:
    """One figure, ready to be printed."""

    name: str
    value: str


def call_figures(task: PipelineTask, transport: AudioFileTransport) -> list[Figure]:
    """Collect the figures of a call that is over.

    Args:
        task: The task that ran the agent's pipeline.
        transport: The call.
    """
    figures: list[Figure] = []
    engine = task.get_metrics().get("engine")
    if engine:
        figures += [
            Figure("hops that frames were routed over", f"{engine['hops']:,}"),
            Figure("of them into a Python processor", f"{engine['frames_processed']:,}"),
        ]
    figures += _lateness("output lateness", transport.output().lateness)
    figures += _lateness("input lateness", transport.input().lateness)
    return figures


async def measure_hop() -> Figure:
    """Measure what a hop costs on this machine: it takes some hundredths of a second.

    In the call itself the engine's work cannot be told from the models'.
    """
    first, last = _Mark(), _Mark()
    between = [_Pass() for _ in range(_PROCESSORS - 1)]
    task = PipelineTask(
        Pipeline([first, *between, last]), idle_timeout_secs=None, enable_rtvi=False
    )
    await task.queue_frames([DataFrame() for _ in range(_FRAMES)])
    await task.queue_frame(EndFrame())
    await PipelineRunner(handle_sigint=False).run(task)
    micros = (last.at - first.first_at) / (_FRAMES * _PROCESSORS) * 1e6
    return Figure(f"a hop, {_PROCESSORS} Python processors in a row", f"{micros:.2f} µs")


def _lateness(name: str, lateness: LatenessHistogram | _core.Lateness) -> list[Figure]:
    if not lateness.count:
        return []
    p50, p99, most = lateness.percentile(50), lateness.percentile(99), lateness.max
    value = f"p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms, max {most * 1e3:.1f} ms"
    return [Figure(name, value)]


class _Pass(FrameProcessor):
    """Hands every frame on."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class _Mark(FrameProcessor):
    """Hands every frame on, and notes when the first and the newest came by."""

    def __init__(self) -> None:
        super().__init__()
        self.first_at = self.at = 0.0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, DataFrame):
            self.at = time.perf_counter()
            self.first_at = self.first_at or self.at
        await self.push_frame(frame, direction)
