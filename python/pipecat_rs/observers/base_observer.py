"""What an observer is, and what it is told.

An observer hears of frames as they are pushed from one processor to the next, in order, perhaps
late, and never holds the pipeline up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.frames.base import Frame
from pipecat_rs.utils.base_object import BaseObject

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


@dataclass(slots=True)
class FrameProcessed:
    """A processor begins to process a frame.

    Attributes:
        processor: The processor.
        frame: The frame.
        direction: Where the frame is going.
        timestamp: The time, in ns of the task's clock.
    """

    processor: FrameProcessor
    frame: Frame
    direction: FrameDirection
    timestamp: int


@dataclass(slots=True)
class FramePushed:
    """A frame goes from one processor to the next.

    Attributes:
        source: The processor that it comes from.
        destination: The processor that it goes to.
        frame: The frame.
        direction: Where it is going.
        timestamp: The time, in ns of the task's clock.
        first_push: Whether this is the frame's first hop.
    """

    source: FrameProcessor
    destination: FrameProcessor
    frame: Frame
    direction: FrameDirection
    timestamp: int
    first_push: bool = True


@dataclass(slots=True)
class ProcessorSetUp:
    """A processor was set up.

    Attributes:
        processor: The processor.
        started_at_ns: When its `setup` began, in ns of `time.monotonic_ns`, as the task's clock
            does not run yet.
        finished_at_ns: When its `setup` returned.
    """

    processor: FrameProcessor
    started_at_ns: int
    finished_at_ns: int


@dataclass(slots=True)
class StartupWarmup:
    """Deferred imports were loaded. Deprecated in pipecat 1.12; it never happens here.

    Attributes:
        started_at_ns: When it began.
        finished_at_ns: When it ended.
    """

    started_at_ns: int
    finished_at_ns: int


class BaseObserver(BaseObject):
    """Base of all observers.

    Attributes:
        handles: The frame classes that the observer wants to hear of; it is told of no others.
            None means all.
    """

    handles: ClassVar[tuple[type[Frame], ...] | None] = None

    def __init__(self, *, observe_every_push: bool = True, **kwargs: Any) -> None:
        """Set how often the observer hears of a frame.

        Args:
            observe_every_push: Whether it hears of every hop, rather than of the first only.
            **kwargs: See `BaseObject`.
        """
        super().__init__(**kwargs)
        self._observe_every_push = observe_every_push

    @property
    def observe_every_push(self) -> bool:
        """Whether the observer hears of every hop of a frame, rather than of the first only."""
        return self._observe_every_push

    async def on_process_frame(self, data: FrameProcessed) -> None:
        """A processor begins to process a frame.

        Args:
            data: Which one, what, where and when.
        """

    async def on_push_frame(self, data: FramePushed) -> None:
        """A frame goes from one processor to the next.

        Args:
            data: From where, to where, what and when.
        """

    async def on_processor_setup(self, data: ProcessorSetUp) -> None:
        """A processor was set up. They come as they finish, not in the pipeline's order.

        Args:
            data: Which one and when.
        """

    async def on_startup_warmup(self, data: StartupWarmup) -> None:
        """Deferred imports were loaded. Deprecated in pipecat 1.12; it never happens here.

        Args:
            data: When.
        """

    async def on_pipeline_started(self) -> None:
        """The StartFrame has reached the end of the pipeline, nested branches included."""
