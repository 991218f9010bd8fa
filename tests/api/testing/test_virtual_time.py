"""Time that jumps: exact moments, no waiting, and nothing from outside is left behind."""

import asyncio
import threading
import time

import pytest
from pipecat_rs.frames.frames import EndFrame, Frame, HeartbeatFrame, TextFrame
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import (
    Recorder,
    VirtualClock,
    VirtualTimeLoop,
    VirtualTimePolicy,
    run_in_virtual_time,
    running,
    virtual_time,
)
from pipecat_rs.workers.runner import WorkerRunner
from support.processors import Hold, Pass, Swallow
from support.tasks import task_of
from support.waiting import calls_of


def now() -> float:
    return VirtualClock.current().time()


# ---- the loop


@virtual_time
async def test_a_sleep_ends_at_its_moment():
    await asyncio.sleep(300)
    assert now() == 300
    assert asyncio.get_running_loop().time() == 300


@virtual_time
async def test_timers_fire_in_their_order_at_their_moments():
    fired: list[tuple[str, float]] = []

    async def after(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        fired.append((name, now()))

    await asyncio.gather(after("late", 3600), after("soon", 1), after("later", 60))
    assert fired == [("soon", 1), ("later", 60), ("late", 3600)]


@virtual_time
async def test_time_stands_still_while_code_runs():
    for _ in range(1000):
        await asyncio.sleep(0)
    time.sleep(0.002)  # of real time
    assert now() == 0


@virtual_time
async def test_a_timeout_ends_what_would_never_end():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(86_400 * 3):
            await asyncio.Event().wait()
    assert now() == 86_400 * 3


def test_each_loop_has_a_time_of_its_own():
    async def main() -> float:
        await asyncio.sleep(10)
        return now()

    assert [run_in_virtual_time(main()) for _ in range(2)] == [10, 10]


def test_a_clock_can_be_handed_in_and_read_afterwards():
    clock = VirtualClock()
    run_in_virtual_time(asyncio.sleep(5), clock=clock)
    assert clock.time() == 5
    assert clock.jumps == 1


async def test_a_loop_of_real_time_has_no_virtual_clock():
    with pytest.raises(RuntimeError, match="virtual_time"):
        VirtualClock.current()


def test_a_policy_makes_loops_of_virtual_time():
    loop = VirtualTimePolicy().new_event_loop()
    try:
        assert isinstance(loop, VirtualTimeLoop)
        loop.run_until_complete(asyncio.sleep(60))
        assert loop.time() == 60
    finally:
        loop.close()


def test_a_decorated_test_hands_on_its_arguments_and_its_result():
    @virtual_time
    async def add(one: int, *, two: int) -> int:
        await asyncio.sleep(1)
        return one + two

    assert add(1, two=2) == 3
    assert not asyncio.iscoroutinefunction(add)


# ---- what happens outside


@virtual_time
async def test_no_deadline_passes_while_an_executor_works():
    done = threading.Event()
    asyncio.get_running_loop().call_soon(done.set)
    async with asyncio.timeout(20):  # far beyond the real time that this takes
        await asyncio.to_thread(done.wait, 10)
    assert now() < 10
    before = now()
    await asyncio.sleep(100)
    assert now() == before + 100


@virtual_time
async def test_a_thread_of_ones_own_is_waited_for_while_time_is_held():
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    clock = VirtualClock.current()
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(heard.set))
    with clock.hold():
        assert clock.is_held
        thread.start()
        async with asyncio.timeout(20):
            await heard.wait()
    assert not clock.is_held
    await asyncio.to_thread(thread.join)


@virtual_time
async def test_a_hold_that_ends_in_another_thread_lets_time_jump_again():
    clock = VirtualClock.current()
    holding, go = threading.Event(), threading.Event()

    def hold() -> None:
        with clock.hold():
            holding.set()
            go.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(10)
    asyncio.get_running_loop().call_soon(go.set)
    await asyncio.sleep(3600)  # begins at its real pace
    assert now() == pytest.approx(3600)
    thread.join()


@virtual_time
async def test_a_peer_on_a_socket_answers_before_time_jumps():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(4))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        begun = now()  # looking the address up takes an executor, and real time
        writer.write(b"ping")
        async with asyncio.timeout(60):
            assert await reader.readexactly(4) == b"ping"
        assert now() == begun
        writer.close()
        await writer.wait_closed()


# ---- pipelines


@virtual_time
async def test_an_idle_task_cancels_itself_after_five_minutes():
    task = task_of(Pass(), idle_timeout_secs=300)
    idle = calls_of(task, "on_idle_timeout")
    await task.run()
    assert len(idle) == 1
    assert now() == 300


@virtual_time
async def test_the_lease_of_a_pause_ends_after_two_minutes():
    processor, out = Pass(), Recorder()
    task = task_of(processor, out)
    async with running(task):
        await processor.pause_processing_frames()
        await task.queue_frame(TextFrame("held"))
        await out.wait_for(TextFrame, timeout=600)
        assert now() == 120


@virtual_time
async def test_a_frame_that_never_ends_is_cut_short_by_the_end_deadline():
    hold = Hold(TextFrame)
    task = task_of(hold, end_timeout_secs=60, cancel_timeout_secs=20)
    timeout = calls_of(task, "on_pipeline_timeout")
    run = asyncio.create_task(task.run())
    await task.queue_frames([TextFrame("stuck"), EndFrame()])
    await run
    assert isinstance(timeout[0][0], EndFrame)
    assert 60 <= now() < 90


@virtual_time
async def test_a_start_that_is_stuck_is_given_up_at_its_deadline():
    class Stuck(FrameProcessor):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await asyncio.Event().wait()

    task = task_of(Stuck(), start_timeout_secs=20, cancel_timeout_secs=20)
    timeout = calls_of(task, "on_pipeline_timeout")
    await task.run()
    assert timeout
    assert 20 <= now() <= 41


@virtual_time
async def test_heartbeats_beat_and_their_absence_is_told():
    out = Recorder()
    params = PipelineParams(
        enable_heartbeats=True, heartbeats_period_secs=1, heartbeats_monitor_secs=10
    )
    swallow = Swallow(HeartbeatFrame)
    task = task_of(out, swallow, params=params)
    missed = calls_of(task, "on_heartbeat_timeout")
    async with running(task):
        await asyncio.sleep(25.5)
        assert len(out.frames(HeartbeatFrame)) == 26
        assert len(missed) == 2


@virtual_time
async def test_a_clock_of_a_task_follows():
    clock = VirtualClock.current().for_task()
    assert clock.get_time() == 0
    await asyncio.sleep(5)
    task = task_of(Pass(), clock=clock)
    async with running(task):
        await asyncio.sleep(1.5)
        assert clock.get_time() == 1_500_000_000


@virtual_time
async def test_a_runner_runs_in_virtual_time_too():
    task = task_of(Pass(), idle_timeout_secs=3600)
    await WorkerRunner(handle_sigint=False).run(task)
    assert now() == 3600


@virtual_time
async def test_frames_from_a_thread_arrive_while_time_is_held():
    out = Recorder()
    task = task_of(Pass(), out)
    loop = asyncio.get_running_loop()

    def send() -> None:
        asyncio.run_coroutine_threadsafe(task.queue_frame(TextFrame("hello")), loop).result(10)

    async with running(task):
        await asyncio.to_thread(send)
        frame = await out.wait_for(TextFrame)
        assert frame.text == "hello"
        await task.queue_frame(EndFrame())
