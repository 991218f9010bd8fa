"""Workers: life, activation, parents and children."""

import asyncio
import logging
from typing import Any

import pytest
from pipecat_rs.bus import (
    BusActivateWorkerMessage,
    BusCancelWorkerMessage,
    BusDeactivateWorkerMessage,
    BusEndMessage,
    BusEndWorkerMessage,
    BusMessage,
    BusWorkerErrorMessage,
    BusWorkerReadyMessage,
)
from pipecat_rs.exceptions import WorkerStateError
from pipecat_rs.pipeline.runner import WorkerRunner
from pipecat_rs.pipeline.worker_ready_decorator import worker_ready
from pipecat_rs.registry.types import WorkerErrorData, WorkerReadyData
from pipecat_rs.workers.base_worker import BaseWorker, WorkerActivationArgs
from support.waiting import calls_of, settle, until, within
from support.workers import Listener, is_ready, running_workers


async def test_a_worker_is_ready_activated_and_over():
    worker, listener = BaseWorker("worker"), Listener()
    activated = calls_of(worker, "on_activated")
    assert worker.started_at is None
    async with running_workers(listener, worker):
        ready = await listener.wait_for(BusWorkerReadyMessage, lambda m: m.source == "worker")
        assert (ready.parent, ready.active, ready.bridged) == (None, True, False)
        assert ready.started_at == worker.started_at is not None
        assert await activated.wait() == (None,)
        waiting = asyncio.create_task(worker.wait())
    await within(waiting)


def test_without_a_runner_it_says_what_is_missing():
    worker = BaseWorker("alone")
    for attribute in ("bus", "registry", "worker_runner"):
        with pytest.raises(WorkerStateError, match=r"alone.*\n.*add_workers"):
            getattr(worker, attribute)
    with pytest.raises(RuntimeError):
        _ = worker.bus


async def test_without_a_runner_messages_are_dropped():
    worker = BaseWorker("alone")
    await worker.end()
    await worker.cancel()
    await worker.activate_worker("other")
    await worker.send_bus_error_message("no")
    await worker.watch_workers("other")
    await worker.stop()
    await within(worker.wait())


async def test_inactive_workers_take_only_what_wakes_or_ends_them():
    worker, other = Listener("worker", active=False), BaseWorker("other")
    activated, deactivated = calls_of(worker, "on_activated"), calls_of(worker, "on_deactivated")
    async with running_workers(worker, other):
        await other.send_bus_error_message("unheard")
        await other.activate_worker("worker", args=WorkerActivationArgs(metadata={"a": 1}))
        assert await activated.wait() == ({"metadata": {"a": 1}},)
        assert worker.active and worker.activation_args == {"metadata": {"a": 1}}
        await other.send_bus_error_message("heard")
        heard = await worker.wait_for(BusWorkerErrorMessage)
        assert heard.error == "heard" and len(worker.of(BusWorkerErrorMessage)) == 1
        await other.deactivate_worker("worker")
        await deactivated.wait()
        assert not worker.active and worker.activation_args is None


async def test_handing_over_deactivates_before_it_activates():
    one, two, listener = BaseWorker("one"), BaseWorker("two", active=False), Listener()
    activated = calls_of(two, "on_activated")
    async with running_workers(listener, one, two):
        await one.activate_worker("two", deactivate_self=True)
        assert not one.active
        await activated.wait()
        await listener.wait_for(BusActivateWorkerMessage)
        changes = (BusActivateWorkerMessage, BusDeactivateWorkerMessage)
        kinds = [(type(m), m.target) for m in listener.heard if isinstance(m, changes)]
        assert kinds == [(BusDeactivateWorkerMessage, "one"), (BusActivateWorkerMessage, "two")]


async def test_an_activation_before_the_start_takes_effect_at_the_start():
    order: list[Any] = []

    class Notes(BaseWorker):
        async def on_activated(self, args: dict[str, Any] | None) -> None:
            await super().on_activated(args)
            order.append((self.started_at is not None, args))

    worker = Notes("worker", active=False)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.bus.send(BusActivateWorkerMessage(source="test", target="worker", args={"a": 1}))
    run = asyncio.create_task(runner.run())
    await until(lambda: bool(order))
    assert order == [(True, {"a": 1})]
    await runner.end()
    await within(run)


def test_activation_arguments_to_and_from_dicts():
    args = WorkerActivationArgs.from_dict({"metadata": {"a": 1}, "unknown": 2})
    assert args == WorkerActivationArgs(metadata={"a": 1})
    assert args.to_dict() == {"metadata": {"a": 1}}
    assert WorkerActivationArgs().to_dict() == {}


async def test_messages_for_others_and_for_all():
    worker, other = BaseWorker("worker"), BaseWorker("other")
    heard = calls_of(worker, "on_bus_message")
    async with running_workers(worker, other):
        heard.clear()
        await other.activate_worker("other")
        await other.send_bus_error_message("all")
        message = (await heard.wait())[0]
        assert isinstance(message, BusWorkerErrorMessage)


async def test_watched_workers_are_announced_by_method_and_by_event():
    heard: list[tuple[str, str]] = []

    class Watches(BaseWorker):
        @worker_ready(name="late")
        async def late(self, data: WorkerReadyData) -> None:
            heard.append(("method", data.worker_name))

        async def on_worker_ready(self, data: WorkerReadyData) -> None:
            await super().on_worker_ready(data)
            heard.append(("hook", data.worker_name))

    watches = Watches("watches")
    ready = calls_of(watches, "on_worker_ready")
    async with running_workers(watches) as runner:
        await watches.watch_workers("watches")
        await ready.wait()
        await runner.add_workers(BaseWorker("late"))
        await ready.wait(2)
    assert heard == [("hook", "watches"), ("method", "late"), ("hook", "late")]


def test_two_methods_for_the_same_worker_are_refused():
    class Twice(BaseWorker):
        @worker_ready(name="other")
        async def one(self, data: WorkerReadyData) -> None: ...

        @worker_ready(name="other")
        async def two(self, data: WorkerReadyData) -> None: ...

    with pytest.raises(ValueError, match="one and two"):
        Twice("worker")


# ---- parents and children


async def test_children_run_and_end_with_their_parent():
    order: list[str] = []

    class Notes(BaseWorker):
        async def stop(self) -> None:
            await super().stop()
            if self.name not in order:
                order.append(self.name)

    parent, child = Notes("parent"), Notes("child")
    ready = calls_of(parent, "on_worker_ready")
    async with running_workers(parent, Listener()) as runner:
        await parent.add_workers(child)
        assert child.parent == "parent" and parent.children == [child] and parent.parent is None
        (data,) = await ready.wait()
        assert data == WorkerReadyData(worker_name="child", runner=runner.name)
        await runner.bus.send(BusEndWorkerMessage(source="test", target="parent"))
        await within(parent.wait())
        await until(lambda: runner.get_worker("child") is None)
    assert order == ["child", "parent"]


async def test_children_added_before_there_is_a_runner_run_with_it():
    parent, child = BaseWorker("parent"), BaseWorker("child")
    await parent.add_workers(child)
    ready = calls_of(parent, "on_worker_ready")
    async with running_workers(parent):
        await ready.wait()
        assert child.started_at is not None


async def test_a_child_has_one_parent(caplog: pytest.LogCaptureFixture):
    one, two, child = BaseWorker("one"), BaseWorker("two"), BaseWorker("child")
    await one.add_workers(child)
    await two.add_workers(child)
    assert child.parent == "one" and two.children == []
    assert "'child'" in caplog.text and "'one'" in caplog.text


async def test_unwatched_children_are_not_announced():
    parent, child = BaseWorker("parent"), BaseWorker("child")
    ready = calls_of(parent, "on_worker_ready")
    async with running_workers(parent) as runner:
        await parent.add_workers(child, watch=False)
        await is_ready(runner, "child")
        await settle()
    assert ready == []


async def test_children_are_cancelled_with_their_parent():
    parent, child, grandchild = BaseWorker("parent"), BaseWorker("child"), BaseWorker("grandchild")
    async with running_workers(parent, Listener()) as runner:
        await parent.add_workers(child)
        await is_ready(runner, "child")
        await child.add_workers(grandchild)
        await is_ready(runner, "grandchild")
        await runner.bus.send(BusCancelWorkerMessage(source="test", target="parent"))
        for worker in (parent, child, grandchild):
            await within(worker.wait())


async def test_children_of_a_parent_that_fails_are_cancelled():
    class Fails(BaseWorker):
        def __init__(self) -> None:
            super().__init__("parent")
            self.fail = asyncio.Event()

        async def run(self, params: Any = None) -> None:
            await self.start()
            await self.fail.wait()
            raise ValueError("no")

    parent, child = Fails(), BaseWorker("child")
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(parent, other := BaseWorker("other"))
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "parent")
    await parent.add_workers(child)
    await is_ready(runner, "child")
    parent.fail.set()
    await within(child.wait())
    assert other.active and not run.done()
    await runner.end()
    with pytest.raises(ValueError, match="no"):
        await within(run)


async def test_a_child_whose_parent_is_over_is_not_run(caplog: pytest.LogCaptureFixture):
    parent, child = BaseWorker("parent"), BaseWorker("child")
    async with running_workers(parent, Listener()) as runner:
        await runner.bus.send(BusEndWorkerMessage(source="test", target="parent"))
        await until(lambda: runner.get_worker("parent") is None)
        await parent.add_workers(child)
        await within(child.wait())
    assert child.started_at is None and "'child' is not run" in caplog.text


async def test_a_parent_answers_its_children_while_it_waits_for_their_end():
    """A child asks its parent for something on its way out: neither waits for the other."""
    answers: list[Any] = []

    class Asks(BaseWorker):
        async def stop(self) -> None:
            if not answers:
                async with self.job("parent") as job:
                    pass
                answers.append(job.response)
            await super().stop()

    class Answers(BaseWorker):
        async def on_job_request(self, message: Any) -> None:
            await self.send_job_response(message.job_id, {"still": "here"})

    parent, child = Answers("parent"), Asks("child")
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(parent)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "parent")
    await parent.add_workers(child)
    await is_ready(runner, "child")
    await runner.end()
    await within(run)
    assert answers == [{"still": "here"}]


async def test_a_child_that_does_not_end_is_cancelled(caplog: pytest.LogCaptureFixture):
    class Stays(BaseWorker):
        _end_limit_secs = 0.01

        async def _handle_worker_end(self, message: BusEndWorkerMessage) -> None:
            pass

    parent, child = BaseWorker("parent"), Stays("child")
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(parent)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "parent")
    await parent.add_workers(child)
    await is_ready(runner, "child")
    await runner.end()
    await within(run)
    assert "'child' has not ended" in caplog.text


async def test_errors_of_children_reach_their_parent_and_nobody_else():
    parent, child, root = BaseWorker("parent"), BaseWorker("child"), BaseWorker("root")
    failed, elsewhere = calls_of(parent, "on_worker_failed"), calls_of(root, "on_worker_failed")
    async with running_workers(parent, root) as runner:
        await parent.add_workers(child)
        await is_ready(runner, "child")
        await root.send_bus_error_message("not a child")
        await child.send_bus_error_message("no more paper")
        (data,) = await failed.wait()
        assert data == WorkerErrorData(worker_name="child", error="no more paper")
    assert len(failed) == 1 and elsewhere == []


# ---- the end


async def test_any_worker_ends_all():
    one, two = BaseWorker("one"), BaseWorker("two")
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(one, two, listener := Listener())
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "two")
    await two.end(reason="done")
    await within(run)
    (asked,) = listener.of(BusEndMessage)
    assert (asked.source, asked.reason) == ("two", "done")


async def test_any_worker_cancels_all():
    one, two = BaseWorker("one"), BaseWorker("two")
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(one, two)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "two")
    await one.cancel(reason="enough")
    await within(run)
    await within(asyncio.gather(one.wait(), two.wait()))


async def test_tasks_that_are_left_are_warned_of(caplog: pytest.LogCaptureFixture):
    from pipecat_rs.utils.asyncio.task_manager import TaskManager

    worker = BaseWorker("worker", task_manager=TaskManager())
    tasks: list[asyncio.Task[Any]] = []
    with caplog.at_level(logging.WARNING):
        async with running_workers(worker):
            tasks.append(worker.create_task(asyncio.Event().wait(), "forgotten"))
    assert "worker::forgotten" in caplog.text
    await worker.cancel_task(tasks[0])


async def test_a_worker_runs_also_by_itself():
    worker = BaseWorker("alone")
    run = asyncio.create_task(worker.run())
    await until(lambda: worker.started_at is not None)
    await worker.stop()
    await within(run)


async def test_subclasses_hear_the_messages_that_they_send_themselves():
    class Question(BusMessage):
        pass

    worker = Listener("worker")
    async with running_workers(worker):
        await worker.send_bus_message(Question(source="worker"))
        await worker.wait_for(Question)
