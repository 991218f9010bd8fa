"""How long is a media thread held up when it hands an event to a loop that is busy in Python?

A thread hands over an event each 20 ms while the loop's thread computes for 200 ms at a time.
pipecat: a Python thread and `loop.call_soon_threadsafe`, as its transports do it; from the moment
the event is due until the hand-over has returned, so that waiting for the interpreter lock counts.
pipecat_rs: a Rust thread posting through the inbox that needs no interpreter lock.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from .api import Api
from .figure import Figure, Scale, percentile

PERIOD_US = 20_000


async def _keep_busy(finished: Callable[[], bool]) -> None:
    while not finished():
        until = time.perf_counter() + 0.2
        while time.perf_counter() < until:
            pass
        await asyncio.sleep(0.005)


async def _call_soon_threadsafe(task: Any, api: Api, events: int, busy: bool) -> list[float]:
    loop, stalls = asyncio.get_running_loop(), []
    frames = api.text_frames(events)
    queued = set()

    def hand_over(frame: Any) -> None:
        queued.add(asyncio.ensure_future(task.queue_frame(frame)))

    def media_thread() -> None:
        due = time.perf_counter()
        for frame in frames:
            due += PERIOD_US / 1e6
            time.sleep(max(0.0, due - time.perf_counter()))
            loop.call_soon_threadsafe(hand_over, frame)
            stalls.append((time.perf_counter() - due) * 1e6)

    thread = threading.Thread(target=media_thread)
    thread.start()
    if busy:
        await _keep_busy(lambda: not thread.is_alive())
    else:
        await asyncio.to_thread(thread.join)
    return stalls


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """Mean, p99 and worst stall in µs."""
    sink = api.sink(api.frames.TextFrame)
    async with api.running([api.pass_through()(), sink]) as task:
        if api.package == "pipecat":
            arrived = sink.expect(scale.events)
            stalls = await _call_soon_threadsafe(task, api, scale.events, busy=True)
            await arrived
            sink.expect(scale.events)
            idle = await _call_soon_threadsafe(task, api, scale.events // 4, busy=False)
            return [
                Figure("stall.mean", "us", sum(stalls) / len(stalls), over_rounds="median"),
                Figure("stall.p99", "us", percentile(stalls, 0.99), over_rounds="median"),
                Figure("stall.max", "us", max(stalls), over_rounds="median"),
                Figure("stall.idle.mean", "us", sum(idle) / len(idle), over_rounds="median"),
            ]
        post = getattr(api.module("_core"), "_bench_post", None)
        if post is None:
            note = "skipped: this build of pipecat_rs._core has no _bench_post"
            return [Figure("stall.max", "us", None, note=note)]
        posting = asyncio.create_task(asyncio.to_thread(post, task, scale.events, PERIOD_US))
        await _keep_busy(posting.done)
        stats = await posting
        return [
            Figure(f"stall.{name}", "us", stats[f"{name}_us"], over_rounds="median")
            for name in ("mean", "p99", "max")
        ]
