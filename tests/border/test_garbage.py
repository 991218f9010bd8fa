"""Garbage: cycles through the engine are collected, and finalizers may call back into it."""

import asyncio
import gc
import weakref
from dataclasses import dataclass
from typing import Any

import pytest
from pipecat_rs.frames.frames import DataFrame, EndFrame, Frame, StartFrame
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, System, tags
from support.processors import Pass, Swallow
from support.tasks import task_of
from support.waiting import settle, within


def all_dead(references: list[weakref.ref]) -> bool:
    gc.collect()
    return all(reference() is None for reference in references)


class Knows(Pass):
    """Holds whatever it is told to: its task, its neighbours, frames."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[Any] = [self]


async def test_cycle_of_processor_task_and_frames_is_collected_after_the_run():
    async def session() -> list[weakref.ref]:
        knows, other = Knows(), Knows()
        task = task_of(knows, ParallelPipeline([other], [Pass()]), leaky=True)
        frame = Data(tag=task)
        knows.known += [task, other, frame]
        other.known += [task, knows]
        task.add_event_handler("on_pipeline_started", lambda *_: knows)
        knows.add_event_handler("on_before_process_frame", lambda *_: task)
        await task.queue_frames([frame, EndFrame()])
        await within(task.run())
        return [weakref.ref(one) for one in (knows, other, task, frame)]

    references = await session()
    await settle(5)
    assert all_dead(references)


async def test_cycle_through_waiting_frames_is_collected_though_it_never_ran():
    def make() -> tuple[Any, list[weakref.ref]]:
        knows = Knows()
        task = task_of(knows, leaky=True)
        knows.known.append(task)
        return (knows, task), [weakref.ref(knows), weakref.ref(task)]

    things, references = make()
    knows, task = things
    await knows.queue_frame(Data(tag=knows))
    await task.queue_frame(Data(tag=task))
    del knows, task, things
    await settle(5)
    assert all_dead(references)


async def test_cycle_through_a_suspended_callback_is_collected_after_the_cancel():
    class Suspends(Knows):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Data):
                mine = [self, frame, asyncio.current_task()]
                await asyncio.Event().wait()
                mine.clear()
            await super().process_frame(frame, direction)

    async def session() -> list[weakref.ref]:
        suspends = Suspends()
        task = task_of(suspends, leaky=True)
        suspends.known.append(task)
        async with running(task):
            await task.queue_frame(Data(tag=task))
            await settle()
        return [weakref.ref(suspends), weakref.ref(task)]

    references = await session()
    await settle(5)
    assert all_dead(references)


async def test_frames_are_freed_as_soon_as_nobody_needs_them():
    task = task_of(Pass(), Swallow(Data), enable_turn_tracking=False)
    async with running(task):
        references = []
        for n in range(20):
            frame = Data(n)
            references.append(weakref.ref(frame))
            await task.queue_frame(frame)
        del frame
        await settle()
        assert all(reference() is None for reference in references)


async def test_processor_that_is_watched_weakly_lives_as_long_as_its_task():
    async def begin():
        task = task_of(Pass(), Recorder())
        return task, weakref.WeakSet(task.pipeline.processors)

    task, processors = await begin()
    count = len(processors)
    gc.collect()
    await task.queue_frames([Data(1), EndFrame()])
    await within(task.run())
    assert len(processors) == count > 0


@dataclass
class Final(DataFrame):
    """Calls back when it is finalized."""

    call: Any = None

    def __del__(self) -> None:
        if self.call is not None:
            self.call()


@pytest.mark.parametrize("where", ["swallowed", "at the sink", "dropped by an interruption"])
async def test_finalizer_of_a_frame_may_push_queue_and_look(where: str):
    """The last reference may go in the middle of a step: the engine is entered again."""
    from pipecat_rs.frames.frames import InterruptionFrame

    out = Recorder()
    gate = Swallow(Final) if where == "swallowed" else Pass()
    task = task_of(gate, Pass(), out, enable_turn_tracking=False)
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        gate.push_frame(Control(calls)).close()
        gate.queue_frame(System(calls)).close()
        task.snapshot()

    async with running(task) as run:
        if where.startswith("dropped"):
            await gate.pause_processing_frames()
        for _ in range(10):
            await task.queue_frame(Final(call))
        await settle()
        if where.startswith("dropped"):
            await task.queue_frame(InterruptionFrame())
        out.seen.clear()  # it recorded them
        await settle()
        gc.collect()
        await settle()
        assert calls == 10
        await task.queue_frame(EndFrame())
        await within(run)
    assert len(out.frames((Control, System))) <= 20


async def test_finalizer_that_raises_disturbs_nothing(recwarn: pytest.WarningsRecorder):
    class Raises(Data):
        pass

    raised = []

    class Payload:
        def __del__(self) -> None:
            raised.append(True)  # an exception here would only be printed

    out = Recorder()
    task = task_of(Swallow(Raises), out)
    async with running(task) as run:
        await task.queue_frames([Raises(Payload()), Data("next"), EndFrame()])
        await within(run)
    gc.collect()
    assert raised == [True] and tags(out.frames()) == ["next"]


async def test_finalizer_of_a_processor_may_end_another_task():
    """Dropping one session, in a callback of another one, closes what it held."""
    closed = []

    class Closes(Pass):
        def __del__(self) -> None:
            closed.append(self.name)

    held: list[Any] = [task_of(Closes(name="held"), leaky=True)]

    class Drops(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Data):
                held.clear()
                gc.collect()
            await super().process_frame(frame, direction)

    out = Recorder()
    task = task_of(Drops(), out)
    async with running(task) as run:
        await task.queue_frames([Data(1), EndFrame()])
        await within(run)
    assert closed == ["held"] and tags(out.frames()) == [1]


async def test_collector_runs_at_every_allocation():
    """The engine's own objects are consistent whenever Python may look at them."""

    class Suspends(FrameProcessor):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if not isinstance(frame, StartFrame):
                await asyncio.sleep(0)
            await self.push_frame(frame, direction)

    out = Recorder()
    task = task_of(Pass(), Suspends(), out)
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        async with running(task) as run:
            await task.queue_frames([*(Data(n) for n in range(20)), System("s"), EndFrame()])
            await within(run, 20)
    finally:
        gc.set_threshold(*threshold)
    assert tags(out.frames(Data)) == list(range(20))
