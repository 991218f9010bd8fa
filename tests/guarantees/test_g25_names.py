"""G25: programs of both versions of the API run, and the package is typed."""

import asyncio
import importlib.resources
import inspect

import pipecat_rs
import pytest
from pipecat_rs.frames.frames import (
    EndFrame,
    Frame,
    ManuallySwitchServiceFrame,
    StartFrame,
    TextFrame,
)
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline, PipelineSink, PipelineSource
from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher, ServiceSwitcherStrategyManual
from pipecat_rs.pipeline.sync_parallel_pipeline import SyncParallelPipeline
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.testing import Recorder, running
from support.frames import Data, tags
from support.processors import Pass
from support.tasks import made
from support.waiting import until, within


def test_g25_both_generations_of_names():
    from pipecat_rs.pipeline.worker import PipelineWorker
    from pipecat_rs.workers.base_worker import WorkerParams
    from pipecat_rs.workers.runner import WorkerRunner

    assert issubclass(PipelineTask, PipelineWorker)
    assert issubclass(PipelineRunner, WorkerRunner)
    assert inspect.isclass(WorkerParams)


def test_g25_package_is_typed():
    files = importlib.resources.files(pipecat_rs)
    assert files.joinpath("py.typed").is_file()
    assert files.joinpath("_core.pyi").is_file()


async def test_g25_task_as_the_document_has_it():
    out = Recorder()
    pipeline = Pipeline(processors=[Pass(), out], name="conversation")
    task = PipelineTask(
        pipeline=pipeline,
        params=PipelineParams(
            allow_interruptions=True,
            enable_metrics=True,
            enable_usage_metrics=True,
            report_only_initial_ttfb=True,
        ),
    )
    made.append(task)
    assert isinstance(task.id, str) and task.id
    assert not task.has_finished()
    await task.queue_frame(TextFrame("Hello"))
    await task.queue_frames([TextFrame("world"), EndFrame()])
    await within(task.run())
    assert [frame.text for frame in out.frames(TextFrame)] == ["Hello", "world"]
    assert task.has_finished()


async def test_g25_task_can_be_cancelled_as_the_document_has_it():
    task = PipelineTask(Pipeline([Pass()]))
    made.append(task)
    async with running(task) as run:
        await task.cancel()
        await within(run)


async def test_g25_pipeline_runs_alone_as_the_document_has_it():
    first, second = Recorder(), Recorder()
    pipeline = Pipeline([first, second], name="alone")
    assert pipeline.get_processors() == [first, second]
    await pipeline.queue_frames([TextFrame("Hello"), EndFrame()])
    await within(pipeline.run())
    assert [frame.text for frame in second.frames(TextFrame)] == ["Hello"]
    assert isinstance(pipeline.get_metrics(), dict)


async def test_g25_runner_as_the_document_has_it():
    out = Recorder()
    pipeline = Pipeline([out])
    await pipeline.queue_frames([TextFrame("Hello"), EndFrame()])
    await within(PipelineRunner().run(pipeline=pipeline))
    assert [frame.text for frame in out.frames(TextFrame)] == ["Hello"]


@pytest.mark.parametrize("compound", [ParallelPipeline, SyncParallelPipeline])
async def test_g25_parallel_pipeline_of_single_processors_as_the_document_has_it(compound: type):
    branches, out = [Recorder(), Recorder(), Recorder()], Recorder()
    parallel = compound(branches, name="parallel")
    task = PipelineTask(Pipeline([parallel, out]))
    made.append(task)
    await task.queue_frames([TextFrame("Hello"), EndFrame()])
    await within(task.run())
    assert all(len(branch.frames(TextFrame)) == 1 for branch in branches)
    assert len(out.frames(TextFrame)) == 1


async def test_g25_source_and_sink_as_the_document_has_them():
    up: list[Frame] = []
    down: list[Frame] = []

    async def handle_upstream(frame: Frame, direction: FrameDirection) -> None:
        up.append(frame)

    async def handle_downstream(frame: Frame, direction: FrameDirection) -> None:
        down.append(frame)

    middle = Pass()
    source = PipelineSource(upstream_push_frame=handle_upstream)
    sink = PipelineSink(downstream_push_frame=handle_downstream)
    task = PipelineTask(Pipeline([middle], source=source, sink=sink))
    made.append(task)
    async with running(task, wait_for_start=False) as run:
        await until(lambda: any(isinstance(frame, StartFrame) for frame in down))
        await source.queue_frame(Data("down"))
        await until(lambda: tags(down) == ["down"])
        await middle.push_frame(Data("up"), FrameDirection.UPSTREAM)
        await until(lambda: tags(up) == ["up"])
        await task.cancel()
        await asyncio.wait({run}, timeout=10)


async def test_g25_switcher_as_the_document_has_it():
    services = [Recorder(name=name) for name in ("one", "other")]
    switcher = ServiceSwitcher(
        services=services, strategy=ServiceSwitcherStrategyManual(default_index=0), name="voices"
    )
    out = Recorder()
    task = PipelineTask(Pipeline([switcher, out]))
    made.append(task)
    async with running(task):
        assert switcher.get_current_service() is services[0]
        await task.queue_frame(ManuallySwitchServiceFrame(service_index=1))
        await task.queue_frame(TextFrame("Hello"))
        await out.wait_for(TextFrame)
        assert switcher.get_current_service() is services[1]
        assert services[1].frames(TextFrame) and not services[0].frames(TextFrame)
        switcher.set_service(0)
        await task.queue_frame(TextFrame("again"))
        await out.wait_for(TextFrame, count=2)
        assert len(services[0].frames(TextFrame)) == 1
