"""G16: who holds a frame, for how long, and where a loop stands still."""

import asyncio
import inspect
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
from pipecat_rs.frames.frames import Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Data, System
from support.processors import Hold, Pass
from support.tasks import task_of
from support.waiting import calls_of, settle, until


def node(task, processor: FrameProcessor):
    (found,) = [one for one in task.snapshot() if one.name == processor.name]
    return found


async def test_g16_snapshot_names_the_holder_its_frame_and_what_waits():
    first, hold, last = Pass(), Hold(Data), Recorder()
    task = task_of(first, hold, last)
    async with running(task):
        frame = Data()
        await task.queue_frames([frame, Data(), Data()])
        await hold.wait_for("enter", frame)
        await settle()
        held = node(task, hold)
        assert (held.state, held.frame) == ("processing", "Data")
        assert held.data.depth == 2 and held.data.frame == "Data"
        assert held.system.depth == 0 and held.system.frame is None
        for other in (first, last):
            assert node(task, other).state == "idle" and node(task, other).frame is None
        before = held.held_for
        await until(lambda: node(task, hold).held_for > before)
        assert node(task, hold).data.age > 0
        hold.release(3)
        await last.wait_for(Data, count=3)
        await settle()
        assert node(task, hold).state == "idle" and node(task, hold).data.depth == 0


async def test_g16_snapshot_shows_both_lanes():
    hold = Hold((Data, System))
    task = task_of(hold)
    data, system = Data(), System()
    async with running(task):
        await hold.queue_frame(data)
        await hold.wait_for("enter", data)
        await hold.queue_frame(system)
        await hold.wait_for("enter", system)
        held = node(task, hold)
        assert (held.data.frame, held.system.frame) == ("Data", "System")
        hold.release(2)
        await hold.wait_for("leave", data)


async def test_g16_snapshot_shows_a_paused_processor_as_waiting():
    paused = Recorder()
    task = task_of(paused)
    async with running(task):
        await paused.pause_processing_frames()
        await paused.queue_frame(Data())
        await settle()
        assert node(task, paused).state == "waiting" and node(task, paused).data.depth == 1
        await paused.resume_processing_frames()
        await paused.wait_for(Data)


async def test_g16_snapshot_can_be_taken_before_and_after_the_run():
    task = task_of(Pass())
    assert isinstance(task.snapshot(), list)
    async with running(task):
        pass
    assert isinstance(task.snapshot(), list)
    assert task.leak_report() == []


class Blocks(FrameProcessor):
    """Blocks its thread in each data frame until `go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked, self.go = threading.Event(), threading.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, Data):
            self.blocked.set()
            self.block()
        await self.push_frame(frame, direction)

    def block(self) -> None:
        self.go.wait(10)


async def test_g16_snapshot_answers_another_thread_while_the_loop_is_blocked():
    blocks, found = Blocks(), []
    task = task_of(blocks)

    def look() -> None:
        if blocks.blocked.wait(10):
            found.append(node(task, blocks))
        blocks.go.set()

    thread = threading.Thread(target=look)
    async with running(task):
        thread.start()
        await task.queue_frame(Data())
        await until(lambda: bool(found))
    thread.join()
    assert (found[0].state, found[0].frame) == ("processing", "Data")


@pytest.fixture
def released_by_the_warning() -> Iterator[Blocks]:
    """A processor that blocks its loop until the stall has been warned of."""
    blocks = Blocks()

    class Release(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "has not answered" in record.getMessage():
                blocks.go.set()

    handler = Release()
    logger = logging.getLogger("pipecat_rs")
    logger.addHandler(handler)
    yield blocks
    logger.removeHandler(handler)
    blocks.go.set()


async def test_g16_stall_event_names_the_processor_and_the_line(released_by_the_warning: Blocks):
    blocks = released_by_the_warning
    task = task_of(Pass(), blocks, Pass())
    stalls = calls_of(task, "on_stall")
    async with running(task):
        await task.queue_frame(Data())
        (stall,) = await stalls.wait()
    assert blocks.go.is_set()  # it was the warning that ended it, not its patience
    assert stall.processor is blocks
    assert stall.seconds > 0
    lines, first = inspect.getsourcelines(Blocks.block)
    in_test = stall.filename == __file__ and first <= stall.lineno < first + len(lines)
    in_wait = stall.filename == threading.__file__  # or one call further down
    assert in_test or in_wait


async def test_g16_stall_outside_of_any_processor_names_none(released_by_the_warning: Blocks):
    task = task_of(Pass())
    stalls = calls_of(task, "on_stall")
    async with running(task):
        released_by_the_warning.block()
        (stall,) = await stalls.wait()
    assert stall.processor is None
    assert released_by_the_warning.go.is_set()


async def test_g16_loop_that_answers_has_no_stall():
    hold = Hold(Data)
    task = task_of(hold)
    stalls = calls_of(task, "on_stall")
    async with running(task):
        frame = Data()
        await task.queue_frame(frame)
        await hold.wait_for("enter", frame)
        await asyncio.sleep(1.5)  # a suspended callback, however long, is no stall
        hold.release()
        await hold.wait_for("leave", frame)
    assert not stalls and sys.is_finalizing() is False
