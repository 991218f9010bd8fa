"""Interruptions: what they drop, what they leave, what they reach."""

from __future__ import annotations

from dataclasses import dataclass
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
    label,
    play,
    running,
    scenario,
    until,
    waiting,
)
from pipecat.frames.frames import (
    DataFrame,
    EndFrame,
    FunctionCallResultFrame,
    InterruptionFrame,
    InterruptionWorkerFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    StopFrame,
    UninterruptibleFrame,
)
from pipecat.pipeline.parallel_pipeline import ParallelPipeline
from pipecat.pipeline.sync_parallel_pipeline import SyncParallelPipeline
from pipecat.processors.frame_processor import FrameProcessor


@scenario()
async def the_frame_in_hand_and_those_that_wait() -> Observed:
    hold = Hold(Data)
    async with running(hold) as run:
        await run.queue(Data(1))
        await hold.wait("enter Data(1)")
        await run.queue(Data(2), Lasting(3), Data(4), Lasting(5), Control(6))
        await waiting(hold, Control)
        await run.queue(InterruptionFrame())
        await run.tail.wait("Lasting(5)")
        await run.end()
    return {"log": hold.log, "down": run.tail.down()}


@scenario()
async def a_lasting_frame_in_hand_goes_on() -> Observed:
    hold = Hold(Lasting)
    async with running(hold) as run:
        await run.queue(Lasting(1))
        await hold.wait("enter Lasting(1)")
        await run.queue(Data(2), Lasting(3))
        await waiting(hold, Lasting)
        await run.queue(InterruptionFrame())
        await hold.wait("pass InterruptionFrame")
        hold.release(2)
        await run.end()
    return {"log": hold.log, "down": run.tail.down()}


@scenario()
async def system_frames_are_never_dropped() -> Observed:
    hold = Hold(System)
    async with running(hold) as run:
        await run.queue(System(1))
        await hold.wait("enter System(1)")
        await run.queue(InterruptionFrame(), System(2), Data(3))
        hold.release(2)
        await hold.wait("pass Data(3)")
        await run.end()
    return {"log": hold.log}


@scenario()
async def end_and_stop_survive() -> Observed:
    observed: Observed = {}
    for last in (EndFrame, StopFrame):
        hold = Hold(Data)
        async with running(hold) as run:
            await run.queue(Data(1))
            await hold.wait("enter Data(1)")
            await run.queue(Data(2), last())
            await waiting(hold, last)
            await hold.queue_frame(InterruptionFrame())
            await run.done()
        observed[last.__name__] = [run.tail.down(), run.finished]
    return observed


@scenario()
async def an_interruptible_flag_of_one_frame() -> Observed:
    kept, dropped = Data("kept"), Data("dropped")
    kept.interruptible = False
    hold = Hold(Control)
    async with running(hold) as run:
        await run.queue(Control(1))
        await hold.wait("enter Control(1)")
        await run.queue(dropped, kept, Lasting(0))
        await waiting(hold, Lasting)
        await run.queue(InterruptionFrame())
        await run.tail.wait("Data(kept)")
        await run.end()
    return {"down": run.tail.down()}


@scenario()
async def the_older_mixin_still_counts() -> Observed:
    @dataclass
    class Mixed(DataFrame, UninterruptibleFrame):
        tag: Any = None

    hold = Hold(Control)
    async with running(hold) as run:
        await run.queue(Control(1))
        await hold.wait("enter Control(1)")
        await run.queue(Data(2), Mixed(3))
        await waiting(hold, Mixed)
        await run.queue(InterruptionFrame())
        await run.tail.wait("Mixed(3)")
        await run.end()
    return {"down": run.tail.down()}


@scenario()
async def a_function_result_survives() -> Observed:
    result = FunctionCallResultFrame(
        function_name="f", tool_call_id="1", arguments={}, result="found"
    )
    hold = Hold(Control)
    async with running(hold) as run:
        await run.queue(Control(1))
        await hold.wait("enter Control(1)")
        await run.queue(LLMTextFrame("gone"), result, LLMFullResponseEndFrame())
        await waiting(hold, LLMFullResponseEndFrame)
        await run.queue(InterruptionFrame())
        await run.tail.wait("FunctionCallResultFrame")
        await run.end()
    return {"down": run.tail.down()}


@scenario()
async def whoever_broadcasts_an_interruption_goes_on() -> Observed:
    log: list[str] = []

    async def interrupt(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        if frame.tag == 1:
            await processor.broadcast_interruption()
            log.append("went on")

    async with running(Act(Data, interrupt, name="interrupts")) as run:
        await run.queue(Data(1), Control(2))
        await run.tail.wait("Data(1)")
        await until(lambda: run.head.has("InterruptionFrame"))
        await run.end()
    siblings = [
        next(f for f, d in tap.seen if isinstance(f, InterruptionFrame))
        for tap in (run.head, run.tail)
    ]
    return {
        "log": log,
        "first down": run.tail.down()[:3],
        "up": run.head.up(),
        "siblings": siblings[0].broadcast_sibling_id == siblings[1].id,
    }


@scenario()
async def what_waits_at_whoever_broadcasts_is_dropped() -> Observed:
    async def interrupt(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        if frame.tag == 1:
            await until(lambda: processor.has_queued_frame(Lasting))
            await processor.broadcast_interruption()

    async with running(Act(Data, interrupt)) as run:
        await run.queue(Data(1), Data(2), Lasting(3))
        await run.tail.wait("Lasting(3)")
        await run.end()
    return {"down": run.tail.down()}


@scenario()
async def the_older_way_to_interrupt() -> Observed:
    async def interrupt(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_interruption_task_frame_and_wait()

    async with running(Act(Data, interrupt)) as run:
        await run.queue(Data(1))
        await run.tail.wait("Data(1)")
        await run.end()
    return {"down": run.tail.down(), "up": run.head.up()}


@scenario()
async def the_task_is_asked_to_interrupt() -> Observed:
    observed: Observed = {}
    for name, direction in (("up", UP), ("down", DOWN)):

        async def ask(processor: FrameProcessor, frame: Any, _: Any, to: Any = direction) -> None:
            await processor.push_frame(InterruptionWorkerFrame(), to)

        async with running(Act(Data, ask)) as run:
            await run.queue(Data(1))
            await run.tail.wait("InterruptionFrame")
            await run.end()
        observed[name] = [x for x in run.tail.down() if x != "InterruptionWorkerFrame"][-2:]
    return observed


@scenario()
async def an_interruption_gets_ahead_of_an_end() -> Observed:
    hold = Hold(Data)
    async with running(hold) as run:
        await run.queue(Data(1))
        await hold.wait("enter Data(1)")
        await run.queue(EndFrame())
        await waiting(hold, EndFrame)
        await run.head.push_frame(InterruptionWorkerFrame(), UP)
        await run.done()
    return {"log": hold.log, "down": run.tail.down()}


@scenario()
async def a_pause_is_lifted() -> Observed:
    tap = Tap(name="tap")
    async with running(tap) as run:
        await tap.pause_processing_frames()
        await run.queue(Data(1), Lasting(2))
        await waiting(tap, Lasting)
        await run.queue(InterruptionFrame())
        await tap.wait("Lasting(2)")
        await run.queue(Data(3))
        await tap.wait("Data(3)")
        await run.end()
    return {"down": tap.down()}


@scenario()
async def each_branch_is_interrupted() -> Observed:
    holds = [Hold(Data, name="one"), Hold(Data, name="other")]
    async with running(ParallelPipeline([holds[0]], [holds[1]])) as run:
        await run.queue(Data(1))
        for hold in holds:
            await hold.wait("enter Data(1)")
        await run.queue(Data(2), Lasting(3))
        for hold in holds:
            await waiting(hold, Lasting)
        await run.queue(InterruptionFrame())
        for hold in holds:
            await hold.wait("pass Lasting(3)")
        await run.end()
    return {"down": run.tail.down()} | {hold.name: hold.log for hold in holds}


@scenario()
async def a_nested_pipeline_is_interrupted() -> Observed:
    from pipecat.pipeline.pipeline import Pipeline

    hold = Hold(Data)
    async with running(Pipeline([Pass(), Pipeline([hold])]), Pass()) as run:
        await run.queue(Data(1))
        await hold.wait("enter Data(1)")
        await run.queue(Lasting(2))
        await waiting(hold, Lasting)
        await run.queue(InterruptionFrame())
        await run.tail.wait("Lasting(2)")
        await run.end()
    return {"log": hold.log, "down": run.tail.down()}


@scenario()
async def synchronised_branches_are_interrupted() -> Observed:
    hold = Hold(Data)
    async with running(SyncParallelPipeline([hold], [Pass()])) as run:
        await run.queue(Data(1))
        await hold.wait("enter Data(1)")
        await run.queue(InterruptionFrame())
        await hold.wait("cancelled Data(1)")
        await run.queue(Lasting(2))
        await run.tail.wait("Lasting(2)")
        await run.end()
    down = run.tail.down()
    log = [entry for entry in hold.log if entry != "pass SyncFrame"]  # of pipecat's own making
    return {"log": log, "lasting": "Lasting(2)" in down, "last": down[-1]}


@scenario()
async def upstream_data_is_dropped_too() -> Observed:
    hold = Hold(Control)
    async with running(hold) as run:
        await hold.queue_frame(Control(1), UP)
        await hold.wait("enter Control(1)")
        await hold.queue_frame(Data(2), UP)
        await hold.queue_frame(Lasting(3), UP)
        await waiting(hold, Lasting)
        await run.queue(InterruptionFrame())
        await run.head.wait("Lasting(3)")
        await run.end()
    return {"up": run.head.up(), "log": hold.log}


@scenario()
async def an_interruption_is_seen_once_by_each() -> Observed:
    taps = [Tap(name=name) for name in "abc"]
    await play(*taps, frames=[Data(1), InterruptionFrame(), Lasting(2)])
    return {
        tap.name: [label(f) for f, _ in tap.seen if isinstance(f, (InterruptionFrame, Lasting))]
        for tap in taps
    }


@scenario()
async def a_callback_that_swallows_its_cancellation() -> Observed:
    """The next frame is processed all the same."""
    import asyncio

    log: list[str] = []

    async def stubborn(processor: Any, frame: Any, direction: Any) -> None:
        if frame.tag == 1:
            log.append("enter")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                log.append("swallowed")

    async with running(Act(Data, stubborn)) as run:
        await run.queue(Data(1))
        await until(lambda: log)
        await run.queue(InterruptionFrame())
        await until(lambda: len(log) == 2)
        await run.queue(Data(2))
        await run.tail.wait("Data(2)")
        await run.end()
    return {"log": log, "second": "Data(2)" in run.tail.down()}
