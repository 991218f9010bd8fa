"""How fast does an interruption get through 10 processors when 500 frames wait in the middle?

The sixth processor holds one frame (it is suspended) and 500 wait behind it. Wall-clock time from
`task.queue_frame(InterruptionFrame())` to the sink, and to the CancelledError in the held callback.
"""

import asyncio
import gc
import time
from typing import Any

from .api import Api
from .figure import Figure, Scale, latencies

QUEUED = 500
SETTLE_SECS = 0.04


async def _turn_the_loop(seconds: float) -> None:
    """Let every frame come to rest, and keep the processor from going to sleep meanwhile."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        await asyncio.sleep(0)


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """p50 and p99 at the sink and in the interrupted code."""
    processor = api.pass_through()
    text, interruption = api.frames.TextFrame, api.frames.InterruptionFrame

    class Holds(api.FrameProcessor):
        cancelled_ns = 0

        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, text):
                self.holding.set()
                try:
                    await asyncio.get_running_loop().create_future()
                except asyncio.CancelledError:
                    self.cancelled_ns = time.perf_counter_ns()
                    self.cancelled.set()
                    raise
            await self.push_frame(frame, direction)

    holds, sink = Holds(), api.sink(interruption)
    at_sink, in_code = [], []
    chain = [*(processor() for _ in range(5)), holds, *(processor() for _ in range(4)), sink]
    async with api.running(chain) as task:
        gc.collect()
        for _ in range(scale.interruptions + 3):
            holds.holding, holds.cancelled = asyncio.Event(), asyncio.Event()
            await task.queue_frames(api.text_frames(QUEUED + 1))
            await holds.holding.wait()
            await _turn_the_loop(SETTLE_SECS)
            done = sink.expect(1)
            begin = time.perf_counter_ns()
            await task.queue_frame(interruption())
            await done
            await holds.cancelled.wait()
            at_sink.append((sink.arrived_ns - begin) / 1000)
            in_code.append((holds.cancelled_ns - begin) / 1000)
    return [
        *latencies("interruption.sink", "us", at_sink[3:]),
        *latencies("interruption.code", "us", in_code[3:]),
    ]
