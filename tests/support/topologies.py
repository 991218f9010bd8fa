"""Hypothesis strategies for small random pipelines and for what is sent through them."""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from pipecat_rs.frames.frames import Frame
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher
from pipecat_rs.pipeline.sync_parallel_pipeline import SyncParallelPipeline
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

from support.frames import Control, Data, Lasting, System
from support.processors import Pass
from support.tasks import DOWN, UP

Make = Callable[[], FrameProcessor]
"""Makes a part of a pipeline anew: processors belong to one task at a time."""


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


class Described:
    """A maker that shows in a failing example how the part is built."""

    def __init__(self, text: str, make: Make) -> None:
        self.text, self.make = text, make

    def __call__(self) -> FrameProcessor:
        return self.make()

    def __repr__(self) -> str:
        return self.text


def _simple(kind: type[Suspends], passes: int) -> Described:
    return Described(f"{kind.__name__}({passes})", lambda: kind(passes))


def _pipeline(parts: list[Described]) -> Described:
    return Described(f"Pipeline({parts})", lambda: Pipeline([part() for part in parts]))


def _parallel(kind: type, branches: list[list[Described]]) -> Described:
    return Described(
        f"{kind.__name__}(*{branches})",
        lambda: kind(*([part() for part in branch] for branch in branches)),
    )


def _switcher(services: list[Described]) -> Described:
    return Described(
        f"ServiceSwitcher({services})", lambda: ServiceSwitcher([s() for s in services])
    )


simple = st.builds(
    _simple, st.sampled_from([Suspends, Suspends, Narrow, Listened]), st.integers(0, 3)
)


def _compounds(part: st.SearchStrategy[Described]) -> st.SearchStrategy[Described]:
    branch = st.lists(part, max_size=2)
    return st.one_of(
        st.builds(_pipeline, branch),
        st.builds(
            _parallel,
            st.sampled_from([ParallelPipeline, SyncParallelPipeline]),
            st.lists(branch, min_size=1, max_size=3),
        ),
        st.builds(_switcher, st.lists(simple, min_size=1, max_size=2)),
    )


part = st.recursive(simple, _compounds, max_leaves=6)

topologies = st.lists(part, min_size=1, max_size=4)
"""What stands between the ends of a pipeline; every part of it hands every frame on."""

kinds = st.sampled_from([Data, Data, Control, System, Lasting])
schedules = st.lists(
    st.tuples(kinds, st.sampled_from([DOWN, DOWN, UP]), st.integers(0, 2)), max_size=20
)
"""Which frames are sent, in which direction, and how many passes of the loop come after each."""
