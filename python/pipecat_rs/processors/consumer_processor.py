"""A processor that takes in frames from a producer elsewhere, also in another pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame, StartFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.processors.producer_processor import ProducerProcessor, identity_transformer
from pipecat_rs.utils.errors import ErrorCategory


class ConsumerProcessor(FrameProcessor):
    """Feeds what a `ProducerProcessor` hands out into its own place in the pipeline, in order.

    It listens from its StartFrame to its EndFrame or CancelFrame. The frames of its own pipeline
    pass.
    """

    handles = ()

    def __init__(
        self,
        *,
        producer: ProducerProcessor,
        transformer: Callable[[Frame], Awaitable[Frame]] = identity_transformer,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
        **kwargs: Any,
    ) -> None:
        """Make a consumer.

        Args:
            producer: Where the frames come from.
            transformer: Makes of such a frame what is fed in. If it raises, the frame is left out
                and the error reported upstream.
            direction: Which way the frames go.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._producer = producer
        self._transformer = transformer
        self._direction = direction
        self._queue: asyncio.Queue[Frame] | None = None
        self._consumer_task: asyncio.Task[None] | None = None

    async def cleanup(self) -> None:
        """Stop listening."""
        await super().cleanup()
        await self._stop()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Begin or stop to listen if it is time to, and pass the frame on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self._start()
        elif isinstance(frame, (EndFrame, CancelFrame)):
            await self._stop()
        await self.push_frame(frame, direction)

    def _start(self) -> None:
        if self._consumer_task is None:
            self._queue = self._producer.add_consumer()
            self._consumer_task = self.create_task(self._consume(self._queue), "consume")

    async def _stop(self) -> None:
        queue, self._queue = self._queue, None
        if queue is not None:
            self._producer.remove_consumer(queue)
        task, self._consumer_task = self._consumer_task, None
        if task is not None:
            await self.cancel_task(task)

    async def _consume(self, queue: asyncio.Queue[Frame]) -> None:
        while True:
            frame = await queue.get()
            try:
                transformed = await self._transformer(frame)
            except Exception as error:
                await self.push_error(
                    f"Error transforming consumed {frame}: {error}",
                    error,
                    category=ErrorCategory.APPLICATION,
                )
            else:
                await self.queue_frame(transformed, self._direction)
