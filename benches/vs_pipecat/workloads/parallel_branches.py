"""What does a frame cost in a fan-out to eight branches of one processor each?"""

from .api import Api, bulk_cpu_us
from .figure import Figure, Scale

BRANCHES = 8


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """CPU time a frame, entry and sink included, and of the fan-out alone."""
    processor = api.pass_through()
    parallel = api.module("pipeline.parallel_pipeline").ParallelPipeline
    figures = {}
    for name, middle in (
        ("without", []),
        ("parallel", [parallel(*([processor()] for _ in range(BRANCHES)))]),
    ):
        sink = api.sink(api.frames.TextFrame)
        async with api.running([*middle, sink]) as task:
            figures[name] = await bulk_cpu_us(
                task, sink, lambda: api.text_frames(scale.frames), scale.frames, scale
            )
    return [
        Figure("parallel.8.frame", "us", figures["parallel"]),
        Figure("parallel.8.alone", "us", figures["parallel"] - figures["without"]),
    ]
