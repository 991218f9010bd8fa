"""The examples in the document's docstrings, run from its text."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pipecat_rs import compat
from pipecat_rs.frames.frames import EndFrame, TextFrame, TTSSpeakFrame
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from support.waiting import until, within

from .snippets import Snippet, examples
from .stage import Names, Part, RunningTask, Transport, parts, run_through, started

EXAMPLES = {example.title: example for example in examples()}
RUN: set[str] = set()


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    """`import pipecat` means this package."""
    compat.install()
    yield
    compat.uninstall()


def example(title: str) -> Snippet:
    RUN.add(title)
    return EXAMPLES[title]


def imports(title: str) -> dict[str, Any]:
    """What the block above an example imports."""
    from .test_declarations import BLOCKS, imports_of

    found: dict[str, Any] = {}
    for module, name in imports_of(BLOCKS[title]):
        scope: dict[str, Any] = {}
        exec(f"from {module} import {name}", scope)
        found[name] = scope[name]
    return found


async def test_pipeline():
    transport = Transport()
    middle = parts("stt_service", "user_aggregator", "llm_service", "tts_service")
    names = Names(transport=transport, **imports("Pipeline"), **middle)
    await names.run(example("Pipeline"))
    given = [transport.input(), *middle.values(), transport.output()]
    assert names["pipeline"].get_processors() == given
    frame = TextFrame("Hello")
    await run_through(names["pipeline"], frame)
    assert all(frame in one.frames() for one in given)


@pytest.mark.parametrize(
    ("title", "name", "branches"),
    [
        ("ParallelPipeline", "parallel", ("tts_service_1", "tts_service_2", "metrics_logger")),
        ("SyncParallelPipeline", "sync", ("metrics_processor", "logger_processor")),
    ],
)
async def test_parallel_pipelines(title: str, name: str, branches: tuple[str, ...]):
    names = Names({"audit_processor": Part}, **imports(title), **parts(*branches))
    await names.run(example(title))
    out = Part()
    frame = TextFrame("Hello")
    await run_through(Pipeline([names[name], out]), frame)
    assert all(names[branch].frames(TextFrame) == [frame] for branch in branches)
    assert out.frames(TextFrame) == [frame], "once, out of all branches"


async def test_source(capsys: pytest.CaptureFixture[str]):
    processors = parts("processor1", "processor2")
    names = Names(Pipeline=Pipeline, TextFrame=TextFrame, **imports("PipelineSource"), **processors)
    await names.run(example("PipelineSource"))
    task = PipelineTask(names["pipeline"])
    run = asyncio.create_task(task.run())
    await processors["processor2"].wait_for(TextFrame)
    await task.queue_frame(EndFrame())
    await within(run)
    await names["handle_upstream"](TextFrame("up"), None)
    assert "Upstream frame: TextFrame" in capsys.readouterr().out


async def test_sink(capsys: pytest.CaptureFixture[str]):
    processors = parts("processor1", "processor2")
    names = Names(Pipeline=Pipeline, **imports("PipelineSink"), **processors)
    await names.run(example("PipelineSink"))
    await run_through(names["pipeline"], TextFrame("Hello"))
    printed = capsys.readouterr().out
    assert "Downstream frame: StartFrame" in printed
    assert "Downstream frame: TextFrame" in printed and "Downstream frame: EndFrame" in printed


async def test_task():
    out = Part()
    names = Names(pipeline=Pipeline([out]), **imports("PipelineTask"))
    run = asyncio.create_task(names.run(example("PipelineTask")))
    task = await started(names)
    assert task.params.allow_interruptions and task.params.enable_metrics
    await Names(task=task, TextFrame=TextFrame).run(example("PipelineTask.queue_frame"))
    await out.wait_for(TextFrame)
    batch = Names(task=task, TextFrame=TextFrame, EndFrame=EndFrame)
    await batch.run(example("PipelineTask.queue_frames"))
    await within(run)
    assert [frame.text for frame in out.frames(TextFrame)] == ["Hello", "Hello", "world"]


async def test_run_and_has_finished(capsys: pytest.CaptureFixture[str]):
    task = PipelineTask(Pipeline([Part()]))
    names = Names(task=task)
    await names.run(example("PipelineTask.has_finished"))
    assert capsys.readouterr().out == ""
    run = asyncio.create_task(names.run(example("PipelineTask.run")))
    await task.queue_frame(EndFrame())
    await within(run)
    await names.run(example("PipelineTask.has_finished"))
    assert capsys.readouterr().out == "Task complete\n"


async def test_cancel():
    task = PipelineTask(Pipeline([Part()]))
    run = asyncio.create_task(task.run())
    await until(lambda: task._state == "running")
    await Names(task=task).run(example("PipelineTask.cancel"))
    await within(run)
    assert task.has_finished()


async def test_params():
    names = Names(pipeline=Pipeline([Part()]), PipelineTask=PipelineTask)
    names.update(imports("PipelineParams"))
    await names.run(example("PipelineParams"))
    expected = PipelineParams(
        allow_interruptions=True, enable_metrics=True, enable_usage_metrics=True
    )
    assert names["params"] == expected and names["task"].params == expected


async def test_runner():
    out, transport = Part(), Transport()
    pipeline = Pipeline([transport.input(), out, transport.output()])
    await pipeline.queue_frames([TextFrame("Hello"), EndFrame()])
    names = Names(pipeline=pipeline, transport=transport, **imports("PipelineRunner"))
    await within(names.run(example("PipelineRunner")))
    assert len(out.frames(TextFrame)) == 1
    assert len(transport.ends["output"].frames(TextFrame)) == 1


async def test_switcher():
    voices = parts("tts_1", "tts_2", "tts_3")
    names = Names(**imports("ServiceSwitcher"), **voices)
    names.makers["pipeline"] = lambda: Pipeline([names["switcher"]])
    names.makers["task"] = lambda: RunningTask(names)
    await names.run(example("ServiceSwitcher"))
    await names["task"].queue_frame(TTSSpeakFrame("Hello"))
    await voices["tts_2"].wait_for(TTSSpeakFrame)
    assert names["switcher"].get_current_service() is voices["tts_2"]
    await names["task"].end()


async def test_strategy():
    voices = parts("one", "two")
    names = Names(**(imports("ServiceSwitcherStrategy") | imports("ServiceSwitcher")))
    await names.run(example("ServiceSwitcherStrategy"))
    switcher = names["ServiceSwitcher"](
        list(voices.values()), strategy=names["RoundRobinStrategy"]()
    )
    await run_through(Pipeline([switcher]), *(TTSSpeakFrame(str(n)) for n in range(4)))
    said = [[frame.text for frame in voice.frames(TTSSpeakFrame)] for voice in voices.values()]
    assert said == [["0", "2"], ["1", "3"]]


async def test_manual_strategy():
    from pipecat_rs.frames.frames import ManuallySwitchServiceFrame

    voices = parts("service1", "service2")
    names = Names(ManuallySwitchServiceFrame=ManuallySwitchServiceFrame, **voices)
    names.update(imports("ServiceSwitcher") | imports("ServiceSwitcherStrategyManual"))
    names.makers["pipeline"] = lambda: Pipeline([names["switcher"]])
    names.makers["task"] = lambda: RunningTask(names)
    await names.run(example("ServiceSwitcherStrategyManual"))
    await names["task"].queue_frame(TTSSpeakFrame("Hello"))
    await voices["service2"].wait_for(TTSSpeakFrame)
    await names["task"].end()


def test_every_example_is_run():
    """The model switcher's example is run with the usages, which have the providers' fakes."""
    assert set(EXAMPLES) - RUN == {"LLMSwitcher"}
