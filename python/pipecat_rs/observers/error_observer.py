"""What went wrong, told where it went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pipecat_rs.frames.error import ErrorCategory, ErrorFrame
from pipecat_rs.metrics.model import Model
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed


@dataclass(kw_only=True)
class ErrorEvent(Model):
    """An error.

    Attributes:
        message: What happened, in the processor's words.
        category: Why.
        exception_type: Name of the exception's class, or None without an exception.
        processor: Name of the processor.
        processor_usable: Whether it can still do its work.
        timestamp: When, in seconds since the epoch.
    """

    message: str
    category: ErrorCategory
    exception_type: str | None = None
    processor: str
    processor_usable: bool
    timestamp: float


class ErrorObserver(BaseObserver):
    """Tells each error once, as its processor pushes it: also those that others deal with.

    Events:
        on_error(observer, ErrorEvent)
    """

    handles = (ErrorFrame,)

    _declared_events: ClassVar[Mapping[str, bool]] = {"on_error": False}

    def __init__(self, *, time_source: Callable[[], float] = time.time, **kwargs: Any) -> None:
        """Begin without errors.

        Args:
            time_source: Returns the time, in seconds since the epoch.
            **kwargs: See `BaseObserver`.
        """
        super().__init__(observe_every_push=False, **kwargs)
        self._now = time_source

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        frame = data.frame
        if not isinstance(frame, ErrorFrame):
            return
        # A frame that was built by hand may name no processor.
        processor = frame.processor or data.source
        event = ErrorEvent(
            message=frame.error,
            category=frame.category or ErrorCategory.UNKNOWN,
            exception_type=None if frame.exception is None else type(frame.exception).__name__,
            processor=processor.name,
            processor_usable=processor.is_usable,
            timestamp=self._now(),
        )
        await self._call_event_handler("on_error", event)
