"""Hypothesis strategies for small random pipelines and for what is sent through them."""

import asyncio
from typing import Any

from hypothesis import strategies as st
from pipecat_rs.frames.frames import Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import strategies
from pipecat_rs.testing.topologies import Single

from support.frames import Control, Data, Lasting, System
from support.processors import Pass


class Suspends(Pass):
    """Gives the loop `passes` passes in each frame of the kinds of this package."""

    def __init__(self, passes: int, **options: Any) -> None:
        super().__init__(**options)
        self.passes = passes

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data | Control | System | Lasting):
            for _ in range(self.passes):
                await asyncio.sleep(0)
        await super().process_frame(frame, direction)


class Narrow(Suspends):
    """Says that it wants data only."""

    handles = (Data,)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)


class Listened(Suspends):
    """Has handlers on its frame events, which takes another way through the engine."""

    def __init__(self, passes: int) -> None:
        super().__init__(passes)

        async def handler(_processor: FrameProcessor, _frame: Frame) -> None:
            if passes:
                await asyncio.sleep(0)

        self.add_event_handler("on_before_process_frame", handler)
        self.add_event_handler("on_after_push_frame", handler)


class Direct(Suspends):
    """Has no mailbox: processes each frame inside the await of whoever pushes it."""

    def __init__(self, passes: int) -> None:
        super().__init__(passes, enable_direct_mode=True)


def _single(kind: type[Suspends], passes: int) -> Single:
    return Single(f"{kind.__name__}({passes})", lambda: kind(passes))


singles = st.builds(
    _single, st.sampled_from([Suspends, Suspends, Narrow, Listened, Direct]), st.integers(0, 3)
)


topologies = strategies.topologies(singles)
"""What stands between the ends of a pipeline; every part of it hands every frame on."""

kinds = st.sampled_from([Data, Data, Control, System, Lasting])
schedules = strategies.schedules(kinds)
"""Which frames are sent, in which direction, and how many passes of the loop come after each."""
