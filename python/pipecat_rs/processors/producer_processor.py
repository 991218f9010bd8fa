"""A processor that hands some frames to processors elsewhere, also in other pipelines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pipecat_rs.frames.frames import Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


async def identity_transformer(frame: Frame) -> Frame:
    """Return a frame as it is.

    Args:
        frame: The frame.
    """
    return frame


class ProducerProcessor(FrameProcessor):
    """Hands the frames for which a function returns true to each consumer.

    See `ConsumerProcessor`.
    """

    def __init__(
        self,
        *,
        filter: Callable[[Frame], Awaitable[bool]],
        transformer: Callable[[Frame], Awaitable[Frame]] = identity_transformer,
        passthrough: bool = True,
    ) -> None:
        """Make a producer.

        Args:
            filter: The function; it is called for every frame.
            transformer: Makes of such a frame what is handed out, once for each consumer.
            passthrough: Whether such a frame also goes on itself. Others always do.
        """
        super().__init__()
        self._filter = filter
        self._transformer = transformer
        self._passthrough = passthrough
        self._consumers: list[asyncio.Queue[Frame]] = []

    def add_consumer(self) -> asyncio.Queue[Frame]:
        """Return a new queue that gets each frame handed out from now on; it has no bound."""
        queue: asyncio.Queue[Frame] = asyncio.Queue()
        self._consumers.append(queue)
        return queue

    def remove_consumer(self, queue: asyncio.Queue[Frame]) -> None:
        """Put nothing more into a queue.

        Args:
            queue: What `add_consumer` returned.
        """
        # By identity: nothing is to be said about when queues are equal.
        self._consumers = [consumer for consumer in self._consumers if consumer is not queue]

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Hand a frame out if it is one to hand out, and pass it on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if not await self._filter(frame):
            await self.push_frame(frame, direction)
            return
        for consumer in tuple(self._consumers):
            consumer.put_nowait(await self._transformer(frame))
        if self._passthrough:
            await self.push_frame(frame, direction)
