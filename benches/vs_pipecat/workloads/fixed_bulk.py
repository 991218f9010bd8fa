"""The bulk hop with an exact number of frames, to be counted by an instrument from outside.

Run as a script, from the folder above, by `callgrind.py`; not part of the comparison.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from workloads.api import Api
from workloads.figure import Scale

WARM_UP = 20


async def run(api: Api, processors: int, frames: int, setup: str) -> None:
    """Send the frames through a new task, in batches like those of `hop_bulk`."""
    processor, sink = api.pass_through(), api.sink(api.frames.TextFrame)
    async with api.running([*(processor() for _ in range(processors)), sink], setup) as task:
        for batch in [WARM_UP, *[min(frames, Scale.frames)] * max(1, frames // Scale.frames)]:
            done = sink.expect(batch)
            await task.queue_frames(api.text_frames(batch))
            await done
        # Taking the task down is no part of what is counted.
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package")
    parser.add_argument("processors", type=int)
    parser.add_argument("frames", type=int)
    parser.add_argument("--setup", default="bare")
    given = parser.parse_args()
    asyncio.run(run(Api(given.package), given.processors, given.frames, given.setup))
