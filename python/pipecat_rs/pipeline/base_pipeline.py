"""The base of everything that consists of processors."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from pipecat_rs.processors.frame_processor import FrameProcessor

_logger = logging.getLogger(__name__)

CLEANUP_TIMEOUT_SECS = 20.0
"""How long a processor may take to clean up before it is abandoned."""


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

    def _descendants(self) -> Iterator[FrameProcessor]:
        for processor in self.processors:
            yield processor
            if isinstance(processor, BasePipeline):
                yield from processor._descendants()

    async def cleanup(self) -> None:
        """Clean everything inside up, side by side. What fails or hangs is named in the log."""
        await FrameProcessor.cleanup(self)
        cleaning: list[asyncio.Task[None]] = []
        for processor in self._descendants():
            if not processor._is_set_up:
                continue
            processor._is_set_up = False
            if not isinstance(processor, BasePipeline) and _needs_cleanup(processor):
                name = f"cleanup of {processor}"
                cleaning.append(asyncio.create_task(_clean_up(processor), name=name))
        self._is_set_up = False
        if cleaning:
            _, pending = await asyncio.wait(cleaning, timeout=CLEANUP_TIMEOUT_SECS)
            for task in pending:
                _logger.error("%s: %s does not end and is abandoned", self, task.get_name())
                task.cancel()

    def processors_with_metrics(self) -> list[FrameProcessor]:
        """Return the processors inside, at any depth, that can measure themselves."""
        found: list[FrameProcessor] = []
        for processor in self.processors:
            if processor.can_generate_metrics():
                found.append(processor)
            found.extend(processor.processors_with_metrics())
        return found


async def _clean_up(processor: FrameProcessor) -> None:
    try:
        await processor.cleanup()
    except Exception as error:
        _logger.error("cleanup of %s failed: %r", processor, error, exc_info=error)


def _needs_cleanup(processor: FrameProcessor) -> bool:
    """Whether cleaning a processor up may take more than forgetting it."""
    return (
        type(processor).cleanup is not FrameProcessor.cleanup
        or processor._collector is not None
        or bool(processor._event_tasks)
        or processor._pause_watcher is not None
        or bool(processor._pause_timers)
    )


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
