"""Branches that receive the same frames side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipecat_rs.pipeline.base_pipeline import BasePipeline
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.processors.frame_processor import FrameProcessor

Branch = Sequence[FrameProcessor] | FrameProcessor


class ParallelPipeline(BasePipeline):
    """Every frame goes to every branch, and leaves once.

    One list of processors makes a branch of each; several lists make a sequential branch of each,
    and so does a list within the list. Start, end, stop and cancel leave when all branches have let
    them out.

    Example::

        ParallelPipeline([first_tts, second_tts, logger])      # three branches
        ParallelPipeline([stt, translator], [recorder])        # two sequential branches
    """

    def __init__(self, *branches: Any, name: str | None = None, processors: Any = None) -> None:
        """Make branches.

        Args:
            *branches: One list of processors, or several lists. A string in second place is the
                name.
            name: Name, or None for the class name, ``#`` and a number.
            processors: The list of processors, by name.

        Raises:
            TypeError: If a branch is neither a list nor a processor.
            ValueError: Without any branch.
        """
        given = list(branches)
        if len(given) > 1 and (given[-1] is None or isinstance(given[-1], str)):
            name = given.pop() or name
        super().__init__(name=name)
        if processors is not None:
            given.append(processors)
        self._branches = branches_of(self, given)

    def _members(self) -> list[FrameProcessor]:
        return list(self._branches)

    @property
    def entry_processors(self) -> list[FrameProcessor]:
        """The branches, each a pipeline."""
        return list(self._branches)

    def get_processors(self) -> list[FrameProcessor]:
        """Return the processors of all branches, in order."""
        return [processor for branch in self._branches for processor in branch.get_processors()]

    def _layout(self) -> tuple[Any, ...]:
        return ("parallel", self, [branch._layout() for branch in self._branches])


def branches_of(owner: FrameProcessor, given: list[Any]) -> list[Pipeline]:
    """Read branches as pipecat and its document write them.

    Raises:
        TypeError: If a branch is neither a list nor a processor.
        ValueError: Without any branch.
    """
    if len(given) == 1 and isinstance(given[0], Sequence):
        # The document's form: each item is a branch. An empty list is one branch without any.
        parts: list[Any] = list(given[0]) or [given[0]]
    else:
        parts = given
        for part in parts:
            if not isinstance(part, Sequence):
                raise TypeError(
                    f"{owner}: a branch is a list of processors, not {part!r}. "
                    "Write ParallelPipeline([a], [b])."
                )
    if not parts:
        raise ValueError(
            f"{owner}: at least one branch is needed, as in ParallelPipeline([a], [b])"
        )
    pipelines: list[Pipeline] = []
    for number, part in enumerate(parts):
        name = f"{owner}::Branch{number}"
        if isinstance(part, Sequence):
            pipelines.append(Pipeline(list(part), name=name))
        elif isinstance(part, FrameProcessor):
            pipelines.append(Pipeline([part], name=name))
        else:
            raise TypeError(
                f"{owner}: branch {number} is {part!r}, neither a processor nor a list of them"
            )
    return pipelines
