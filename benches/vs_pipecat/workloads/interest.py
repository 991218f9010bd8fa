"""What does a frame cost in a bot of ten processors that each care for one kind of frame?

Each processor says so with `handles = (X,)`, which pipecat ignores, and is written so that it is
right in both. Of 100 frames 80 are audio that nobody handles, and two are of each of the ten kinds.
"""

from dataclasses import make_dataclass
from typing import Any

from .api import Api, bulk_cpu_us
from .figure import Figure, Scale

KINDS = 10


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """CPU time a frame through the whole bot."""
    frames = api.frames
    kinds = [make_dataclass(f"Kind{n}Frame", [], bases=(frames.DataFrame,)) for n in range(KINDS)]

    def interested(kind: type[Any]) -> Any:
        class Interested(api.FrameProcessor):
            handles = (kind,)
            seen = 0

            async def process_frame(self, frame: Any, direction: Any) -> None:
                await super().process_frame(frame, direction)
                if isinstance(frame, kind):
                    self.seen += 1
                await self.push_frame(frame, direction)

        return Interested()

    silence = bytes(640)

    def batch() -> list[Any]:
        made = []
        for n in range(scale.frames):
            if n % 5 == 4:
                made.append(kinds[n // 5 % KINDS]())
            else:
                made.append(
                    frames.OutputAudioRawFrame(audio=silence, sample_rate=16000, num_channels=1)
                )
        return made

    sink = api.sink(frames.DataFrame)
    chain = [interested(kind) for kind in kinds]
    async with api.running([*chain, sink]) as task:
        cpu = await bulk_cpu_us(task, sink, batch, scale.frames, scale)
    if len({processor.seen for processor in chain}) != 1 or not chain[0].seen:
        raise AssertionError("a processor missed frames of the kind that it handles")
    return [Figure("interest", "us", cpu)]
