"""G2: ending completes within its deadline, and fires one terminal event, wherever it is stuck."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame, StartFrame, StopFrame
from pipecat_rs.pipeline import tear_down
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.sync_parallel_pipeline import SyncParallelPipeline
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.testing import Recorder, running
from support.frames import Data, System
from support.processors import Pass, Swallow
from support.tasks import task_of
from support.waiting import calls_of, settle, within

LIMITS = {
    "setup_timeout_secs": 0.1,
    "start_timeout_secs": 0.1,
    "end_timeout_secs": 0.1,
    "cancel_timeout_secs": 0.1,
}


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Abandon a callback that will not end sooner than a user would want it."""
    monkeypatch.setattr(tear_down, "HANGING_TIMEOUT_SECS", 0.1)


class Stuck(FrameProcessor):
    """Never comes back from one place. If stubborn, it swallows its cancellation too."""

    def __init__(self, place: type[Frame] | str, stubborn: bool, release: asyncio.Event) -> None:
        super().__init__()
        self.place, self.stubborn, self.release = place, stubborn, release
        if isinstance(place, str) and place.startswith("on_"):
            self.add_event_handler(place, self.handler)

    async def stay(self) -> None:
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                if not self.stubborn:
                    raise

    async def handler(self, _processor: FrameProcessor, frame: Frame) -> None:
        if isinstance(frame, Data):
            await self.stay()

    async def setup(self, setup: FrameProcessorSetup) -> None:
        await super().setup(setup)
        if self.place == "setup":
            await self.stay()

    async def cleanup(self) -> None:
        await super().cleanup()
        if self.place == "cleanup":
            await self.stay()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if self.place == "before base" and isinstance(frame, Data):
            await self.stay()
        await super().process_frame(frame, direction)
        if isinstance(self.place, type) and isinstance(frame, self.place):
            await self.stay()
        await self.push_frame(frame, direction)


PLACES = [
    "setup",
    StartFrame,
    Data,
    System,
    EndFrame,
    CancelFrame,
    "cleanup",
    "before base",
    "on_before_process_frame",
    "on_before_push_frame",
]


def finishing(stuck: Stuck, layout: str) -> PipelineTask:
    inside: dict[str, Callable[[], FrameProcessor]] = {
        "plain": lambda: stuck,
        "parallel": lambda: ParallelPipeline([Pass()], [stuck]),
        "sync parallel": lambda: SyncParallelPipeline([Pass()], [stuck]),
    }
    return task_of(Pass(), inside[layout](), Pass(), leaky=True, **LIMITS)


@pytest.mark.parametrize("stubborn", [False, True], ids=["cancellable", "stubborn"])
@pytest.mark.parametrize("place", PLACES, ids=lambda p: p if isinstance(p, str) else p.__name__)
@pytest.mark.parametrize("way", ["cancel", "end", "cancel run"])
async def test_g02_run_returns_wherever_a_processor_is_stuck(place, stubborn: bool, way: str):
    release = asyncio.Event()
    task = finishing(Stuck(place, stubborn, release), "plain")
    finished = calls_of(task, "on_pipeline_finished")
    try:
        async with running(task, wait_for_start=False) as run:
            await task.queue_frames([Data(), System(), Data()])
            await settle()
            if way == "end":
                await task.queue_frame(EndFrame())
            elif way == "cancel":
                await task.cancel()
            else:
                run.cancel()
            await within(asyncio.wait({run}))
            assert run.done()
    except asyncio.CancelledError:
        assert way == "cancel run"
    finally:
        release.set()
    assert task.has_finished()
    assert len(finished) == 1


@pytest.mark.parametrize("layout", ["parallel", "sync parallel"])
@pytest.mark.parametrize("place", [StartFrame, Data, EndFrame, CancelFrame])
@pytest.mark.parametrize("way", ["cancel", "end"])
async def test_g02_run_returns_from_parallel_branches_too(layout: str, place: type, way: str):
    release = asyncio.Event()
    task = finishing(Stuck(place, True, release), layout)
    finished = calls_of(task, "on_pipeline_finished")
    try:
        async with running(task, wait_for_start=False) as run:
            await task.queue_frame(Data())
            await settle()
            await (task.cancel() if way == "cancel" else task.queue_frame(EndFrame()))
            await within(run)
    finally:
        release.set()
    assert len(finished) == 1


@pytest.mark.parametrize("kind", [EndFrame, StopFrame, CancelFrame, StartFrame])
async def test_g02_run_returns_if_a_lifecycle_frame_is_swallowed(kind: type):
    task = task_of(Swallow(kind), Pass(), **LIMITS)
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task, wait_for_start=False) as run:
        if kind is not StartFrame:
            await task.queue_frame(kind())
        await within(run)
    assert len(finished) == 1
    await task.pipeline.cleanup()


@dataclass
class Ways:
    """Ways to end a task, for doing several at once."""

    task: PipelineTask

    async def end(self) -> None:
        await self.task.queue_frame(EndFrame())

    async def stop(self) -> None:
        await self.task.queue_frame(StopFrame())

    async def cancel(self) -> None:
        await self.task.cancel()

    async def cancel_frame(self) -> None:
        await self.task.queue_frame(CancelFrame())


@pytest.mark.parametrize("first", ["end", "stop", "cancel", "cancel_frame"])
@pytest.mark.parametrize("second", ["end", "stop", "cancel", "cancel_frame"])
async def test_g02_one_terminal_event_if_a_task_is_ended_twice(first: str, second: str):
    out = Recorder()
    task = task_of(Pass(), out)
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        await getattr(Ways(task), first)()
        await getattr(Ways(task), second)()
        await within(run)
        await getattr(Ways(task), second)()
        await settle()
    assert len(finished) == 1
    assert len(out.frames((EndFrame, StopFrame, CancelFrame))) <= 2
    await task.pipeline.cleanup()


async def test_g02_slow_drain_that_moves_is_not_cut_short():
    """The deadline of the end counts time in which no frame moves, not the time it takes."""

    async def take_a_while(frame: Frame) -> None:
        if isinstance(frame, Data):
            await asyncio.sleep(0.1)

    class Slow(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await take_a_while(frame)
            await super().process_frame(frame, direction)

    out = Recorder()
    task = task_of(Slow(), out, end_timeout_secs=0.4)
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        await task.queue_frames([*(Data(n) for n in range(8)), EndFrame()])
        await within(run)
    assert len(out.frames(Data)) == 8
    assert isinstance(finished[0][0], EndFrame)
