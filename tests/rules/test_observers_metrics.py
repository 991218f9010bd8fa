"""Engine rules 86-95: observers and metrics."""

import asyncio
import time
from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EndFrame,
    Frame,
    MetricsFrame,
    StartFrame,
    TTSAudioRawFrame,
    UserStartedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.metrics.metrics import (
    LLMTokenUsage,
    LLMUsageMetricsData,
    ProcessingMetricsData,
    TTFAMetricsData,
    TTFBMetricsData,
    TTSUsageMetricsData,
)
from pipecat_rs.observers.base_observer import (
    BaseObserver,
    FrameProcessed,
    FramePushed,
    ProcessorSetUp,
)
from pipecat_rs.observers.turn_tracking_observer import TurnTrackingObserver
from pipecat_rs.observers.user_bot_latency_observer import UserBotLatencyObserver
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, System, tags
from support.processors import Act, Hold, Pass, Swallow
from support.tasks import DOWN, UP, task_of
from support.waiting import Calls, calls_of, settle, until, within


class Watch(BaseObserver):
    """Keeps the events of the frames of `match`."""

    def __init__(self, match: Any = (Data, Control, System), **options: Any) -> None:
        super().__init__(**options)
        self.match = match
        self.pushed: list[FramePushed] = []
        self.processed: list[FrameProcessed] = []
        self.started = asyncio.Event()

    async def on_push_frame(self, data: FramePushed) -> None:
        if isinstance(data.frame, self.match):
            self.pushed.append(data)

    async def on_process_frame(self, data: FrameProcessed) -> None:
        if isinstance(data.frame, self.match):
            self.processed.append(data)

    async def on_pipeline_started(self) -> None:
        self.started.set()


class Blocked(Watch):
    """Does not come back from its first event until told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def on_push_frame(self, data: FramePushed) -> None:
        await self.go.wait()
        await super().on_push_frame(data)


# R86-R90: what observers are told


async def test_r086_slow_observer_slows_neither_the_pipeline_nor_the_others():
    blocked, free, out = Blocked(), Watch(), Recorder()
    task = task_of(out, observers=[blocked, free])
    async with running(task):
        await task.queue_frames([Data(n) for n in range(10)])
        await out.wait_for(Data, count=10)
        await until(lambda: {push.frame.tag for push in free.pushed} == set(range(10)))
        assert blocked.pushed == []
        blocked.go.set()
        await until(lambda: len(blocked.pushed) == len(free.pushed))
    assert [p.frame for p in blocked.pushed] == [p.frame for p in free.pushed]


async def test_r086_observer_sees_the_events_of_each_hop_in_order():
    watch = Watch()
    task = task_of(Pass(), Pass(), observers=[watch])
    async with running(task) as run:
        await task.queue_frames([*(Data(n) for n in range(10)), EndFrame()])
        await within(run)
    hops: dict[tuple[str, str], list[int]] = {}
    for push in watch.pushed:
        hops.setdefault((push.source.name, push.destination.name), []).append(push.frame.tag)
    assert len(hops) >= 3
    assert all(tags_of_hop == list(range(10)) for tags_of_hop in hops.values())


async def test_r086_observer_that_raises_stops_nothing():
    class Fails(BaseObserver):
        async def on_push_frame(self, data: FramePushed) -> None:
            if isinstance(data.frame, Data):
                raise RuntimeError("observer")

    watch, out = Watch(), Recorder()
    task = task_of(out, observers=[Fails(), watch])
    async with running(task) as run:
        await task.queue_frames([Data(1), Data(2), EndFrame()])
        await within(run)
    assert tags(out.frames()) == [1, 2]
    assert {push.frame.tag for push in watch.pushed} == {1, 2}


@pytest.mark.parametrize("direction", [DOWN, UP])
async def test_r087_one_identity_processor_makes_four_pushes(direction: FrameDirection):
    watch, identity, top = Watch(Data), Pass(), Calls()
    task = task_of(identity, observers=[watch])
    task.set_reached_upstream_filter((Data,))
    task.set_reached_downstream_filter((Data,))
    task.add_event_handler("on_frame_reached_upstream", top)
    task.add_event_handler("on_frame_reached_downstream", top)
    frame = Data()
    async with running(task) as run:
        await task.queue_frame(frame, direction)
        await top.wait()
        await task.queue_frame(EndFrame())
        await within(run)
    pushes = watch.pushed
    assert len(pushes) == 4
    assert all(push.frame is frame and push.direction is direction for push in pushes)
    assert [push.destination for push in pushes].index(identity) == 1
    assert [push.source for push in pushes].index(identity) == 2
    times = [push.timestamp for push in pushes]
    assert all(isinstance(at, int) for at in times) and times == sorted(times)
    (processed,) = [event for event in watch.processed if event.processor is identity]
    assert processed.frame is frame and processed.direction is direction
    assert isinstance(processed.timestamp, int)


async def test_r088_event_says_whether_the_push_is_the_first():
    every, once = Watch(Data), Watch(Data, observe_every_push=False)
    task = task_of(Pass(), Pass(), observers=[every, once])
    frames = [Data(1), Data(2)]
    async with running(task) as run:
        await task.queue_frames([*frames, EndFrame()])
        await within(run)
    for frame in frames:
        firsts = [push.first_push for push in every.pushed if push.frame is frame]
        assert firsts[0] and not any(firsts[1:]) and len(firsts) >= 3
    assert [push.frame for push in once.pushed] == frames
    assert all(push.first_push for push in once.pushed)


async def test_r088_siblings_of_a_broadcast_are_two_frames():
    async def act(processor: FrameProcessor, frame: Frame, _direction: FrameDirection) -> None:
        if isinstance(frame, Control):
            await processor.broadcast_frame(System, tag="broadcast")

    once = Watch(System, observe_every_push=False)
    task = task_of(Pass(), Act(act), Pass(), observers=[once])
    async with running(task) as run:
        await task.queue_frames([Control(), EndFrame()])
        await within(run)
    assert {push.direction for push in once.pushed} == {UP, DOWN} and len(once.pushed) == 2


async def test_r089_observers_can_be_added_and_removed_at_any_time():
    before, late, out = Watch(Data), Watch(Data), Recorder()
    task = task_of(out)
    task.add_observer(before)
    async with running(task):
        await task.queue_frame(Data(1))
        await out.wait_for(Data)
        await until(lambda: {push.frame.tag for push in before.pushed} == {1})
        task.add_observer(late)
        await task.queue_frame(Data(2))
        await out.wait_for(Data, count=2)
        await until(lambda: {push.frame.tag for push in late.pushed} == {2})
        await task.remove_observer(before)
        heard = len(before.pushed)
        await task.queue_frame(Data(3))
        await out.wait_for(Data, count=3)
        await until(lambda: {push.frame.tag for push in late.pushed} == {2, 3})
        assert len(before.pushed) == heard
        await task.remove_observer(late)


async def test_r089_observer_can_remove_itself():
    class Once(Watch):
        async def on_push_frame(self, data: FramePushed) -> None:
            await super().on_push_frame(data)
            if self.pushed:
                await task.remove_observer(self)

    once, other, out = Once(Data), Watch(Data), Recorder()
    task = task_of(out, observers=[once, other])
    async with running(task):
        await task.queue_frames([Data(1), Data(2)])
        await out.wait_for(Data, count=2)
        await until(lambda: {push.frame.tag for push in other.pushed} == {1, 2})
        await task.queue_frame(Data(3))
        await out.wait_for(Data, count=3)
    assert {push.frame.tag for push in once.pushed} == {1}


async def test_r090_observers_hear_of_the_start_once_every_branch_let_the_start_frame_out():
    watch, hold = Watch(), Hold(StartFrame)
    parallel = ParallelPipeline([hold], [Pass()])
    task = task_of(parallel, observers=[watch])
    async with running(task, wait_for_start=False):
        await until(lambda: bool(hold.entered()))
        await settle()
        assert not watch.started.is_set()
        hold.release()
        await within(watch.started.wait())


async def test_r090_observers_hear_of_the_setup_of_each_processor():
    class Hears(BaseObserver):
        def __init__(self) -> None:
            super().__init__()
            self.set_up: list[FrameProcessor] = []

        async def on_processor_setup(self, data: ProcessorSetUp) -> None:
            assert data.started_at_ns <= data.finished_at_ns
            self.set_up.append(data.processor)

    class Connects(Pass):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)
            await settle(3)

    hears, plain, connects = Hears(), Pass(), Connects()
    task = task_of(plain, connects, observers=[hears])
    async with running(task) as run:
        await task.queue_frame(EndFrame())
        await within(run)
    assert {plain, connects} <= set(hears.set_up)


# R91, R92: observers of turns and latency


async def test_r091_turns():
    turns = TurnTrackingObserver(turn_end_timeout_secs=0.05)
    started, ended = calls_of(turns, "on_turn_started"), calls_of(turns, "on_turn_ended")
    out = Recorder()
    task = task_of(out, observers=[turns], enable_turn_tracking=False)
    async with running(task) as run:
        assert await started.wait() == (1,)  # with the StartFrame

        async def say(frame: Frame) -> None:
            await task.queue_frame(frame)
            await out.wait_for(lambda seen: seen is frame)
            await settle()

        await say(BotStartedSpeakingFrame())
        await say(UserStartedSpeakingFrame())  # interrupts the bot
        assert (ended[0][0], ended[0][2], started[1]) == (1, True, (2,))
        await say(BotStartedSpeakingFrame())
        await say(BotStoppedSpeakingFrame())
        await ended.wait(2)  # by silence
        assert (ended[1][0], ended[1][2]) == (2, False)
        await say(UserStartedSpeakingFrame())
        assert started[2] == (3,)
        await task.queue_frame(EndFrame())
        await within(run)
    assert (ended[2][0], ended[2][2]) == (3, True)  # by the end of the pipeline
    assert all(duration >= 0 for _, duration, _ in ended)


async def test_r091_user_start_after_the_bot_spoke_ends_the_turn_normally():
    turns = TurnTrackingObserver(turn_end_timeout_secs=60)
    started, ended = calls_of(turns, "on_turn_started"), calls_of(turns, "on_turn_ended")
    task = task_of(Recorder(), observers=[turns], enable_turn_tracking=False)
    async with running(task):
        for frame in (BotStartedSpeakingFrame(), BotStoppedSpeakingFrame()):
            await task.queue_frame(frame)
        await task.queue_frame(UserStartedSpeakingFrame())
        await started.wait(2)
        assert [(number, interrupted) for number, _, interrupted in ended] == [(1, False)]


async def test_r092_latency_runs_from_the_users_real_stop_to_the_bots_start():
    observer = UserBotLatencyObserver()
    latencies = calls_of(observer, "on_latency_measured")
    out = Recorder()
    task = task_of(out, observers=[observer])

    async def send(*frames: Frame) -> None:
        for frame in frames:
            await task.queue_frame(frame)
            await out.wait_for(lambda seen, frame=frame: seen is frame)

    async with running(task):
        stopped = VADUserStoppedSpeakingFrame(stop_secs=2.0, timestamp=time.time() - 1.0)
        await send(VADUserStartedSpeakingFrame(), stopped, BotStartedSpeakingFrame())
        (latency,) = await latencies.wait()
        assert latency >= 3.0  # the silence that VAD waited for counts
        await send(BotStartedSpeakingFrame())  # the same turn again
        await send(
            VADUserStartedSpeakingFrame(),
            VADUserStoppedSpeakingFrame(),
            VADUserStartedSpeakingFrame(),  # resets
            BotStartedSpeakingFrame(),
        )
        await settle()
    assert len(latencies) == 1


# R93-R95: metrics


class Metered(Recorder):
    """Measures what the test asks for, from inside `process_frame`."""

    def __init__(self, can: bool = True) -> None:
        super().__init__()
        self.can = can

    def can_generate_metrics(self) -> bool:
        return self.can

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            await frame.tag(self)
        await super().process_frame(frame, direction)


async def reported(*steps: Any, can: bool = True, **params: Any) -> list[Any]:
    """The metrics that leave downstream while a processor carries the steps out."""
    params = {"enable_metrics": True, "send_initial_empty_metrics": False, **params}
    out = Recorder()
    task = task_of(Metered(can), out, params=PipelineParams(**params))
    async with running(task) as run:
        await task.queue_frames([*(Data(step) for step in steps), EndFrame()])
        await within(run)
    return [entry for frame in out.frames(MetricsFrame, DOWN) for entry in frame.data]


async def measure_all(processor: FrameProcessor) -> None:
    await processor.start_ttfb_metrics()
    await processor.stop_ttfb_metrics()
    await processor.start_processing_metrics()
    await processor.stop_processing_metrics()


async def usage(processor: FrameProcessor) -> None:
    tokens = LLMTokenUsage(prompt_tokens=3, completion_tokens=4, total_tokens=7)
    await processor.start_llm_usage_metrics(tokens)
    await processor.start_tts_usage_metrics("eleven letters"[:11])


async def test_r093_metrics_need_a_processor_that_can_and_the_switch():
    kinds = [TTFBMetricsData, ProcessingMetricsData]
    assert [type(entry) for entry in await reported(measure_all)] == kinds
    assert await reported(measure_all, can=False) == []
    assert await reported(measure_all, enable_metrics=False) == []


async def test_r093_usage_metrics_have_a_switch_of_their_own():
    assert await reported(usage) == []
    assert await reported(usage, enable_usage_metrics=True, can=False) == []
    llm, tts = await reported(usage, enable_usage_metrics=True, enable_metrics=False)
    assert isinstance(llm, LLMUsageMetricsData) and llm.value.total_tokens == 7
    assert isinstance(tts, TTSUsageMetricsData) and tts.value == 11


async def test_r093_metrics_travel_as_system_frames_and_name_their_processor():
    metered, hold, out = Metered(), Hold(Data), Recorder()
    params = PipelineParams(enable_metrics=True, send_initial_empty_metrics=False)
    task = task_of(metered, hold, out, params=params)

    async def nothing(_processor: FrameProcessor) -> None: ...

    busy = Data(nothing)
    async with running(task):
        await task.queue_frame(busy)
        await hold.wait_for("enter", busy)
        await metered.start_ttfb_metrics(start_time=100.0)
        await metered.stop_ttfb_metrics(end_time=102.5)
        frame = await out.wait_for(MetricsFrame)
        assert not hold.noted("leave", busy)
        hold.release()
    (entry,) = frame.data
    assert entry.processor == metered.name and entry.value == pytest.approx(2.5)


async def test_r094_stop_without_a_start_reports_nothing():
    async def stops(processor: FrameProcessor) -> None:
        await processor.stop_ttfb_metrics()
        await processor.stop_processing_metrics()
        await processor.stop_all_metrics()

    assert await reported(stops) == []
    assert len(await reported(measure_all, stops)) == 2


async def test_r094_ttfb_can_be_reported_once_per_session():
    reports = await reported(measure_all, measure_all, report_only_initial_ttfb=True)
    kinds = [type(entry) for entry in reports]
    assert kinds.count(TTFBMetricsData) == 1 and kinds.count(ProcessingMetricsData) == 2


async def test_r095_ttfb_that_ends_before_its_start_is_dropped():
    async def backwards(processor: FrameProcessor) -> None:
        await processor.start_ttfb_metrics(start_time=200.0)
        await processor.stop_ttfb_metrics(end_time=199.0)
        await processor.stop_ttfb_metrics(end_time=201.0)

    assert await reported(backwards) == []


RATE = 16000


def audio(seconds: float, level: int) -> TTSAudioRawFrame:
    """A square tone: silence does not sound, and neither does one constant level."""
    samples = int(seconds * RATE)
    wave = b"".join(
        (level if n // 20 % 2 else -level).to_bytes(2, "little", signed=True) for n in range(40)
    )
    return TTSAudioRawFrame(
        audio=(wave * (samples // 40 + 1))[: samples * 2], sample_rate=RATE, num_channels=1
    )


async def ttfb_then_audio(processor: FrameProcessor, *frames: TTSAudioRawFrame) -> None:
    await processor.start_ttfb_metrics(start_time=100.0)
    await processor.stop_ttfb_metrics(end_time=100.5)
    for frame in frames:
        await processor.process_ttfa_metrics(frame)


async def test_r095_ttfa_adds_leading_silence_to_ttfb():
    async def speaks_late(processor: FrameProcessor) -> None:
        await ttfb_then_audio(
            processor, audio(0.2, 0), audio(0.2, 0), audio(0.5, 12000), audio(0.5, 12000)
        )

    entries = await reported(speaks_late)
    (ttfa,) = [entry for entry in entries if isinstance(entry, TTFAMetricsData)]
    assert ttfa.ttfb == pytest.approx(0.5)
    assert ttfa.leading_silence == pytest.approx(0.4, abs=0.05)
    assert ttfa.ttfa == pytest.approx(ttfa.ttfb + ttfa.leading_silence)


async def test_r095_ttfa_gives_up_after_three_seconds_without_onset():
    async def never_speaks(processor: FrameProcessor) -> None:
        silence = [audio(0.5, 0) for _ in range(7)]
        await ttfb_then_audio(processor, *silence, audio(0.5, 12000), audio(0.5, 12000))

    entries = await reported(never_speaks)
    assert [type(entry) for entry in entries] == [TTFBMetricsData]


async def test_r095_swallowed_metrics_go_no_further():
    metered, out = Metered(), Recorder()
    params = PipelineParams(enable_metrics=True)
    task = task_of(metered, Swallow(MetricsFrame), out, params=params)
    async with running(task) as run:
        await task.queue_frames([Data(measure_all), EndFrame()])
        await within(run)
    assert out.frames(MetricsFrame) == []
