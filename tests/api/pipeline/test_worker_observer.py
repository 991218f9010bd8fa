"""What a task's observers are told through, and the observer of idleness."""

import asyncio
from typing import Any

from pipecat_rs.frames.frames import Frame, TextFrame
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed, StartupWarmup
from pipecat_rs.pipeline.params import PipelineParams
from pipecat_rs.pipeline.sync_parallel_pipeline import (
    SyncParallelPipeline,
    SyncParallelPipelineSink,
    SyncParallelPipelineSource,
)
from pipecat_rs.pipeline.worker import IdleFrameObserver
from pipecat_rs.testing import running
from support.frames import Data
from support.processors import Act, Pass
from support.tasks import DOWN, UP, task_of
from support.waiting import within


class Notes(BaseObserver):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pushes: list[FramePushed] = []
        self.warmups: list[StartupWarmup] = []
        self.told = asyncio.Event()

    async def on_push_frame(self, data: FramePushed) -> None:
        if isinstance(data.frame, Data):
            self.pushes.append(data)

    async def on_startup_warmup(self, data: StartupWarmup) -> None:
        self.warmups.append(data)
        self.told.set()


async def test_a_processor_is_given_the_observer_and_may_tell_it_something():
    async def tell(processor: Any, frame: Frame, direction: Any) -> None:
        if isinstance(frame, TextFrame):
            observer = processor.processor_setup.observer
            await observer.on_startup_warmup(StartupWarmup(1, 2))

    notes = Notes()
    act = Act(tell)
    task = task_of(act, observers=[notes])
    async with running(task):
        assert isinstance(act.processor_setup.observer, BaseObserver)
        await task.queue_frame(TextFrame("x"))
        await within(notes.told.wait())
    assert notes.warmups == [StartupWarmup(1, 2)]


async def test_ends_of_synchronised_branches_have_their_own_class():
    notes = Notes()
    task = task_of(SyncParallelPipeline([Pass(name="a"), Pass(name="b")]), observers=[notes])
    async with running(task):
        await task.queue_frame(Data(1))
        await task.stop_when_done()
    sources = [push.source for push in notes.pushes if push.destination.name == "a"]
    assert [type(source) for source in sources] == [SyncParallelPipelineSource]


async def test_ends_of_a_synchronised_branch_put_what_leaves_into_a_queue():
    up, down = asyncio.Queue[Frame](), asyncio.Queue[Frame]()
    source, sink = SyncParallelPipelineSource(up), SyncParallelPipelineSink(down)
    source.link(sink)
    first, second = Data(1), Data(2)
    await source.process_frame(first, UP)
    await sink.process_frame(second, DOWN)
    assert [up.get_nowait(), down.get_nowait()] == [first, second]


async def test_an_observer_of_idleness_sets_an_event():
    event = asyncio.Event()
    task = task_of(
        Pass(), observers=[IdleFrameObserver(idle_event=event, idle_timeout_frames=(Data,))]
    )
    async with running(task):
        await within(event.wait())  # the start counts
        event.clear()
        await task.queue_frames([TextFrame("does not"), Data("does")])
        await within(event.wait())


def test_parameters_are_dumped_and_copied():
    params = PipelineParams(False, True)
    assert (params.allow_interruptions, params.enable_metrics) == (False, True)
    assert params.model_copy(update={"enable_metrics": False}).enable_metrics is False
    assert params.model_dump(include={"enable_metrics"}) == {"enable_metrics": True}
