"""Pipelines' workers on the bus: start and end, jobs, handing over, bridges."""

import asyncio
from typing import Any

import pytest
from pipecat_rs.bus import (
    BusBridgeProcessor,
    BusDeactivateWorkerMessage,
    BusEndMessage,
    BusFrameMessage,
    BusTTSSpeakMessage,
    BusWorkerReadyMessage,
)
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    OutputTransportMessageUrgentFrame,
    TTSSpeakFrame,
)
from pipecat_rs.pipeline.job_context import JobParams
from pipecat_rs.pipeline.job_decorator import job
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.runner import WorkerRunner
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder
from pipecat_rs.workers.base_worker import BaseWorker
from support.frames import Data, tags
from support.processors import Hold, Pass
from support.tasks import DOWN, UP, task_of
from support.waiting import calls_of, settle, until, within
from support.workers import Listener, is_ready, running_workers


class Answers(PipelineTask):
    """A pipeline that also does jobs."""

    def __init__(self, *processors: FrameProcessor, **options: Any) -> None:
        super().__init__(
            Pipeline(list(processors)), name="answers", idle_timeout_secs=None, **options
        )
        self.entered = asyncio.Event()

    @job(name="say")
    async def say(self, message: Any) -> None:
        await self.queue_frame(Data(message.payload["tag"]))
        await self.send_job_response(message.job_id, {"said": True})

    @job(name="hold")
    async def hold(self, message: Any) -> None:
        self.entered.set()
        await asyncio.Event().wait()


class Twice(FrameProcessor):
    """Says each data frame in its own words."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, Data) and direction is DOWN:
            await self.push_frame(Data(f"{frame.tag}!"), direction)
        else:
            await self.push_frame(frame, direction)


async def test_a_task_without_a_runner_is_a_worker_too():
    task = task_of(Recorder())
    activated = calls_of(task, "on_activated")
    assert isinstance(task, BaseWorker) and task.worker_runner is None
    assert task.active and task.started_at is None and not task.bridged
    run = asyncio.create_task(task.run())
    await activated.wait()
    assert task.started_at is not None
    await task.end(reason="done")
    await within(run)
    await within(task.wait())


async def test_ready_when_the_pipeline_has_started():
    held = asyncio.Event()

    class Slow(Pass):
        async def setup(self, setup: Any) -> None:
            await super().setup(setup)
            await held.wait()

    listener, task = Listener(), task_of(Slow())
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(listener, task)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "listener")
    await settle()
    assert runner.registry.get(task.name) is None
    held.set()
    ready = await listener.wait_for(BusWorkerReadyMessage, lambda m: m.source == task.name)
    assert ready.runner == runner.name and ready.started_at == task.started_at
    await runner.end()
    await within(run)


async def test_begins_inactive_if_told_so():
    task = task_of(Recorder(), active=False)
    activated = calls_of(task, "on_activated")
    async with running_workers(task, other := BaseWorker("other")):
        assert not task.active
        await other.activate_worker(task.name)
        await activated.wait()
        assert task.active


async def test_jobs_reach_the_pipeline():
    out = Recorder()
    answers, asks = Answers(out), BaseWorker("asks")
    async with running_workers(answers, asks):
        params = JobParams(name="say", payload={"tag": 7})
        async with asks.job("answers", params=params) as done:
            pass
        assert done.response == {"said": True}
        await until(lambda: tags(out.frames()) == [7])


async def test_processors_give_jobs():
    class Asks(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Data):
                async with self.pipeline_worker.job("helper") as done:
                    pass
                answers.append(done.response)
            await super().process_frame(frame, direction)

    class Helper(BaseWorker):
        async def on_job_request(self, message: Any) -> None:
            await self.send_job_response(message.job_id, {"a": 1})

    answers: list[Any] = []
    task = task_of(Asks())
    async with running_workers(task, Helper("helper")):
        await task.queue_frame(Data())
        await until(lambda: bool(answers))
    assert answers == [{"a": 1}]


@pytest.mark.parametrize("how", ["end", "cancel"])
async def test_a_pipeline_that_is_over_answers_what_it_owes(how: str):
    answers, asks = Answers(Recorder()), BaseWorker("asks")
    async with running_workers(answers, asks):
        async with asks.job("answers", params=JobParams(name="hold")) as held:
            await within(answers.entered.wait())
            await answers.queue_frame(EndFrame() if how == "end" else CancelFrame())
        assert held.response == {}
    assert answers.has_finished() and not answers.leak_report()


async def test_a_processor_that_waits_for_an_answer_does_not_hold_up_the_cancellation():
    class Asks(Pass):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, Data):
                asked.set()
                async with self.pipeline_worker.job("nobody"):
                    pass
            await super().process_frame(frame, direction)

    asked = asyncio.Event()
    task = task_of(Asks())
    async with running_workers(task):
        await task.queue_frame(Data())
        await within(asked.wait())


async def test_end_of_one_ends_all_behind_its_output():
    out = Recorder()
    hold = Hold(Data)
    task, other, listener = task_of(hold, out), task_of(Recorder()), Listener()
    finished = [calls_of(one, "on_pipeline_finished") for one in (task, other)]
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(task, other, listener)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, task.name)
    frame = Data(1)
    await task.queue_frame(frame)
    await hold.wait_for("enter", frame)
    ending = asyncio.create_task(task.end(reason="done"))
    await settle()
    assert not ending.done() and listener.of(BusEndMessage) == []
    hold.release()
    await within(run)
    await ending
    assert tags(out.frames()) == [1]
    assert [(type(calls[0][0]), calls[0][0].reason) for calls in finished] == [
        (EndFrame, "done"),
        (EndFrame, "done"),
    ]


async def test_handing_over_waits_for_what_is_on_its_way():
    hold, out = Hold(Data), Recorder()
    task, other, listener = task_of(hold, out), BaseWorker("other", active=False), Listener()
    activated = calls_of(other, "on_activated")
    async with running_workers(task, other, listener):
        frame = Data(1)
        await task.queue_frame(frame)
        await hold.wait_for("enter", frame)
        handing = asyncio.create_task(task.activate_worker("other", deactivate_self=True))
        await settle()
        assert task.active and listener.of(BusDeactivateWorkerMessage) == []
        hold.release()
        await within(handing)
        assert not task.active and tags(out.frames()) == [1]
        await activated.wait()


async def test_what_is_to_be_said_is_queued():
    out = Recorder()
    task = task_of(out)
    async with running_workers(task, other := BaseWorker("other")):
        for target in (task.name, "other"):
            await other.send_bus_message(
                BusTTSSpeakMessage("Hello", False, source="other", target=target)
            )
        await until(lambda: bool(out.frames(TTSSpeakFrame)))
        await settle()
    (frame,) = out.frames(TTSSpeakFrame)
    assert (frame.text, frame.append_to_context) == ("Hello", False)


async def test_an_idle_task_takes_all_workers_with_it():
    task, other = task_of(Recorder(), idle_timeout_secs=0.01), BaseWorker("other")
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(task, other)
    await within(runner.run())
    await within(other.wait())


# ---- bridges


def bridged_to(runner: WorkerRunner, *after: FrameProcessor, **options: Any) -> PipelineTask:
    """A task whose pipeline has a bridge at its beginning."""
    bridge = BusBridgeProcessor(bus=runner.bus, worker_name="main", **options)
    return task_of(bridge, *after, name="main")


async def test_frames_go_through_a_bridged_pipeline():
    out = Recorder()
    runner = WorkerRunner(handle_sigint=False)
    main = bridged_to(runner, out)
    far = task_of(Twice(), name="far", bridged=())
    assert far.bridged
    await runner.add_workers(main, far)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "main")
    await is_ready(runner, "far")
    await main.queue_frames([Data(1), Data(2)])
    await until(lambda: tags(out.frames()) == ["1!", "2!"])
    await main.end()
    await within(run)


async def test_what_goes_upstream_comes_out_upstream():
    before, after = Recorder(), Recorder()
    runner = WorkerRunner(handle_sigint=False)
    bridge = BusBridgeProcessor(bus=runner.bus, worker_name="main")
    main = task_of(before, bridge, after, name="main")
    far = task_of(Pass(), name="far", bridged=())
    await runner.add_workers(main, far)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "main")
    await is_ready(runner, "far")
    await main.queue_frame(Data(1), UP)
    await until(lambda: tags(before.frames(direction=UP)) == [1])
    await runner.end()
    await within(run)


async def test_an_inactive_bridged_pipeline_gets_nothing():
    out = Recorder()
    runner = WorkerRunner(handle_sigint=False)
    main = bridged_to(runner, out)
    far, near = (
        task_of(Twice(), name="far", bridged=(), active=False),
        task_of(Pass(), name="near", bridged=()),
    )
    await runner.add_workers(main, far, near)
    run = asyncio.create_task(runner.run())
    for name in ("main", "far", "near"):
        await is_ready(runner, name)
    await main.queue_frame(Data(1))
    await until(lambda: tags(out.frames()) == [1])
    await near.activate_worker("far", deactivate_self=True)
    await until(lambda: far.active)
    await main.queue_frame(Data(2))
    await until(lambda: tags(out.frames()) == [1, "2!"])
    await runner.end()
    await within(run)


async def test_named_bridges_do_not_mix():
    out = Recorder()
    task = task_of(out, bridged=("voice", "video"))
    async with running_workers(task, other := BaseWorker("other")):
        for tag, bridge in enumerate(("voice", "video", "chat", None)):
            await other.send_bus_message(BusFrameMessage(Data(tag), DOWN, bridge, source="other"))
        await until(lambda: len(out.frames(Data)) == 2)
        await settle()
    assert tags(out.frames()) == [0, 1]


async def test_a_pipeline_that_is_not_bridged_takes_and_sends_nothing():
    out, listener = Recorder(), Listener()
    task = task_of(out)
    async with running_workers(listener, task, other := BaseWorker("other")):
        await other.send_bus_message(BusFrameMessage(Data(1), DOWN, source="other"))
        await task.queue_frame(Data(2))
        await until(lambda: tags(out.frames()) == [2])
    assert [m.source for m in listener.of(BusFrameMessage)] == ["other"]


async def test_what_stays_on_its_side_of_a_bridge():
    out = Recorder()
    runner, listener = WorkerRunner(handle_sigint=False), Listener()
    main = bridged_to(runner, out, exclude_frames=(Data,), bridge="voice")
    await runner.add_workers(listener, main)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "main")
    await main.queue_frames(
        [Data(1), OutputTransportMessageUrgentFrame(message="now"), TTSSpeakFrame("over")]
    )
    message = await listener.wait_for(BusFrameMessage)
    await runner.end()
    await within(run)
    assert isinstance(message.frame, TTSSpeakFrame) and message.bridge == "voice"
    assert tags(out.frames(Data)) == [1] and out.frames(OutputTransportMessageUrgentFrame)
    assert len(listener.of(BusFrameMessage)) == 1


async def test_a_bridge_takes_frames_from_one_worker_if_told_so():
    out = Recorder()
    runner = WorkerRunner(handle_sigint=False)
    with pytest.warns(DeprecationWarning, match="target_worker"):
        main = bridged_to(runner, out, target_task="right")
    await runner.add_workers(main)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "main")
    for tag, (source, target) in enumerate(
        [("wrong", None), ("right", "other"), ("right", "main"), ("right", None)]
    ):
        await runner.bus.send(BusFrameMessage(Data(tag), DOWN, source=source, target=target))
    await until(lambda: len(out.frames(Data)) == 2)
    await settle()
    assert tags(out.frames()) == [2, 3]
    await runner.end()
    await within(run)


async def test_a_bridged_pipeline_keeps_what_is_excluded():
    out, listener = Recorder(), Listener()
    task = task_of(out, bridged=(), exclude_frames=(Data,))
    async with running_workers(listener, task):
        await task.queue_frames([Data(1), TTSSpeakFrame("over")])
        message = await listener.wait_for(BusFrameMessage)
    assert isinstance(message.frame, TTSSpeakFrame)
    assert tags(out.frames(Data)) == [1]


async def test_a_bridged_pipeline_is_flushed_through_the_other():
    """The probe crosses the bridge and comes back: both have then processed what was before it."""
    hold = Hold(Data)
    runner = WorkerRunner(handle_sigint=False)
    main = bridged_to(runner, hold)
    far = task_of(Pass(), name="far", bridged=())
    await runner.add_workers(main, far)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "main")
    await is_ready(runner, "far")
    frame = Data(1)
    await far.queue_frame(frame)
    await hold.wait_for("enter", frame)
    flushing = asyncio.create_task(far.flush_pipeline(timeout=5))
    await settle()
    assert not flushing.done()
    hold.release()
    assert await within(flushing)
    await runner.end()
    await within(run)


async def test_a_frame_on_the_bus_costs_nothing_where_it_is_not_taken_in():
    task, other = task_of(Recorder()), BaseWorker("other")
    bridged = task_of(Recorder(), bridged=("voice",))
    async with running_workers(task, other, bridged) as runner:
        await settle()
        before = asyncio.all_tasks()
        for bridge in ("video", None):
            await runner.bus.send(BusFrameMessage(Data(), DOWN, bridge, source="else"))
        await runner.bus.send(BusFrameMessage(Data(), DOWN, "voice", source=bridged.name))
        assert asyncio.all_tasks() == before
