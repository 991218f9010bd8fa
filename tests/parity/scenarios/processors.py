"""One processor: what it does with its frames, its errors, its pauses, its events."""

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
    arrow,
    error_of,
    label,
    labels,
    play,
    raised,
    running,
    scenario,
    until,
)
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    FrameProcessorPauseFrame,
    FrameProcessorPauseUrgentFrame,
    FrameProcessorResumeFrame,
    FrameProcessorResumeUrgentFrame,
    StartFrame,
    TextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.errors import ErrorCategory


@scenario()
async def system_frames_overtake() -> Observed:
    hold = Hold(Data)
    async with running(hold) as run:
        await run.queue(Data(1))
        await hold.wait("enter Data(1)")
        await run.queue(Data(2), Control(3), System("a"), System("b"))
        await hold.wait("pass System(b)")
        while_held = list(hold.log)
        hold.release(2)
        await run.end()
    return {"while held": while_held, "log": hold.log, "down": run.tail.down()}


@scenario()
async def both_directions_share_a_queue() -> Observed:
    hold = Hold(Data)
    async with running(hold) as run:
        await run.queue(Data(1))
        await hold.wait("enter Data(1)")
        await hold.queue_frame(Data("up"), UP)
        await hold.queue_frame(Data("down"), DOWN)
        hold.release(3)
        await run.end()
    return {"log": hold.log, "down": run.tail.down(), "up": run.head.up()}


@scenario()
async def an_exception_becomes_an_error() -> Observed:
    async def fail(processor: Any, frame: Any, direction: Any) -> None:
        if frame.tag == 2:
            raise ValueError("two")

    errors: list[Observed] = []
    failing = Act(Data, fail, name="failing")

    @failing.event_handler("on_error")
    async def _on_error(processor: Any, error: ErrorFrame) -> None:
        errors.append(error_of(error))

    async with running(failing) as run:
        await run.queue(Data(1), Data(2), Data(3))
        await run.end()
    up = [error_of(f) for f, d in run.head.seen if isinstance(f, ErrorFrame)]
    return {"down": run.tail.down(), "heard": errors, "up": up, "finished": run.finished}


@scenario()
async def an_exception_of_a_system_frame() -> Observed:
    async def fail(processor: Any, frame: Any, direction: Any) -> None:
        raise KeyError("x")

    async with running(Act(System, fail, name="failing")) as run:
        await run.queue(System(1), Data(2))
        await run.tail.wait("Data(2)")
        await until(lambda: run.head.up())
        await run.end()
    return {
        "down": run.tail.down(),
        "up": [error_of(f) for f, d in run.head.seen if isinstance(f, ErrorFrame)],
    }


@scenario()
async def errors_are_pushed_upstream() -> Observed:
    async def report(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_error("broken", exception=RuntimeError("why"), fatal=False)
        await processor.push_error("worse")
        await processor.push_error_frame(ErrorFrame("a frame", category=ErrorCategory.RATE_LIMIT))

    reporter = Act(Data, report, name="reporter")
    async with running(reporter) as run:
        await run.queue(Data(1))
        await run.end()
    return {
        "up": [error_of(f) for f, d in run.head.seen if isinstance(f, ErrorFrame)],
        "texts": [
            str(f).replace(f.name, "name") for f, d in run.head.seen if isinstance(f, ErrorFrame)
        ],
        "usable": reporter.is_usable,
    }


@scenario()
async def categories_of_exceptions() -> Observed:
    class Status(Exception):
        def __init__(self, status: int, name: str) -> None:
            super().__init__(f"status {status}")
            setattr(self, name, status)

    class Answer:
        def __init__(self, status: int) -> None:
            self.status_code = status

    class Answered(Exception):
        def __init__(self, status: int) -> None:
            super().__init__("answered")
            self.response = Answer(status)

    from pipecat.utils.errors import classify_http_exception

    exceptions = {
        "value": ValueError("x"),
        "timeout": TimeoutError(),
        "connection": ConnectionResetError(),
        "os": OSError("no route"),
        **{str(s): Status(s, "status_code") for s in (400, 401, 402, 403, 404, 408, 409, 413, 422)},
        **{str(s): Status(s, "status_code") for s in (429, 500, 502, 503, 504, 529, 302, 418)},
        "status": Status(429, "status"),
        "code": Status(401, "code"),
        "response": Answered(503),
    }
    return {name: classify_http_exception(error).name for name, error in exceptions.items()}


@scenario()
async def categories_that_last() -> Observed:
    return {category.name: [category.value, category.is_permanent] for category in ErrorCategory}


@scenario()
async def a_permanent_error_makes_unusable() -> Observed:
    log: list[Any] = []

    async def report(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        if frame.tag == 1:
            await processor.push_error("key", category=ErrorCategory.AUTHENTICATION)
        elif frame.tag == 2:
            await processor.set_usable(True)
        elif frame.tag == 3:
            await processor.push_error("forced", force_treat_as_permanent=True)
        else:
            await processor.push_error("again", category=ErrorCategory.AUTHENTICATION)

    reporter = Act(Data, report, name="reporter")

    @reporter.event_handler("on_error")
    async def _on_error(processor: FrameProcessor, error: ErrorFrame) -> None:
        log.append([error.error, error.category.name, processor.is_usable])

    changes: list[bool] = []

    @reporter.event_handler("on_usable_changed")
    async def _on_usable(processor: FrameProcessor, usable: bool) -> None:
        changes.append(usable)

    async with running(reporter) as run:
        await run.queue(Data(1), Data(2), Data(3), Data(4))
        await run.end()
    return {"errors": log, "changes": sorted(changes), "usable": reporter.is_usable}


@scenario()
async def a_callback_follows_the_frame() -> Observed:
    log: list[str] = []

    async def callback(processor: FrameProcessor, frame: Frame, direction: FrameDirection) -> None:
        log.append(f"{processor.name} {label(frame)} {arrow(direction)}")

    async def fail(processor: Any, frame: Any, direction: Any) -> None:
        log.append(f"process {label(frame)}")
        if frame.tag == 2:
            raise ValueError("two")

    failing = Act(Data, fail, name="failing")
    async with running(failing) as run:
        await failing.queue_frame(Data(1), DOWN, callback)
        await failing.queue_frame(Data(2), DOWN, callback)
        await failing.queue_frame(Data(3), UP, callback)
        await failing.queue_frame(System(4), DOWN, callback)
        await until(lambda: len(log) >= 6)
        await run.end()
    return {
        "data": [x for x in log if "System" not in x],
        "system": "failing System(4) down" in log,
    }


@scenario()
async def events_around_a_frame() -> Observed:
    log: list[str] = []
    processor = Pass(name="processor")
    for event in (
        "on_before_process_frame",
        "on_after_process_frame",
        "on_before_push_frame",
        "on_after_push_frame",
    ):

        def handler(event: str) -> Any:
            async def note(processor: Any, frame: Frame) -> None:
                log.append(f"{event} {label(frame)}")

            return note

        processor.add_event_handler(event, handler(event))
    await play(processor, frames=[Data(1)])
    return {"log": log}


@scenario()
async def handlers_run_in_order_and_may_fail() -> Observed:
    log: list[str] = []
    processor = Pass(name="processor")

    @processor.event_handler("on_before_process_frame")
    async def _first(processor: Any, frame: Frame) -> None:
        log.append(f"first {label(frame)}")
        raise RuntimeError("no matter")

    @processor.event_handler("on_before_process_frame")
    def _second(processor: Any, frame: Frame) -> None:
        log.append(f"second {label(frame)}")

    observed = await play(processor, frames=[Data(1)])
    return observed | {"log": log}


@scenario()
async def a_pause_holds_data_only() -> Observed:
    tap = Tap(name="tap")
    async with running(tap) as run:
        await tap.pause_processing_frames()
        await run.queue(Data(1), Control(2), System("a"))
        await tap.wait("System(a)")
        while_paused = tap.down()
        await tap.resume_processing_frames()
        await run.end()
    return {"while paused": while_paused, "down": tap.down()}


@scenario()
async def a_pause_of_system_frames() -> Observed:
    tap = Tap(name="tap")
    async with running(tap) as run:
        await tap.pause_processing_system_frames()
        # What is in hand when the pause begins is processed in pipecat, so one frame goes first.
        await run.queue(System("first"), System("a"), System("b"))
        await run.head.wait("System(b)")
        await tap.resume_processing_system_frames()
        await tap.wait("System(b)")
        await run.end()
    return {"down": tap.down()}


@scenario()
async def pause_frames_name_a_processor() -> Observed:
    first, second = Tap(name="first"), Tap(name="second")
    async with running(first, second) as run:
        await run.queue(FrameProcessorPauseUrgentFrame(processor=second))
        await second.wait("FrameProcessorPauseUrgentFrame")
        await run.queue(Data(1), System("a"))
        await second.wait("System(a)")
        await first.wait("Data(1)")
        while_paused = second.down()
        await run.queue(FrameProcessorResumeUrgentFrame(processor=second))
        await second.wait("Data(1)")
        await run.end()
    return {"while paused": while_paused, "down": second.down()}


@scenario()
async def a_pause_frame_keeps_its_place() -> Observed:
    tap = Tap(name="tap")
    async with running(tap) as run:
        await run.queue(Data(1), FrameProcessorPauseFrame(processor=tap), Data(2), System("a"))
        await tap.wait("FrameProcessorPauseFrame")
        await tap.wait("System(a)")
        while_paused = [x for x in tap.down() if not x.startswith("System")]
        await run.queue(FrameProcessorResumeFrame(processor=tap))
        await tap.wait("Data(2)")
        await run.end()
    return {
        "while paused": while_paused,
        "down": [x for x in tap.down() if not x.startswith("System")],
    }


@scenario()
async def all_frames_wait_until_ready() -> Observed:
    tap = Tap(name="tap")
    ready = asyncio.Event()
    async with running(tap) as run:
        await tap.pause_processing_all_frames_until(ready.wait, timeout=3.0)
        await run.queue(System("first"), Data(1), System("a"), Data(2))
        await run.head.wait("Data(2)")
        ready.set()
        await tap.wait("Data(2)")
        await run.end()
    return {"data": [x for x in tap.down() if "System" not in x]}


@scenario()
async def ready_in_vain() -> Observed:
    tap = Tap(name="tap")
    async with running(tap) as run:
        await tap.pause_processing_all_frames_until(asyncio.Event().wait, timeout=0.01)
        await run.queue(Data(1))
        await tap.wait("Data(1)")
        await run.end()
    return {"down": tap.down()}


@scenario()
async def broadcast_makes_siblings() -> Observed:
    async def broadcast(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.broadcast_frame(TextFrame, text="both")

    above, below = Tap(), Tap()
    await play(above, Act(Data, broadcast, keep=True), below, frames=[Data(1)])
    up = next(f for f, d in above.seen if d is UP)
    down = next(f for f, d in below.seen if isinstance(f, TextFrame))
    return {
        "kinds": labels([up, down]),
        "siblings": up.broadcast_sibling_id == down.id and down.broadcast_sibling_id == up.id,
        "down first": down.id < up.id,
    }


@scenario()
async def broadcast_of_an_instance_copies() -> Observed:
    given = TextFrame("given")
    given.pts = 7
    given.metadata["key"] = "value"
    given.transport_destination = "out"

    async def broadcast(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.broadcast_frame_instance(given)

    above, below = Tap(), Tap()
    await play(above, Act(Data, broadcast, keep=True), below, frames=[Data(1)])
    both = [next(f for f, d in tap.seen if isinstance(f, TextFrame)) for tap in (above, below)]
    return {
        "fields": [[f.pts, f.metadata, f.transport_destination, f.text] for f in both],
        "fresh": len({f.id for f in both} | {given.id}) == 3,
        "names": len({f.name for f in both} | {given.name}) == 3,
        "shared": both[0].metadata is both[1].metadata,
    }


@scenario()
async def a_push_without_neighbour_is_dropped() -> Observed:
    alone = Pass()
    await alone.push_frame(Data(1))
    await alone.push_frame(Data(1), UP)
    return {"next": alone.next, "previous": alone.previous}


@scenario()
async def what_a_processor_is_given() -> Observed:
    seen: Observed = {}

    class Looks(Pass):
        async def setup(self, setup: Any) -> None:
            await super().setup(setup)
            seen["rates"] = [setup.audio_in_sample_rate, setup.audio_out_sample_rate]
            seen["switches"] = [
                setup.enable_metrics,
                setup.enable_usage_metrics,
                setup.enable_tracing,
                setup.report_only_initial_ttfb,
            ]
            seen["observer"] = setup.observer is not None
            seen["worker"] = type(setup.pipeline_worker).__name__
            seen["resources"] = setup.pipeline_worker.app_resources

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, Data):
                seen["setup"] = self.processor_setup is not None
                seen["same worker"] = self.pipeline_worker is self.processor_setup.pipeline_worker
                seen["clock"] = type(self.get_clock()).__name__
                seen["loop"] = self.get_event_loop() is asyncio.get_running_loop()
                seen["metrics"] = [self.metrics_enabled, self.usage_metrics_enabled]
                seen["initial"] = self.report_only_initial_ttfb
                seen["can"] = self.can_generate_metrics()
            await self.push_frame(frame, direction)

    async with running(Looks(), app_resources={"key": 1}) as run:
        await run.queue(Data(1))
        await run.end()
    return seen


@scenario()
async def what_is_not_there_before_the_setup() -> Observed:
    processor = Pass()
    names = ("processor_setup", "pipeline_worker", "task_manager")
    return {
        "raises": [raised(getattr, processor, name) is not None for name in names],
        "clock": raised(processor.get_clock) is not None,
        "usable": processor.is_usable,
        "id": isinstance(processor.id, int),
        "name": processor.name.startswith("Pass#"),
    }


@scenario()
async def setup_and_cleanup_are_called_once() -> Observed:
    log: list[str] = []

    class Notes(Pass):
        async def setup(self, setup: Any) -> None:
            await super().setup(setup)
            log.append(f"setup {self.name}")

        async def cleanup(self) -> None:
            await super().cleanup()
            log.append(f"cleanup {self.name}")

    await play(Notes(name="a"), Notes(name="b"), frames=[Data(1)])
    return {"setup": sorted(log[:2]), "cleanup": sorted(log[2:])}


@scenario()
async def a_setup_that_fails_costs_one_processor() -> Observed:
    class Fails(Pass):
        async def setup(self, setup: Any) -> None:
            await super().setup(setup)
            raise ConnectionError("no door")

    failing = Fails(name="failing")
    async with running(failing) as run:
        await run.queue(Data(1))
        await run.tail.wait("Data(1)")
        await until(lambda: run.head.up())
        await run.end()
    error = next(f for f, d in run.head.seen if isinstance(f, ErrorFrame))
    return {
        "usable": failing.is_usable,
        "exception": repr(error.exception),
        "category": error.category.name,
        "down": run.tail.down(),
    }


@scenario()
async def tasks_are_named_and_cancelled() -> Observed:
    log: list[str] = []

    class Works(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, Data):
                task = self.create_task(self.work(), "worker")
                other = self.create_task(self.work())
                log.extend([task.get_name(), other.get_name()])
                await asyncio.sleep(0)
                await self.cancel_task(task)
                await self.cancel_task(other)
                log.append(f"cancelled {task.cancelled() or task.done()}")
            await self.push_frame(frame, direction)

        async def work(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                log.append("ended")

    await play(Works(name="works"), frames=[Data(1)])
    return {"log": log}


@scenario()
async def has_queued_frame_looks_at_the_queue() -> Observed:
    hold = Hold(Data)
    async with running(hold) as run:
        await run.queue(Data(1))
        await hold.wait("enter Data(1)")
        before = hold.has_queued_frame(Lasting)
        await run.queue(Lasting(2), System("a"))
        await hold.wait("pass System(a)")
        during = [hold.has_queued_frame(Lasting), hold.has_queued_frame(EndFrame)]
        hold.release()
        await run.end()
    return {"before": before, "during": during}


@scenario()
async def frames_pushed_at_the_start() -> Observed:
    async def greet(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        await processor.push_frame(Data("early"))
        await processor.push_frame(System("early"), UP)

    return await play(Act(StartFrame, greet))


@scenario()
async def start_reaches_processors_in_order() -> Observed:
    log: list[str] = []

    async def note(processor: FrameProcessor, frame: Any, direction: Any) -> None:
        log.append(processor.name)

    await play(*(Act((StartFrame, EndFrame), note, name=name) for name in "abc"))
    return {"log": log}


@scenario()
async def push_from_a_task_of_ones_own() -> Observed:
    class Later(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, Data):
                task = self.create_task(self.push_frame(Control(f"later than {frame.tag}")))
                await task
            await self.push_frame(frame, direction)

    return await play(Later(), frames=[Data(1), Data(2)])
