"""How long does one frame take through 10 processors to the sink when nothing else is under way?

Wall-clock time from the call of `task.queue_frame` to the sink, as in a conversation, where
queues are mostly empty.
"""

import gc
import time

from .api import Api
from .figure import Figure, Scale, latencies

LOOPS = ("asyncio", "uvloop")
WARM_UP = 100


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """p50 and p99 of the latency, and the CPU time a frame."""
    processor = api.pass_through()
    sink = api.sink(api.frames.TextFrame)
    async with api.running([*(processor() for _ in range(10)), sink]) as task:
        took = []
        gc.collect()
        cpu_begin = 0
        for turn, frame in enumerate(api.text_frames(scale.single + WARM_UP)):
            if turn == WARM_UP:
                cpu_begin = time.process_time_ns()
            done = sink.expect(1)
            begin = time.perf_counter_ns()
            await task.queue_frame(frame)
            await done
            took.append((sink.arrived_ns - begin) / 1000)
        cpu = (time.process_time_ns() - cpu_begin) / scale.single / 1000
    return [*latencies("single", "us", took[WARM_UP:]), Figure("single.cpu", "us", cpu)]
