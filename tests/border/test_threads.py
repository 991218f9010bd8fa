"""Other threads: pushing from them, loops in them, objects that die in them."""

import asyncio
import gc
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from pipecat_rs.exceptions import ProcessorInUseError
from pipecat_rs.frames.frames import EndFrame, Frame, OutputAudioRawFrame
from pipecat_rs.testing import Recorder, running
from pipecat_rs.utils.asyncio import other_loop
from support.frames import Data, System, tags
from support.loops import FACTORIES, run_on
from support.processors import Hold, Pass
from support.tasks import DOWN, UP, task_of
from support.waiting import settle, within


async def on_a_thread(function: Callable[[], Any]) -> Any:
    """Run a function on a fresh thread, with its exception if it has one."""
    return await within(asyncio.to_thread(function))


# Pushing


async def test_push_from_another_thread_does_nothing_until_it_is_awaited():
    processor, out = Pass(), Recorder()
    async with running(task_of(processor, out)):
        pending = await on_a_thread(lambda: processor.push_frame(Data("pushed")))
        queued = await on_a_thread(lambda: processor.queue_frame(Data("queued")))
        await settle()
        assert out.frames(Data) == []
        await pending
        await queued
        await out.wait_for(Data, count=2)
    assert sorted(tags(out.frames())) == ["pushed", "queued"]


async def test_push_from_another_thread_that_is_never_awaited_is_warned_of():
    processor, out = Pass(), Recorder()
    task = task_of(processor, out)

    def forget() -> None:
        processor.push_frame(Data("forgotten"))
        gc.collect()

    async with running(task):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            await on_a_thread(forget)
        await processor.push_frame(Data("kept"))
        await out.wait_for(Data)
        await settle()
    assert tags(out.frames()) == ["kept"]
    assert ["never awaited" in str(warning.message) for warning in warned] == [True]


@pytest.mark.parametrize("way", ["own loop", "threadsafe"])
@pytest.mark.parametrize("case", ["plain", "direct", "hooked"])
async def test_push_from_another_thread_arrives_whatever_the_way(case: str, way: str):
    """A neighbour in direct mode, or handlers of the push, made a coroutine that nobody stepped."""
    first, second = Pass(), Pass(enable_direct_mode=case == "direct")
    out, threads = Recorder(), []
    if case == "hooked":

        async def note(_processor: object, frame: Frame) -> None:
            if isinstance(frame, Data):
                threads.append(threading.current_thread())

        first.add_event_handler("on_before_push_frame", note)
    task, loop = task_of(first, second, out), asyncio.get_running_loop()

    async def push() -> None:
        await first.push_frame(Data())

    def work() -> None:
        if way == "own loop":
            asyncio.run(push())
        else:
            asyncio.run_coroutine_threadsafe(first.push_frame(Data()), loop).result(5)

    async with running(task):
        await on_a_thread(work)
        await out.wait_for(Data)
    assert threads == ([threading.main_thread()] if case == "hooked" else [])


async def test_callback_of_a_frame_that_another_thread_queues_is_called():
    called = asyncio.Event()
    processor, out = Pass(), Recorder()

    async def callback(_processor: object, _frame: object, _direction: object) -> None:
        called.set()

    async def queue() -> None:
        await processor.queue_frame(Data(), DOWN, callback)

    async with running(task_of(processor, out)):
        await on_a_thread(lambda: asyncio.run(queue()))
        await out.wait_for(Data)
        await within(called.wait())


async def test_push_to_a_loop_that_is_blocked_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(other_loop, "OTHER_LOOP_TIMEOUT_SECS", 0.01)
    processor, out = Pass(), Recorder()
    failed = threading.Event()

    async def push() -> None:
        with pytest.raises(TimeoutError, match=r"push_frame of Pass.*blocked or has ended"):
            await processor.push_frame(Data())
        failed.set()

    async with running(task_of(processor, out)):
        thread = threading.Thread(target=lambda: asyncio.run(push()))
        thread.start()
        failed.wait(5)  # the loop is blocked
        await on_a_thread(thread.join)
        assert failed.is_set()


async def test_threads_hand_frames_to_the_loop_with_run_coroutine_threadsafe():
    processor, out = Pass(), Recorder()
    task = task_of(processor, out)
    loop = asyncio.get_running_loop()

    def produce(who: int) -> None:
        for n in range(25):
            for way, make in enumerate(
                (processor.queue_frame, processor.push_frame, task.queue_frame)
            ):
                frame = Data((who, way, n))
                asyncio.run_coroutine_threadsafe(make(frame), loop).result(10)

    async with running(task):
        threads = [threading.Thread(target=produce, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        await out.wait_for(Data, count=4 * 25 * 3, timeout=20)
        for thread in threads:
            await on_a_thread(thread.join)
    got = tags(out.frames())
    assert len(set(got)) == len(got) == 300
    for who in range(4):
        for way in range(3):
            assert [n for other, by, n in got if (other, by) == (who, way)] == list(range(25))


async def test_push_awaited_on_a_loop_of_another_thread_happens_on_its_own_loop():
    processor, out = Pass(), Recorder()
    where: list[threading.Thread] = []

    class Here(Recorder):
        async def process_frame(self, frame, direction) -> None:
            if isinstance(frame, Data):
                where.append(threading.current_thread())
            await super().process_frame(frame, direction)

    here = Here()

    def elsewhere() -> None:
        async def push() -> None:
            await processor.push_frame(Data(1))
            await processor.queue_frame(Data(2))

        asyncio.run(push())

    async with running(task_of(processor, here, out)):
        await on_a_thread(elsewhere)
        await out.wait_for(Data, count=2)
    assert where == [threading.current_thread()] * 2


async def test_task_takes_frames_from_other_threads():
    out = Recorder()
    task = task_of(Pass(), out)

    def feed() -> None:
        async def queue() -> None:
            await task.queue_frame(Data(1))
            await task.queue_frames([Data(2), Data(3)])
            await task.queue_frame(Data("up"), UP)

        asyncio.run(queue())

    async with running(task):
        await on_a_thread(feed)
        await out.wait_for(Data, count=4)
    assert [tag for tag in tags(out.frames()) if tag != "up"] == [1, 2, 3]


# Loops in other threads


@pytest.mark.parametrize("loop_kind", FACTORIES)
def test_sessions_on_loops_of_several_threads_at_once(loop_kind: str):
    results: dict[int, list[Any]] = {}
    errors: list[BaseException] = []
    together = threading.Barrier(4)

    def session(who: int) -> None:
        async def main() -> None:
            out = Recorder()
            task = task_of(*(Pass() for _ in range(5)), out)
            async with running(task) as run:
                together.wait(10)  # all loops have a running pipeline now
                for n in range(100):
                    await task.queue_frame((System if n % 10 == 0 else Data)((who, n)))
                    if n % 7 == 0:
                        await asyncio.sleep(0)
                await task.queue_frame(EndFrame())
                await within(run, 15)
            results[who] = tags(out.frames(Data))

        try:
            run_on(loop_kind, main())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=session, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(25)
    assert errors == []
    assert results == {who: [(who, n) for n in range(100) if n % 10] for who in range(4)}


def test_objects_can_be_made_on_one_thread_and_run_on_another():
    out = Recorder()
    task = task_of(Pass(), out)

    def elsewhere() -> None:
        async def main() -> None:
            await task.queue_frames([Data(1), EndFrame()])
            await task.run()

        asyncio.run(main())

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(15)
    assert tags(out.frames()) == [1]


async def test_processor_cannot_be_in_two_running_tasks():
    shared = Pass(name="shared")
    async with running(task_of(shared)):
        second = task_of(shared)
        with pytest.raises(ProcessorInUseError, match="shared"):
            await within(second.run())


async def test_processor_can_be_used_again_once_its_task_is_over():
    shared = Recorder()
    for n in range(3):
        task = task_of(shared)
        await task.queue_frames([Data(n), EndFrame()])
        await within(task.run())
    assert tags(shared.frames()) == [0, 1, 2]


# Dying on other threads


def drop_on_a_thread(things: list[Any]) -> None:
    """Let the last references go on a thread that has never seen the loop."""

    def drop() -> None:
        while things:
            things.pop()
        gc.collect()

    thread = threading.Thread(target=drop)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


async def test_finished_tasks_processors_and_frames_may_die_on_another_thread():
    things: list[Any] = []
    for _ in range(20):
        out = Recorder()
        task = task_of(Pass(), out, leaky=True)
        await task.queue_frames(
            [
                Data(object()),
                OutputAudioRawFrame(audio=bytes(64), sample_rate=16000, num_channels=1),
                EndFrame(),
            ]
        )
        await within(task.run())
        things.append((task, out))
        del out, task
    drop_on_a_thread(things)


async def test_tasks_that_never_ran_may_die_on_another_thread():
    things: list[Any] = []
    for _ in range(20):
        task, processor = task_of(Pass(), leaky=True), Pass()
        await task.queue_frame(Data(object()))
        await processor.queue_frame(Data(object()))
        things.append((task, processor, processor.push_frame(Data())))
        del task, processor
    for _, _, pending in things:
        pending.close()
    drop_on_a_thread(things)


@pytest.mark.filterwarnings(
    "ignore:.*never awaited", "ignore::pytest.PytestUnraisableExceptionWarning"
)
async def test_pending_awaitables_may_die_on_another_thread():
    processor, out = Pass(), Recorder()
    async with running(task_of(processor, out)):
        things = [processor.push_frame(Data(n)) for n in range(10)]
        things += [await on_a_thread(lambda: processor.queue_frame(Data())) for _ in range(10)]
        drop_on_a_thread(things)
        await out.wait_for(Data, count=10)
    assert tags(out.frames()) == list(range(10))


async def test_garbage_collector_may_run_on_another_thread_in_mid_run():
    hold, out = Hold(Data), Recorder()
    task = task_of(Pass(), hold, out)
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            gc.collect()

    thread = threading.Thread(target=collect)
    async with running(task) as run:
        thread.start()
        try:
            for n in range(50):
                await task.queue_frames([Data(n), System(n)])
                await asyncio.sleep(0)
            hold.release(50)
            await task.queue_frame(EndFrame())
            await within(run, 20)
        finally:
            stop.set()
            await on_a_thread(thread.join)
    assert tags(out.frames(Data)) == list(range(50))
