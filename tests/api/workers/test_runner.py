"""The runner: what it starts, when it is over, and what it leaves behind."""

import asyncio
import logging
from typing import Any

import pytest
from pipecat_rs.bus import (
    AsyncQueueBus,
    BusAddWorkerMessage,
    BusCancelMessage,
    BusCancelWorkerMessage,
    BusEndMessage,
    BusEndWorkerMessage,
    BusMessage,
    BusWorkerRegistryMessage,
)
from pipecat_rs.exceptions import PipelineError
from pipecat_rs.frames.frames import CancelFrame, EndFrame
from pipecat_rs.pipeline.job_context import JobParams
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.runner import PipelineRunner, WorkerRunner
from pipecat_rs.testing import Recorder
from pipecat_rs.workers.base_worker import BaseWorker
from support.frames import Data, tags
from support.tasks import task_of
from support.waiting import calls_of, settle, until, within
from support.workers import Listener, is_ready, running_workers


def runner_of(**options: Any) -> WorkerRunner:
    return WorkerRunner(handle_sigint=False, **options)


class Stays(BaseWorker):
    """Does not end when it is told to, and swallows cancellation if asked to."""

    def __init__(self, name: str = "stays", swallows: bool = False) -> None:
        super().__init__(name)
        self.swallows, self.go = swallows, asyncio.Event()

    async def run(self, params: Any = None) -> None:
        await self.start()
        while not self.go.is_set():
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                if not self.swallows:
                    raise


# ---- what it runs


async def test_a_task_by_position_and_by_each_of_its_names():
    for how in ("", "worker", "task"):
        out = Recorder()
        task = task_of(out)
        await task.queue_frames([Data(1), EndFrame()])
        await within(runner_of().run(task) if not how else runner_of().run(**{how: task}))
        assert task.has_finished() and tags(out.frames()) == [1]


async def test_a_pipeline_gets_a_task():
    for how in ("", "pipeline"):
        out = Recorder()
        pipeline = Pipeline([out])
        await pipeline.queue_frames([Data(1), EndFrame()])
        transport = object()
        run = runner_of().run
        await within(
            run(pipeline=pipeline, transport=transport) if how else run(pipeline, transport)
        )
        assert tags(out.frames()) == [1]


async def test_a_session_with_one_pipeline_has_no_tasks_of_its_own():
    before = asyncio.all_tasks()
    task = task_of(Recorder())
    started = calls_of(task, "on_pipeline_started")
    runner = runner_of()
    run = asyncio.create_task(runner.run(task))
    await started.wait()
    await settle()
    assert asyncio.all_tasks() - before == {run}
    await runner.end()
    await within(run)


async def test_workers_are_found_by_name_until_they_are_over():
    worker = BaseWorker("worker")
    runner = runner_of()
    await runner.add_workers(worker)
    assert runner.get_worker("worker") is worker and runner.get_worker("other") is None
    async with running_workers(other := BaseWorker("other")) as second:
        assert other.worker_runner is second and second.get_worker("other") is other
    assert second.get_worker("other") is None


async def test_a_name_is_taken_once(caplog: pytest.LogCaptureFixture):
    runner, one, two = runner_of(), BaseWorker("same"), BaseWorker("same")
    await runner.add_workers(one, two)
    assert runner.get_worker("same") is one
    assert "'same'" in caplog.text


async def test_workers_added_to_a_running_runner_run():
    async with running_workers(BaseWorker("first")) as runner:
        late, task = BaseWorker("late"), task_of(Recorder())
        await runner.add_workers(late, task)
        await is_ready(runner, "late")
        await is_ready(runner, task.name)
    assert task.has_finished()


async def test_workers_are_added_by_message():
    async with running_workers(first := BaseWorker("first")) as runner:
        late = BaseWorker("late")
        await first.send_bus_message(BusAddWorkerMessage(source="first", worker=late))
        await is_ready(runner, "late")


async def test_on_ready_comes_when_workers_can_be_addressed():
    task, worker = task_of(Recorder()), BaseWorker("worker")
    runner = runner_of()
    await runner.add_workers(worker, task)
    names: list[str] = []

    @runner.event_handler("on_ready")
    async def ready(_: WorkerRunner) -> None:
        names.extend(name for name in ("worker", task.name) if runner.get_worker(name))
        await runner.end()

    await within(runner.run())
    assert names == ["worker", task.name]


async def test_a_runner_runs_once_at_a_time_and_again_later():
    runner = runner_of()
    async with asyncio.timeout(5):
        await runner.add_workers(BaseWorker("one"))
        run = asyncio.create_task(runner.run())
        await is_ready(runner, "one")
        with pytest.raises(PipelineError, match="runs already"):
            await runner.run()
        await runner.end()
        await run
        task = task_of(Recorder())
        await task.queue_frame(EndFrame())
        await runner.run(task)
    assert task.has_finished()


# ---- when it is over


async def test_without_workers_it_is_over_at_once():
    await within(runner_of().run())


async def test_without_workers_it_waits_for_those_that_on_ready_adds():
    runner, task = runner_of(), task_of(Recorder())

    @runner.event_handler("on_ready")
    async def ready(_: WorkerRunner) -> None:
        await task.queue_frame(EndFrame())
        await runner.add_workers(task)

    await within(runner.run())
    assert task.has_finished()


async def test_it_goes_on_after_the_last_worker_if_told_so():
    runner, task = runner_of(), task_of(Recorder())
    await runner.add_workers(task)
    await task.queue_frame(EndFrame())
    run = asyncio.create_task(runner.run(auto_end=False))
    await until(lambda: bool(task.has_finished))
    await settle()
    assert not run.done()
    again = task_of(Recorder())
    await again.queue_frame(EndFrame())
    await runner.add_workers(again)
    await until(lambda: bool(again.has_finished))
    await settle()
    assert not run.done()
    await runner.end()
    await within(run)


async def test_it_waits_for_a_worker_that_lives_on_messages():
    worker, task = BaseWorker("worker"), task_of(Recorder())
    runner = runner_of()
    await runner.add_workers(task, worker)
    await task.queue_frame(EndFrame())
    run = asyncio.create_task(runner.run())
    await until(lambda: bool(task.has_finished))
    await settle()
    assert not run.done()
    await worker.end()
    await within(run)


async def test_children_do_not_keep_it_up():
    parent, child = task_of(Recorder()), BaseWorker("child")
    await parent.add_workers(child)
    runner = runner_of()
    await runner.add_workers(parent)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "child")
    await parent.queue_frame(EndFrame())
    await within(run)
    await within(child.wait())


@pytest.mark.parametrize(
    ("message_class", "kind", "told"),
    [
        (BusEndMessage, EndFrame, BusEndWorkerMessage),
        (BusCancelMessage, CancelFrame, BusCancelWorkerMessage),
    ],
)
async def test_it_ends_and_cancels_root_workers_on_message(
    message_class: type[BusMessage], kind: type, told: type[BusMessage]
):
    task, child, listener = task_of(Recorder()), BaseWorker("child"), Listener()
    await task.add_workers(child)
    finished = calls_of(task, "on_pipeline_finished")
    runner = runner_of()
    await runner.add_workers(listener, task)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "child")
    await runner.bus.send(message_class(source="listener", reason="enough"))  # type: ignore[call-arg]
    await within(run)
    ((frame,),) = finished
    assert type(frame) is kind and frame.reason == "enough"
    targets = {m.target for m in listener.of(told) if m.source == runner.name}
    assert targets >= {"listener"} and "child" not in targets


async def test_cancel_overtakes_an_end_that_does_not_come():
    stays = Stays()
    runner = runner_of()
    await runner.add_workers(stays)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "stays")
    await runner.end()
    await settle()
    assert not run.done()
    stays.go.set()
    await runner.cancel()
    await runner.end()
    await within(run)


async def test_cancelling_who_waits_for_it_cancels_the_workers():
    task, worker = task_of(Recorder()), BaseWorker("worker")
    finished = calls_of(task, "on_pipeline_finished")
    runner = runner_of()
    await runner.add_workers(task, worker)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, task.name)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await within(run)
    assert isinstance(finished[0][0], CancelFrame)
    await within(worker.wait())


# ---- what goes wrong


async def test_a_worker_that_fails_is_told_of_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
):
    class Fails(BaseWorker):
        async def run(self, params: Any = None) -> None:
            raise ValueError("no")

    task, fails = task_of(Recorder()), Fails("fails")
    runner = runner_of()
    await runner.add_workers(fails, task)
    failed = calls_of(runner, "on_error")
    run = asyncio.create_task(runner.run())
    worker, error = await failed.wait()
    assert worker is fails and isinstance(error, ValueError)
    assert not run.done() and runner.get_worker("fails") is None
    await task.queue_frame(EndFrame())
    with pytest.raises(ValueError, match="no"):
        await within(run)
    assert task.has_finished() and "'fails' failed" in caplog.text


async def test_workers_that_do_not_end_are_cancelled(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Stays, "_end_limit_secs", 0.01)
    runner = runner_of()
    await runner.add_workers(Stays())
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "stays")
    await runner.end()
    await within(run)
    assert "'stays'" in caplog.text and "do not end" in caplog.text


async def test_workers_that_do_not_answer_the_cancellation_are_cancelled_harder(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipecat_rs.workers.runner.CANCEL_TIMEOUT_SECS", 0.01)
    runner = runner_of()
    await runner.add_workers(Stays())
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "stays")
    await runner.cancel()
    await within(run)
    assert "'stays'" in caplog.text


async def test_workers_that_swallow_their_cancellation_are_abandoned(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipecat_rs.workers.runner.CANCEL_TIMEOUT_SECS", 0.01)
    monkeypatch.setattr("pipecat_rs.workers.runner.HANGING_TIMEOUT_SECS", 0.01)
    runner, stays = runner_of(), Stays(swallows=True)
    await runner.add_workers(stays)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "stays")
    run.cancel()
    with pytest.raises(asyncio.CancelledError), caplog.at_level(logging.ERROR):
        await within(run)
    assert "'stays' swallows its cancellation" in caplog.text
    stays.go.set()


async def test_a_pipeline_that_cannot_run_raises():
    out = Recorder()
    busy, second = task_of(out), task_of(out)
    started = calls_of(busy, "on_pipeline_started")
    runner = runner_of()
    run = asyncio.create_task(runner.run(busy))
    await started.wait()
    with pytest.raises(PipelineError):
        await within(runner_of().run(second))
    await runner.end()
    await within(run)


# ---- several runners on a bus


async def test_runners_on_a_bus_find_each_others_workers():
    class Answers(BaseWorker):
        async def on_job_request(self, message: Any) -> None:
            await self.send_job_response(message.job_id, {"from": self.worker_runner.name})

    bus = AsyncQueueBus()
    asks, answers = BaseWorker("asks"), Answers("answers")
    async with (
        running_workers(answers, bus=bus) as there,
        running_workers(asks, bus=bus, name="here") as here,
    ):
        async with asks.job("answers", params=JobParams(timeout=5)) as job:
            pass
        assert job.response == {"from": there.name}
        assert here.registry.remote_workers == ["answers"]
        await until(lambda: there.registry.remote_workers == ["asks"])


async def test_a_bus_goes_on_until_its_last_runner_has_left():
    bus = AsyncQueueBus()
    stays = Listener("stays")
    async with running_workers(stays, bus=bus):
        async with running_workers(BaseWorker("leaves"), bus=bus):
            pass
        await bus.send(message := BusMessage(source="test"))
        await until(lambda: message in stays.heard)


async def test_a_runner_on_its_own_tells_nobody():
    listener = Listener()
    async with running_workers(listener, BaseWorker("other")):
        pass
    assert listener.of(BusWorkerRegistryMessage) == []


def test_both_names_mean_the_same():
    assert PipelineRunner is WorkerRunner
    one, two = runner_of(), runner_of()
    assert one.name != two.name and runner_of(name="mine").name == "mine"
