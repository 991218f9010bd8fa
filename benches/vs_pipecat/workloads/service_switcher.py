"""What does a frame cost in a switcher of three services, of which one is active?"""

from .api import Api, bulk_cpu_us
from .figure import Figure, Scale

SERVICES = 3


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """CPU time a frame, entry and sink included, and of the switcher alone."""
    processor = api.pass_through()
    module = api.module("pipeline.service_switcher")
    switcher = module.ServiceSwitcher(
        [processor() for _ in range(SERVICES)], module.ServiceSwitcherStrategyManual
    )
    figures = {}
    for name, middle in (("without", []), ("switcher", [switcher])):
        sink = api.sink(api.frames.TextFrame)
        async with api.running([*middle, sink]) as task:
            figures[name] = await bulk_cpu_us(
                task, sink, lambda: api.text_frames(scale.frames), scale.frames, scale
            )
    return [
        Figure("switcher.3.frame", "us", figures["switcher"]),
        Figure("switcher.3.alone", "us", figures["switcher"] - figures["without"]),
    ]
