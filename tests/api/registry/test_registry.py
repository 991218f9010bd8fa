"""The register of workers."""

import pytest
from pipecat_rs.registry import WorkerRegistry
from pipecat_rs.registry.types import WorkerReadyData


def worker(name: str = "worker", runner: str = "here") -> WorkerReadyData:
    return WorkerReadyData(worker_name=name, runner=runner)


async def test_workers_are_entered_once():
    registry = WorkerRegistry("here")
    assert await registry.register(worker())
    assert not await registry.register(worker())
    assert registry.local_workers == ["worker"] and registry.remote_workers == []
    assert registry.get("worker") == worker() and "worker" in registry
    assert registry.get("other") is None and "other" not in registry


async def test_workers_of_other_runners_are_told_apart(caplog: pytest.LogCaptureFixture):
    registry = WorkerRegistry("here")
    await registry.register(worker("far", "there"))
    assert registry.local_workers == [] and registry.remote_workers == ["far"]
    await registry.register(worker("far", "here"))
    assert "'here'" in caplog.text and "'there'" in caplog.text
    assert registry.get("far") == worker("far", "here")


async def test_watchers_hear_of_their_worker_now_or_later():
    registry = WorkerRegistry("here")
    heard: list[WorkerReadyData] = []

    async def watcher(data: WorkerReadyData) -> None:
        heard.append(data)

    await registry.watch("worker", watcher)
    await registry.watch("worker", watcher)
    await registry.register(worker("other"))
    assert heard == []
    await registry.register(worker())
    assert heard == [worker()]
    registry.unwatch("worker", watcher)
    await registry.watch("other", watcher)
    assert heard == [worker(), worker("other")]


async def test_a_worker_that_has_finished_is_remembered():
    registry = WorkerRegistry("here")
    registry.unregister("worker")
    assert not registry.has_finished("worker")
    await registry.register(worker())
    registry.unregister("worker")
    assert registry.has_finished("worker") and "worker" not in registry
    await registry.register(worker())
    assert not registry.has_finished("worker")


async def test_names_of_finished_workers_do_not_pile_up():
    registry = WorkerRegistry("here")
    for number in range(3000):
        await registry.register(worker(str(number)))
        registry.unregister(str(number))
    remembered = sum(registry.has_finished(str(number)) for number in range(3000))
    assert 0 < remembered < 2000 and registry.has_finished("2999")
