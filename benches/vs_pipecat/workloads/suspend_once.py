"""What does a hop cost when each processor suspends once, on `sleep(0)` or on a future?

Ten processors and a sink; CPU time a frame less that of the same pipeline without suspension,
divided by ten, is what a suspension costs. The report shows the whole hop.
"""

import asyncio
from dataclasses import replace
from typing import Any

from .api import Api, bulk_cpu_us
from .figure import Figure, Scale

LOOPS = ("asyncio", "uvloop")


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """CPU time a hop for both kinds of suspension."""

    class Sleeps(api.FrameProcessor):
        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            await asyncio.sleep(0)
            await self.push_frame(frame, direction)

    class Waits(api.FrameProcessor):
        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            loop = asyncio.get_running_loop()
            answer = loop.create_future()
            loop.call_soon(answer.set_result, None)
            await answer
            await self.push_frame(frame, direction)

    figures = []
    scale = replace(scale, frames=scale.frames // 2)
    for name, processor in (("sleep0", Sleeps), ("future", Waits)):
        sink = api.sink(api.frames.TextFrame)
        async with api.running([*(processor() for _ in range(10)), sink]) as task:
            cpu = await bulk_cpu_us(
                task, sink, lambda: api.text_frames(scale.frames), scale.frames, scale
            )
        figures.append(Figure(f"suspend.{name}", "us", cpu / 10))
    return figures
