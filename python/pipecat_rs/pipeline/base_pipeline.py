"""The base of everything that consists of processors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from pipecat_rs.processors.frame_processor import FrameProcessor


class BasePipeline(FrameProcessor):
    """A processor made of processors.

    Running it costs nothing per frame: a task flattens it into links between the processors.
    """

    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        """Make an empty one.

        Args:
            name: Its name, or None for class name, ``#`` and a number.
            **kwargs: For the base classes.
        """
        super().__init__(name=name, **kwargs)

    @abstractmethod
    def _members(self) -> list[FrameProcessor]:
        """Return the direct members, in order."""

    @property
    def processors(self) -> list[FrameProcessor]:
        """The processors directly inside, in order."""
        return self._members()

    def processors_with_metrics(self) -> list[FrameProcessor]:
        """Return the processors inside, at any depth, that can measure themselves."""
        found: list[FrameProcessor] = []
        for processor in self.processors:
            if processor.can_generate_metrics():
                found.append(processor)
            found.extend(processor.processors_with_metrics())
        return found


def checked_processors(owner: FrameProcessor, processors: Iterable[Any]) -> list[FrameProcessor]:
    """Return processors as a list.

    Raises:
        TypeError: If there is something else among them.
    """
    try:
        members = list(processors)
    except TypeError:
        raise TypeError(
            f"{owner}: a list of frame processors is needed, not {type(processors).__name__}. "
            "Write Pipeline([first, second])."
        ) from None
    for position, member in enumerate(members):
        if not isinstance(member, FrameProcessor):
            raise TypeError(
                f"{owner}: item {position} of the list is {member!r}, a {type(member).__name__}, "
                "not a FrameProcessor. Transports give theirs with input() and output(); "
                "services and aggregators are processors themselves."
            )
    return members
