"""One run: builds what the plan says, does what it says, and asks the ledger."""

import asyncio
import contextlib
import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import uvloop
from pipecat_rs.frames.frames import (
    CancelFrame,
    CancelTaskFrame,
    EndFrame,
    EndTaskFrame,
    ErrorFrame,
    Frame,
    FrameProcessorPauseFrame,
    FrameProcessorPauseUrgentFrame,
    FrameProcessorResumeUrgentFrame,
    InterruptionFrame,
    InterruptionTaskFrame,
    ManuallySwitchServiceFrame,
    StopFrame,
    StopTaskFrame,
)
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import VirtualTimeLoop
from support.tasks import DOWN, UP

from stress.leaves import SHORT, Leaf, Surroundings, Watcher, make_frame, make_leaf
from stress.ledger import TASK, Ledger
from stress.plan import Behaviour, Clock, Plan, Run, Step, has_branches, holds_system_frames

uvloop.new_event_loop().close()  # the first one opens a pipe for signals that stays

LOOPS: dict[Clock, Callable[[], asyncio.AbstractEventLoop]] = {
    "virtual": VirtualTimeLoop,
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
PATIENCE: dict[Clock, float] = {"virtual": 2_000.0, "asyncio": 20.0, "uvloop": 20.0}
"""When a task that has not ended hangs, in seconds of the loop. All deadlines are shorter."""

TOP, BOTTOM = Behaviour(-1), Behaviour(-2)


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        findings: What is wrong; nothing should be.
        frames: How many frames entered a processor.
        left: Weak references to what must not outlive the run.
    """

    findings: list[str] = field(default_factory=list)
    frames: int = 0
    left: list[weakref.ref[Any]] = field(default_factory=list)


class Session:
    """One task while it runs."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ledger = Ledger(plan)
        self.around = Surroundings(self.ledger)
        self.leaves: dict[int, FrameProcessor] = {}
        parts = [part.build(self._make) for part in plan.parts]
        top, bottom = self._make(TOP), self._make(BOTTOM)
        deadline = 1.0 if plan.clock == "virtual" else 0.4
        self.task = PipelineTask(
            Pipeline([top, *parts, bottom]),
            params=PipelineParams(
                enable_heartbeats=plan.heartbeats,
                heartbeats_period_secs=1.0 if plan.clock == "virtual" else 10 * SHORT,
                enable_metrics=plan.metrics,
            ),
            observers=[Watcher(kind) for kind in plan.observers if kind != "none"],
            mailbox_bound=plan.bound,
            enable_rtvi=False,
            idle_timeout_secs=200.0 if plan.ending == "idle" else None,
            setup_timeout_secs=deadline,
            start_timeout_secs=deadline,
            end_timeout_secs=200.0 if plan.clock == "virtual" else 1.0,
            cancel_timeout_secs=deadline,
        )
        self.started = asyncio.Event()
        self.finished: list[Frame] = []
        self.watchers: list[Watcher] = []
        self.task.add_event_handler("on_pipeline_started", lambda *_: self.started.set())
        self.task.add_event_handler("on_pipeline_finished", self._has_finished)
        for event in ("on_pipeline_timeout", "on_setup_timeout", "on_idle_timeout"):
            self.task.add_event_handler(event, self._cut_short)

    def _make(self, behaviour: Behaviour) -> FrameProcessor:
        leaf = self.leaves[behaviour.number] = make_leaf(behaviour, self.around)
        return leaf

    def _has_finished(self, _task: PipelineTask, frame: Frame) -> None:
        self.finished.append(frame)
        self.ledger.ended_by = type(frame)
        if isinstance(frame, CancelFrame):
            self.ledger.was_cancelled = True

    def _cut_short(self, *_: Any) -> None:
        self.ledger.was_cancelled = True

    # ---- the run

    async def live(self) -> None:
        """Run the task to its end, and judge it."""
        plan = self.plan
        if plan.ending == "cancel before run":
            self.ledger.was_cancelled = True
            await self.task.cancel()
        if plan.begins == "before":
            half = len(plan.steps) // 2
            await self._do_all(plan.steps[:half])
        else:
            half = 0
        run = asyncio.create_task(self._run())
        if plan.begins == "started":
            begun = asyncio.create_task(self.started.wait())
            await asyncio.wait({run, begun}, return_when=asyncio.FIRST_COMPLETED)
            begun.cancel()
        steps = asyncio.create_task(self._do_all(plan.steps[half:]))
        ending = asyncio.create_task(self._end(run, steps))
        done, _ = await asyncio.wait({run}, timeout=PATIENCE[plan.clock])
        if not done:
            self.ledger.found(f"hangs: {self._holders()}")
            if ending.done() and not ending.cancelled() and ending.exception():
                self.ledger.found(f"what drives it raised {ending.exception()!r}")
            ending.cancel()
            run.cancel()
            return
        await asyncio.wait({ending}, timeout=PATIENCE[plan.clock])
        if not ending.done():
            self.ledger.found(f"what drives it hangs: {ending.get_stack()} {steps.get_stack()}")
            return
        await self._judge(run, ending)

    async def _run(self) -> None:
        if self.plan.ending == "wait_for":
            try:
                await asyncio.wait_for(self.task.run(), 5 * SHORT)
            except TimeoutError:
                self.ledger.was_cancelled = True
        else:
            await self.task.run()

    def _holders(self) -> str:
        """Who holds what, of those that hold something."""
        told = [
            f"{node.name} {node.state} system {node.system.depth} {node.system.frame} "
            f"data {node.data.depth} {node.data.frame}"
            for node in self.task.snapshot()
            if node.state != "idle" or node.system.depth or node.data.depth
        ]
        return "; ".join(told) or "nobody holds anything"

    async def _judge(self, run: asyncio.Task[None], ending: asyncio.Task[None]) -> None:
        ledger = self.ledger
        outer = self.plan.ending in ("outer cancel", "outer cancel twice", "wait_for")
        for task in (run, ending):
            if task.cancelled():
                if not (outer and task is run):
                    ledger.found(f"{task.get_name()} was cancelled")
            elif error := task.exception():
                ledger.found(f"{task.get_name()} raised {error!r}")
        for thread in self.around.threads:
            await asyncio.to_thread(thread.join)
        if self.around.helpers:
            await asyncio.wait(set(self.around.helpers), timeout=10)
        for _ in range(3):
            await asyncio.sleep(0)
        if not self.task.has_finished():
            ledger.found("run() is over and the task has not finished")
        if len(self.finished) != 1:
            ledger.found(f"on_pipeline_finished came {len(self.finished)} times: {self.finished}")
        if report := self.task.leak_report():
            ledger.found(f"leak report: {report}")
        ledger.check((TOP, BOTTOM))

    # ---- what is done

    async def _do_all(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            await self._do(step)

    async def _do(self, step: Step) -> None:
        task, way = self.task, UP if step.up else DOWN
        leaf = self._a_leaf(step.target)
        match step.what:
            case "queue":
                await self._queue(make_frame(step.kind), way)
            case "burst":
                await task.queue_frames(self._noted(step, way), way)
            case "passes":
                for _ in range(step.amount):
                    await asyncio.sleep(0)
            case "sleep":
                await asyncio.sleep(SHORT * step.amount)
            case "interrupt":
                self.ledger.interrupted()
                if step.kind == "queued":
                    await task.queue_frame(InterruptionFrame())
                else:
                    await task.queue_frame(InterruptionTaskFrame(), UP)
            case "switch":
                await self._switch(step)
            case "snapshot":
                _ = task.snapshot(), task.get_metrics()
            case "thread":
                self.around.in_thread(lambda: self._queue_from_thread(step, way))
            case "into" if leaf:
                frame = make_frame(step.kind)
                self.ledger.strays.add(frame.id)
                self.ledger.made(frame)
                await leaf.queue_frame(frame, way)
            case "push" if leaf:
                await leaf.push_frame(make_frame(step.kind), way)
            case "pause" if leaf and not leaf.behaviour.direct:
                await self._pause(leaf, step.kind)
            case "resume" if leaf:
                await leaf.resume_processing_frames()
                await leaf.resume_processing_system_frames()
            case "flush":
                await task.flush_pipeline(timeout=50 * SHORT)
            case "observer" if step.kind == "add":
                self.watchers.append(Watcher("quick"))
                task.add_observer(self.watchers[-1])
            case "observer" if self.watchers:
                await task.remove_observer(self.watchers.pop())

    def _a_leaf(self, number: int) -> Leaf | None:
        leaf = self.leaves.get(number)
        return leaf if isinstance(leaf, Leaf) else None

    def _noted(self, step: Step, way: FrameDirection) -> Iterator[Frame]:
        for _ in range(step.amount):
            frame = make_frame(step.kind)
            self.ledger.pushed(TASK, frame, way)  # it is queued as soon as it is taken
            yield frame

    async def _queue(self, frame: Frame, way: FrameDirection) -> None:
        self.ledger.pushed(TASK, frame, way)
        await self.task.queue_frame(frame, way)

    def _queue_from_thread(self, step: Step, way: FrameDirection) -> None:
        for _ in range(step.amount):
            frame = make_frame(step.kind)
            self.ledger.strays.add(frame.id)
            with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                asyncio.run_coroutine_threadsafe(
                    self.task.queue_frame(frame, way), self.around.loop
                )

    async def _switch(self, step: Step) -> None:
        found = [p for p in _inside(self.task.pipeline) if isinstance(p, ServiceSwitcher)]
        if found:
            switcher = found[step.amount % len(found)]
            service = switcher.services[step.target % len(switcher.services)]
            await self.task.queue_frame(ManuallySwitchServiceFrame(service=service))

    async def _pause(self, leaf: FrameProcessor, how: str) -> None:
        match how:
            case "data":
                await leaf.pause_processing_frames()
            case "system":
                await leaf.pause_processing_system_frames()
            case "frame":
                await self.task.queue_frame(FrameProcessorPauseFrame(processor=leaf))
            case "urgent":
                await self.task.queue_frame(FrameProcessorPauseUrgentFrame(processor=leaf))

        async def resume() -> None:
            # Real leases are too long; after the end nobody cares.
            await asyncio.sleep(20 * SHORT)
            await self.task.queue_frame(FrameProcessorResumeUrgentFrame(processor=leaf))
            await leaf.resume_processing_frames()
            await leaf.resume_processing_system_frames()

        self.around.later(resume())

    # ---- the end

    async def _end(self, run: asyncio.Task[None], steps: asyncio.Task[None]) -> None:
        plan, task = self.plan, self.task
        if plan.ending in ("end", "stop", "end request", "stop request", "fatal"):
            await asyncio.wait({steps, run}, return_when=asyncio.FIRST_COMPLETED)
        elif plan.ending != "end at once":
            await asyncio.sleep(SHORT * (plan.seed % 4))
        if plan.settles and plan.ending in ("end", "stop"):
            await self._settle()
        match plan.ending:
            case "end" | "end at once":
                await self._queue(EndFrame(), DOWN)
            case "stop":
                await self._queue(StopFrame(), DOWN)
            case "cancel" | "cancel twice":
                self.ledger.was_cancelled = True
                await task.cancel(reason="stress")
                if plan.ending == "cancel twice":
                    await task.cancel()
            case "end and cancel":
                self.ledger.was_cancelled = True
                await self._queue(EndFrame(), DOWN)
                await asyncio.sleep(0)
                await task.cancel()
            case "outer cancel" | "outer cancel twice":
                self.ledger.was_cancelled = True
                run.cancel()
                if plan.ending == "outer cancel twice":
                    await asyncio.sleep(0)
                    run.cancel()
            case "end request" | "stop request" | "cancel request":
                kinds = {"end": EndTaskFrame, "stop": StopTaskFrame, "cancel": CancelTaskFrame}
                request = kinds[plan.ending.split()[0]]
                if request is CancelTaskFrame:
                    self.ledger.was_cancelled = True
                await self.leaves[BOTTOM.number].push_frame(request(), UP)
            case "fatal":
                self.ledger.was_cancelled = True
                await self.leaves[BOTTOM.number].push_frame(ErrorFrame("fatal", fatal=True), UP)
            case "idle" | "cancel before run" | "wait_for":
                pass
        await asyncio.wait({run})
        steps.cancel()  # it may wait for room in a mailbox that nobody empties any more
        await asyncio.wait({steps})
        if not steps.cancelled() and (error := steps.exception()):
            raise error

    async def _settle(self) -> None:
        """Wait until nothing is under way any more, if possible."""
        now = self.ledger.now
        timeout = 300.0 if self.plan.clock == "virtual" else 0.5
        # The probe goes behind all that was queued: down, up and down again. Where there are
        # branches it takes the quickest, so that it says nothing of the others; nor does it of
        # system frames that are held.
        flushed = await self.task.flush_pipeline(timeout=timeout)
        if flushed and not has_branches(self.plan) and not holds_system_frames(self.plan):
            self.ledger.settled_at = now


def _inside(processor: FrameProcessor) -> Iterator[FrameProcessor]:
    yield processor
    for member in processor.processors:
        yield from _inside(member)


async def _live_together(plans: tuple[Plan, ...], outcome: Outcome) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(
        lambda _, context: outcome.findings.append(f"loop: {context['message']} {context}")
    )
    sessions = [Session(plan) for plan in plans]
    results = await asyncio.gather(*(s.live() for s in sessions), return_exceptions=True)
    for session, result in zip(sessions, results, strict=True):
        if isinstance(result, BaseException):
            outcome.findings.append(f"the harness failed: {result!r}")
        outcome.findings += session.ledger.findings
        outcome.frames += sum(map(len, session.ledger.entries.values()))
        outcome.left.append(weakref.ref(session.task))
        outcome.left += [weakref.ref(leaf) for leaf in session.leaves.values()]
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=1.0)
    if left := [task for task in others if not task.done()]:
        outcome.findings.append(f"asyncio tasks are left: {[repr(t) for t in left]}")
    if hasattr(loop, "_pipecat_rs_runner"):
        outcome.findings.append("the loop still has its runner")


def _run_loop(run: Run, plans: tuple[Plan, ...], outcome: Outcome) -> None:
    with asyncio.Runner(loop_factory=LOOPS[run.clock]) as runner:
        runner.run(_live_together(plans, outcome))


def live(run: Run) -> Outcome:
    """Do what a seed stands for."""
    outcome = Outcome()
    unraisable, sys.unraisablehook = (
        sys.unraisablehook,
        lambda u: outcome.findings.append(f"ignored: {u.exc_value!r} in {u.object!r}"),
    )
    try:
        others = [
            threading.Thread(target=_run_loop, args=(run, plans, outcome))
            for plans in run.loops[1:]
        ]
        for thread in others:
            thread.start()
        _run_loop(run, run.loops[0], outcome)
        for thread in others:
            thread.join()
        if outcome.findings:
            gc.collect()
    finally:
        sys.unraisablehook = unraisable
    return outcome
