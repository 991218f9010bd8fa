"""Pipelines of all kinds: what goes through them, in which order, and what they are made of."""

from __future__ import annotations

import asyncio
from typing import Any

from kit import (
    DOWN,
    UP,
    Act,
    Control,
    Data,
    Hold,
    Observed,
    Pass,
    System,
    Tap,
    labels,
    play,
    raised,
    running,
    scenario,
    until,
)
from pipecat.frames.frames import EndFrame, StartFrame, StopFrame, TextFrame
from pipecat.pipeline.parallel_pipeline import ParallelPipeline
from pipecat.pipeline.pipeline import Pipeline, PipelineSink, PipelineSource
from pipecat.pipeline.sync_parallel_pipeline import FrameOrder, SyncParallelPipeline
from pipecat.processors.filters.frame_filter import FrameFilter
from pipecat.processors.filters.null_filter import NullFilter
from pipecat.processors.frame_processor import FrameProcessor


async def rename(processor: FrameProcessor, frame: Any, direction: Any) -> None:
    """Push a frame of one's own ahead of the given one."""
    await processor.push_frame(Data(f"{processor.name} had {frame.tag}"), direction)


def renamer(name: str, *, keep: bool = True) -> Act:
    return Act(Data, rename, keep=keep, name=name)


@scenario()
async def order_of_data_and_control() -> Observed:
    return await play(Pass(), Pass(), frames=[Data(1), Control(2), Data(3), Control(4)])


@scenario()
async def upstream_frames_enter_at_the_end() -> Observed:
    return await play(Pass(), frames=[Data(1)], up=[Data("a"), System("b"), Data("c")])


@scenario()
async def a_processor_answers_upstream() -> Observed:
    async def answer(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        if direction is DOWN:
            await processor.push_frame(Control(f"answer to {frame.tag}"), UP)

    return await play(Act(Data, answer), frames=[Data(1), Data(2)])


@scenario()
async def nested_pipelines() -> Observed:
    inner = Pipeline([renamer("inner"), Pipeline([renamer("innermost")])])
    return await play(Pass(), inner, renamer("outer"), frames=[Data(1), Data(2)], up=[Data("a")])


@scenario()
async def an_empty_pipeline_passes_frames() -> Observed:
    return await play(Pipeline([]), frames=[Data(1), System(2)], up=[Data("a")])


@scenario()
async def a_pipeline_in_direct_mode() -> Observed:
    class Direct(Pass):
        def __init__(self) -> None:
            super().__init__(enable_direct_mode=True)

    return await play(Direct(), Direct(), frames=[Data(1), Data(2), Control(3)], up=[Data("a")])


@scenario()
async def members_of_pipelines() -> Observed:
    first, second, third = Pass(name="first"), Pass(name="second"), Pass(name="third")
    inner = Pipeline([second])
    outer = Pipeline([first, inner, third])
    parallel = ParallelPipeline([Pass(name="a")], [Pass(name="b"), Pass(name="c")])

    def own(processors: list[FrameProcessor]) -> list[str]:
        # Sources and sinks are each package's own affair.
        return [p.name for p in processors if "::" not in p.name]

    return {
        "outer entries": len(outer.entry_processors),
        "simple": own(first.processors),
        "simple entries": own(first.entry_processors),
        "branches": len(parallel.processors),
        "with metrics": own(outer.processors_with_metrics()),
        "parallel with metrics": own(parallel.processors_with_metrics()),
        "linked": first.next is inner and inner.previous is first and inner.next is third,
    }


@scenario()
async def metrics_are_asked_of_members_that_measure() -> Observed:
    class Measures(Pass):
        def can_generate_metrics(self) -> bool:
            return True

    pipeline = Pipeline(
        [
            Measures(name="one"),
            Pass(name="none"),
            ParallelPipeline([Measures(name="two")], [Pipeline([Measures(name="three")])]),
            SyncParallelPipeline([Measures(name="four")]),
        ]
    )
    return {"names": [p.name for p in pipeline.processors_with_metrics()]}


@scenario()
async def names_of_pipelines() -> Observed:
    class Mine(Pipeline):
        pass

    class Other(ParallelPipeline):
        pass

    return {
        "names": [Mine([Pass()]).name, Mine([Pass()]).name, Other([Pass()]).name],
        "text": str(Mine([Pass()])),
    }


@scenario()
async def parallel_branches_let_a_frame_out_once() -> Observed:
    return await play(
        ParallelPipeline([Pass()], [Pass()], [Pass()]),
        frames=[Data(1), System(2), Data(3), Control(4)],
        up=[Data("a"), System("b")],
    )


@scenario()
async def parallel_branches_with_output_of_their_own() -> Observed:
    observed = await play(
        ParallelPipeline([renamer("a")], [renamer("b")], [NullFilter()]), frames=[Data(1)]
    )
    observed["down"].sort()  # which branch is first is open
    return observed


@scenario()
async def a_branch_that_filters_hides_nothing() -> Observed:
    return await play(
        ParallelPipeline([FrameFilter(types=(TextFrame,))], [Pass()]),
        frames=[Data(1), TextFrame("x"), Control(2)],
    )


@scenario()
async def parallel_in_parallel() -> Observed:
    inner = ParallelPipeline([Pass()], [renamer("inner", keep=False)])
    observed = await play(ParallelPipeline([inner], [Pass()]), frames=[Data(1), Data(2)])
    return {
        "start": observed["down"][0],
        "end": observed["down"][-1],
        "between": sorted(observed["down"][1:-1]),
    }


@scenario()
async def start_and_end_leave_a_parallel_once() -> Observed:
    taps = [Tap(name="one"), Tap(name="other")]
    observed = await play(ParallelPipeline([taps[0]], [taps[1], Pass()]), frames=[Data(1)])
    return observed | {tap.name: tap.down() for tap in taps}


@scenario()
async def what_branches_say_at_the_start_follows_it() -> Observed:
    async def greet(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_frame(Data("greeting"))

    return await play(ParallelPipeline([Act(StartFrame, greet)], [Pass()]), frames=[Data(1)])


@scenario()
async def what_branches_say_at_the_end_goes_ahead_of_it() -> Observed:
    async def part(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_frame(Data("farewell"))

    return await play(ParallelPipeline([Act(EndFrame, part)], [Pass()]), frames=[Data(1)])


@scenario()
async def a_slow_branch_holds_the_end() -> Observed:
    hold = Hold(Data)
    async with running(ParallelPipeline([hold], [Pass()])) as run:
        await run.queue(Data(1))
        await hold.wait("enter Data(1)")
        await run.tail.wait("Data(1)")
        await run.queue(EndFrame())
        await run.head.wait("EndFrame")
        before = list(run.tail.down())
        hold.release()
        await run.done()
    return {"before": before, "after": run.tail.down()}


@scenario(
    differs={
        "one list": "one list of processors makes a branch of each, as the document has it; in "
        "pipecat it makes one sequential branch",
    }
)
async def branches_are_checked() -> Observed:
    return {
        "none": raised(ParallelPipeline) is not None,
        "no list": raised(ParallelPipeline, Pass()),
        "sync none": raised(SyncParallelPipeline) is not None,
        "one list": len(ParallelPipeline([Pass(), Pass()]).processors),
        "two lists": len(ParallelPipeline([Pass(), Pass()], [Pass()]).processors),
    }


@scenario()
async def synchronised_branches_wait_for_each_other() -> Observed:
    hold = Hold(Data)
    async with running(SyncParallelPipeline([hold], [renamer("quick")])) as run:
        await run.queue(Data(1), Data(2))
        await hold.wait("enter Data(1)")
        await run.queue(System("meanwhile"))
        await run.tail.wait("System(meanwhile)")
        before = run.tail.down()
        hold.release(2)
        await run.end()
    return {"before": before, "after": [x for x in run.tail.down() if not x.startswith("System")]}


@scenario()
async def synchronised_output_by_branch() -> Observed:
    return await play(
        SyncParallelPipeline(
            [renamer("a"), Pass(), Pass()], [renamer("b")], frame_order=FrameOrder.PIPELINE
        ),
        frames=[Data(1), Data(2)],
    )


@scenario()
async def synchronised_output_leaves_once() -> Observed:
    return await play(
        SyncParallelPipeline([Pass()], [Pass()]), frames=[Data(1), Control(2)], up=[Data("a")]
    )


@scenario(
    differs={
        "down": "pipecat lets a system frame out twice, at once and again with the next frame "
        "(a defect: rule Q2); here it leaves once"
    }
)
async def synchronised_system_frames_pass() -> Observed:
    async with running(SyncParallelPipeline([Pass()], [Pass()])) as run:
        await run.queue(System("a"))
        await run.tail.wait("System(a)")
        await run.queue(Data(1))
        await run.tail.wait("Data(1)")
        await run.end()
    return {"down": run.tail.down()}


@scenario()
async def synchronised_sources_are_named_as_theirs() -> Observed:
    """What processors inside of a synchronised branch see."""
    tap = Tap()
    observed = await play(SyncParallelPipeline([tap], [Pass()]), frames=[Data(1), Data(2)])
    return {"down": observed["down"], "inside": [x for x in tap.down() if x != "SyncFrame"]}


@scenario()
async def ends_of_ones_own() -> Observed:
    """PipelineSource and PipelineSink as a pipeline's own ends."""
    out: list[str] = []

    async def note(frame: Any, direction: Any) -> None:
        out.append(f"{labels([frame])[0]} {direction.name}")

    source, sink = PipelineSource(note), PipelineSink(note)
    pipeline = Pipeline([Pass()], source=source, sink=sink)
    async with running() as run:
        del run
    return {
        "entry": pipeline.entry_processors[0] is source,
        "source first": pipeline.processors[0] is source,
        "sink last": pipeline.processors[-1] is sink,
        "out": out,
    }


@scenario()
async def frames_before_the_start_follow_it() -> Observed:
    from kit import run_task, task_of

    tap = Tap()
    task = task_of(tap)
    await task.queue_frames([Data(1), System(2), Data(3)])
    await task.queue_frame(EndFrame())
    async with asyncio.timeout(5):
        await run_task(task)
    return {"down": tap.down()}


@scenario()
async def frames_of_iterables() -> Observed:
    async def later() -> Any:
        yield Data("later")
        await asyncio.sleep(0)
        yield Data("latest")

    async with running(Pass()) as run:
        await run.task.queue_frames([Data("list")])
        await run.task.queue_frames(Data(f"generator {n}") for n in range(2))
        await run.task.queue_frames(later())
        await run.task.queue_frames([Data("up")], UP)
        await until(lambda: run.head.up())
        await run.end()
    return {"down": run.tail.down(), "up": run.head.up()}


@scenario()
async def frames_after_the_end_are_dropped() -> Observed:
    hold = Hold(Data)
    async with running(hold) as run:
        await run.queue(Data(1), EndFrame(), Data(2), Control(3))
        await hold.wait("enter Data(1)")
        hold.release(3)
        await run.done()
    return {"down": run.tail.down(), "finished": run.finished}


@scenario()
async def a_stop_goes_through_in_order() -> Observed:
    async with running(Pass(), Pipeline([Pass()])) as run:
        await run.queue(Data(1), StopFrame())
        await run.done()
    return {"down": run.tail.down(), "finished": run.finished}


@scenario()
async def a_swallowed_frame_goes_no_further() -> Observed:
    async def nothing(processor: Any, frame: Any, direction: Any) -> None:
        pass

    return await play(Act(Data, nothing, keep=True), frames=[Data(1), Control(2)], up=[Data("a")])


@scenario()
async def a_parallel_branch_sees_upstream_frames() -> Observed:
    taps = [Tap(name="one"), Tap(name="other")]
    observed = await play(ParallelPipeline([taps[0]], [taps[1]]), up=[Data("a"), Control("b")])
    return observed | {tap.name: tap.up() for tap in taps}
