"""Any frame in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import fields
from enum import Enum, auto
from typing import Any

from pipecat_rs.frames.base import Frame
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.processors.frame_processor import FrameDirection

_logger = logging.getLogger(__name__)

_LONGEST_MESSAGE_LIST = 3
"""A longer list, as of messages, is counted rather than shown."""


class FrameEndpoint(Enum):
    """Which end of a hop a condition is about."""

    SOURCE = auto()
    DESTINATION = auto()


class DebugLogObserver(BaseObserver):
    """Logs frames with their fields, hop by hop.

    Example::

        DebugLogObserver(
            frame_types={
                TranscriptionFrame: None,
                InterruptionFrame: (BaseOutputTransport, FrameEndpoint.SOURCE),
            }
        )
    """

    def __init__(
        self,
        frame_types: tuple[type[Frame], ...]
        | Mapping[type[Frame], tuple[type, FrameEndpoint] | None]
        | None = None,
        exclude_fields: set[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Set what is logged.

        Args:
            frame_types: The frame classes, or each with a condition: the class of the processor
                at one end of the hop, or None for no condition. None logs all frames.
            exclude_fields: Names of the fields that are left out, or None for the usual ones
                with binary data: `audio`, `image` and `images`.
            **kwargs: See `BaseObserver`.
        """
        super().__init__(**kwargs)
        if isinstance(frame_types, tuple):
            frame_types = dict.fromkeys(frame_types)
        self.frame_filters = dict(frame_types or {})
        self.exclude_fields = (
            {"audio", "image", "images"} if exclude_fields is None else exclude_fields
        )
        if self.frame_filters:
            # On the instance, as it is this one that wants no others.
            self.handles = tuple(self.frame_filters)  # type: ignore[misc]

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        if not _logger.isEnabledFor(logging.DEBUG) or not self._is_wanted(data):
            return
        arrow = "→" if data.direction == FrameDirection.DOWNSTREAM else "←"
        _logger.debug(
            "%s %s %s: %s %s at %.2fs",
            data.source,
            arrow,
            data.destination,
            type(data.frame).__name__,
            self._details(data.frame),
            data.timestamp / 1e9,
        )

    def _is_wanted(self, data: FramePushed) -> bool:
        if not self.frame_filters:
            return True
        return any(
            _meets(condition, data)
            for frame_type, condition in self.frame_filters.items()
            if isinstance(data.frame, frame_type)
        )

    def _details(self, frame: Frame) -> str:
        # Read past descriptors, as those of deprecated fields warn.
        named = ((f.name, vars(frame).get(f.name)) for f in fields(frame))
        return ", ".join(
            f"{name}: {_shown(value)}"
            for name, value in named
            if value is not None and name not in self.exclude_fields
        )


def _meets(condition: tuple[type, FrameEndpoint] | None, data: FramePushed) -> bool:
    if condition is None:
        return True
    processor_type, endpoint = condition
    at_source = endpoint is FrameEndpoint.SOURCE
    return isinstance(data.source if at_source else data.destination, processor_type)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{len(value)} bytes"
    if isinstance(value, list) and len(value) > _LONGEST_MESSAGE_LIST:
        return f"{len(value)} items"
    describe = getattr(value, "get_messages_for_logging", None)
    if describe is not None:
        return f"{type(value).__name__} with messages: {describe()}"
    return str(value)
