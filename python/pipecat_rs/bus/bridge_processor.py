"""Where a pipeline exchanges frames with those of other workers, over the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipecat_rs.bus.messages import BusFrameMessage, BusMessage
from pipecat_rs.bus.subscriber import BusSubscriber
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    OutputTransportMessageUrgentFrame,
    PipelineFlushFrame,
    StartFrame,
    StopFrame,
)
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.utils.deprecation import warn_deprecated

if TYPE_CHECKING:
    from pipecat_rs.bus.bus import WorkerBus
    from pipecat_rs.pipeline.worker import PipelineWorker

__all__ = ["BusBridgeProcessor"]

_LIFECYCLE = (StartFrame, EndFrame, CancelFrame, StopFrame)


class BusBridgeProcessor(FrameProcessor, BusSubscriber):
    """Stands in a pipeline for the pipelines of other workers: frames go out, and others come in.

    Frames of the life cycle, urgent messages for the transport and excluded frames pass it. All
    others leave over the bus, to be taken in by bridged workers; what these send comes out of it.
    """

    def __init__(
        self,
        *,
        bus: WorkerBus,
        worker_name: str,
        target_worker: str | None = None,
        bridge: str | None = None,
        exclude_frames: tuple[type[Frame], ...] | None = None,
        target_task: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a bridge.

        Args:
            bus: The bus.
            worker_name: Name of the worker whose pipeline it is in.
            target_worker: The only worker whose frames come in, or None for all.
            bridge: Name of the bridge, or None. With one, only frames of that name come in.
            exclude_frames: Classes of frames that pass it.
            target_task: Deprecated name of `target_worker`.
            **kwargs: For the base class.
        """
        super().__init__(**kwargs)
        if target_task is not None:
            warn_deprecated(
                "`BusBridgeProcessor(target_task=...)` is deprecated since 1.8.0 and will be "
                "removed in 2.0.0. Use `target_worker` instead.",
                stacklevel=2,
            )
        self._bus = bus
        self._worker_name = worker_name
        self._target_worker = target_worker if target_worker is not None else target_task
        self._bridge = bridge
        passing = (*_LIFECYCLE, OutputTransportMessageUrgentFrame, *(exclude_frames or ()))
        self._passing: tuple[type[Frame], ...] = passing

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Take over the configuration and hear the bus.

        Args:
            setup: The configuration.
        """
        await super().setup(setup)
        await self._bus.subscribe(self)

    async def cleanup(self) -> None:
        """Hear the bus no more."""
        await super().cleanup()
        await self._bus.unsubscribe(self)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Send a frame out, or let it pass.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, self._passing):
            await self.push_frame(frame, direction)
        else:
            await self._bus.send(
                BusFrameMessage(
                    source=self._worker_name, frame=frame, direction=direction, bridge=self._bridge
                )
            )

    def _passes_over(self, message: BusMessage) -> bool:
        hears = type(self).on_bus_message
        return hears is BusBridgeProcessor.on_bus_message and not self._lets_in(message)

    def _lets_in(self, message: BusMessage) -> bool:
        if not isinstance(message, BusFrameMessage) or message.source == self._worker_name:
            return False
        if self._bridge and message.bridge != self._bridge:
            return False
        if self._target_worker and message.source != self._target_worker:
            return False
        return not message.target or message.target == self._worker_name

    async def on_bus_message(self, message: BusMessage) -> None:
        """Let a frame in, if it is for this bridge.

        Args:
            message: The message.
        """
        if isinstance(message, BusFrameMessage) and self._lets_in(message):
            if isinstance(message.frame, PipelineFlushFrame):
                self.pipeline_worker.track_flush_probe(message.frame)
            await self.push_frame(message.frame, message.direction)


class _BusEdgeProcessor(FrameProcessor):
    """One end of a bridged worker's pipeline: what leaves it there also goes over the bus."""

    def __init__(
        self,
        *,
        worker: PipelineWorker,
        direction: FrameDirection,
        exclude_frames: tuple[type[Frame], ...] | None = None,
        **kwargs: Any,
    ) -> None:
        """Make an end.

        Args:
            worker: The worker. Its bus is asked for when a frame leaves.
            direction: Which way frames leave here.
            exclude_frames: Classes of frames that do not go over the bus.
            **kwargs: For the base class.
        """
        super().__init__(**kwargs)
        self._worker = worker
        self._direction = direction
        self._staying: tuple[type[Frame], ...] = (*_LIFECYCLE, *(exclude_frames or ()))

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a frame on, and send it over the bus if it leaves.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if direction is self._direction and not isinstance(frame, self._staying):
            await self._worker.send_bus_message(
                BusFrameMessage(source=self._worker.name, frame=frame, direction=direction)
            )
