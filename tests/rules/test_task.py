"""Engine rules 37-49 and 51-56: pipelines, and the life of the task that runs one."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterator

import pytest
from pipecat_rs.frames.frames import (
    CancelFrame,
    CancelWorkerFrame,
    EndFrame,
    EndWorkerFrame,
    ErrorFrame,
    Frame,
    MetricsFrame,
    StartFrame,
    StopFrame,
    StopWorkerFrame,
)
from pipecat_rs.metrics.metrics import ProcessingMetricsData, TTFBMetricsData
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, System, tags
from support.processors import Hold, Pass, Swallow
from support.tasks import DOWN, UP, task_of
from support.waiting import calls_of, settle, within


class Stamp(Pass):
    """Notes each data frame on its way through, in a list that all stamps share."""

    def __init__(self, passed: list[str], name: str) -> None:
        super().__init__(name=name)
        self.passed = passed

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            self.passed.append(self.name)
        await super().process_frame(frame, direction)


# R37, R38: pipelines


async def test_r037_frames_pass_nested_pipelines_in_order_both_ways():
    passed: list[str] = []
    a, b, c, d = (Stamp(passed, name) for name in "abcd")
    first, last = Recorder(), Recorder()
    task = task_of(first, a, Pipeline([b, Pipeline([Pipeline([c])])]), d, last)
    async with running(task):
        await task.queue_frames([Data(), Control()])
        await last.wait_for(Control)
        assert passed == ["a", "b", "c", "d"]
        passed.clear()
        await task.queue_frames([Data(), Control()], UP)
        await first.wait_for(Control, direction=UP)
        assert passed == ["d", "c", "b", "a"]


async def test_r037_empty_nested_pipeline_passes_everything():
    out = Recorder()
    task = task_of(Pipeline([]), out)
    async with running(task) as run:
        await task.queue_frames([Data(1), System(2), EndFrame()])
        await within(run)
    assert sorted(tags(out.frames())) == [1, 2]


async def test_r037_frame_pushed_inside_a_nested_pipeline_leaves_it_on_both_sides():
    inner = Pass()
    above, below = Recorder(), Recorder()
    async with running(task_of(above, Pipeline([Pass(), inner, Pass()]), below)):
        await inner.push_frame(Data("down"))
        await inner.push_frame(Data("up"), UP)
        await below.wait_for(Data)
        await above.wait_for(Data)
    assert tags(below.frames(direction=DOWN)) == ["down"]
    assert tags(above.frames(direction=UP)) == ["up"]


async def test_r038_task_wraps_the_pipeline_in_its_own_source_and_sink():
    class Watch(BaseObserver):
        def __init__(self) -> None:
            super().__init__()
            self.hops: list[tuple[FrameProcessor, FrameProcessor]] = []

        async def on_push_frame(self, data: FramePushed) -> None:
            if isinstance(data.frame, Data):
                self.hops.append((data.source, data.destination))

    watch, only = Watch(), Pass()
    task = task_of(only, observers=[watch])
    async with running(task) as run:
        await task.queue_frames([Data(), EndFrame()])
        await within(run)
    assert watch.hops[0][0].name == f"{task.name}::Source"
    assert watch.hops[-1][1].name == f"{task.name}::Sink"


# R39-R41: the start


async def test_r039_exactly_one_start_frame_and_nothing_before_it_reached_the_sink():
    first, hold, out = Recorder(), Hold(StartFrame), Recorder()
    task = task_of(first, hold, out)
    await task.queue_frames([Data(1), System(2), Data(3)])
    async with running(task, wait_for_start=False):
        start = await first.wait_for(StartFrame)
        await hold.wait_for("enter", start)
        await settle()
        assert first.frames() == [start]
        hold.release()
        await out.wait_for(Data, count=2)
        assert out.frames(StartFrame) == [start]
        await first.wait_for(System)
        assert tags(first.frames(Data)) == [1, 3]


async def test_r039_frames_queued_later_follow_those_queued_before_the_start():
    out = Recorder()
    task = task_of(out)
    await task.queue_frames([Data(1), Data(2)])
    async with running(task):
        await task.queue_frame(Data(3))
        await out.wait_for(Data, count=3)
    assert tags(out.frames()) == [1, 2, 3]


async def test_r040_start_frame_and_setup_carry_the_configuration():
    setups: list[FrameProcessorSetup] = []

    class Configured(Recorder):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)
            setups.append(setup)

    params = PipelineParams(
        audio_in_sample_rate=8000,
        audio_out_sample_rate=48000,
        enable_metrics=True,
        enable_usage_metrics=True,
        start_metadata={"call": 7},
    )
    processor = Configured()
    async with running(task_of(processor, params=params)):
        start = await processor.wait_for(StartFrame)
        assert processor.metrics_enabled and processor.usage_metrics_enabled
    assert start.metadata["call"] == 7
    (setup,) = setups
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for carrier in (setup, start):
            assert carrier.audio_in_sample_rate == 8000
            assert carrier.audio_out_sample_rate == 48000
            assert carrier.enable_metrics and carrier.enable_usage_metrics


class Measurable(Pass):
    def can_generate_metrics(self) -> bool:
        return True


async def test_r041_zero_metrics_of_all_processors_follow_the_start():
    plain, measured, nested, parallel = Pass(), Measurable(), Measurable(), Measurable()
    out = Recorder()
    task = task_of(
        plain,
        measured,
        Pipeline([nested]),
        ParallelPipeline([parallel], [Pass()]),
        out,
        params=PipelineParams(enable_metrics=True),
    )
    async with running(task):
        await task.queue_frame(Data())
        await out.wait_for(Data)
        frame = await out.wait_for(MetricsFrame)
    assert out.frames()[:2] == [out.frames(StartFrame)[0], frame]
    assert len(out.frames(MetricsFrame)) == 1
    assert [(entry.processor, type(entry), entry.value) for entry in frame.data] == [
        (processor.name, kind, 0)
        for processor in (measured, nested, parallel)
        for kind in (TTFBMetricsData, ProcessingMetricsData)
    ]


@pytest.mark.parametrize(
    "params",
    [
        PipelineParams(enable_metrics=True, send_initial_empty_metrics=False),
        PipelineParams(enable_metrics=False),
    ],
)
async def test_r041_no_zero_metrics_when_switched_off(params: PipelineParams):
    out = Recorder()
    task = task_of(Measurable(), out, params=params)
    async with running(task) as run:
        await task.queue_frames([Data(), EndFrame()])
        await within(run)
    assert out.frames(MetricsFrame) == []


# R42-R45: end, stop, cancel


class Slow(Pass):
    """Takes a few passes of the loop for each frame."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await settle(3)
        await super().process_frame(frame, direction)


@pytest.mark.parametrize("kind", [EndFrame, StopFrame])
async def test_r042_all_that_was_queued_is_processed_before_end_and_stop(kind: type):
    out = Recorder()
    task = task_of(Slow(), Slow(), Slow(), out)
    async with running(task) as run:
        await task.queue_frames([*(Data(n) for n in range(20)), kind()])
        await within(run)
    assert tags(out.frames()) == list(range(20))
    assert isinstance(out.frames((Data, kind))[-1], kind)
    await task.pipeline.cleanup()


async def test_r042_stop_when_done_is_an_end_frame_behind_the_queue():
    out = Recorder()
    task = task_of(Slow(), out)
    async with running(task) as run:
        await task.queue_frames([Data(n) for n in range(5)])
        await task.stop_when_done()
        await within(run)
    assert tags(out.frames()) == list(range(5))
    assert len(out.frames(EndFrame)) == 1


class Connected(Pass):
    """Notes its cleanup."""

    cleaned = 0

    async def cleanup(self) -> None:
        await super().cleanup()
        self.cleaned += 1


@pytest.mark.parametrize(("kind", "cleaned"), [(EndFrame, 1), (CancelFrame, 1), (StopFrame, 0)])
async def test_r043_stop_leaves_the_processors_set_up_and_end_does_not(kind: type, cleaned: int):
    connected, nested = Connected(), Connected()
    task = task_of(connected, Pipeline([nested]))
    async with running(task) as run:
        await task.queue_frame(kind())
        await within(run)
    assert (connected.cleaned, nested.cleaned) == (cleaned, cleaned)
    if kind is StopFrame:
        await task.pipeline.cleanup()
        assert (connected.cleaned, nested.cleaned) == (1, 1)


async def test_r044_cancel_overtakes_data_and_ends_the_frame_in_hand():
    hold, out = Hold(Data), Recorder()
    in_hand, queued = Data("in hand"), Control("queued")
    task = task_of(hold, out)
    async with running(task) as run:
        await task.queue_frames([in_hand, queued])
        await hold.wait_for("enter", in_hand)
        await task.cancel()
        await within(run)
    assert hold.noted("cancelled", in_hand)
    assert not hold.noted("enter", queued)
    assert len(out.frames(CancelFrame)) == 1


async def test_r044_processor_takes_no_frame_after_the_cancel_frame():
    first, hold = Recorder(), Hold(CancelFrame)
    task = task_of(first, hold)
    async with running(task) as run:
        await task.cancel()
        cancel = await first.wait_for(CancelFrame)
        await hold.wait_for("enter", cancel)
        await first.queue_frame(System("late"))
        await first.queue_frame(Data("late"))
        await settle()
        hold.release()
        await within(run)
    assert tags(first.frames()) == []


@pytest.mark.parametrize("kind", [EndFrame, StopFrame, CancelFrame])
async def test_r045_frames_queued_after_a_terminal_frame_are_never_pushed(kind: type):
    first = Recorder()
    task = task_of(first)
    async with running(task) as run:
        await task.queue_frames([Data("before"), kind(), Data("after"), System("after")])
        await within(run)
        await task.queue_frame(Data("much later"))
        await settle()
    assert "after" not in tags(first.frames()) and "much later" not in tags(first.frames())
    await task.pipeline.cleanup()


# R46-R49: cancel


async def test_r046_waiting_for_the_cancel_frame_is_bounded():
    stuck = Hold(CancelFrame)
    task = task_of(stuck, cancel_timeout_secs=0.1)
    timeouts = calls_of(task, "on_pipeline_timeout")
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        await task.cancel()
        await within(run)
    (frame,) = await timeouts.wait()
    assert isinstance(frame, CancelFrame)
    assert await finished.wait() == (frame,)
    assert (len(timeouts), len(finished)) == (1, 1)
    assert task.has_finished()


async def test_r046_swallowed_cancel_frame_does_not_keep_the_task():
    task = task_of(Swallow(CancelFrame), cancel_timeout_secs=0.1)
    async with running(task) as run:
        await task.cancel()
        await within(run)
    assert task.has_finished()


async def test_r047_cancel_gets_through_an_end_frame_that_is_held_up():
    hold = Hold(EndFrame)
    task = task_of(hold)
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        end = EndFrame()
        await task.queue_frame(end)
        await hold.wait_for("enter", end)
        await task.cancel()
        await within(run)
    assert len(finished) == 1 and isinstance(finished[0][0], CancelFrame)


async def test_r047_orderly_drain_is_not_cancelled_by_itself():
    hold, out = Hold(Data), Recorder()
    task = task_of(hold, out, cancel_timeout_secs=0.01)
    finished = calls_of(task, "on_pipeline_finished")
    frame = Data()
    async with running(task) as run:
        await task.queue_frames([frame, EndFrame()])
        await hold.wait_for("enter", frame)
        await asyncio.sleep(0.1)  # ten times what a cancel may take
        assert not run.done() and not hold.noted("cancelled", frame)
        hold.release()
        await within(run)
    assert isinstance(finished[0][0], EndFrame) and len(out.frames(Data)) == 1


async def test_r048_cancel_twice_or_after_the_end_does_nothing():
    task = task_of(Recorder())
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        await task.cancel()
        await task.cancel()
        await within(run)
        await task.cancel()
    assert len(finished) == 1

    ended = task_of(Recorder())
    finished = calls_of(ended, "on_pipeline_finished")
    async with running(ended) as run:
        await ended.queue_frame(EndFrame())
        await within(run)
        await ended.cancel()
        await settle()
    assert [type(frame) for (frame,) in finished] == [EndFrame]


async def test_r048_cancelling_the_awaiting_task_cancels_the_pipeline_and_reraises():
    hold, connected = Hold(Data), Connected()
    task = task_of(hold, connected)
    finished = calls_of(task, "on_pipeline_finished")
    in_hand = Data()
    run = asyncio.create_task(task.run())
    await task.queue_frame(in_hand)
    await hold.wait_for("enter", in_hand)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await within(run)
    assert hold.noted("cancelled", in_hand)
    assert isinstance(finished[0][0], CancelFrame)
    assert connected.cleaned == 1
    assert task.has_finished()


async def test_r049_cancel_before_the_start_frame_reached_the_sink_ends_the_task():
    hold, connected = Hold(StartFrame), Connected()
    task = task_of(hold, connected)
    async with running(task, wait_for_start=False) as run:
        while not hold.entered():
            await settle(1)
        await task.cancel()
        await within(run)
    assert task.has_finished() and connected.cleaned == 1


async def test_r049_cancel_while_a_setup_is_under_way_ends_the_task():
    entered = asyncio.Event()

    class NeverSetUp(Connected):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)
            entered.set()
            await asyncio.Event().wait()

    never = NeverSetUp()
    task = task_of(never)
    async with running(task, wait_for_start=False) as run:
        await within(entered.wait())
        await task.cancel()
        await within(run)
    assert never.cleaned == 1


# R51-R53: setup, events, has_finished


async def test_r051_processors_are_set_up_concurrently():
    both = asyncio.Barrier(2)

    class Meets(Pass):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)
            await both.wait()

    async with running(task_of(Meets(), Pipeline([Meets()]))):
        pass


async def test_r051_failed_setup_is_a_permanent_error_of_that_processor_and_the_rest_go_on():
    boom = ConnectionError("no route")

    class Fails(Pass):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)
            raise boom

    fails, out = Fails(), Recorder()
    task = task_of(Pass(), fails, out)
    errors = calls_of(task, "on_pipeline_error")
    async with running(task):
        await task.queue_frame(Data())
        await out.wait_for(Data)
        (error,) = await errors.wait()
    assert isinstance(error, ErrorFrame)
    assert error.exception is boom and error.processor is fails
    assert "no route" in error.error
    assert fails.is_usable is False and out.is_usable is True


async def test_r052_started_event_comes_with_the_start_frame():
    out = Recorder()
    task = task_of(out)
    started = calls_of(task, "on_pipeline_started")
    async with running(task):
        (frame,) = await started.wait()
        assert frame is out.frames(StartFrame)[0]
    assert len(started) == 1


@pytest.mark.parametrize("kind", [EndFrame, StopFrame, CancelFrame])
async def test_r052_finished_event_comes_once_with_the_terminal_frame(kind: type):
    out = Recorder()
    task = task_of(out)
    finished = calls_of(task, "on_pipeline_finished")
    terminal = kind()
    async with running(task) as run:
        await task.queue_frame(terminal)
        await within(run)
        assert list(finished) == [(terminal,)]
    assert out.frames()[-1] is terminal
    await task.pipeline.cleanup()


async def test_r053_has_finished_is_true_only_after_the_run():
    hold = Hold(EndFrame)
    task = task_of(hold)
    end = EndFrame()
    assert not task.has_finished()
    async with running(task) as run:
        assert not task.has_finished()
        await task.queue_frame(end)
        await hold.wait_for("enter", end)
        assert not task.has_finished()
        hold.release()
        await within(run)
        assert task.has_finished()


async def test_r053_running_a_finished_task_returns_at_once():
    out = Recorder()
    task = task_of(out)
    async with running(task) as run:
        await task.queue_frame(EndFrame())
        await within(run)
        await within(task.run())
    assert len(out.frames(StartFrame)) == 1


# R54-R56: requests, queueing, filters

REQUESTS = [(EndWorkerFrame, EndFrame), (CancelWorkerFrame, CancelFrame)]


@pytest.mark.parametrize(("request_kind", "kind"), REQUESTS)
@pytest.mark.parametrize("direction", [UP, DOWN])
async def test_r054_request_frames_become_terminal_frames_with_their_reason(
    request_kind: type, kind: type, direction: FrameDirection
):
    asks = Recorder()
    task = task_of(Pass(), asks, Pass())
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        await asks.push_frame(request_kind(reason="enough"), direction)
        await within(run)
    ((terminal,),) = finished
    assert type(terminal) is kind and terminal.reason == "enough"
    if direction is DOWN:  # it came back up past the processor that had sent it down
        assert len(asks.frames(request_kind, UP)) == 1


async def test_r054_stop_request_becomes_a_stop_frame():
    asks = Pass()
    task = task_of(asks)
    finished = calls_of(task, "on_pipeline_finished")
    async with running(task) as run:
        await asks.push_frame(StopWorkerFrame(), UP)
        await within(run)
    assert [type(frame) for (frame,) in finished] == [StopFrame]
    await task.pipeline.cleanup()


async def test_r054_end_request_goes_behind_what_is_queued():
    hold, out = Hold(System), Recorder()
    task = task_of(hold, out)
    async with running(task) as run:
        await task.queue_frames([Data(n) for n in range(10)])
        await hold.push_frame(EndWorkerFrame(), UP)
        await within(run)
    assert tags(out.frames()) == list(range(10))


@pytest.mark.parametrize("name", ["EndTaskFrame", "StopTaskFrame", "CancelTaskFrame"])
async def test_r054_older_names_of_the_request_frames(name: str):
    from pipecat_rs.frames import frames

    new = getattr(frames, name.replace("Task", "Worker"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old = getattr(frames, name)
        assert isinstance(old(), new)
        assert isinstance(old(), frames.TaskFrame | frames.TaskSystemFrame)


async def test_r055_upstream_frames_enter_at_the_sink():
    first, last = Recorder(), Recorder()
    task = task_of(first, last)
    async with running(task):
        await task.queue_frame(Data(1), UP)
        await first.wait_for(Data)
    assert last.frames(Data, UP) == first.frames(Data, UP) != []
    assert last.frames(Data, DOWN) == []


async def test_r055_queue_frames_takes_plain_and_async_iterables():
    def plain() -> Iterator[Frame]:
        yield Data(1)
        yield Data(2)

    async def slow() -> AsyncIterator[Frame]:
        for n in (3, 4):
            await asyncio.sleep(0)
            yield Data(n)

    out, first = Recorder(), Recorder()
    task = task_of(first, out)
    async with running(task):
        await task.queue_frames(plain())
        await task.queue_frames(slow())
        await task.queue_frames((Data(5), Data(6)))
        await out.wait_for(Data, count=6)
        await task.queue_frames(slow(), UP)
        await first.wait_for(Data, count=2, direction=UP)
    assert tags(out.frames(direction=DOWN)) == [1, 2, 3, 4, 5, 6]
    assert tags(first.frames(direction=UP)) == [3, 4]


async def test_r056_reached_events_fire_only_for_the_types_in_their_filter():
    task = task_of(Pass())
    up = calls_of(task, "on_frame_reached_upstream")
    down = calls_of(task, "on_frame_reached_downstream")

    class SubData(Data):
        pass

    async with running(task) as run:
        await task.queue_frame(Data("unfiltered"))
        await task.queue_frame(Data("unfiltered"), UP)
        await settle()
        assert not up and not down
        task.set_reached_upstream_filter((System,))
        task.set_reached_downstream_filter((Data,))
        task.add_reached_upstream_filter((Control,))
        for direction in (DOWN, UP):
            await task.queue_frames([Data(1), System(2), Control(3), SubData(4)], direction)
        await up.wait(2)
        await down.wait(2)
        task.set_reached_downstream_filter((Control,))
        await task.queue_frames([Data(5), Control(6)])
        await down.wait(3)
        await task.queue_frame(EndFrame())
        await within(run)
    assert {frame.tag for (frame,) in up} == {2, 3}
    assert [frame.tag for (frame,) in down] == [1, 4, 6]
