"""A timer that is started anew and cancelled."""

import asyncio

from pipecat_rs.utils.asyncio.task_manager import TaskManager
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.utils.restartable_timer import RestartableTimer
from support.waiting import within


async def owner() -> BaseObject:
    obj = BaseObject()
    await obj.setup(TaskManager())
    return obj


async def test_it_runs_when_the_time_is_over():
    expired = asyncio.Event()

    async def expire() -> None:
        expired.set()

    timer = RestartableTimer(await owner(), expire, "timer")
    timer.start(0.001)
    assert timer.running
    await within(expired.wait())
    assert not timer.running


async def test_what_it_runs_may_cancel_it():
    ended = asyncio.Event()

    async def expire() -> None:
        timer.cancel()
        await asyncio.sleep(0)
        ended.set()

    timer = RestartableTimer(await owner(), expire, "timer")
    timer.start(0)
    await within(ended.wait())


async def test_a_later_start_counts():
    runs: list[str] = []
    second = asyncio.Event()

    async def expire() -> None:
        runs.append("expired")
        second.set()

    timer = RestartableTimer(await owner(), expire, "timer")
    timer.start(3600)
    timer.start(0.001)
    await within(second.wait())
    assert runs == ["expired"]


async def test_a_cancelled_one_does_not_run():
    runs: list[str] = []

    async def expire() -> None:
        runs.append("expired")

    timer = RestartableTimer(await owner(), expire, "timer")
    timer.start(0)
    timer.cancel()
    # A pass of the loop runs everything that is due.
    await asyncio.sleep(0.001)
    assert runs == []
