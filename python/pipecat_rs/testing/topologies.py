"""Descriptions of pipelines, which can be printed, walked and built as often as needed.

Processors belong to one task at a time, so whoever tries many runs of one pipeline, or prints the
one that failed, describes it first:

    topology = [
        Single("in", MyProcessor),
        Parallel(((Single("left", MyProcessor),), ())),
    ]
    pipeline = build(topology)

What stands in a `Single` is up to the user: a function that makes the processor, or anything else
that the function given to `build` understands. `random_topology` draws descriptions from a
`random.Random`; `pipecat_rs.testing.strategies` has them for Hypothesis, which makes a failing one
small.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher
from pipecat_rs.pipeline.sync_parallel_pipeline import FrameOrder, SyncParallelPipeline
from pipecat_rs.processors.frame_processor import FrameProcessor

__all__ = [
    "COMPOUNDS",
    "Branches",
    "Chain",
    "Make",
    "Parallel",
    "Part",
    "Single",
    "Switcher",
    "Synchronised",
    "build",
    "random_topology",
]

Make = Callable[[Any], FrameProcessor]
"""Makes a processor of what stands in a `Single`."""


def _call(blueprint: Any) -> FrameProcessor:
    return blueprint()


class Part(ABC):
    """A part of a pipeline, described."""

    @abstractmethod
    def build(self, make: Make = _call) -> FrameProcessor:
        """Make the part anew.

        Args:
            make: Makes a processor of what stands in a `Single`; calls it by default.
        """

    @abstractmethod
    def singles(self) -> Iterator[Single]:
        """Yield the processors inside, in the order in which they are made."""


Branches = tuple[tuple[Part, ...], ...]
"""Parts side by side, each a sequence that may be empty."""


@dataclass(frozen=True)
class Single(Part):
    """One processor.

    Attributes:
        label: How it shows in a printed topology.
        blueprint: What it is made of; by default a function without arguments that makes it.
    """

    label: str
    blueprint: Any

    def build(self, make: Make = _call) -> FrameProcessor:
        """See `Part.build`."""
        return make(self.blueprint)

    def singles(self) -> Iterator[Single]:
        """See `Part.singles`."""
        yield self

    def __repr__(self) -> str:
        return self.label


@dataclass(frozen=True)
class Chain(Part):
    """A `Pipeline` within a pipeline.

    Attributes:
        parts: What it consists of, in order.
    """

    parts: tuple[Part, ...]

    def build(self, make: Make = _call) -> FrameProcessor:
        """See `Part.build`."""
        return build(self.parts, make)

    def singles(self) -> Iterator[Single]:
        """See `Part.singles`."""
        return _singles_of(self.parts)

    def __repr__(self) -> str:
        return f"Pipeline({_listed(self.parts)})"


@dataclass(frozen=True)
class Parallel(Part):
    """A `ParallelPipeline`.

    Attributes:
        branches: Its branches.
    """

    branches: Branches

    def build(self, make: Make = _call) -> FrameProcessor:
        """See `Part.build`."""
        return ParallelPipeline(*_built(self.branches, make))

    def singles(self) -> Iterator[Single]:
        """See `Part.singles`."""
        return _singles_of(part for branch in self.branches for part in branch)

    def __repr__(self) -> str:
        return f"ParallelPipeline({', '.join(map(_listed, self.branches))})"


@dataclass(frozen=True)
class Synchronised(Part):
    """A `SyncParallelPipeline`.

    Attributes:
        branches: Its branches.
        order: In which order their output is released.
    """

    branches: Branches
    order: FrameOrder = FrameOrder.ARRIVAL

    def build(self, make: Make = _call) -> FrameProcessor:
        """See `Part.build`."""
        return SyncParallelPipeline(*_built(self.branches, make), frame_order=self.order)

    def singles(self) -> Iterator[Single]:
        """See `Part.singles`."""
        return _singles_of(part for branch in self.branches for part in branch)

    def __repr__(self) -> str:
        branches = ", ".join(map(_listed, self.branches))
        return f"SyncParallelPipeline({branches}, frame_order={self.order})"


@dataclass(frozen=True)
class Switcher(Part):
    """A `ServiceSwitcher` with the manual strategy.

    Attributes:
        services: Its services; the first is active.
    """

    services: tuple[Part, ...]

    def build(self, make: Make = _call) -> FrameProcessor:
        """See `Part.build`."""
        return ServiceSwitcher([service.build(make) for service in self.services])

    def singles(self) -> Iterator[Single]:
        """See `Part.singles`."""
        return _singles_of(self.services)

    def __repr__(self) -> str:
        return f"ServiceSwitcher({_listed(self.services)})"


COMPOUNDS: tuple[type[Part], ...] = (Chain, Parallel, Synchronised, Switcher)
"""Every kind of part that is made of parts."""


def build(parts: Iterable[Part], make: Make = _call) -> Pipeline:
    """Make a pipeline of parts.

    Args:
        parts: What it consists of, in order.
        make: Makes a processor of what stands in a `Single`; calls it by default.
    """
    return Pipeline([part.build(make) for part in parts])


def random_topology(
    rng: random.Random,
    single: Callable[[random.Random], Single],
    *,
    most: int = 4,
    depth: int = 3,
    compounds: Sequence[type[Part]] = COMPOUNDS,
    density: float = 0.35,
) -> tuple[Part, ...]:
    """Draw a sequence of parts. The same generator state gives the same parts.

    Args:
        rng: Where chance comes from.
        single: Draws a processor.
        most: How many parts there are at most in the sequence; at least one is.
        depth: How deep compounds nest.
        compounds: Which compounds there may be.
        density: How likely a part is a compound.
    """

    def sequence(least: int, most: int, depth: int) -> tuple[Part, ...]:
        return tuple(part(depth) for _ in range(rng.randint(least, most)))

    def branches(depth: int) -> Branches:
        return tuple(sequence(0, 2, depth) for _ in range(rng.randint(1, 3)))

    def part(depth: int) -> Part:
        if depth <= 0 or not compounds or rng.random() >= density:
            return single(rng)
        kind = rng.choice(compounds)
        if kind is Parallel:
            return Parallel(branches(depth - 1))
        if kind is Synchronised:
            return Synchronised(branches(depth - 1), rng.choice(list(FrameOrder)))
        if kind is Switcher:
            return Switcher(sequence(1, 3, min(depth - 1, 1)))
        return Chain(sequence(0, 3, depth - 1))

    return sequence(1, most, depth)


def _built(branches: Branches, make: Make) -> list[Any]:
    built = [[part.build(make) for part in branch] for branch in branches]
    # A list alone would be one of branches.
    return built if len(built) > 1 else [[Pipeline(built[0])]]


def _singles_of(parts: Iterable[Part]) -> Iterator[Single]:
    for part in parts:
        yield from part.singles()


def _listed(parts: Iterable[Part]) -> str:
    return f"[{', '.join(map(repr, parts))}]"
