"""Watches the heartbeats of one processor."""

from collections.abc import Awaitable, Callable
from typing import Any

from pipecat_rs.frames.frames import HeartbeatFrame
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.processors.frame_processor import FrameProcessor

__all__ = ["HeartbeatsObserver"]


class HeartbeatsObserver(BaseObserver):
    """Calls back for each heartbeat that one processor pushes."""

    def __init__(
        self,
        *,
        target: FrameProcessor,
        heartbeat_callback: Callable[[FrameProcessor, HeartbeatFrame], Awaitable[None]],
        **kwargs: Any,
    ) -> None:
        """Watch one processor.

        Args:
            target: The processor whose heartbeats count.
            heartbeat_callback: Awaited with the processor and the heartbeat.
            **kwargs: Passed on to `BaseObserver`.
        """
        super().__init__(**kwargs)
        self._target = target
        self._callback = heartbeat_callback

    async def on_push_frame(self, data: FramePushed) -> None:
        """Report the push if it is a heartbeat of the watched processor."""
        if data.source is self._target and isinstance(data.frame, HeartbeatFrame):
            await self._callback(self._target, data.frame)
