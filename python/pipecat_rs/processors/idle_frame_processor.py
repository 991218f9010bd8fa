"""A processor that notices when frames stay away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pipecat_rs.frames.frames import Frame, StartFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.utils.errors import ErrorCategory


class IdleFrameProcessor(FrameProcessor):
    """Calls back each time no frame came for a while, from the StartFrame on. All frames pass."""

    def __init__(
        self,
        *,
        callback: Callable[[IdleFrameProcessor], Awaitable[None]],
        timeout: float,
        types: list[type] | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a processor.

        Args:
            callback: Awaited with this processor; the time begins anew when it returns. What it
                raises is reported upstream.
            timeout: The time without a frame, in seconds.
            types: The classes whose frames count, subclasses included; None for all.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._callback = callback
        self._timeout = timeout
        self._types = tuple(types or ())
        self._idle_since = 0.0
        self._idle_task: asyncio.Task[None] | None = None

    async def cleanup(self) -> None:
        """Stop watching."""
        await super().cleanup()
        task, self._idle_task = self._idle_task, None
        if task is not None:
            await self.cancel_task(task)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note that a frame came, and pass it on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame) and self._idle_task is None:
            self._note_activity()
            self._idle_task = self.create_task(self._watch(), "idle")
        elif not self._types or isinstance(frame, self._types):
            self._note_activity()

    def _layout(self) -> tuple[Any, ...]:
        """Narrow the interest to what counts, unless a subclass processes frames itself."""
        if self._types and type(self).process_frame is IdleFrameProcessor.process_frame:
            return ("processor", self, self._types)
        return super()._layout()

    def _note_activity(self) -> None:
        self._idle_since = asyncio.get_running_loop().time()

    async def _watch(self) -> None:
        # A frame only writes down the time: waking this task for each would cost more.
        loop = asyncio.get_running_loop()
        while True:
            remaining = self._idle_since + self._timeout - loop.time()
            if remaining > 0:
                await asyncio.sleep(remaining)
                continue
            try:
                await self._callback(self)
            except Exception as error:
                await self.push_error(
                    f"Error in the idle callback: {error}",
                    error,
                    category=ErrorCategory.APPLICATION,
                )
            self._note_activity()
            await asyncio.sleep(0)  # or a timeout of 0 would hold the loop up
