"""Engine rules 10-27: one processor."""

import asyncio
import gc
from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    FrameProcessorPauseFrame,
    FrameProcessorPauseUrgentFrame,
    FrameProcessorResumeFrame,
    FrameProcessorResumeUrgentFrame,
    InterruptionFrame,
    StartFrame,
)
from pipecat_rs.observers.base_observer import BaseObserver, FrameProcessed
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.testing import Recorder, running
from pipecat_rs.utils.asyncio.task_manager import TaskManager
from support.frames import Control, Data, Lasting, System, tags
from support.processors import Act, Hold, Pass, Swallow
from support.tasks import DOWN, UP, task_of
from support.waiting import calls_of, settle, within


class Overlap(FrameProcessor):
    """Suspends in every callback and notes which callbacks are under way at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way: list[Frame] = []
        self.together: set[tuple[type, ...]] = set()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.under_way.append(frame)
        for _ in range(3):
            self.together.add(tuple(type(other) for other in self.under_way))
            await asyncio.sleep(0)
        self.under_way.remove(frame)
        await self.push_frame(frame, direction)


# R10, R11: lanes


async def test_r010_each_lane_handles_one_frame_after_another():
    overlap, out = Overlap(), Recorder()
    async with running(task_of(overlap, out)):
        for n in range(5):
            await overlap.queue_frame(Data(n))
            await overlap.queue_frame(System(n))
        await out.wait_for(Data, count=5)
    assert tags(out.frames(Data)) == tags(out.frames(System)) == list(range(5))
    for kinds in overlap.together:
        assert kinds.count(Data) <= 1 and kinds.count(System) <= 1


async def test_r011_system_frame_is_handled_while_a_data_frame_is_in_hand():
    slow, urgent = Data("slow"), System("urgent")
    hold = Hold(Data)
    async with running(task_of(hold)):
        await hold.queue_frame(slow)
        await hold.wait_for("enter", slow)
        await hold.queue_frame(urgent)
        await hold.wait_for("leave", urgent)
        assert not hold.noted("leave", slow) and not hold.noted("cancelled", slow)
        hold.release()
        await hold.wait_for("leave", slow)


async def test_r011_slow_system_frame_holds_later_frames_but_not_the_data_frame_in_hand():
    first, second = Data("first"), Data("second")
    slow, later = System("slow"), System("later")
    data_go, system_go = asyncio.Event(), asyncio.Event()

    async def act(_processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if frame is first:
            await data_go.wait()
        elif frame is slow:
            await system_go.wait()

    middle, out = Act(act), Recorder()
    async with running(task_of(middle, out)):
        await middle.queue_frame(first)
        await settle()
        await middle.queue_frame(slow)
        await settle()
        await middle.queue_frame(second)
        await middle.queue_frame(later)
        data_go.set()
        await out.wait_for(lambda frame: frame is first)
        await settle()
        assert tags(out.frames()) == ["first"]
        system_go.set()
        await out.wait_for(lambda frame: frame is second)
        await out.wait_for(lambda frame: frame is later)
    assert tags(out.frames(System)) == ["slow", "later"]


# R12-R14: order, before the start


async def test_r012_order_within_a_class_is_first_in_first_out_whatever_the_direction():
    first = Data("held")
    hold = Hold(lambda frame: frame is first)
    async with running(task_of(hold)):
        await hold.queue_frame(first)
        await hold.wait_for("enter", first)
        sent = [Data(1), System("a"), Data(2), System("b"), Control(3), System("c"), Control(4)]
        for n, frame in enumerate(sent):
            await hold.queue_frame(frame, UP if n // 2 % 2 else DOWN)
        hold.release()
        await hold.wait_for("leave", sent[-1])
        await hold.wait_for("leave", sent[5])
    order = tags(hold.entered())[1:]
    assert [tag for tag in order if isinstance(tag, int)] == [1, 2, 3, 4]
    assert [tag for tag in order if isinstance(tag, str)] == ["a", "b", "c"]


class PushesInSetup(Pass):
    """Pushes frames before there was a StartFrame."""

    def __init__(self, *frames: Frame) -> None:
        super().__init__()
        self.early = frames

    async def setup(self, setup: FrameProcessorSetup) -> None:
        await super().setup(setup)
        for frame in self.early:
            await self.push_frame(frame)


async def test_r013_nothing_is_processed_before_the_start_frame():
    out = Recorder()
    early = [Data("data"), System("system")]
    async with running(task_of(PushesInSetup(*early), out)):
        await out.wait_for(Data)
        await out.wait_for(System)
    assert isinstance(out.frames()[0], StartFrame)


async def test_r013_start_frame_is_taken_ahead_of_waiting_system_frames():
    out = Recorder()
    system, data = System("system"), Data("data")
    task = task_of(out)
    await out.queue_frame(data)
    await out.queue_frame(system)
    async with running(task):
        await out.wait_for(lambda frame: frame is data)
        await out.wait_for(lambda frame: frame is system)
    assert out.frames()[:3] == [out.frames(StartFrame)[0], system, data]


async def test_r013_start_frame_waits_for_the_setup_of_that_processor_alone():
    go, set_up = asyncio.Event(), asyncio.Event()

    class SlowSetup(Recorder):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)
            await go.wait()
            set_up.set()

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            assert set_up.is_set()
            await super().process_frame(frame, direction)

    ahead, slow = Recorder(), SlowSetup()
    task = task_of(ahead, slow)
    async with running(task, wait_for_start=False):
        await ahead.wait_for(StartFrame)
        await settle()
        assert slow.seen == []
        go.set()
        await slow.wait_for(StartFrame)


async def test_r014_pushing_before_the_start_frame_loses_nothing():
    out = Recorder()
    async with running(task_of(PushesInSetup(Data(1), Data(2), Control(3)), out)):
        await out.wait_for(Control)
    assert tags(out.frames()) == [1, 2, 3]


# R15: direct mode


async def test_r015_direct_mode_processes_inside_the_callers_await():
    done_at_return: list[list[Any]] = []
    direct = Recorder(enable_direct_mode=True)

    async def act(processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, Control):
            for made in (Data(1), System(2), Data(3)):
                await processor.push_frame(made)
                done_at_return.append(tags(direct.frames()))

    last = Recorder()
    async with running(task_of(Act(act, name="act"), direct, last)) as run:
        task_go = Control("go")
        await direct.previous.queue_frame(task_go)
        await last.wait_for(lambda frame: frame is task_go)
        assert not run.done()
    assert done_at_return == [[1], [1, 2], [1, 2, 3]]


async def test_r015_direct_mode_processors_in_a_row():
    processors = [Recorder(enable_direct_mode=True) for _ in range(3)]
    task = task_of(*processors)
    async with running(task):
        for n in range(3):
            await task.queue_frame(Data(n))
        await processors[-1].wait_for(Data, count=3)
    assert tags(processors[-1].frames()) == [0, 1, 2]


# R16, R17: process_frame, queue_frame


async def test_r016_nothing_is_forwarded_unless_the_subclass_pushes_it():
    swallow, out = Swallow(lambda frame: frame.name.startswith("Data")), Recorder()
    task = task_of(swallow, out)
    async with running(task):
        await task.queue_frames([Data(1), Control(2)])
        await out.wait_for(Control)
    assert tags(out.frames()) == [2]


async def test_r016_base_process_frame_tells_observers():
    class Watch(BaseObserver):
        def __init__(self) -> None:
            super().__init__()
            self.processed: list[tuple[FrameProcessor, Frame]] = []

        async def on_process_frame(self, data: FrameProcessed) -> None:
            self.processed.append((data.processor, data.frame))

    class NoBase(FrameProcessor):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if not isinstance(frame, Data):
                await super().process_frame(frame, direction)
            await self.push_frame(frame, direction)

    watch, with_base, without, out = Watch(), Pass(), NoBase(), Recorder()
    task = task_of(with_base, without, out, observers=[watch])
    frame = Data()
    async with running(task) as run:
        await task.queue_frames([frame, EndFrame()])
        await within(run)
    assert (with_base, frame) in watch.processed
    assert (out, frame) in watch.processed
    assert (without, frame) not in watch.processed


async def test_r017_queue_frame_callback_comes_after_processing():
    calls: list[tuple] = []
    called = asyncio.Event()
    out = Recorder()

    async def callback(processor: FrameProcessor, frame: Frame, direction: FrameDirection) -> None:
        calls.append((processor, frame, direction, tags(out.frames())))
        if len(calls) == 2:
            called.set()

    data, system = Data(1), System(2)
    async with running(task_of(out)):
        await out.queue_frame(data, DOWN, callback)
        await settle()
        await out.queue_frame(system, UP, callback)
        await within(called.wait())
    assert calls == [(out, data, DOWN, [1]), (out, system, UP, [1, 2])]


async def test_r017_queue_frame_callback_is_not_called_after_a_failure():
    calls = []

    async def fail(_processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            raise ValueError("no")

    async def callback(*args: Any) -> None:
        calls.append(args)

    processor, out = Act(fail), Recorder()
    async with running(task_of(processor, out)):
        await processor.queue_frame(Data(), DOWN, callback)
        await processor.queue_frame(Control())
        await out.wait_for(Control)
    assert calls == []


# R18-R20: exceptions and events


@pytest.mark.parametrize("kind", [Data, System])
async def test_r018_exception_becomes_an_error_frame_and_the_processor_goes_on(kind: type):
    boom = ValueError("boom")

    async def fail(_processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, kind) and frame.tag == "bad":
            raise boom

    above, failing, out = Recorder(), Act(fail), Recorder()
    task = task_of(above, failing, out)
    async with running(task) as run:
        await failing.queue_frame(kind("bad"))
        await failing.queue_frame(kind("good"))
        await out.wait_for(kind)
        error = await above.wait_for(ErrorFrame, direction=UP)
        assert not run.done()
    assert tags(out.frames(kind)) == ["good"]
    assert error.error == "Error processing frame: boom"
    assert error.exception is boom
    assert error.processor is failing


async def test_r019_frame_events_are_awaited_in_place_in_the_order_registered():
    log: list[str] = []
    processor, out = Pass(), Recorder()

    def note(what: str):
        async def handler(_processor: FrameProcessor, frame: Frame) -> None:
            if isinstance(frame, Data):
                log.append(f"{what} begins")
                await asyncio.sleep(0)
                log.append(f"{what} ends")

        return handler

    def plain(_processor: FrameProcessor, frame: Frame) -> None:
        if isinstance(frame, Data):
            log.append("plain before process")

    processor.add_event_handler("on_before_process_frame", note("before process"))
    processor.add_event_handler("on_before_process_frame", plain)
    processor.add_event_handler("on_before_push_frame", note("before push"))
    processor.add_event_handler("on_after_push_frame", note("after push"))
    processor.add_event_handler("on_after_process_frame", note("after process"))
    async with running(task_of(processor, out)):
        await processor.queue_frame(Data())
        await processor.queue_frame(Control())
        await out.wait_for(Control)
    assert log == [
        "before process begins",
        "before process ends",
        "plain before process",
        "before push begins",
        "before push ends",
        "after push begins",
        "after push ends",
        "after process begins",
        "after process ends",
    ]


async def test_r019_on_error_is_awaited_in_place():
    log: list[str] = []

    async def report(processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            await processor.push_error("went wrong")
            log.append("push_error returned")

    processor, out = Act(report), Recorder()

    @processor.event_handler("on_error")
    async def on_error(_processor: FrameProcessor, error: ErrorFrame) -> None:
        await asyncio.sleep(0)
        log.append(error.error)

    async with running(task_of(processor, out)):
        await processor.queue_frame(Data())
        await out.wait_for(Data)
    assert log == ["went wrong", "push_error returned"]


class Emitter(Pass):
    """Has an event of its own, fired by each data frame."""

    def __init__(self) -> None:
        super().__init__()
        self._register_event_handler("on_data")

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            await self._call_event_handler("on_data", frame)
        await super().process_frame(frame, direction)


async def test_r019_other_events_run_each_handler_in_a_task_of_its_own():
    emitter, out = Emitter(), Recorder()
    second_ran, first_done = asyncio.Event(), asyncio.Event()

    @emitter.event_handler("on_data")
    async def waits(_emitter: Emitter, _frame: Frame) -> None:
        await second_ran.wait()
        first_done.set()

    @emitter.event_handler("on_data")
    def plain(_emitter: Emitter, _frame: Frame) -> None:
        second_ran.set()

    async with running(task_of(emitter, out)):
        await emitter.queue_frame(Data())
        await out.wait_for(Data)
        await within(first_done.wait())


async def test_r019_exception_in_a_handler_stops_nothing():
    emitter, out = Emitter(), Recorder()
    before = calls_of(emitter, "on_before_process_frame")

    def fails(*_: Any) -> None:
        raise RuntimeError("handler")

    async def fails_async(*_: Any) -> None:
        raise RuntimeError("handler")

    emitter.add_event_handler("on_before_process_frame", fails)
    emitter.add_event_handler("on_before_process_frame", fails_async)
    emitter.add_event_handler("on_before_push_frame", fails_async)
    emitter.add_event_handler("on_data", fails_async)
    after = calls_of(emitter, "on_before_process_frame")
    on_data = calls_of(emitter, "on_data")
    above = Recorder()
    async with running(task_of(above, emitter, out)):
        frame = Data()
        await emitter.queue_frame(frame)
        await out.wait_for(Data)
        await on_data.wait()
    assert (frame,) in before and (frame,) in after
    assert above.frames(ErrorFrame) == []


async def test_r020_unknown_event_only_warns():
    processor, out = Pass(), Recorder()

    @processor.event_handler("on_no_such_event")
    async def handler(*_: Any) -> None:
        raise AssertionError("never called")

    async with running(task_of(processor, out)):
        await processor.queue_frame(Data())
        await out.wait_for(Data)


async def test_r020_cleanup_waits_for_event_tasks_still_running():
    finished_before_cleanup_returned: list[bool] = []
    cleaning, finished = asyncio.Event(), asyncio.Event()

    class Cleaned(Emitter):
        async def cleanup(self) -> None:
            cleaning.set()
            await super().cleanup()
            finished_before_cleanup_returned.append(finished.is_set())

    emitter, out = Cleaned(), Recorder()

    @emitter.event_handler("on_data")
    async def slow(_emitter: Emitter, _frame: Frame) -> None:
        await cleaning.wait()
        await settle(10)
        finished.set()

    async with running(task_of(emitter, out)) as run:
        await emitter.queue_frame(Data())
        await emitter.queue_frame(EndFrame())
        await out.wait_for(Data)
        await settle()
        assert not run.done()
    assert finished_before_cleanup_returned == [True]


async def test_r020_cleanup_called_from_an_event_task_does_not_wait_for_itself():
    emitter, out = Emitter(), Recorder()
    returned = asyncio.Event()

    @emitter.event_handler("on_data")
    async def cleans_up(emitter: Emitter, _frame: Frame) -> None:
        await emitter.cleanup()
        returned.set()

    task = task_of(emitter, out, cancel_timeout_secs=0.1)
    async with running(task):
        await emitter.queue_frame(Data())
        await within(returned.wait())


# R21: no neighbour


async def test_r021_push_with_no_neighbour_is_dropped():
    alone = Pass()
    assert alone.next is None and alone.previous is None
    await alone.push_frame(Data())
    await alone.push_frame(System(), UP)


# R22-R25: pauses


class Pausing(Recorder):
    """Pauses itself while it handles a frame tagged "pause"."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data | System) and frame.tag == "pause":
            await self.pause_processing_frames()
        elif isinstance(frame, System) and frame.tag == "pause system":
            await self.pause_processing_system_frames()
        await super().process_frame(frame, direction)


async def test_r022_pause_holds_from_the_next_data_frame_on_and_resume_keeps_order():
    pausing, out = Pausing(), Recorder()
    async with running(task_of(pausing, out)):
        await pausing.queue_frame(Data("pause"))
        for n in range(3):
            await pausing.queue_frame(Data(n))
        await out.wait_for(Data)
        await pausing.queue_frame(System("s"))
        await out.wait_for(System)
        await settle()
        assert tags(out.frames()) == ["pause", "s"]
        await pausing.resume_processing_frames()
        await out.wait_for(Data, count=4)
        assert tags(out.frames(Data)) == ["pause", 0, 1, 2]


async def test_r022_resume_before_any_frame_waits_leaves_the_processor_open():
    pausing = Pausing()
    async with running(task_of(pausing)):
        await pausing.queue_frame(Data("pause"))
        await pausing.wait_for(Data)
        await pausing.resume_processing_frames()
        await pausing.queue_frame(Data(1))
        await pausing.queue_frame(Data(2))
        await pausing.wait_for(Data, count=3)


async def test_r022_system_frames_have_a_pause_of_their_own():
    pausing, out = Pausing(), Recorder()
    async with running(task_of(pausing, out)):
        await pausing.queue_frame(System("pause system"))
        await out.wait_for(System)
        for n in range(3):
            await pausing.queue_frame(System(n))
        await settle()
        assert tags(out.frames()) == ["pause system"]
        await pausing.resume_processing_system_frames()
        await out.wait_for(System, count=4)
    assert tags(out.frames()) == ["pause system", 0, 1, 2]


@pytest.mark.parametrize("pause", [FrameProcessorPauseFrame, FrameProcessorPauseUrgentFrame])
@pytest.mark.parametrize("resume", [FrameProcessorResumeFrame, FrameProcessorResumeUrgentFrame])
async def test_r023_pause_and_resume_frames_act_on_the_processor_they_name(pause, resume):
    first, second, out = Recorder(name="first"), Recorder(name="second"), Recorder()
    task = task_of(first, second, out)
    async with running(task):
        await task.queue_frame(pause(processor=second))
        await out.wait_for(pause)
        await task.queue_frames([Data(1), Data(2)])
        await first.wait_for(Data, count=2)
        await settle()
        assert second.frames(Data) == []
        await task.queue_frame(resume(processor=second))
        await out.wait_for(Data, count=2)
    assert tags(out.frames()) == [1, 2]


async def test_r023_processors_are_compared_by_name():
    recorder = Recorder(name="the one")
    task = task_of(recorder)
    namesake, stranger = Pass(name="the one"), Pass(name="another")
    async with running(task):
        await task.queue_frames([FrameProcessorPauseUrgentFrame(processor=stranger), Data(1)])
        await recorder.wait_for(Data)
        await task.queue_frame(FrameProcessorPauseUrgentFrame(processor=namesake))
        await recorder.wait_for(FrameProcessorPauseUrgentFrame, count=2)
        await task.queue_frame(Data(2))
        await settle()
        assert tags(recorder.frames()) == [1]
        await task.queue_frame(FrameProcessorResumeUrgentFrame(processor=namesake))
        await recorder.wait_for(Data, count=2)


async def test_r023_subclass_decides_whether_to_forward_pause_frames():
    processor, out = Swallow(FrameProcessorPauseUrgentFrame), Recorder()
    task = task_of(processor, out)
    async with running(task):
        await task.queue_frame(FrameProcessorPauseUrgentFrame(processor=processor))
        await task.queue_frames([System("s"), Data(1)])
        await out.wait_for(System)
        await settle()
        assert tags(out.frames()) == ["s"]
        assert out.frames(FrameProcessorPauseUrgentFrame) == []
        await processor.resume_processing_frames()
        await out.wait_for(Data)


async def test_r024_interruption_lifts_a_data_pause():
    pausing, out = Pausing(), Recorder()
    async with running(task_of(pausing, out)):
        await pausing.queue_frame(Data("pause"))
        await out.wait_for(Data)
        await pausing.queue_frame(Data("dropped"))
        await pausing.queue_frame(Lasting("kept"))
        await settle()
        await pausing.queue_frame(InterruptionFrame())
        await out.wait_for(InterruptionFrame)
        await pausing.queue_frame(Data("after"))
        await out.wait_for(Data, count=2)
    assert tags(out.frames()) == ["pause", "kept", "after"]


class HoldsUntil(Recorder):
    """Holds all frames from its StartFrame on."""

    def __init__(self, ready: asyncio.Event, timeout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._ready = ready
        self._hold_timeout = timeout

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, StartFrame):
            await self.pause_processing_all_frames_until(
                self._ready.wait, timeout=self._hold_timeout
            )
        await super().process_frame(frame, direction)


async def test_r025_all_frames_are_held_until_ready():
    ready = asyncio.Event()
    holding = HoldsUntil(ready, timeout=10)
    async with running(task_of(holding)) as run:  # the StartFrame itself went on
        for frame in (Data(1), System("a"), Data(2), System("b")):
            await holding.queue_frame(frame)
        await settle()
        assert tags(holding.frames()) == []
        ready.set()
        await holding.wait_for(Data, count=2)
        await holding.wait_for(System, count=2)
        assert not run.done()
    assert tags(holding.frames(Data)) == [1, 2]
    assert tags(holding.frames(System)) == ["a", "b"]


async def test_r025_hold_is_lifted_on_timeout():
    holding = HoldsUntil(asyncio.Event(), timeout=0.05)
    async with running(task_of(holding)):
        await holding.queue_frame(Data(1))
        await holding.queue_frame(System("a"))
        await holding.wait_for(Data)
        await holding.wait_for(System)


async def test_r025_hold_does_not_keep_the_task_from_its_end():
    holding = HoldsUntil(asyncio.Event(), timeout=3600)
    task = task_of(holding, cancel_timeout_secs=0.2)
    async with running(task) as run:
        await task.cancel()
        await within(run)


async def test_r025_direct_mode_holds_nothing():
    holding = HoldsUntil(asyncio.Event(), timeout=3600, enable_direct_mode=True)
    task = task_of(holding)
    async with running(task) as run:
        await task.queue_frames([Data(1), System("a"), EndFrame()])
        await within(run)
    assert set(tags(holding.frames())) == {1, "a"}


# R26, R27: tasks


async def test_r026_tasks_are_named_after_the_processor():
    async def work() -> str:
        return "done"

    processor = Recorder(name="worker")
    async with running(task_of(processor)):
        named = processor.create_task(work(), name="job")
        unnamed = processor.create_task(work())
        assert (named.get_name(), unnamed.get_name()) == ("worker::job", "worker::work")
        assert await within(named) == "done" and await within(unnamed) == "done"


async def test_r026_exception_in_a_task_is_not_raised():
    async def fail() -> None:
        raise RuntimeError("task")

    processor = Recorder()
    task = task_of(processor)
    async with running(task) as run:
        assert await within(processor.create_task(fail())) is None
        await task.queue_frames([Data(), EndFrame()])
        await within(run)
    assert len(processor.frames(Data)) == 1


async def test_r026_cancelling_waits_only_so_long_for_a_task_that_will_not_die():
    release = asyncio.Event()
    refused = 0

    async def stubborn() -> None:
        nonlocal refused
        while not release.is_set() and refused < 4:
            try:
                await release.wait()
            except asyncio.CancelledError:
                refused += 1

    processor = Recorder()
    async with running(task_of(processor)):
        task = processor.create_task(stubborn())
        await settle()
        await within(processor.cancel_task(task, timeout=0.05))
        assert refused and not task.done()
        release.set()
        await within(asyncio.wait({task}))


async def test_r027_cancel_task_swallows_the_childs_cancellation():
    manager = TaskManager()
    task = manager.create_task(asyncio.sleep(3600), "child")
    await settle()
    await within(manager.cancel_task(task))
    assert task.cancelled()
    assert list(manager.current_tasks()) == []


async def test_r027_cancel_task_raises_if_the_caller_is_cancelled_meanwhile():
    manager = TaskManager()
    release, refused = asyncio.Event(), asyncio.Event()

    async def slow_to_die() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            refused.set()
            await release.wait()
            raise

    child = manager.create_task(slow_to_die(), "child")
    await settle()
    caller = asyncio.create_task(manager.cancel_task(child))
    await within(refused.wait())
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await within(caller)
    release.set()
    await within(asyncio.wait({child}))


async def test_r027_cancelling_the_running_task_is_ignored():
    manager = TaskManager()

    async def cancels_itself() -> str:
        await manager.cancel_task(asyncio.current_task())
        await asyncio.sleep(0)
        return "went on"

    assert await within(manager.create_task(cancels_itself(), "self")) == "went on"


async def test_r027_tasks_of_equal_name_are_tracked_apart():
    manager = TaskManager()
    go = asyncio.Event()
    one, other = (manager.create_task(go.wait(), "same") for _ in range(2))
    assert set(manager.current_tasks()) == {one, other}
    await manager.cancel_task(one)
    assert list(manager.current_tasks()) == [other]
    go.set()
    await within(other)
    await settle()
    assert list(manager.current_tasks()) == []


async def test_r027_task_cancelled_before_it_ran_leaves_no_warning():
    manager = TaskManager()

    async def never_runs() -> None:
        raise AssertionError

    await within(manager.cancel_task(manager.create_task(never_runs(), "early")))
    gc.collect()  # a "never awaited" warning would fail the test
