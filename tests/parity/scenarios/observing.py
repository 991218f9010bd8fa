"""Observers: the hops they hear of, and what the package's own ones make of them."""

from __future__ import annotations

import asyncio
from typing import Any

from kit import (
    UP,
    Act,
    Control,
    Data,
    Hold,
    Observed,
    Pass,
    System,
    arrow,
    label,
    running,
    scenario,
    until,
)
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    ErrorFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import BaseObserver, FrameProcessed, FramePushed
from pipecat.observers.error_observer import ErrorObserver
from pipecat.observers.function_call_observer import FunctionCallObserver
from pipecat.observers.speaking_observer import SpeakingObserver
from pipecat.observers.startup_timing_observer import StartupTimingObserver
from pipecat.observers.turn_tracking_observer import TurnTrackingObserver
from pipecat.observers.user_bot_latency_observer import UserBotLatencyObserver
from pipecat.pipeline.parallel_pipeline import ParallelPipeline
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.service_switcher import ServiceSwitcher
from pipecat.pipeline.sync_parallel_pipeline import SyncParallelPipeline
from pipecat.processors.frame_processor import FrameProcessor

TIMES = ("_at", "_secs", "timestamp")


def short(processor: FrameProcessor) -> str:
    """A processor's name if a test gave it, or its class."""
    name = processor.name
    return name if name.islower() and name.isalpha() else type(processor).__name__


class Notes(BaseObserver):
    """Notes hops and processing of Data and Control frames."""

    def __init__(self, kinds: Any = (Data, Control), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kinds = kinds
        self.pushes: list[str] = []
        self.firsts: list[bool] = []
        self.processed: list[str] = []
        self.set_up: list[str] = []
        self.started = 0

    async def on_push_frame(self, data: FramePushed) -> None:
        if isinstance(data.frame, self.kinds):
            self.pushes.append(
                f"{short(data.source)} > {short(data.destination)} "
                f"{label(data.frame)} {arrow(data.direction)}"
            )
            self.firsts.append(data.first_push)

    async def on_process_frame(self, data: FrameProcessed) -> None:
        if isinstance(data.frame, self.kinds):
            self.processed.append(f"{short(data.processor)} {label(data.frame)}")

    async def on_processor_setup(self, data: Any) -> None:
        assert data.finished_at_ns >= data.started_at_ns
        self.set_up.append(short(data.processor))

    async def on_pipeline_started(self) -> None:
        self.started += 1


async def observe(*processors: FrameProcessor, up: bool = False, **options: Any) -> Observed:
    notes = Notes(**options)
    async with running(*processors, observers=[notes]) as run:
        await run.queue(Data(1))
        if up:
            await run.queue(Data("a"), direction=UP)
            await until(lambda: run.head.has("Data(a)"))
        await run.end()
    return {"pushes": notes.pushes, "started": notes.started}


@scenario()
async def hops_of_one_processor() -> Observed:
    return await observe(Pass(name="one"))


@scenario()
async def hops_both_ways() -> Observed:
    observed = await observe(Pass(name="one"), up=True)
    observed["pushes"].sort(key=lambda push: push.rpartition(" ")[2])
    return observed


@scenario()
async def hops_of_a_nested_pipeline() -> Observed:
    observed = await observe(Pipeline([Pass(name="in"), Pipeline([Pass(name="deep")])]), up=True)
    observed["pushes"].sort(key=lambda push: push.rpartition(" ")[2])
    return observed


@scenario(
    differs={"pushes": "an empty pipeline leaves nothing at run time: frames go past it in one hop"}
)
async def hops_of_an_empty_pipeline() -> Observed:
    return await observe(Pipeline([]))


@scenario()
async def hops_of_a_parallel() -> Observed:
    observed = await observe(ParallelPipeline([Pass(name="a")], [Pass(name="b"), Pass(name="c")]))
    observed["pushes"].sort()
    return observed


@scenario()
async def hops_of_a_parallel_upstream() -> Observed:
    observed = await observe(ParallelPipeline([Pass(name="a")], [Pass(name="b")]), up=True)
    observed["pushes"].sort()
    return observed


@scenario()
async def hops_of_a_synchronised_parallel() -> Observed:
    observed = await observe(SyncParallelPipeline([Pass(name="a")], [Pass(name="b")]))
    observed["pushes"].sort()
    return observed


@scenario()
async def hops_of_a_switcher() -> Observed:
    observed = await observe(ServiceSwitcher([Pass(name="a"), Pass(name="b")]))
    return {"started": observed["started"], "ends": [observed["pushes"][0], observed["pushes"][-1]]}


@scenario()
async def the_first_push_of_a_frame() -> Observed:
    notes, once = Notes(), Notes(observe_every_push=False)
    async with running(Pass(name="one"), observers=[notes, once]) as run:
        await run.queue(Data(1), Control(2))
        await run.end()
    return {"every": notes.firsts, "once": [once.pushes, once.firsts]}


@scenario()
async def siblings_are_two_frames() -> Observed:
    async def broadcast(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.broadcast_frame(Control, tag="both")

    once = Notes(observe_every_push=False)
    async with running(Act(Data, broadcast, keep=True, name="act"), observers=[once]) as run:
        await run.queue(Data(1))
        await run.end()
    return {"pushes": once.pushes}


@scenario()
async def processing_is_told_of() -> Observed:
    notes = Notes()
    async with running(Pass(name="one"), Pass(name="two"), observers=[notes]) as run:
        await run.queue(Data(1))
        await run.end()
    return {"mine": [x for x in notes.processed if x.split()[0] in ("head", "one", "two", "tail")]}


@scenario()
async def set_up_is_told_of() -> Observed:
    notes = Notes()
    async with running(Pass(name="one"), Pass(name="two"), observers=[notes]) as run:
        await run.end()
    mine = {"head", "one", "two", "tail"}
    return {"mine": sorted(x for x in notes.set_up if x in mine)}


@scenario()
async def times_rise() -> Observed:
    times: list[int] = []

    class Times(BaseObserver):
        async def on_push_frame(self, data: FramePushed) -> None:
            times.append(data.timestamp)

    async with running(Pass(), observers=[Times()]) as run:
        await run.queue(Data(1))
        await run.end()
    return {"rising": times == sorted(times), "kind": type(times[0]).__name__}


@scenario()
async def observers_come_and_go() -> Observed:
    first, second = Notes(), Notes()
    async with running(Pass(name="one"), observers=[first]) as run:
        await run.queue(Data(1))
        await run.tail.wait("Data(1)")
        await until(lambda: "Pipeline > PipelineSink Data(1) down" in first.pushes)
        run.task.add_observer(second)
        await asyncio.sleep(0.01)  # being added is no event
        await run.queue(Data(2))
        await run.tail.wait("Data(2)")
        await until(lambda: "Pipeline > PipelineSink Data(2) down" in second.pushes)
        await run.task.remove_observer(first)
        heard = len(first.pushes)
        await run.queue(Data(3))
        await run.end()
    return {"first": len(first.pushes) == heard, "second": second.pushes}


@scenario()
async def an_observer_that_fails() -> Observed:
    class Fails(BaseObserver):
        async def on_push_frame(self, data: FramePushed) -> None:
            raise RuntimeError("no matter")

    notes = Notes()
    async with running(Pass(name="one"), observers=[Fails(), notes]) as run:
        await run.queue(Data(1))
        await run.end()
    return {"down": run.tail.down(), "heard": len(notes.pushes)}


@scenario()
async def a_slow_observer_holds_nothing_up() -> Observed:
    go = asyncio.Event()

    class Slow(BaseObserver):
        async def on_push_frame(self, data: FramePushed) -> None:
            await go.wait()

    async with running(Pass(), observers=[Slow()]) as run:
        await run.queue(Data(1), Data(2))
        await run.tail.wait("Data(2)")
        held = run.tail.down()
        go.set()
        await run.end()
    return {"down": held}


@scenario()
async def swallowed_and_made_frames() -> Observed:
    async def swallow(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_frame(Control("made"))
        await processor.push_frame(Control("answer"), UP)

    notes = Notes()
    async with running(Act(Data, swallow, keep=True, name="act"), observers=[notes]) as run:
        await run.queue(Data(1))
        await run.end()
    return {
        "down": [x for x in notes.pushes if x.endswith("down")],
        "up": [x for x in notes.pushes if x.endswith("up")],
    }


@scenario()
async def turns_are_tracked() -> Observed:
    log: list[Any] = []
    observer = TurnTrackingObserver(turn_end_timeout_secs=0.05)

    @observer.event_handler("on_turn_started")
    async def _on_started(observer: Any, turn: int) -> None:
        log.append(["started", turn])

    @observer.event_handler("on_turn_ended")
    async def _on_ended(observer: Any, turn: int, duration: float, interrupted: bool) -> None:
        log.append(["ended", turn, interrupted, duration >= 0])

    async with running(Pass(), observers=[observer]) as run:

        async def step(frame: Any, count: int) -> None:
            await run.queue(frame)
            await until(lambda: len(log) >= count)

        await step(UserStartedSpeakingFrame(), 1)
        await run.queue(UserStoppedSpeakingFrame(), BotStartedSpeakingFrame())
        await step(UserStartedSpeakingFrame(), 3)  # interrupts
        await run.queue(UserStoppedSpeakingFrame(), BotStartedSpeakingFrame())
        await step(BotStoppedSpeakingFrame(), 4)  # silence ends it
        await step(UserStartedSpeakingFrame(), 5)
        await run.end()
    await until(lambda: len(log) >= 6)
    return {"log": log}


@scenario()
async def speech_is_reported() -> Observed:
    log: list[str] = []
    observer = SpeakingObserver()

    @observer.event_handler("on_speech_event")
    async def _on_speech(observer: Any, event: Any) -> None:
        log.append(getattr(event.kind, "value", event.kind))

    async with running(Pass(), observers=[observer]) as run:
        await run.queue(
            VADUserStartedSpeakingFrame(),
            UserStartedSpeakingFrame(),
            VADUserStoppedSpeakingFrame(),
            UserStoppedSpeakingFrame(),
            BotStartedSpeakingFrame(),
            BotStoppedSpeakingFrame(),
        )
        await run.end()
    return {"log": log}


@scenario()
async def errors_are_reported() -> Observed:
    seen: list[Any] = []
    observer = ErrorObserver()

    @observer.event_handler("on_error")
    async def _on_error(observer: Any, event: Any) -> None:
        seen.append({k: v for k, v in event.model_dump().items() if "time" not in k})

    async def report(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_error("broken", exception=ValueError("why"))

    async with running(Act(Data, report, name="reporter"), observers=[observer]) as run:
        await run.queue(Data(1))
        await run.end()
    return {"seen": [{k: str(v) for k, v in s.items()} for s in seen]}


@scenario()
async def function_calls_are_reported() -> Observed:
    seen: list[Any] = []
    observer = FunctionCallObserver()

    @observer.event_handler("on_function_call_event")
    async def _on_event(observer: Any, event: Any) -> None:
        told = event.model_dump()
        seen.append({k: str(v) for k, v in told.items() if not k.endswith(TIMES)})

    async with running(Pass(), observers=[observer]) as run:
        await run.queue(
            FunctionCallInProgressFrame(
                function_name="f", tool_call_id="1", arguments={"a": 1}, cancel_on_interruption=True
            ),
            FunctionCallResultFrame(
                function_name="f", tool_call_id="1", arguments={"a": 1}, result="found"
            ),
        )
        await run.end()
    return {"seen": seen}


@scenario()
async def start_up_is_timed() -> Observed:
    reports: list[Any] = []
    observer = StartupTimingObserver()

    @observer.event_handler("on_startup_timing_report")
    async def _on_report(observer: Any, report: Any) -> None:
        reports.append(report)

    async with running(Pass(name="one"), observers=[observer]) as run:
        await until(lambda: reports)
        await run.end()
    report = reports[0]
    mine = [t for t in report.processor_timings if t.processor_name in ("head", "one", "tail")]
    return {
        "count": len(reports),
        "names": sorted(t.processor_name for t in mine),
        "total": report.total_duration_secs >= 0,
        "fields": sorted(report.model_dump()),
        "timing": sorted(mine[0].model_dump()),
    }


@scenario()
async def latency_from_user_to_bot() -> Observed:
    log: list[str] = []
    observer = UserBotLatencyObserver()

    @observer.event_handler("on_latency_measured")
    async def _on_latency(observer: Any, seconds: float) -> None:
        log.append(f"measured {0 <= seconds < 5}")

    @observer.event_handler("on_latency_breakdown")
    async def _on_breakdown(observer: Any, breakdown: Any) -> None:
        log.append(f"breakdown {sorted(breakdown.model_dump())}")

    async with running(Pass(), observers=[observer]) as run:
        await run.queue(
            VADUserStartedSpeakingFrame(),
            VADUserStoppedSpeakingFrame(),
            UserStoppedSpeakingFrame(),
            TranscriptionFrame("hello", "user", "now"),
            BotStartedSpeakingFrame(),
            BotStoppedSpeakingFrame(),
            BotStartedSpeakingFrame(),
        )
        await run.end()
    return {"log": sorted(log)}


@scenario()
async def errors_are_hops_too() -> Observed:
    async def report(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_error("broken")

    notes = Notes(kinds=(ErrorFrame,))
    async with running(Act(Data, report, name="reporter"), observers=[notes]) as run:
        await run.queue(Data(1))
        await run.end()
    return {"pushes": notes.pushes}


@scenario()
async def a_held_frame_is_pushed_already() -> Observed:
    notes, hold = Notes(), Hold(Data, name="hold")
    async with running(hold, observers=[notes]) as run:
        await run.queue(Data(1), System("a"))
        await hold.wait("enter Data(1)")
        await until(lambda: notes.pushes and "hold" in notes.pushes[-1])
        before = list(notes.pushes)
        hold.release()
        await run.end()
    return {"before": before, "after": notes.pushes}
