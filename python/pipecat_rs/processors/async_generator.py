"""A processor from which serialized frames are taken by an async generator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Protocol

from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


class _Serializer(Protocol):
    """What is asked of a serializer."""

    async def serialize(self, frame: Frame) -> str | bytes | None: ...


class AsyncGeneratorProcessor(FrameProcessor):
    """Passes every frame on, and offers what a serializer makes of it in `generator`."""

    def __init__(self, *, serializer: _Serializer, **kwargs: Any) -> None:
        """Make a processor.

        Args:
            serializer: Its `serialize(frame)` is awaited for each frame and returns text, bytes,
                or None for nothing.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._serializer = serializer
        self._data_queue: asyncio.Queue[str | bytes | None] = asyncio.Queue()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a frame on, then serialize it.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, (CancelFrame, EndFrame)):
            self._data_queue.put_nowait(None)
        elif data := await self._serializer.serialize(frame):
            self._data_queue.put_nowait(data)

    async def generator(self) -> AsyncGenerator[str | bytes, None]:
        """Yield what was serialized, in order, until the EndFrame or CancelFrame."""
        while (data := await self._data_queue.get()) is not None:
            yield data
