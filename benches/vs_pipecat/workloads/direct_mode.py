"""What does a hop cost in direct mode (`enable_direct_mode=True`), which skips the queues?"""

from .api import Api, bulk_cpu_us
from .figure import Figure, Scale

LENGTHS = (10, 50)


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """CPU time a frame for each length; the report takes the slope."""
    figures = []
    processor = api.pass_through()
    for length in LENGTHS:
        sink = api.sink(api.frames.TextFrame)
        chain = [processor(enable_direct_mode=True) for _ in range(length)]
        async with api.running([*chain, sink]) as task:
            cpu = await bulk_cpu_us(
                task, sink, lambda: api.text_frames(scale.frames), scale.frames, scale
            )
        figures.append(Figure(f"direct.{length}", "us", cpu))
    return figures
