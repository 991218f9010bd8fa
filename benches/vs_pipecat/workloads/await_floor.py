"""What would a hop cost if it were nothing but awaiting the same coroutine?

The coroutine of `hop_bulk` with its two inner awaits, and no queue, engine or frame around it.
"""

import time
from typing import Any

from .api import Api
from .figure import Figure, Scale

LOOPS = ("asyncio", "uvloop")


class _Base:
    async def process_frame(self, frame: Any, direction: Any) -> None:
        pass

    async def push_frame(self, frame: Any, direction: Any) -> None:
        pass


class _PassThrough(_Base):
    async def process_frame(self, frame: Any, direction: Any) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """CPU time of one await, in µs."""
    processor, frame, count = _PassThrough(), api.text_frames(1)[0], 50_000
    least = float("inf")
    for _ in range(6):
        begin = time.process_time_ns()
        for _ in range(count):
            await processor.process_frame(frame, None)
        least = min(least, (time.process_time_ns() - begin) / count / 1000)
    return [Figure("await_floor", "us", least)]
