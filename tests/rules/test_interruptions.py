"""Engine rules 28-36: interruptions."""

import pytest
from pipecat_rs.frames.frames import (
    EndFrame,
    Frame,
    InterruptionFrame,
    InterruptionWorkerFrame,
    MetricsFrame,
    StopFrame,
)
from pipecat_rs.metrics.metrics import ProcessingMetricsData, TTFBMetricsData
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, Lasting, System, tags
from support.processors import Act, Hold, Pass
from support.tasks import DOWN, UP, task_of
from support.waiting import calls_of, settle, within


async def queue_behind(hold: Hold, in_hand: Frame, *queued: Frame) -> None:
    """Have `in_hand` processed and the others wait behind it."""
    await hold.queue_frame(in_hand)
    await hold.wait_for("enter", in_hand)
    for frame in queued:
        await hold.queue_frame(frame)
    await settle()


async def test_r028_interruption_is_handled_at_once_by_each_processor_in_turn():
    processors = [Hold(Data, name=f"hold {n}") for n in range(3)]
    out = Recorder()
    task = task_of(*processors, out)
    async with running(task):
        in_hand = [Data(n) for n in range(3)]
        for processor, frame in zip(processors, in_hand, strict=True):
            await queue_behind(processor, frame, Data("waits"))
        interruption = InterruptionFrame()
        await task.queue_frame(interruption)
        assert await out.wait_for(InterruptionFrame) is interruption
        for processor, frame in zip(processors, in_hand, strict=True):
            await processor.wait_for("cancelled", frame)
    assert out.frames(Data) == []


async def test_r028_interruption_goes_no_further_than_it_is_forwarded():
    swallowed = System("instead")

    class Stops(FrameProcessor):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            await self.push_frame(
                swallowed if isinstance(frame, InterruptionFrame) else frame, direction
            )

    hold = Hold(Data)
    task = task_of(Stops(), hold)
    in_hand = Data()
    async with running(task):
        await queue_behind(hold, in_hand)
        await task.queue_frame(InterruptionFrame())
        await hold.wait_for("leave", swallowed)
        await settle()
        assert not hold.noted("cancelled", in_hand)
        hold.release()
        await hold.wait_for("leave", in_hand)


async def test_r029_interruption_drops_interruptible_frames():
    hold, out = Hold(Data), Recorder()
    in_hand, dropped = Data("in hand"), Data("dropped")
    async with running(task_of(hold, out)):
        await queue_behind(hold, in_hand, dropped, Control("dropped"))
        await hold.queue_frame(InterruptionFrame())
        await hold.wait_for("cancelled", in_hand)
        await out.wait_for(InterruptionFrame)
        hold.release(2)
        await hold.queue_frame(Data("after"))
        await out.wait_for(Data)
    assert tags(out.frames()) == ["after"]


async def test_r029_uninterruptible_frames_stay_in_order_and_are_processed_next():
    hold, out = Hold(Data), Recorder()
    in_hand = Data("in hand")
    async with running(task_of(hold, out)):
        await queue_behind(
            hold, in_hand, Lasting(1), Control("dropped"), Lasting(2), Lasting(3), Data("dropped")
        )
        await hold.queue_frame(InterruptionFrame())
        await hold.queue_frame(Control("after"))
        await out.wait_for(Control)
        assert hold.noted("cancelled", in_hand)
    assert tags(out.frames()) == [1, 2, 3, "after"]


async def test_r030_uninterruptible_frame_in_hand_runs_to_its_end():
    hold, out = Hold(Lasting), Recorder()
    in_hand, after = Lasting("in hand"), Data("after")
    async with running(task_of(hold, out)):
        await queue_behind(hold, in_hand, Data("dropped"), Control("dropped"))
        await hold.queue_frame(InterruptionFrame())
        await out.wait_for(InterruptionFrame)
        await hold.queue_frame(after)
        await settle()
        assert not hold.noted("cancelled", in_hand)
        hold.release()
        await hold.wait_for("leave", after)
        await out.wait_for(Data)
    assert tags(out.frames()) == ["in hand", "after"]


async def test_r031_interruptible_frame_in_hand_is_cancelled_also_before_an_uninterruptible_one():
    hold, out = Hold(Data), Recorder()
    in_hand = Data("in hand")
    async with running(task_of(hold, out)):
        await queue_behind(hold, in_hand, Lasting("waits"))
        await hold.queue_frame(InterruptionFrame())
        await hold.wait_for("cancelled", in_hand)
        await out.wait_for(Lasting)
    assert tags(out.frames()) == ["waits"]


@pytest.mark.parametrize("kind", [EndFrame, StopFrame])
@pytest.mark.parametrize("where", ["behind the frame in hand", "in hand"])
async def test_r032_end_and_stop_survive_an_interruption(kind: type, where: str):
    held = Data if where.startswith("behind") else kind
    hold, out = Hold(held), Recorder()
    pipeline = task_of(hold, out)
    finished = calls_of(pipeline, "on_pipeline_finished")
    terminal, in_hand = kind(), Data()
    async with running(pipeline) as run:
        await pipeline.queue_frame(in_hand)
        if where == "in hand":
            await pipeline.queue_frame(terminal)
            await hold.wait_for("enter", terminal)
        else:
            await hold.wait_for("enter", in_hand)
            await pipeline.queue_frame(terminal)
            await settle()
        await hold.queue_frame(InterruptionFrame())
        await out.wait_for(InterruptionFrame)
        hold.release()
        await within(run)
    assert hold.noted("leave", terminal) and not hold.noted("cancelled", terminal)
    assert await finished.wait() == (terminal,)
    if kind is StopFrame:
        await pipeline.pipeline.cleanup()


async def test_r033_interruption_never_drops_system_frames_already_queued():
    first = System("first")
    hold, out = Hold(lambda frame: frame is first), Recorder()
    async with running(task_of(hold, out)):
        await queue_behind(hold, first, System(1), InterruptionFrame(), System(2))
        hold.release()
        await out.wait_for(System, count=3)
        await out.wait_for(InterruptionFrame)
    order = [getattr(f, "tag", "interruption") for f in out.frames((System, InterruptionFrame))]
    assert order == ["first", 1, "interruption", 2]


async def test_r034_broadcast_interruption_lets_the_callers_code_run_on():
    log: list[str] = []

    async def act(processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, Data) and frame.tag == "go":
            await settle(3)
            await processor.broadcast_interruption()
            await settle(3)
            log.append("went on")
            await processor.push_frame(Control("new"))

    above, middle, below = Recorder(), Act(act), Recorder()
    async with running(task_of(above, middle, below)):
        for frame in (Data("go"), Data("dropped"), Lasting("kept"), Control("dropped")):
            await middle.queue_frame(frame)
        await below.wait_for(Lasting)
        down = await below.wait_for(InterruptionFrame)
        up = await above.wait_for(InterruptionFrame, direction=UP)
    assert log == ["went on"]
    assert tags(below.frames()) == ["new", "go", "kept"]
    assert below.frames((InterruptionFrame, Control))[0] is down
    assert (down.broadcast_sibling_id, up.broadcast_sibling_id) == (up.id, down.id)


async def test_r034_broadcast_interruption_interrupts_the_others():
    async def act(processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, System):
            await processor.broadcast_interruption()

    above, middle, below = Hold(Data), Act(act), Hold(Control)
    one, other = Data(), Control()
    async with running(task_of(above, middle, below)):
        await queue_behind(above, one)
        await queue_behind(below, other)
        await middle.queue_frame(System())
        await above.wait_for("cancelled", one)
        await below.wait_for("cancelled", other)


@pytest.mark.parametrize("waiting", [0, 2])
async def test_r034_broadcast_interruption_lifts_the_callers_pause(waiting: int):
    class Pauses(Recorder):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Data) and frame.tag == "pause":
                await self.pause_processing_frames()
            if isinstance(frame, System):
                await self.broadcast_interruption()
            await super().process_frame(frame, direction)

    pauses = Pauses()
    async with running(task_of(pauses)):
        await pauses.queue_frame(Data("pause"))
        await pauses.wait_for(Data)
        for _ in range(waiting):
            await pauses.queue_frame(Data("dropped"))
        await settle()
        await pauses.queue_frame(System())
        await pauses.wait_for(System)
        await pauses.queue_frame(Data("after"))
        await pauses.wait_for(Data, count=2)
    assert tags(pauses.frames(Data)) == ["pause", "after"]


class Measured(Pass):
    """Starts its metrics with each data frame and never stops them."""

    def can_generate_metrics(self) -> bool:
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            await self.start_ttfb_metrics()
            await self.start_processing_metrics()
        if isinstance(frame, System):
            await self.broadcast_interruption()
        await super().process_frame(frame, direction)


@pytest.mark.parametrize("cause", [InterruptionFrame, System])
async def test_r035_running_metrics_are_stopped_and_reported_on_interruption(cause: type):
    measured, out = Measured(), Recorder()
    params = PipelineParams(enable_metrics=True, send_initial_empty_metrics=False)
    async with running(task_of(measured, out, params=params)):
        await measured.queue_frame(Data())
        await out.wait_for(Data)
        assert out.frames(MetricsFrame) == []
        await measured.queue_frame(cause())
        await out.wait_for(MetricsFrame, count=2)
        await out.wait_for(InterruptionFrame)
    data = [entry for frame in out.frames(MetricsFrame) for entry in frame.data]
    assert {type(entry) for entry in data} == {TTFBMetricsData, ProcessingMetricsData}
    assert all(entry.processor == measured.name and entry.value >= 0 for entry in data)


@pytest.mark.parametrize("direction", [UP, DOWN])
async def test_r036_interruption_request_makes_the_task_interrupt(direction: FrameDirection):
    asks, hold, out = Pass(), Hold(Data), Recorder()
    task = task_of(asks, hold, out)
    in_hand = Data()
    async with running(task):
        await queue_behind(hold, in_hand)
        await asks.push_frame(InterruptionWorkerFrame(), direction)
        await hold.wait_for("cancelled", in_hand)
        await out.wait_for(InterruptionFrame, direction=DOWN)


async def test_r036_interruption_request_works_while_an_end_frame_drains():
    hold, out = Hold(Data), Recorder()
    task = task_of(hold, out)
    in_hand = Data()
    async with running(task) as run:
        await task.queue_frames([in_hand, EndFrame()])
        await hold.wait_for("enter", in_hand)
        await settle()
        await hold.push_frame(InterruptionWorkerFrame(), UP)
        await hold.wait_for("cancelled", in_hand)
        await within(run)
    assert len(out.frames(EndFrame)) == 1
