"""Where the document can be read in two ways: what it means here."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pipecat_rs.exceptions import PipelineError, ProcessorInUseError
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    StartFrame,
    StopFrame,
    TextFrame,
)
from pipecat_rs.metrics.metrics import LLMTokenUsage, LLMUsageMetricsData, TTFBMetricsData
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline, PipelineSink, PipelineSource
from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher, ServiceSwitcherStrategyManual
from pipecat_rs.pipeline.sync_parallel_pipeline import SyncParallelPipeline
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMContextAggregatorPair
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Data, tags
from support.loudspeaker import Loudspeaker
from support.processors import Pass
from support.tasks import made, task_of
from support.waiting import calls_of, until, within


class Adds(Pass):
    """Adds its letter to what passes, so that the way of a frame shows."""

    def __init__(self, letter: str) -> None:
        super().__init__()
        self.letter = letter

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            frame = Data(f"{frame.tag}{self.letter}")
        await super().process_frame(frame, direction)


# Branches


@pytest.mark.parametrize("compound", [ParallelPipeline, SyncParallelPipeline])
@pytest.mark.parametrize(
    ("branches", "ways"),
    [
        (lambda a, b, c: ([a, b, c],), ["a", "b", "c"]),
        (lambda a, b, c: ([a, b], [c]), ["ab", "c"]),
        (lambda a, b, c: ([[a, b], c],), ["ab", "c"]),
        (lambda a, b, c: ([[a, b, c]],), ["abc"]),
        (lambda a, b, c: ([a], [b], [c]), ["a", "b", "c"]),
        (lambda a, b, c: ([Pipeline([a, b]), c],), ["ab", "c"]),
        (lambda a, b, c: ([a], [Pipeline([b, c])]), ["a", "bc"]),
    ],
    ids=["one list", "two lists", "list inside", "lists in a list", "three", "pipeline", "nested"],
)
async def test_branches(compound: Any, branches: Any, ways: list[str]):
    out = Recorder()
    task = task_of(compound(*branches(Adds("a"), Adds("b"), Adds("c"))), out)
    await task.queue_frames([Data(""), EndFrame()])
    await within(task.run())
    assert sorted(tags(out.frames())) == ways


@pytest.mark.parametrize("compound", [ParallelPipeline, SyncParallelPipeline])
def test_branches_are_named_as_the_document_has_it(compound: Any):
    assert compound([Pass()], "named").name == "named"
    assert compound([Pass(), Pass()], name="named").name == "named"
    assert compound(processors=[Pass()], name="named").name == "named"


@pytest.mark.parametrize("compound", [ParallelPipeline, SyncParallelPipeline])
@pytest.mark.parametrize("given", [(), ([],), (None,), (3,), (["text"],), ([Pass(), 3],)], ids=repr)
def test_what_is_no_branch_is_refused(compound: Any, given: Any):
    if given == ([],):
        return  # one branch without a processor: everything passes
    with pytest.raises((TypeError, ValueError), match=compound.__name__):
        compound(*given)


# Processors that stand in two pipelines


async def test_processors_may_be_given_to_two_pipelines_which_run_one_after_the_other():
    processors = [Pass(), Recorder()]
    first, second = Pipeline(processors), Pipeline(processors)
    for pipeline in (first, second):
        task = PipelineTask(pipeline)
        made.append(task)
        await task.queue_frames([Data(1), EndFrame()])
        await within(task.run())
    assert tags(processors[1].frames()) == [1, 1]


async def test_second_of_two_pipelines_is_refused_while_the_first_runs():
    shared = Pass(name="shared")
    first, second = PipelineTask(Pipeline([shared])), PipelineTask(Pipeline([shared]))
    made.append(first)
    async with running(first) as run:
        with pytest.raises(ProcessorInUseError, match=r"shared.*another running task") as caught:
            await within(second.run())
        assert "second instance" in str(caught.value)
        assert second.has_finished()
        await first.queue_frame(EndFrame())
        await within(run)


async def test_one_pipeline_in_two_tasks_may_run_one_after_the_other():
    out = Recorder()
    pipeline = Pipeline([Pass(), out])
    for tag in (1, 2):
        task = PipelineTask(pipeline)
        made.append(task)
        await task.queue_frames([Data(tag), EndFrame()])
        await within(task.run())
    assert tags(out.frames()) == [1, 2]


# Ends of a user's own


@pytest.mark.parametrize("last", [EndFrame, StopFrame, CancelFrame])
async def test_sink_and_source_in_the_list_let_the_task_start_and_end(last: type[Frame]):
    up: list[Frame] = []
    down: list[Frame] = []

    async def upstream(frame: Frame, direction: FrameDirection) -> None:
        up.append(frame)

    async def downstream(frame: Frame, direction: FrameDirection) -> None:
        down.append(frame)

    source = PipelineSource(upstream_push_frame=upstream)
    middle = Pass()
    sink = PipelineSink(downstream_push_frame=downstream)
    task = task_of(source, middle, sink)
    started = calls_of(task, "on_pipeline_started")
    finished = calls_of(task, "on_pipeline_finished")
    run = asyncio.create_task(task.run())
    await started.wait()
    await source.queue_frame(Data("down"))
    await until(lambda: tags(down) == ["down"])
    await middle.push_frame(Data("up"), FrameDirection.UPSTREAM)
    await until(lambda: tags(up) == ["up"])
    await task.queue_frame(last())
    await within(run)
    assert isinstance(finished[0][0], last) and len(finished) == 1
    assert isinstance(down[0], StartFrame) and isinstance(down[-1], last)


async def test_errors_pass_a_source_of_the_user():
    async def upstream(frame: Frame, direction: FrameDirection) -> None:
        pass

    middle = Pass()
    task = task_of(PipelineSource(upstream_push_frame=upstream), middle)
    errors = calls_of(task, "on_pipeline_error")
    async with running(task):
        await middle.push_error("broken")
        (error,) = await errors.wait()
        assert isinstance(error, ErrorFrame) and error.error == "broken"


@pytest.mark.parametrize("end", [PipelineSource, PipelineSink])
def test_the_handler_of_an_end_is_required(end: Any):
    with pytest.raises(TypeError, match="push_frame"):
        end()


# What a pipeline says of itself


def test_get_processors_is_a_copy_of_the_list_given():
    given = [Pass(), Pass()]
    pipeline = Pipeline(given)
    found = pipeline.get_processors()
    assert found == given and found is not given
    found.clear()
    assert pipeline.get_processors() == given


async def test_get_metrics_is_not_empty_after_a_run():
    pipeline = Pipeline([Pass()])
    assert pipeline.get_metrics() == {}
    task = PipelineTask(pipeline, PipelineParams(enable_metrics=True))
    made.append(task)
    await task.queue_frame(EndFrame())
    await within(task.run())
    assert pipeline.get_metrics()


async def test_pipeline_runs_without_arguments_and_takes_frames_before_and_while_it_runs():
    out = Recorder()
    pipeline = Pipeline([out])
    await pipeline.queue_frames([Data(1)])
    run = asyncio.create_task(pipeline.run())
    await out.wait_for(Data)
    await pipeline.queue_frames([Data(2), EndFrame()])
    await within(run)
    assert tags(out.frames()) == [1, 2]


# What a task says of itself


@pytest.mark.parametrize("last", [EndFrame, StopFrame, CancelFrame])
async def test_has_finished_is_read_and_called(last: type[Frame]):
    task = task_of(Pass())
    assert not task.has_finished and not task.has_finished()
    async with running(task) as run:
        assert not task.has_finished()
        await task.queue_frame(last())
        await within(run)
    assert task.has_finished and task.has_finished()
    assert task.has_finished() is True


async def test_has_finished_after_cancel_also_if_it_never_ran():
    task = PipelineTask(Pipeline([Pass()]))
    await task.cancel()
    await within(task.run())
    assert task.has_finished()


def test_id_is_unique_and_stays():
    tasks = [PipelineTask(Pipeline([Pass()])) for _ in range(5)]
    ids = [task.id for task in tasks]
    assert all(isinstance(id_, str) and id_ for id_ in ids)
    assert len(set(ids)) == 5 and [task.id for task in tasks] == ids


def test_parameters_may_be_given_by_position():
    params = PipelineParams(False, True, True, True)
    assert not params.allow_interruptions
    assert params.enable_metrics and params.enable_usage_metrics
    assert params.report_only_initial_ttfb
    assert PipelineParams().allow_interruptions
    clock = PipelineTask(Pipeline([Pass()])).clock
    task = PipelineTask(Pipeline([Pass()], "named", False), params, clock)
    assert (task.params, task.clock, task.pipeline.name) == (params, clock, "named")
    switcher = ServiceSwitcher([Pass(), Pass()], ServiceSwitcherStrategyManual(1), "switcher")
    assert switcher.name == "switcher"
    assert switcher.get_current_service() is switcher.get_processors()[1]


def test_parameters_of_other_versions_are_ignored_with_a_warning(
    caplog: pytest.LogCaptureFixture,
):
    other: dict[str, Any] = {"interruption_strategies": []}
    assert PipelineParams(enable_metrics=True, **other) == PipelineParams(enable_metrics=True)
    assert "interruption_strategies" in caplog.text
    with pytest.raises(TypeError):
        PipelineParams(*range(20))


# Handlers that take less


async def test_metrics_handler_takes_the_metrics_alone():
    got: list[Any] = []
    task = PipelineTask(Pipeline([Pass()]), PipelineParams(enable_metrics=True))
    made.append(task)

    @task.event_handler("on_metrics")
    async def handle_metrics(metrics):
        got.append((metrics.ttfb_ms, metrics.tokens_used))

    @task.event_handler("on_metrics")
    def both(task_, metrics):
        got.append((task_, metrics.tokens_used))

    @task.event_handler("on_metrics")
    async def nothing():
        got.append("called")

    usage = LLMTokenUsage(prompt_tokens=30, completion_tokens=12, total_tokens=42)
    async with running(task):
        await task.queue_frame(
            MetricsFrame(
                data=[
                    TTFBMetricsData(processor="llm", value=0.25),
                    LLMUsageMetricsData(processor="llm", value=usage),
                ]
            )
        )
        await until(lambda: len(got) >= 3 and (250.0, 42) in got)
    assert {(250.0, 42), (task, 42), "called"} <= set(got)


async def test_error_handler_may_take_nothing():
    called = asyncio.Event()
    task = task_of(Pass())

    @task.event_handler("on_pipeline_error")
    async def handle_error():
        called.set()

    async with running(task):
        await task.pipeline.get_processors()[0].push_error("broken")
        await within(called.wait())


# A runner with a transport


class Speakers:
    """A transport as a runner sees it."""

    def __init__(self) -> None:
        self.out = Loudspeaker()

    def output(self) -> FrameProcessor:
        return self.out


@pytest.mark.parametrize("by_position", [True, False])
async def test_runner_does_not_add_the_transport_a_second_time(by_position: bool):
    transport, out = Speakers(), Recorder()
    pipeline = Pipeline([Pass(), transport.output(), out])
    await pipeline.queue_frames([Data(1), EndFrame()])
    runner = PipelineRunner()
    if by_position:
        await within(runner.run(pipeline, transport))
    else:
        await within(runner.run(pipeline=pipeline, transport=transport))
    assert len(pipeline.get_processors()) == 3
    assert tags(out.frames()) == [1]


# The assistant's aggregator ahead of the voice


@pytest.mark.parametrize("nested", [False, True])
async def test_assistant_aggregator_passes_the_models_text_on(nested: bool):
    """Whatever the voice is: any processor behind it may be one."""
    context = LLMContext()
    pair = LLMContextAggregatorPair(context=context)
    voice = Recorder()
    rest = [Pipeline([Pass(), voice])] if nested else [Pass(), voice]
    task = task_of(Pass(), *([Pipeline([pair.assistant])] if nested else [pair.assistant]), *rest)
    await task.queue_frames(
        [
            LLMFullResponseStartFrame(),
            LLMTextFrame("Hello "),
            LLMTextFrame("there."),
            LLMFullResponseEndFrame(),
            EndFrame(),
        ]
    )
    await within(task.run())
    assert [f.text for f in voice.frames(LLMTextFrame)] == ["Hello ", "there."]
    assert voice.frames(LLMFullResponseStartFrame) and voice.frames(LLMFullResponseEndFrame)
    assert context.messages == [{"role": "assistant", "content": "Hello there."}]


@pytest.mark.parametrize("place", ["behind the output", "last"])
async def test_assistant_aggregator_keeps_the_text_where_nobody_is_to_speak_it(place: str):
    pair = LLMContextAggregatorPair(context=LLMContext())
    out = Recorder()
    before = [Loudspeaker()] if place == "behind the output" else []
    after = [Pass(), out] if place == "behind the output" else [out]
    task = task_of(*before, pair.assistant, *after)
    await task.queue_frames([LLMFullResponseStartFrame(), TextFrame("Hello"), EndFrame()])
    await within(task.run())
    assert out.frames(TextFrame) == []


def test_aggregators_are_processors_and_can_be_called():
    pair = LLMContextAggregatorPair(context=LLMContext())
    assert isinstance(pair.user, FrameProcessor) and pair.user() is pair.user
    assert isinstance(pair.assistant, FrameProcessor) and pair.assistant() is pair.assistant


# Bad input


@pytest.mark.parametrize("given", [[3], ["text"], [None], [Pass], [Pass(), Data()]], ids=repr)
def test_what_is_no_processor_is_named_with_its_place(given: list[Any]):
    with pytest.raises(TypeError, match=rf"item {len(given) - 1} of the list"):
        Pipeline(given)


@pytest.mark.parametrize("given", [None, 3, Pass()], ids=["None", "number", "processor"])
def test_what_is_no_list_is_refused(given: Any):
    with pytest.raises(TypeError, match=r"Pipeline\(\[first, second\]\)"):
        Pipeline(given)


async def test_an_empty_pipeline_passes_everything():
    task = PipelineTask(Pipeline([]))
    made.append(task)
    finished = calls_of(task, "on_pipeline_finished")
    await task.queue_frames([TextFrame("Hello"), EndFrame()])
    await within(task.run())
    assert isinstance(finished[0][0], EndFrame)


def test_a_switcher_without_services_is_refused():
    with pytest.raises(ValueError, match="at least one service"):
        ServiceSwitcher([], strategy=ServiceSwitcherStrategyManual())
    with pytest.raises(IndexError, match="default_index 5 is out of range"):
        ServiceSwitcher([Pass()], strategy=ServiceSwitcherStrategyManual(default_index=5))


@pytest.mark.parametrize("given", [None, 3, [Pass()], Pipeline], ids=repr)
def test_a_task_wants_a_pipeline(given: Any):
    with pytest.raises(TypeError, match=r"PipelineTask\(Pipeline\(\[...\]\)\)"):
        PipelineTask(given)


async def test_frames_after_the_end_are_dropped_and_nothing_hangs():
    out = Recorder()
    task = task_of(out)
    await task.queue_frames([Data(1), EndFrame(), Data(2)])
    await within(task.run())
    await within(task.queue_frames([Data(3), EndFrame()]))
    await within(task.queue_frame(CancelFrame()))
    assert tags(out.frames()) == [1]


@pytest.mark.parametrize("given", [None, "text", 3, Frame], ids=repr)
async def test_what_is_no_frame_is_refused_where_it_is_queued(given: Any):
    task = task_of(Pass())
    with pytest.raises(TypeError, match="frame"):
        await task.queue_frame(given)
    async with running(task):
        with pytest.raises(TypeError, match="frame"):
            await task.queue_frame(given)


async def test_second_run_of_a_running_task_is_refused_and_of_a_finished_one_returns():
    task = task_of(Pass())
    async with running(task) as run:
        with pytest.raises(PipelineError, match="runs already"):
            await within(task.run())
        await task.queue_frame(EndFrame())
        await within(run)
    await within(task.run())


async def test_cancel_before_during_and_after():
    task = task_of(Pass())
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        await task.cancel()
        await task.cancel()
        await within(run)
    await within(task.cancel())
    await finished.wait()
    assert len(finished) == 1 and isinstance(finished[0][0], CancelFrame)
