"""Corners: failures in odd places, ends that meet ends, frames that are pushed twice."""

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
    Lasting,
    Observed,
    Pass,
    System,
    Tap,
    error_of,
    label,
    play,
    run_task,
    running,
    scenario,
    task_of,
    until,
    waiting,
)
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    EndWorkerFrame,
    ErrorFrame,
    Frame,
    FrameProcessorPauseUrgentFrame,
    FrameProcessorResumeUrgentFrame,
    InterruptionFrame,
    StartFrame,
    StopFrame,
)
from pipecat.metrics.metrics import LLMTokenUsage
from pipecat.pipeline.parallel_pipeline import ParallelPipeline
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.sync_parallel_pipeline import FrameOrder, SyncParallelPipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner


def failing(*kinds: type[Frame], name: str = "failing") -> Act:
    async def fail(processor: Any, frame: Any, direction: Any) -> None:
        raise ValueError(f"no {label(frame)}")

    return Act(kinds, fail, name=name)


def errors(tap: Tap) -> list[str]:
    return [f"{e['error']} {e['processor']}" for e in map(error_of, _errors(tap))]


def _errors(tap: Tap) -> list[ErrorFrame]:
    return [f for f, _ in tap.seen if isinstance(f, ErrorFrame)]


@scenario()
async def a_callback_that_fails_at_an_interruption() -> Observed:
    async with running(failing(InterruptionFrame)) as run:
        await run.queue(InterruptionFrame(), Data(1))
        await run.tail.wait("Data(1)")
        await until(lambda: run.head.up())
        await run.end()
    return {"errors": errors(run.head), "down": run.tail.down()}


@scenario()
async def a_callback_that_raises_a_cancellation_of_its_own() -> Observed:
    async def inner(processor: Any, frame: Any, direction: Any) -> None:
        if frame.tag == 1:
            task = asyncio.create_task(asyncio.Event().wait())
            await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                return

    return await play(Act(Data, inner), frames=[Data(1), Data(2)])


@scenario()
async def the_same_frame_is_pushed_twice() -> Observed:
    async def twice(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_frame(frame)

    return {
        "plain": await play(Act(Data, twice), frames=[Data(1)]),
        "parallel": await play(ParallelPipeline([Act(Data, twice)], [Pass()]), frames=[Data(1)]),
        "before parallel": await play(
            Act(Data, twice), ParallelPipeline([Pass()], [Pass()]), frames=[Data(1)]
        ),
    }


@scenario()
async def a_frame_that_turns_around() -> Observed:
    async def turn(processor: FrameProcessor, frame: Any, direction: FrameDirection) -> None:
        await processor.push_frame(frame, UP if direction is DOWN else DOWN)

    async with running(Act(Data, turn, keep=True)) as run:
        await run.queue(Data(1))
        await run.queue(Data("a"), direction=UP)
        await run.head.wait("Data(1)")
        await run.tail.wait("Data(a)")
        await until(lambda: run.head.up() and len(run.tail.down()) == 2)
        await run.end()
    return {"above": run.head.up(), "below": run.tail.down()}


@scenario()
async def a_frame_changed_on_its_way() -> Observed:
    async def change(processor: Any, frame: Any, direction: Any) -> None:
        frame.tag = f"{frame.tag}!"

    tap = Tap()
    observed = await play(tap, Act(Data, change), Act(Data, change), frames=[Data("x")])
    return observed | {"same object": label(tap.seen[1][0])}


@scenario()
async def many_frames_keep_their_order() -> Observed:
    async def echo(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        if frame.tag % 3 == 0:
            await asyncio.sleep(0)
        await processor.push_frame(Control(frame.tag))

    observed = await play(Act(Data, echo), Pass(), frames=[Data(n) for n in range(50)])
    wanted = [x for n in range(50) for x in (f"Control({n})", f"Data({n})")]
    return {"in order": observed["down"][1:-1] == wanted}


@scenario()
async def two_ends_are_one() -> Observed:
    async with running(Pass()) as run:
        await run.queue(Data(1), EndFrame(reason="first"), EndFrame(reason="second"), Data(2))
        await run.done()
    return {"down": run.tail.down(), "finished": run.finished}


@scenario()
async def a_processor_ends_its_task() -> Observed:
    async def stop(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.pipeline_worker.queue_frame(EndFrame(reason="of its own"))

    async with running(Act(Data, stop)) as run:
        await run.queue(Data(1))
        await run.done()
    return {"down": run.tail.down(), "finished": run.finished}


@scenario()
async def a_processor_cancels_its_task() -> Observed:
    log: list[str] = []

    async def cancel(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.pipeline_worker.cancel(reason="of its own")
        log.append("went on")

    async with running(Act(Data, cancel)) as run:
        await run.queue(Data(1))
        await run.done()
    return {"log": log, "finished": run.finished}


@scenario()
async def the_first_event_ends_the_task() -> Observed:
    tap = Tap()
    task = task_of(tap)

    @task.event_handler("on_pipeline_started")
    async def _on_started(task: PipelineWorker, frame: Frame) -> None:
        await task.queue_frames([Data("hello"), EndFrame()])

    await asyncio.wait_for(run_task(task), 10)
    return {"down": tap.down()}


@scenario()
async def a_stop_in_a_parallel() -> Observed:
    async with running(ParallelPipeline([Pass()], [Pass(), Pass()])) as run:
        await run.queue(Data(1), StopFrame())
        await run.done()
    return {"down": run.tail.down(), "finished": run.finished}


@scenario()
async def a_cancel_in_a_parallel() -> Observed:
    holds = [Hold(Data, name="one"), Hold(Data, name="other")]
    async with running(ParallelPipeline([holds[0]], [holds[1]])) as run:
        await run.queue(Data(1))
        for hold in holds:
            await hold.wait("enter Data(1)")
        await run.cancel()
    return {"finished": run.finished, "down": run.tail.down()} | {h.name: h.log for h in holds}


@scenario()
async def what_branches_say_at_a_cancel() -> Observed:
    async def part(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_frame(System("farewell"))

    async with running(ParallelPipeline([Act(CancelFrame, part)], [Pass()])) as run:
        await run.cancel()
    return {"down": run.tail.down()}


@scenario()
async def a_failure_in_a_branch() -> Observed:
    async with running(ParallelPipeline([failing(Data)], [Pass()])) as run:
        await run.queue(Data(1), Data(2))
        await run.tail.wait("Data(2)")
        await until(lambda: len(run.head.up()) >= 2)
        await run.end()
    return {"errors": errors(run.head), "down": run.tail.down()}


@scenario()
async def an_error_passes_each_branch() -> Observed:
    taps = [Tap(name="one"), Tap(name="other")]
    async with running(ParallelPipeline([taps[0]], [taps[1]]), failing(Data)) as run:
        await run.queue(Data(1))
        await until(lambda: run.head.up())
        await run.end()
    return {"errors": errors(run.head)} | {tap.name: errors(tap) for tap in taps}


@scenario()
async def a_pause_in_a_branch() -> Observed:
    tap = Tap(name="tap")
    async with running(ParallelPipeline([tap], [Act(Data, _nothing, keep=True)])) as run:
        await run.queue(FrameProcessorPauseUrgentFrame(processor=tap))
        await tap.wait("FrameProcessorPauseUrgentFrame")
        await run.queue(Data(1), System("a"))
        await tap.wait("System(a)")
        held = [x for x in run.tail.down() if "Data" in x]
        await run.queue(FrameProcessorResumeUrgentFrame(processor=tap))
        await run.tail.wait("Data(1)")
        await run.end()
    return {"held": held, "data": [x for x in run.tail.down() if "Data" in x]}


async def _nothing(processor: Any, frame: Any, direction: Any) -> None:
    pass


@scenario()
async def an_end_behind_a_pause() -> Observed:
    tap = Tap(name="tap")
    async with running(tap) as run:
        await tap.pause_processing_frames()
        await run.queue(Data(1), EndFrame())
        await waiting(tap, EndFrame)
        held = tap.down()
        await tap.resume_processing_frames()
        await run.done()
    return {"held": held, "down": tap.down()}


@scenario()
async def a_cancel_of_what_is_paused() -> Observed:
    tap = Tap(name="tap")
    async with running(tap) as run:
        await tap.pause_processing_frames()
        await run.queue(Data(1), System("a"))
        await tap.wait("System(a)")
        await run.cancel()
    return {"down": tap.down(), "finished": run.finished}


@scenario()
async def two_pauses_and_one_resume() -> Observed:
    tap = Tap(name="tap")
    async with running(tap) as run:
        await tap.pause_processing_frames()
        await tap.pause_processing_frames()
        await run.queue(Data(1))
        await tap.resume_processing_frames()
        await tap.resume_processing_frames()
        await run.end()
    return {"down": tap.down()}


@scenario()
async def a_pause_taken_while_processing() -> Observed:
    async def pause(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        if frame.tag == 1:
            await processor.pause_processing_frames()

    act = Act(Data, pause)
    async with running(act) as run:
        await run.queue(Data(1), Data(2), System("a"))
        await run.tail.wait("Data(1)")
        await run.tail.wait("System(a)")
        held = [x for x in run.tail.down() if "Data" in x]
        await act.resume_processing_frames()
        await run.end()
    return {"held": held, "data": [x for x in run.tail.down() if "Data" in x]}


@scenario()
async def failures_at_the_ends_of_life() -> Observed:
    observed: Observed = {}
    for kind in (EndFrame, StopFrame):
        above, below = Tap(), Tap()
        task = task_of(above, failing(kind), below, cancel_timeout_secs=1.0)
        reported: list[str] = []

        @task.event_handler("on_pipeline_error")
        async def _on_error(task: Any, error: Any, reported: Any = reported) -> None:
            reported.append(error.error)

        running_task = asyncio.create_task(run_task(task))
        await task.queue_frames([Data(1), kind()])
        await until(lambda reported=reported: reported)
        await task.cancel()
        await asyncio.wait([running_task], timeout=5)
        observed[kind.__name__] = [errors(above), "Data(1)" in below.down()]
    return observed


@scenario()
async def a_failure_at_the_start() -> Observed:
    above, below = Tap(), Tap()
    task = task_of(above, failing(StartFrame), below, start_timeout_secs=0.1)
    await asyncio.wait_for(run_task(task), 10)
    return {"errors": errors(above), "down": below.down(), "has": task.has_finished()}


@scenario()
async def a_pipeline_runs_in_a_second_task() -> Observed:
    tap = Tap()
    pipeline = Pipeline([tap])
    down: list[list[str]] = []
    for n in range(2):
        task = PipelineWorker(pipeline, enable_rtvi=False, idle_timeout_secs=None)
        await task.queue_frames([Data(n), EndFrame()])
        await asyncio.wait_for(run_task(task), 10)
        down.append(tap.down())
        tap.seen.clear()
    return {"down": down}


@scenario()
async def two_tasks_in_one_runner() -> Observed:
    taps = [Tap(name="one"), Tap(name="other")]
    tasks = [task_of(tap) for tap in taps]
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(*tasks)
    for n, task in enumerate(tasks):
        await task.queue_frames([Data(n), EndFrame()])
    await asyncio.wait_for(runner.run(), 10)
    return {tap.name: tap.down() for tap in taps}


@scenario(
    differs={
        "end": "a runner that is asked to end lets its tasks end in order; pipecat's cancels those "
        "that have not ended at that moment"
    }
)
async def a_runner_ends_its_tasks() -> Observed:
    observed: Observed = {}
    for how in ("end", "cancel"):
        taps = [Tap(name="one"), Tap(name="other")]
        tasks = [task_of(tap) for tap in taps]
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(*tasks)
        run = asyncio.create_task(runner.run())
        for tap in taps:
            await tap.wait("StartFrame")
        await asyncio.sleep(0.02)  # the start is to be over, and has no event in the runner
        await getattr(runner, how)()
        await asyncio.wait_for(run, 10)
        observed[how] = {tap.name: [x.partition("(")[0] for x in tap.down()] for tap in taps}
    return observed


@scenario()
async def upstream_and_the_end() -> Observed:
    """What is pushed upstream at the end still gets there."""

    async def answer(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_frame(Data("last words"), UP)

    return await play(Pass(), Act(EndFrame, answer), frames=[Data(1)])


@scenario()
async def requests_from_a_branch() -> Observed:
    async def ask(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_frame(EndWorkerFrame(reason="branch"), UP)

    async with running(ParallelPipeline([Act(Data, ask)], [Pass()])) as run:
        await run.queue(Data(1))
        await run.done()
    return {"finished": run.finished, "down": run.tail.down()}


@scenario(
    differs={
        "up": "what a branch pushes upstream for a frame that came down goes up; in pipecat it "
        "waits inside until another frame comes up"
    }
)
async def synchronised_branches_that_answer_upstream() -> Observed:
    async def answer(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        if direction is DOWN:
            await processor.push_frame(Control(f"{processor.name} {frame.tag}"), UP)

    observed = await play(
        SyncParallelPipeline([Act(Data, answer, name="a")], [Act(Data, answer, name="b")]),
        frames=[Data(1), Data(2)],
    )
    return {"down": observed["down"], "up": sorted(observed["up"])}


@scenario()
async def a_synchronised_branch_that_makes_more() -> Observed:
    async def more(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        for n in range(3):
            await processor.push_frame(Control(f"{frame.tag}.{n}"))

    return await play(
        SyncParallelPipeline(
            [Act(Data, more, keep=True)], [Pass()], frame_order=FrameOrder.PIPELINE
        ),
        frames=[Data(1), Data(2)],
    )


@scenario()
async def a_parallel_in_direct_mode() -> Observed:
    class Direct(Tap):
        def __init__(self) -> None:
            super().__init__(enable_direct_mode=True)

    taps = [Direct(), Direct()]
    observed = await play(
        ParallelPipeline([taps[0]], [taps[1]]), frames=[Data(1), Control(2)], up=[Data("a")]
    )
    return observed | {"seen": [[t.down(), t.up()] for t in taps]}


@scenario()
async def pushes_from_setup_and_cleanup() -> Observed:
    class Pushes(Pass):
        async def setup(self, setup: Any) -> None:
            await super().setup(setup)
            await self.push_frame(Data("from setup"))

        async def cleanup(self) -> None:
            await self.push_frame(Data("from cleanup"))
            await super().cleanup()

    return await play(Pushes(), frames=[Data(1)])


@scenario()
async def queueing_to_a_neighbour_directly() -> Observed:
    second = Tap(name="second")

    async def hand_over(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await second.queue_frame(Control(f"by hand {frame.tag}"))

    observed = await play(Act(Data, hand_over), second, frames=[Data(1)])
    return observed


@scenario()
async def kinds_of_metrics() -> Observed:
    class Measures(Pass):
        def can_generate_metrics(self) -> bool:
            return True

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, Data):
                await self.start_llm_usage_metrics(
                    LLMTokenUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
                )
                await self.start_tts_usage_metrics("four")
                await self.start_text_aggregation_metrics()
                await self.stop_text_aggregation_metrics()
                await self.start_processing_metrics(start_time=1.0)
                await self.stop_processing_metrics(end_time=3.0)
                await self.start_ttfb_metrics(start_time=1.0, report_only_initial_ttfb=False)
                await self.stop_ttfb_metrics(end_time=1.5)
                await self.start_ttfb_metrics(start_time=2.0, report_only_initial_ttfb=False)
                await self.stop_ttfb_metrics(end_time=1.0)
                await self.stop_all_metrics()
            await self.push_frame(frame, direction)

    params = PipelineParams(
        enable_metrics=True, enable_usage_metrics=True, send_initial_empty_metrics=False
    )
    async with running(Measures(name="measures"), params=params) as run:
        await run.queue(Data(1))
        await run.end()
    data = [d for f, _ in run.tail.seen if hasattr(f, "data") for d in f.data]
    told = [{k: v for k, v in d.model_dump().items() if k != "value"} for d in data]
    values = [
        getattr(d, "value", None) for d in data if type(d).__name__ != "TextAggregationMetricsData"
    ]
    return {
        "kinds": [type(d).__name__ for d in data],
        "told": told,
        "values": [v.model_dump() if hasattr(v, "model_dump") else v for v in values],
    }


@scenario()
async def handlers_of_errors_in_order() -> Observed:
    """The processor's own handler first, then those upstream, then the task's."""
    log: list[str] = []
    source = failing(Data, name="source")

    @source.event_handler("on_error")
    async def _on_error(processor: Any, error: Any) -> None:
        log.append("own")

    async def note(processor: Any, frame: Any, direction: Any) -> None:
        log.append("upstream")

    async with running(Act(ErrorFrame, note), source) as run:

        @run.task.event_handler("on_pipeline_error")
        async def _on_pipeline_error(task: Any, error: Any) -> None:
            log.append("task")

        await run.queue(Data(1))
        await until(lambda: len(log) == 3)
        await run.end()
    return {"log": log}


@scenario()
async def an_error_that_is_swallowed() -> Observed:
    log: list[str] = []
    async with running(Act(ErrorFrame, _nothing, keep=True), failing(Data)) as run:

        @run.task.event_handler("on_pipeline_error")
        async def _on_pipeline_error(task: Any, error: Any) -> None:
            log.append("task")

        await run.queue(Data(1))
        await run.end()
    return {"log": log, "up": run.head.up()}


@scenario()
async def lasting_frames_in_a_row_of_interruptions() -> Observed:
    hold = Hold(Control)
    async with running(hold) as run:
        await run.queue(Control(0))
        await hold.wait("enter Control(0)")
        await run.queue(Lasting(1), Data(2), Lasting(3), Data(4))
        await waiting(hold, Data)
        await until(lambda: run.head.has("Data(4)"))
        await asyncio.sleep(0.005)  # what was pushed last has no event of its own
        await run.queue(InterruptionFrame(), InterruptionFrame(), InterruptionFrame())
        await run.tail.wait("Lasting(3)")
        await run.end()
    return {"down": run.tail.down()}


@scenario()
async def contexts_of_variables() -> Observed:
    """A value set in a callback is seen by that processor later, and not by others."""
    import contextvars

    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    log: list[str] = []

    async def put(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        log.append(f"{processor.name} {frame.tag} {variable.get()}")
        if processor.name == "first":
            variable.set("set")

    await play(
        Act(Data, put, name="first"), Act(Data, put, name="second"), frames=[Data(1), Data(2)]
    )
    return {"log": sorted(log)}


@scenario()
async def tasks_left_behind_are_cancelled() -> Observed:
    log: list[str] = []

    class Leaves(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, Data):
                self.left = self.create_task(self.work(), "left")
            await self.push_frame(frame, direction)

        async def work(self) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                log.append("cancelled")
                raise

    leaves = Leaves()
    await play(leaves, frames=[Data(1)])
    if not leaves.left.done():
        leaves.left.cancel()
        await asyncio.wait([leaves.left])
    return {"log": log}
