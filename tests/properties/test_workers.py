"""Workers, jobs and ends at random moments: everything ends, and nothing is left."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipecat_rs.bus import BusCancelWorkerMessage, BusEndWorkerMessage
from pipecat_rs.frames.frames import CancelFrame, EndFrame
from pipecat_rs.pipeline.job_context import JobGroupError, JobGroupParams
from pipecat_rs.pipeline.job_decorator import job
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.runner import WorkerRunner
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.workers.base_worker import BaseWorker
from support.processors import Pass
from support.waiting import settle, within

pytestmark = pytest.mark.timeout(120)  # a failing example is made small first

JOBS = ("quick", "told", "raises", "never", "silent", "nested", "unknown")
NAMES = [f"worker {number}" for number in range(5)]
GHOST = "nobody"


class DoesJobs:
    """Has a handler for each way in which a job may go."""

    @job(name="quick")
    async def quick(self: Any, message: Any) -> None:
        await self.send_job_response(message.job_id, {"a": 1})

    @job(name="told", sequential=True)
    async def told(self: Any, message: Any) -> None:
        for step in range(3):
            await asyncio.sleep(0)
            await self.send_job_update(message.job_id, {"step": step})
        await self.send_job_response(message.job_id)

    @job(name="raises")
    async def raises(self: Any, message: Any) -> None:
        raise ValueError("no")

    @job(name="never")
    async def never(self: Any, message: Any) -> None:
        await asyncio.Event().wait()

    @job(name="silent")
    async def silent(self: Any, message: Any) -> None: ...

    @job(name="nested")
    async def nested(self: Any, message: Any) -> None:
        others = [name for name in NAMES if name != self.name]
        params = JobGroupParams(name="never", cancel_on_error=False)
        async with self.job_group(*others, params=params):
            pass


class Plain(DoesJobs, BaseWorker):
    """Lives on messages."""


class OfPipeline(DoesJobs, PipelineTask):
    """Runs a pipeline as well."""


def made(name: str, is_plain: bool) -> BaseWorker:
    if is_plain:
        return Plain(name)
    return OfPipeline(Pipeline([Pass()]), name=name, idle_timeout_secs=None)


async def ask(worker: BaseWorker, targets: list[str], params: JobGroupParams) -> None:
    try:
        async with worker.job_group(*targets, params=params) as group:
            async for _ in group:
                pass
    except JobGroupError:
        pass


number = st.integers(0, len(NAMES) - 1)
asking = st.tuples(
    st.just("ask"),
    number,
    st.lists(st.sampled_from([*NAMES, GHOST]), min_size=1, max_size=3, unique=True),
    st.builds(
        JobGroupParams,
        name=st.sampled_from(JOBS),
        timeout=st.sampled_from([None, None, 0.001]),
        cancel_on_error=st.booleans(),
    ),
)
other = st.tuples(
    st.sampled_from(["end", "cancel", "frame", "give up", "activate", "deactivate"]),
    number,
    st.just(None),
    st.just(None),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    plain=st.lists(st.booleans(), min_size=len(NAMES), max_size=len(NAMES)),
    steps=st.lists(st.tuples(st.one_of(asking, asking, other), st.integers(0, 3)), max_size=25),
    last=st.sampled_from(["end", "cancel", "from outside"]),
)
def test_everything_ends(plain: list[bool], steps: list[Any], last: str) -> None:
    asyncio.run(_everything_ends(plain, steps, last))


async def _everything_ends(plain: list[bool], steps: list[Any], last: str) -> None:
    before = asyncio.all_tasks()
    workers = [made(name, is_plain) for name, is_plain in zip(NAMES, plain, strict=True)]
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(*workers[:3])
    for child in workers[3:]:
        await workers[0].add_workers(child)
    run = asyncio.create_task(runner.run(auto_end=False))
    await settle()
    asked: list[asyncio.Task[None]] = []
    for (what, which, targets, params), passes in steps:
        worker, name = workers[which], NAMES[which]
        if what == "ask":
            asked.append(asyncio.create_task(ask(worker, targets, params)))
        elif what == "end":
            await runner.bus.send(BusEndWorkerMessage(source="test", target=name))
        elif what == "cancel":
            await runner.bus.send(BusCancelWorkerMessage(source="test", target=name))
        elif what == "frame" and isinstance(worker, PipelineTask):
            await worker.queue_frame(EndFrame() if which % 2 else CancelFrame())
        elif what == "give up" and asked:
            asked[which % len(asked)].cancel()
        elif what == "activate":
            await worker.activate_worker(NAMES[which - 1])
        elif what == "deactivate":
            await worker.deactivate_worker(NAMES[which - 1])
        for _ in range(passes):
            await asyncio.sleep(0)
    if last == "from outside":
        run.cancel()
    else:
        await getattr(runner, last)()
    await within(asyncio.wait([run]), 20)
    if asked:
        await within(asyncio.wait(asked), 20)
    assert [task.exception() for task in asked if not task.cancelled()] == [
        None for task in asked if not task.cancelled()
    ]
    await settle()
    assert asyncio.all_tasks() == before
