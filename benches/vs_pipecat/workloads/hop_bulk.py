"""What does a frame cost for each pass-through Python processor that it goes through?

Pipelines of 0, 1, 10 and 50 processors and a sink, as `bare` and as `default` task. The report
takes the slope from 10 to 50 as the cost of a hop, and what the pipeline of a sink alone costs
beyond one hop as the fixed cost of entering a task.
"""

from .api import Api, bulk_cpu_us
from .figure import Figure, Scale

LOOPS = ("asyncio", "uvloop")
LENGTHS = (0, 1, 10, 50)


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """CPU time a frame for each length and setup."""
    figures = []
    processor = api.pass_through()
    for setup in ("bare", "default"):
        for length in LENGTHS:
            sink = api.sink(api.frames.TextFrame)
            async with api.running([*(processor() for _ in range(length)), sink], setup) as task:
                cpu = await bulk_cpu_us(
                    task, sink, lambda: api.text_frames(scale.frames), scale.frames, scale
                )
            figures.append(Figure(f"hop.{setup}.{length}", "us", cpu))
    return figures
