"""What does an idle session of 10 processors hold, and what does starting one cost?

Sessions are started one after the other and kept, each with a task and a runner of its own.
Memory is the growth of the process (RSS), Python's and the engine's.
"""

import asyncio
import gc
import os
import time
from dataclasses import replace
from typing import Any

from .api import Api
from .figure import Figure, Scale

PARTS = ("python_bare", "python_default", "identity_bare")
WARM_UP = 5


def _rss_kb() -> float:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


async def measure(api: Api, scale: Scale, part: str) -> list[Figure]:
    """KB, asyncio tasks and CPU time to start, for one kind of session.

    Args:
        api: The package.
        scale: How many sessions.
        part: Which processors and which setup. One kind a process: memory that the first gives
            back would hide what the second takes.
    """
    kind, setup = part.split("_")
    if setup == "default":
        scale = replace(scale, sessions=max(50, scale.sessions // 4))
    if kind == "identity":
        try:
            processor = api.module("processors.filters.identity_filter").IdentityFilter
        except ImportError as error:
            return [Figure(f"idle.{part}.kb", "KB", None, note=f"skipped: {error}")]
    else:
        processor = api.pass_through()
    held: list[Any] = []

    async def start(count: int) -> float:
        begin = time.process_time_ns()
        for _ in range(count):
            task, started, ran = api.launch([processor() for _ in range(10)], setup)
            await started.wait()
            held.append((task, ran))
        return (time.process_time_ns() - begin) / count / 1e6

    await start(WARM_UP)
    await asyncio.sleep(0.1)
    gc.collect()
    rss, tasks = _rss_kb(), len(asyncio.all_tasks())
    start_ms = await start(scale.sessions)
    await asyncio.sleep(0.1)
    gc.collect()
    # `launch` makes one asyncio task a session for `runner.run()`: the user's, in both packages.
    tasks_each = (len(asyncio.all_tasks()) - tasks) / scale.sessions - 1
    return [
        Figure(f"idle.{part}.kb", "KB", (_rss_kb() - rss) / scale.sessions),
        Figure(f"idle.{part}.tasks", "", tasks_each),
        Figure(f"idle.{part}.start", "ms", start_ms),
    ]
