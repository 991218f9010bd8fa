"""Jobs: what a worker asks others for, and every way in which that comes to an end."""

import asyncio
import logging
from typing import Any

import pytest
from pipecat_rs.bus import (
    BusEndWorkerMessage,
    BusJobCancelMessage,
    BusJobRequestMessage,
    BusJobResponseMessage,
    BusJobResponseUrgentMessage,
    BusJobUpdateUrgentMessage,
)
from pipecat_rs.exceptions import WorkerStateError
from pipecat_rs.pipeline.job_context import (
    JobError,
    JobEvent,
    JobGroupError,
    JobGroupEvent,
    JobGroupParams,
    JobParams,
    JobStatus,
)
from pipecat_rs.pipeline.job_decorator import job
from pipecat_rs.pipeline.runner import WorkerRunner
from pipecat_rs.workers.base_worker import BaseWorker
from support.waiting import calls_of, settle, until, within
from support.workers import Listener, is_ready, running_workers


class Helper(BaseWorker):
    """Does the jobs that the tests are about."""

    def __init__(self, name: str = "helper", **options: Any) -> None:
        super().__init__(name, **options)
        self.entered = asyncio.Event()
        self.release = asyncio.Event()
        self.log: list[str] = []

    async def on_job_request(self, message: BusJobRequestMessage) -> None:
        await self.send_job_response(message.job_id, {"asked": message.payload})

    @job(name="talk")
    async def talk(self, message: BusJobRequestMessage) -> None:
        await self.send_job_update(message.job_id, {"done": 1})
        await self.send_job_stream_start(message.job_id, {"kind": "text"})
        await self.send_job_stream_data(message.job_id, {"text": "a"})
        await self.send_job_stream_end(message.job_id, {"text": "b"})

    @job(name="hold")
    async def hold(self, message: BusJobRequestMessage) -> None:
        self.entered.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.log.append("cancelled")
            raise
        await self.send_job_response(message.job_id, {"held": True})

    @job(name="one by one", sequential=True)
    async def one_by_one(self, message: BusJobRequestMessage) -> None:
        number = (message.payload or {})["number"]
        self.log.append(f"begin {number}")
        await asyncio.sleep(0)
        self.log.append(f"end {number}")
        await self.send_job_response(message.job_id)

    @job(name="raise")
    async def raises(self, message: BusJobRequestMessage) -> None:
        raise ValueError("no paper")

    @job(name="cancelled inside")
    async def cancelled_inside(self, message: BusJobRequestMessage) -> None:
        raise asyncio.CancelledError

    @job(name="fail")
    async def fails(self, message: BusJobRequestMessage) -> None:
        await self.send_job_response(message.job_id, {"why": "busy"}, status=JobStatus.FAILED)

    @job(name="silent")
    async def silent(self, message: BusJobRequestMessage) -> None:
        self.entered.set()


def named(name: str, **options: Any) -> JobParams:
    return JobParams(name=name, **options)


async def test_a_job_is_answered():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks, helper):
        async with asks.job("helper", params=JobParams(payload={"a": 1})) as done:
            assert done.job_id in asks.job_groups
        assert done.response == {"asked": {"a": 1}}
        assert asks.job_groups == {} and helper.active_jobs == {}


async def test_a_job_tells_how_it_goes_on():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks, helper):
        async with asks.job("helper", params=named("talk")) as talk:
            events = [event async for event in talk]
        assert events == [
            JobEvent(JobEvent.UPDATE, {"done": 1}),
            JobEvent(JobEvent.STREAM_START, {"kind": "text"}),
            JobEvent(JobEvent.STREAM_DATA, {"text": "a"}),
            JobEvent(JobEvent.STREAM_END, {"text": "b"}),
        ]
        assert talk.response == {"text": "b"}
        assert [event async for event in talk] == []


async def test_a_group_is_done_when_all_have_answered():
    asks = BaseWorker("asks")
    one, two = Helper("one"), Helper("two")
    completed = calls_of(asks, "on_job_completed")
    async with running_workers(asks, one, two):
        async with asks.job_group("one", "two", params=JobGroupParams(name="talk")) as talk:
            events = [event async for event in talk]
        assert {e.worker_name for e in events} == {"one", "two"} and len(events) == 8
        assert isinstance(events[0], JobGroupEvent)
        assert talk.responses == {"one": {"text": "b"}, "two": {"text": "b"}}
        (result,) = await completed.wait()
        assert (result.job_id, result.responses) == (talk.job_id, talk.responses)
        async with asks.job_group() as nobody:
            pass
        assert nobody.responses == {}


async def test_a_job_waits_for_its_worker_to_be_ready():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks) as runner:
        asking = asyncio.create_task(asks.request_job("helper"))
        await settle()
        assert not asking.done()
        completed = calls_of(asks, "on_job_completed")
        await runner.add_workers(helper)
        job_id = await within(asking)
        (result,) = await completed.wait()
        assert result.job_id == job_id


async def test_hooks_and_events_of_both_sides():
    class Notes(BaseWorker):
        pass

    requester = {"on_job_response", "on_job_update", "on_job_completed"}
    requester |= {"on_job_stream_start", "on_job_stream_data", "on_job_stream_end"}
    performer = {"on_job_request", "on_job_update_requested", "on_job_cancelled"}
    hooks: list[str] = []

    def note(event: str) -> Any:
        async def hook(self: BaseWorker, *args: Any) -> None:
            hooks.append(event)
            await getattr(super(Notes, self), event)(*args)

        return hook

    for event in requester:
        setattr(Notes, event, note(event))
    asks, helper = Notes("asks"), Helper()
    events = {event: calls_of(asks, event) for event in requester}
    events |= {event: calls_of(helper, event) for event in performer}
    async with running_workers(asks, helper):
        async with asks.job("helper", params=named("talk")):
            pass
        held = await asks.request_job("helper", params=named("hold"))
        await within(helper.entered.wait())
        await asks.request_job_update(held, "helper")
        await events["on_job_update_requested"].wait()
        await asks.cancel_job_group(held, reason="enough")
        (message,) = await events["on_job_cancelled"].wait()
        assert (message.job_id, message.reason) == (held, "enough")
        (answer,) = await events["on_job_response"].wait()
        assert (answer.job_id, answer.status) == (held, JobStatus.CANCELLED)
    assert set(hooks) == requester
    assert all(events.values())


async def test_urgent_answers_are_system_messages():
    asks, helper, listener = BaseWorker("asks"), Helper(), Listener()
    async with running_workers(listener, asks, helper):
        job_id = await asks.request_job("helper", params=named("silent"))
        await within(helper.entered.wait())
        await helper.send_job_update(job_id, {"done": 1}, urgent=True)
        await helper.send_job_response(job_id, {"a": 1}, urgent=True)
        await until(lambda: not asks.job_groups)
        await listener.wait_for(BusJobUpdateUrgentMessage)
        answer = await listener.wait_for(BusJobResponseUrgentMessage)
        assert (answer.target, answer.response) == ("asks", {"a": 1})


async def test_an_answer_may_come_later_and_only_once():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks, helper):
        async with asks.job("helper", params=named("silent")) as later:
            await within(helper.entered.wait())
            assert list(helper.active_jobs) == [later.job_id]
            await helper.send_job_response(later.job_id, {"a": 1})
        assert later.response == {"a": 1}
        for send in (
            helper.send_job_response,
            helper.send_job_update,
            helper.send_job_stream_start,
            helper.send_job_stream_data,
            helper.send_job_stream_end,
        ):
            with pytest.raises(WorkerStateError, match="no active job"):
                await send(later.job_id)


async def test_sequential_jobs_run_in_order():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks, helper):
        for number in range(3):
            await asks.request_job("helper", params=named("one by one", payload={"number": number}))
        await until(lambda: not asks.job_groups)
    assert helper.log == [f"{word} {n}" for n in range(3) for word in ("begin", "end")]


async def test_other_jobs_of_a_worker_run_side_by_side():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks, helper):
        held = await asks.request_job("helper", params=named("hold"))
        async with asks.job("helper"):
            pass
        assert list(asks.job_groups) == [held]
        helper.release.set()
        await until(lambda: not asks.job_groups)


# ---- jobs that end without a result


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raise", "ValueError: no paper"),
        ("cancelled inside", "its handler was cancelled"),
        ("fail", "worker 'helper' errored"),
    ],
)
async def test_a_job_that_fails_raises(name: str, said: str, caplog: pytest.LogCaptureFixture):
    asks, helper = BaseWorker("asks"), Helper()
    failed = calls_of(asks, "on_job_error")
    async with running_workers(asks, helper):
        with pytest.raises(JobError, match=said) as raised:
            async with asks.job("helper", params=named(name)):
                pass
        assert f"job '{name}'" in str(raised.value) and "helper" in str(raised.value)
        (answer,) = await failed.wait()
        assert answer.status in (JobStatus.ERROR, JobStatus.FAILED)
        assert asks.job_groups == {} and helper.active_jobs == {}


async def test_a_job_that_nobody_knows_fails_at_once():
    asks, other = BaseWorker("asks"), BaseWorker("other")
    async with running_workers(asks, other):
        with pytest.raises(JobError, match=r"no handler for the job 'paint'.*@job\(name='paint'\)"):
            async with asks.job("other", params=named("paint")):
                pass
        with pytest.raises(JobError, match="on_job_request"):
            async with asks.job("other"):
                pass


async def test_one_failure_cancels_the_group_unless_told_otherwise():
    class Asks(BaseWorker):
        @job(name="mixed")
        async def mixed(self, message: BusJobRequestMessage) -> None:
            raise ValueError("no")

    class Holds(Helper):
        @job(name="mixed")
        async def mixed(self, message: BusJobRequestMessage) -> None:
            await self.hold(message)

    asks, bad, good = BaseWorker("asks"), Asks("bad"), Holds("good")
    async with running_workers(asks, bad, good):
        with pytest.raises(JobGroupError, match="worker 'bad' errored"):
            async with asks.job_group("bad", "good", params=JobGroupParams(name="mixed")):
                pass
        await until(lambda: good.log == ["cancelled"])
        good.release.set()
        params = JobGroupParams(name="mixed", cancel_on_error=False)
        async with asks.job_group("bad", "good", params=params) as done:
            pass
        assert done.responses == {"bad": {"error": "ValueError: no"}, "good": {"held": True}}


async def test_a_job_that_takes_too_long_is_cancelled():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks, helper):
        with pytest.raises(JobError, match=r"timeout; no answer from 'helper'\n.*timeout"):
            async with asks.job("helper", params=named("hold", timeout=0.05)):
                pass
        await until(lambda: helper.log == ["cancelled"])
        assert asks.job_groups == {}
        await until(lambda: not helper.active_jobs)


async def test_a_worker_that_is_not_there_is_waited_for_within_the_timeout():
    asks = BaseWorker("asks")
    async with running_workers(asks):
        with pytest.raises(JobGroupError, match=r"'paint'.*not ready: 'nobody' \(timeout\)"):
            async with asks.job("nobody", params=named("paint", timeout=0.01)):
                pass


async def test_a_requester_that_is_cancelled_takes_its_job_back():
    asks, helper, listener = BaseWorker("asks"), Helper(), Listener()

    async def ask() -> None:
        async with asks.job("helper", params=named("hold")):
            pass

    async with running_workers(listener, asks, helper):
        asking = asyncio.create_task(ask())
        await within(helper.entered.wait())
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: helper.log == ["cancelled"])
        await listener.wait_for(BusJobCancelMessage)
        assert asks.job_groups == {}


async def test_a_block_that_raises_takes_its_job_back():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks, helper):
        with pytest.raises(KeyError):
            async with asks.job("helper", params=named("hold")):
                await within(helper.entered.wait())
                raise KeyError
        await until(lambda: helper.log == ["cancelled"])


async def test_cancelling_for_somebody_outside_asks_whether_it_may():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks, helper):
        fixed = await asks.request_job("helper", params=named("hold", cancellable=False))
        assert not await asks.request_cancel_job_group(fixed)
        assert not await asks.request_cancel_job_group("unknown")
        free = await asks.request_job("helper", params=named("silent"))
        group = asks.job_groups[free]
        assert await asks.request_cancel_job_group(free)
        assert group.is_done
        with pytest.raises(JobGroupError, match="cancelled"):
            await group.wait()
        assert list(asks.job_groups) == [fixed]


async def test_a_worker_that_stops_answers_what_it_owes():
    asks, helper = BaseWorker("asks"), Helper()
    answers = calls_of(asks, "on_job_response")
    async with running_workers(asks, helper) as runner:
        async with asks.job("helper", params=named("hold")) as held:
            await within(helper.entered.wait())
            await runner.bus.send(BusEndWorkerMessage(source="test", target="helper"))
        assert held.response == {}
        (answer,) = await answers.wait()
        assert answer.status is JobStatus.CANCELLED
        assert helper.log == ["cancelled"]


class Dies(BaseWorker):
    """Has work, and dies of it without a word."""

    def __init__(self) -> None:
        super().__init__("dies")
        self.entered, self.die = asyncio.Event(), asyncio.Event()

    async def on_job_request(self, message: BusJobRequestMessage) -> None:
        self.entered.set()

    async def stop(self) -> None:
        self._has_stopped = True  # as if there were no time to answer

    async def run(self, params: Any = None) -> None:
        await self.start()
        await self.die.wait()
        raise ValueError("dead")


async def test_a_worker_that_dies_ends_the_jobs_that_wait_for_it(caplog: pytest.LogCaptureFixture):
    asks, dies = BaseWorker("asks"), Dies()
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(asks, dies)
    run = asyncio.create_task(runner.run())
    await is_ready(runner, "dies")
    with pytest.raises(JobError, match="'dies' has finished before it answered"):
        async with asks.job("dies"):
            await within(dies.entered.wait())
            dies.die.set()
    with pytest.raises(JobGroupError, match=r"not ready: 'dies' \(it has finished\)"):
        await within(asks.request_job("dies"))
    await runner.end()
    with pytest.raises(ValueError, match="dead"):
        await within(run)


async def test_a_group_that_waits_for_one_worker_hears_that_another_is_over():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks, helper) as runner:
        asking = asyncio.create_task(asks.request_job_group("helper", "late"))
        await settle()
        await runner.bus.send(BusEndWorkerMessage(source="test", target="helper"))
        await until(lambda: runner.get_worker("helper") is None)
        await runner.add_workers(Helper("late"))
        with pytest.raises(JobGroupError, match=r"'helper' \(it has finished\)"):
            await within(asking)


async def test_a_requester_that_ends_cancels_its_jobs_and_its_waits():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks, helper) as runner:
        held = await asks.request_job("helper", params=named("hold"))
        group = asks.job_groups[held]
        await within(helper.entered.wait())
        waits = asyncio.create_task(asks.request_job("nobody"))
        await settle()
        await runner.bus.send(BusEndWorkerMessage(source="test", target="asks"))
        with pytest.raises(JobGroupError, match="'asks' stopped"):
            await within(group.wait())
        with pytest.raises(JobGroupError, match="'asks' itself has finished"):
            await within(waits)
        await until(lambda: helper.log == ["cancelled"])
        with pytest.raises(JobGroupError, match="'asks' itself has finished"):
            await asks.request_job("helper")


async def test_a_request_that_comes_too_late_is_answered():
    helper, listener = Helper(), Listener()
    async with running_workers(listener, helper):
        await helper.stop()
        await helper._handle_job_request(
            BusJobRequestMessage(source="listener", target="helper", job_id="late")
        )
        answer = await listener.wait_for(BusJobResponseMessage)
        assert answer.status is JobStatus.CANCELLED


async def test_a_handler_that_swallows_its_cancellation_is_abandoned(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipecat_rs.workers.job_performer.HANDLER_CANCEL_TIMEOUT_SECS", 0.01)

    class Swallows(Helper):
        @job(name="swallow")
        async def swallow(self, message: BusJobRequestMessage) -> None:
            self.entered.set()
            while not self.release.is_set():
                try:
                    await self.release.wait()
                except asyncio.CancelledError:
                    self.log.append("swallowed")

    asks, helper = BaseWorker("asks"), Swallows()
    with caplog.at_level(logging.ERROR):
        async with running_workers(asks, helper):
            with pytest.raises(JobError):
                async with asks.job("helper", params=named("swallow", timeout=0.01)):
                    pass
            await until(lambda: "helper::job_swallow swallows" in caplog.text)
            helper.release.set()


async def test_without_a_runner_there_is_nobody_to_ask():
    asks = BaseWorker("asks")
    with pytest.raises(WorkerStateError, match=r"asks has no runner.*\n.*add_workers"):
        await asks.request_job("helper")
    block = asks.job("helper")
    for attribute in ("job_id", "response"):
        with pytest.raises(RuntimeError, match="has not begun"):
            getattr(block, attribute)


# ---- giving jobs in the old way, and wrongly


async def test_the_arguments_that_params_has_replaced():
    asks, helper = BaseWorker("asks"), Helper()
    async with running_workers(asks, helper):
        with pytest.warns(DeprecationWarning, match="payload=..., timeout=..."):
            block = asks.job("helper", payload={"a": 1}, timeout=5)
        async with block:
            pass
        assert block.response == {"asked": {"a": 1}}
        with pytest.raises(TypeError, match="both"):
            asks.job("helper", params=JobParams(), name="talk")


async def test_workers_are_named_by_their_names():
    asks, helper = BaseWorker("asks"), Helper()
    with pytest.raises(TypeError, match="by their names"):
        asks.job(helper)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"worker\.name"):
        asks.job_group("one", helper)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await asks.request_job_group(helper)  # type: ignore[arg-type]


def test_two_handlers_of_one_job_are_refused():
    class Twice(BaseWorker):
        @job(name="same")
        async def one(self, message: BusJobRequestMessage) -> None: ...

        @job(name="same")
        async def two(self, message: BusJobRequestMessage) -> None: ...

    with pytest.raises(ValueError, match=r"one and two.*@job\(name='same'\)"):
        Twice("worker")


async def test_a_method_that_is_overridden_is_the_handler():
    class Special(Helper):
        @job(name="talk")
        async def talk(self, message: BusJobRequestMessage) -> None:
            await self.send_job_response(message.job_id, {"special": True})

        async def fails(self, message: BusJobRequestMessage) -> None:
            """No handler any more."""

    asks, special = BaseWorker("asks"), Special()
    async with running_workers(asks, special):
        async with asks.job("helper", params=named("talk")) as talk:
            pass
        assert talk.response == {"special": True}
        async with asks.job("helper", params=named("fail", payload={"a": 1})) as other:
            pass
        assert other.response == {"asked": {"a": 1}}
