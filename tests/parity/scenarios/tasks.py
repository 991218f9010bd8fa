"""Tasks: events and their arguments, ends, filters, errors, timers."""

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
    error_of,
    label,
    play,
    raised,
    run_task,
    running,
    scenario,
    task_of,
    until,
)
from pipecat.frames.frames import (
    BotSpeakingFrame,
    CancelFrame,
    CancelWorkerFrame,
    EndFrame,
    EndWorkerFrame,
    ErrorFrame,
    Frame,
    HeartbeatFrame,
    InterruptionFrame,
    MetricsFrame,
    StartFrame,
    StopFrame,
    StopWorkerFrame,
    TextFrame,
)
from pipecat.pipeline.parallel_pipeline import ParallelPipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker, ProcessorUnusablePolicy
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.utils.errors import ErrorCategory

EVENTS = (
    "on_pipeline_started",
    "on_pipeline_finished",
    "on_pipeline_error",
    "on_pipeline_timeout",
    "on_setup_timeout",
    "on_frame_reached_upstream",
    "on_frame_reached_downstream",
    "on_idle_timeout",
    "on_heartbeat_timeout",
)


def listen(task: PipelineWorker, *events: str) -> list[str]:
    """Note each event, with its arguments in short."""
    log: list[str] = []

    def handler(event: str) -> Any:
        async def note(who: Any, *args: Any) -> None:
            told = [label(a) if isinstance(a, Frame) else type(a).__name__ for a in args]
            log.append(
                f"{event}({'task' if who is task else who}{''.join(', ' + t for t in told)})"
            )

        return note

    for event in events or EVENTS:
        task.add_event_handler(event, handler(event))
    return log


@scenario()
async def events_of_an_orderly_run() -> Observed:
    async with running(Pass()) as run:
        log = listen(run.task)
        await run.queue(Data(1))
        await run.end()
    return {"log": log, "finished": run.finished, "has": run.task.has_finished()}


@scenario()
async def events_of_each_end() -> Observed:
    observed: Observed = {}
    for name, last in {
        "end": EndFrame(reason="over"),
        "stop": StopFrame(),
        "cancel": CancelFrame(reason="enough"),
    }.items():
        async with running(Pass()) as run:
            log = listen(run.task)
            await run.queue(last)
            await run.done()
        observed[name] = [log, run.tail.down()[-1], run.task.has_finished()]
    return observed


@scenario()
async def a_cancel_overtakes_data() -> Observed:
    hold = Hold(Data)
    async with running(hold) as run:
        await run.queue(Data(1))
        await hold.wait("enter Data(1)")
        await run.queue(Data(2))
        await run.head.wait("Data(2)")
        await run.task.cancel(reason="enough")
        await run.done()
    return {"log": hold.log, "down": run.tail.down(), "finished": run.finished}


@scenario()
async def cancel_twice_and_after_the_end() -> Observed:
    async with running(Pass()) as run:
        await run.task.cancel()
        await run.task.cancel()
        await run.done()
        await run.task.cancel()
    return {"finished": run.finished, "has": run.task.has_finished()}


@scenario()
async def a_finished_task_runs_no_more() -> Observed:
    async with running(Pass()) as run:
        await run.end()
        await asyncio.wait_for(run_task(run.task), 5)
    return {"finished": run.finished, "down": run.tail.down()}


@scenario()
async def stop_when_done() -> Observed:
    async with running(Pass()) as run:
        await run.queue(Data(1), Data(2))
        await run.task.stop_when_done()
        await run.done()
    return {"down": run.tail.down(), "finished": run.finished}


@scenario()
async def requests_to_the_task() -> Observed:
    observed: Observed = {}
    requests: dict[str, Any] = {
        "end": lambda: EndWorkerFrame(reason="over"),
        "stop": StopWorkerFrame,
        "cancel": lambda: CancelWorkerFrame(reason="enough"),
    }
    for name, request in requests.items():
        for way, direction in (("up", UP), ("down", DOWN)):

            async def ask(
                processor: FrameProcessor,
                frame: Any,
                _: Any,
                request: Any = request,
                direction: Any = direction,
            ) -> None:
                await processor.push_frame(request(), direction)

            async with running(Act(Data, ask, keep=True)) as run:
                await run.queue(Data(1))
                await run.done()
            observed[f"{name} {way}"] = [run.finished, run.head.down()[-1]]
    return observed


@scenario()
async def a_request_to_end_waits_for_what_is_queued() -> Observed:
    async def ask(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        if frame.tag == 1:
            await processor.push_frame(EndWorkerFrame(), UP)

    hold = Hold(Control)
    async with running(Act(Data, ask), hold) as run:
        await run.queue(Control(0), Data(1), Data(2), Data(3))
        await hold.wait("enter Control(0)")
        await run.head.wait("EndFrame")
        hold.release()
        await run.done()
    return {"down": run.tail.down()}


@scenario()
async def frames_that_reach_the_ends() -> Observed:
    async with running(Pass()) as run:
        log = listen(run.task, "on_frame_reached_upstream", "on_frame_reached_downstream")
        await run.queue(Data("before"))
        await run.tail.wait("Data(before)")
        run.task.set_reached_downstream_filter((Data,))
        run.task.set_reached_upstream_filter((Data,))
        await run.queue(Data(1), Control(2))
        await run.queue(Data("a"), Control("b"), direction=UP)
        await until(lambda: len(log) == 2)
        run.task.add_reached_downstream_filter((Control,))
        run.task.add_reached_upstream_filter((System,))
        await run.queue(Control(3), Data(4))
        await run.queue(System("c"), Control("d"), direction=UP)
        await until(lambda: len(log) == 5)
        run.task.set_reached_downstream_filter((System,))
        await run.queue(Data(5), System(6))
        await until(lambda: len(log) == 6)
        await run.end()
    return {
        "log": sorted(log),
        "down": sorted(t.__name__ for t in run.task.reached_downstream_types),
        "up": sorted(t.__name__ for t in run.task.reached_upstream_types),
    }


@scenario()
async def a_filter_takes_subclasses() -> Observed:
    class Special(TextFrame):
        pass

    async with running(Pass()) as run:
        log = listen(run.task, "on_frame_reached_downstream")
        run.task.set_reached_downstream_filter((TextFrame,))
        await run.queue(Special("x"), Data(1))
        await run.end()
    return {"log": log}


@scenario()
async def an_error_reaches_the_task() -> Observed:
    async def report(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_error(f"error {frame.tag}", fatal=frame.tag == 2)

    async with running(Act(Data, report, name="reporter")) as run:
        log = listen(run.task, "on_pipeline_error")
        await run.queue(Data(1))
        await run.tail.wait("Data(1)")
        await until(lambda: log)
        went_on = not run.task.has_finished()
        await run.queue(Data(2))
        await run.done()
    return {"log": log, "went on": went_on, "finished": [x.partition("(")[0] for x in run.finished]}


@scenario()
async def unusable_processors_and_policies() -> Observed:
    observed: Observed = {}
    for policy in ProcessorUnusablePolicy:

        async def report(processor: FrameProcessor, frame: Any, direction: Any) -> None:
            await processor.push_error("key", category=ErrorCategory.AUTHENTICATION)

        async with running(
            Act(Data, report, name="reporter"), processor_unusable_policy=policy
        ) as run:
            log = listen(run.task, "on_pipeline_error")
            await run.queue(Data(1))
            await until(lambda log=log: log)
            if policy is ProcessorUnusablePolicy.CONTINUE:
                await run.queue(Data(2))
                await run.end()
            else:
                await run.done()
        observed[policy.name] = [[x.partition("(")[0] for x in run.finished], len(log)]
    return observed


@scenario()
async def start_metadata_and_what_the_start_frame_carries() -> Observed:
    params = PipelineParams(
        start_metadata={"key": "value"},
        audio_in_sample_rate=8000,
        audio_out_sample_rate=48000,
        enable_metrics=True,
        enable_usage_metrics=True,
        report_only_initial_ttfb=True,
        send_initial_empty_metrics=False,
    )
    async with running(Pass(), params=params) as run:
        await run.end()
    start = next(f for f, _ in run.tail.seen if isinstance(f, StartFrame))
    return {
        "metadata": start.metadata,
        "rates": [start.audio_in_sample_rate, start.audio_out_sample_rate],
        "switches": [
            start.enable_metrics,
            start.enable_usage_metrics,
            start.report_only_initial_ttfb,
        ],
        "down": run.tail.down(),
    }


@scenario()
async def parameters_and_their_defaults() -> Observed:
    names = (
        "audio_in_sample_rate",
        "audio_out_sample_rate",
        "enable_heartbeats",
        "enable_metrics",
        "enable_usage_metrics",
        "heartbeats_period_secs",
        "heartbeats_monitor_secs",
        "report_only_initial_ttfb",
        "send_initial_empty_metrics",
        "start_metadata",
    )
    params = PipelineParams()
    changed = params.model_copy(update={"enable_metrics": True})
    return {
        "values": [getattr(params, name) for name in names],
        "dump": {k: v for k, v in params.model_dump().items() if k in names},
        "changed": changed.enable_metrics,
        "kept": params.enable_metrics,
    }


@scenario()
async def metrics_of_zeros_after_the_start() -> Observed:
    class Measures(Pass):
        def can_generate_metrics(self) -> bool:
            return True

    params = PipelineParams(enable_metrics=True)
    pipeline = ParallelPipeline([Measures(name="one")], [Measures(name="two")])
    async with running(pipeline, Measures(name="three"), params=params) as run:
        await run.tail.wait("MetricsFrame")
        await run.end()
    metrics = [f for f, _ in run.tail.seen if isinstance(f, MetricsFrame)]
    return {
        "count": len(metrics),
        "data": sorted(
            f"{type(d).__name__} {d.processor} {getattr(d, 'value', None)}" for d in metrics[0].data
        ),
    }


@scenario()
async def metrics_of_a_processor() -> Observed:
    class Measures(Pass):
        def can_generate_metrics(self) -> bool:
            return True

        async def process_frame(self, frame: Frame, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, Data):
                await self.stop_ttfb_metrics()
                await self.start_ttfb_metrics()
                await self.stop_ttfb_metrics()
                await self.start_processing_metrics()
                await self.stop_processing_metrics()
                await self.start_tts_usage_metrics("four")
            await self.push_frame(frame, direction)

    observed: Observed = {}
    for name, params in {
        "off": PipelineParams(),
        "on": PipelineParams(enable_metrics=True, send_initial_empty_metrics=False),
        "usage": PipelineParams(
            enable_metrics=True, enable_usage_metrics=True, send_initial_empty_metrics=False
        ),
        "once": PipelineParams(
            enable_metrics=True, report_only_initial_ttfb=True, send_initial_empty_metrics=False
        ),
    }.items():
        async with running(Measures(name="measures"), params=params) as run:
            await run.queue(Data(1), Data(2))
            await run.end()
        observed[name] = [
            [type(d).__name__ for d in f.data]
            for f, _ in run.tail.seen
            if isinstance(f, MetricsFrame)
        ]
    return observed


@scenario()
async def an_interruption_stops_metrics() -> Observed:
    class Measures(Pass):
        def can_generate_metrics(self) -> bool:
            return True

        async def process_frame(self, frame: Frame, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, Data):
                await self.start_ttfb_metrics()
                await self.start_processing_metrics()
            await self.push_frame(frame, direction)

    params = PipelineParams(enable_metrics=True, send_initial_empty_metrics=False)
    async with running(Measures(), params=params) as run:
        await run.queue(Data(1))
        await run.tail.wait("Data(1)")
        await run.queue(InterruptionFrame())
        await run.tail.wait("InterruptionFrame")
        await run.end()
    return {
        "reported": sorted(
            type(d).__name__
            for f, _ in run.tail.seen
            if isinstance(f, MetricsFrame)
            for d in f.data
        )
    }


@scenario()
async def heartbeats_go_through_behind_data() -> Observed:
    params = PipelineParams(enable_heartbeats=True, heartbeats_period_secs=0.01)
    async with running(Pass(), params=params) as run:
        await until(lambda: sum(x == "HeartbeatFrame" for x in run.tail.down()) >= 3)
        await run.end()
    beats = [f for f, _ in run.tail.seen if isinstance(f, HeartbeatFrame)]
    return {
        "first": run.tail.down()[:2],
        "rising": [b.timestamp for b in beats] == sorted(b.timestamp for b in beats),
        "kind": type(beats[0].timestamp).__name__,
    }


@scenario()
async def a_heartbeat_that_is_late() -> Observed:
    params = PipelineParams(
        enable_heartbeats=True, heartbeats_period_secs=0.01, heartbeats_monitor_secs=0.05
    )

    async def swallow(processor: Any, frame: Any, direction: Any) -> None:
        pass

    async with running(Act(HeartbeatFrame, swallow, keep=True), params=params) as run:
        log = listen(run.task, "on_heartbeat_timeout")
        await until(lambda: len(log) >= 2)
        await run.end()
    return {"log": log[:2], "finished": run.finished}


@scenario()
async def an_idle_task_cancels_itself() -> Observed:
    async with running(Pass(), idle_timeout_secs=0.05) as run:
        log = listen(run.task, "on_idle_timeout")
        await run.done()
    return {"log": log, "finished": [x.partition("(")[0] for x in run.finished]}


@scenario()
async def an_idle_task_that_goes_on() -> Observed:
    async with running(Pass(), idle_timeout_secs=0.03, cancel_on_idle_timeout=False) as run:
        log = listen(run.task, "on_idle_timeout")
        await until(lambda: len(log) >= 2)
        await run.end()
    return {"log": log[:2], "finished": run.finished}


@scenario()
async def frames_that_show_that_a_task_is_not_idle() -> Observed:
    async def swallow(processor: Any, frame: Any, direction: Any) -> None:
        pass

    async with running(
        Act(Data, swallow, keep=True), idle_timeout_secs=0.6, idle_timeout_frames=(Data,)
    ) as run:
        log = listen(run.task, "on_idle_timeout")
        for _ in range(8):
            await asyncio.sleep(0.1)  # the timer is what this is about
            await run.queue(Data(1), BotSpeakingFrame())
        before = list(log)
        await run.done()
    return {"before": before, "after": log}


@scenario()
async def flushing_waits_for_what_was_queued() -> Observed:
    hold = Hold(Data)
    async with running(hold) as run:
        await run.queue(Data(1))
        await hold.wait("enter Data(1)")
        flush = asyncio.create_task(run.task.flush_pipeline(timeout=5.0))
        await asyncio.sleep(0)
        before = flush.done()
        hold.release()
        flushed = await flush
        down = [x for x in run.tail.down() if "Flush" not in x]
        await run.end()
    return {"before": before, "flushed": flushed, "down": down}


@scenario()
async def flushing_in_vain() -> Observed:
    hold = Hold(Data)
    async with running(hold) as run:
        await run.queue(Data(1))
        await hold.wait("enter Data(1)")
        flushed = await run.task.flush_pipeline(timeout=0.05)
        hold.release()
        await run.end()
    return {"flushed": flushed}


@scenario(
    differs={"finished": "a cancel gets through a held-up end here; pipecat hangs (rule 47, Q1)"}
)
async def a_cancel_while_the_end_is_held_up() -> Observed:
    hold = Hold(Data)
    finished: list[str] = []
    task = task_of(hold)
    running_task = asyncio.create_task(run_task(task))

    @task.event_handler("on_pipeline_finished")
    async def _on_finished(task: Any, frame: Frame) -> None:
        finished.append(type(frame).__name__)

    await task.queue_frames([Data(1), EndFrame()])
    await hold.wait("enter Data(1)")
    await asyncio.sleep(0.05)  # there is no event for an end that is under way
    cancelling = asyncio.create_task(task.cancel())
    await asyncio.wait([running_task], timeout=0.5)
    observed = {"finished": list(finished)}
    hold.release()
    await asyncio.wait([running_task, cancelling], timeout=5)
    return observed


@scenario(
    differs={
        "cancelled": "a cancellation of whoever awaits the runner goes on to the awaiter, as "
        "asyncio.timeout and task groups need it; pipecat's runner keeps it to itself"
    }
)
async def a_cancelled_runner_cancels_the_task() -> Observed:
    async with running(Pass()) as run:
        run.running.cancel()
        await asyncio.wait([run.running], timeout=5)
    return {
        "cancelled": run.running.cancelled(),
        "finished": [x.partition("(")[0] for x in run.finished],
        "has": run.task.has_finished(),
    }


@scenario()
async def a_start_that_never_arrives() -> Observed:
    async def swallow(processor: Any, frame: Any, direction: Any) -> None:
        pass

    task = task_of(Act(StartFrame, swallow, keep=True), start_timeout_secs=0.05)
    log = listen(task)
    await asyncio.wait_for(run_task(task), 5)
    return {"log": [x for x in log if "finished" not in x], "has": task.has_finished()}


@scenario()
async def a_setup_that_never_ends() -> Observed:
    class Never(Pass):
        async def setup(self, setup: Any) -> None:
            await super().setup(setup)
            await asyncio.Event().wait()

    task = task_of(Never(), setup_timeout_secs=0.05)
    log = listen(task)
    await asyncio.wait_for(run_task(task), 5)
    return {"log": [x for x in log if "finished" not in x], "has": task.has_finished()}


@scenario()
async def a_cancel_that_does_not_arrive() -> Observed:
    async def swallow(processor: Any, frame: Any, direction: Any) -> None:
        pass

    async with running(Act(CancelFrame, swallow, keep=True), cancel_timeout_secs=0.05) as run:
        log = listen(run.task, "on_pipeline_timeout")
        await run.task.cancel(reason="enough")
        await run.done()
    return {"log": log, "finished": run.finished}


@scenario()
async def what_a_task_says_of_itself() -> Observed:
    task = task_of(Pass(), name="named", app_resources=["shared"], conversation_id="talk")
    other = task_of(Pass())
    return {
        "name": task.name,
        "text": str(task),
        "has": task.has_finished(),
        "resources": task.app_resources,
        "prefix": other.name.rpartition("#")[0],
        "pipeline": type(task.pipeline).__name__,
        "turns": task.turn_tracking_observer is not None,
        "no turns": task_of(Pass(), enable_turn_tracking=False).turn_tracking_observer,
    }


@scenario()
async def resources_are_shared_not_copied() -> Observed:
    class Shared(dict[str, Any]):
        pass

    resources = Shared()
    seen: list[bool] = []

    async def look(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        seen.append(processor.pipeline_worker.app_resources is resources)

    async with running(Act(Data, look), app_resources=resources) as run:
        await run.queue(Data(1))
        await run.end()
    return {"same": seen}


@scenario()
async def clean_up_of_the_others_when_one_fails() -> Observed:
    log: list[str] = []

    class Cleans(Pass):
        async def cleanup(self) -> None:
            await super().cleanup()
            log.append(self.name)
            if self.name == "b":
                raise RuntimeError("dirty")

    async with running(*(Cleans(name=name) for name in "abc")) as run:
        await run.end()
    return {"log": sorted(log), "finished": run.finished}


@scenario()
async def a_stop_leaves_processors_as_they_are() -> Observed:
    log: list[str] = []

    class Cleans(Pass):
        async def cleanup(self) -> None:
            await super().cleanup()
            log.append(self.name)

    async with running(Cleans(name="a")) as run:
        await run.queue(StopFrame())
        await run.done()
    return {"log": log}


@scenario()
async def handlers_of_a_task_may_fail() -> Observed:
    log: list[str] = []
    async with running(Pass()) as run:

        @run.task.event_handler("on_pipeline_finished")
        async def _fails(task: Any, frame: Frame) -> None:
            raise RuntimeError("no matter")

        @run.task.event_handler("on_pipeline_finished")
        def _plain(task: Any, frame: Frame) -> None:
            log.append(label(frame))

        run.task.add_event_handler("on_no_such_event", lambda: None)
        await run.end()
    return {"log": log, "finished": run.finished}


@scenario()
async def an_error_from_the_middle_travels_up_only() -> Observed:
    async def report(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_error("middle")

    above, below = Tap(), Tap()
    await play(above, Act(Data, report, name="middle"), below, frames=[Data(1)])
    errors = [f for f, _ in above.seen if isinstance(f, ErrorFrame)]
    return {
        "above": [error_of(e) for e in errors],
        "below": [label(f) for f, _ in below.seen if isinstance(f, ErrorFrame)],
        "system": raised(lambda: errors[0].interruptible),
    }


@scenario()
async def run_test_reports_what_came_out() -> Observed:
    from pipecat.tests.utils import SleepFrame, run_test

    down, up = await run_test(
        Pass(),
        frames_to_send=[TextFrame("a"), SleepFrame(sleep=0.001), System(1), TextFrame("b")],
        expected_down_frames=[TextFrame, System, TextFrame],
    )
    refused = False
    try:
        await run_test(Pass(), frames_to_send=[TextFrame("a")], expected_down_frames=[])
    except AssertionError:
        refused = True
    return {"down": [label(f) for f in down], "up": [label(f) for f in up], "refused": refused}
