"""The side of a pipeline's worker that faces the bus: handing over, ending, frames of others."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import EndFrame, Frame, PipelineFlushFrame
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.workers.base_worker import BaseWorker

if TYPE_CHECKING:
    from pipecat_rs.bus.messages import (
        BusCancelWorkerMessage,
        BusEndWorkerMessage,
        BusFrameMessage,
        BusMessage,
    )
    from pipecat_rs.pipeline.base_pipeline import BasePipeline
    from pipecat_rs.pipeline.pipeline import Pipeline
    from pipecat_rs.workers.base_worker import WorkerActivationArgs

_logger = logging.getLogger(__name__)

FLUSH_PROGRESS_PERIOD_SECS = 1.0
"""How often a pipeline that holds another worker's flush probe says that it is at work."""


class BusSide(BaseWorker):
    """Mixin of `PipelineWorker`. A task that runs without a runner and jobs has nothing of it."""

    _end_limit_secs = None  # an orderly end has a deadline in the engine
    _bridged: tuple[str, ...] | None = None
    _handles_flush = True
    _flush_reports = 0
    _foreign_probes: dict[int, str] | None = None
    _flush_reporter: asyncio.TimerHandle | None = None

    if TYPE_CHECKING:
        _loop: asyncio.AbstractEventLoop | None
        _running: bool
        _finished: bool

        async def queue_frame(
            self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
        ) -> None: ...
        async def flush_pipeline(self, timeout: float = 5.0) -> bool: ...
        async def _bounded(self, coroutine: Any, what: str) -> None: ...
        def _figures(self) -> tuple[int, int, int]: ...

    @property
    def bridged(self) -> bool:
        """Whether its pipeline exchanges frames with others over the bus."""
        return self._bridged is not None

    @property
    def worker_runner(self) -> Any:
        """The runner, or None if it runs without one."""
        return self._worker_runner

    def _between_edges(
        self, pipeline: BasePipeline, exclude_frames: tuple[type[Frame], ...] | None
    ) -> Pipeline:
        """Return the pipeline between two ends which send over the bus what leaves it."""
        from pipecat_rs.bus.bridge_processor import _BusEdgeProcessor
        from pipecat_rs.pipeline.pipeline import Pipeline

        source, sink = (
            _BusEdgeProcessor(
                worker=self,  # type: ignore[arg-type]
                direction=direction,
                exclude_frames=exclude_frames,
                name=f"{self}::{name}",
            )
            for direction, name in (
                (FrameDirection.UPSTREAM, "EdgeSource"),
                (FrameDirection.DOWNSTREAM, "EdgeSink"),
            )
        )
        return Pipeline([source, pipeline, sink])

    async def _run_setup_files(self) -> None:
        if os.environ.get("PIPECAT_SETUP_FILES"):
            from pipecat_rs.utils.startup import run_setup_hook

            await run_setup_hook(
                target=self,
                function_name="setup_pipeline_worker",
                deprecated_function_name="setup_pipeline_task",
            )

    # ---- handing over and ending

    async def end(self, *, reason: str | None = None) -> None:
        """End when everything queued so far has been processed.

        With a runner, all its workers end: those that are also at work see the end of this one's
        output first.

        Args:
            reason: Why.
        """
        if self._bus is None:
            await self.queue_frame(EndFrame(reason=reason))
            return
        if self._has_peers():
            await self._drain()
        await BaseWorker.end(self, reason=reason)

    async def activate_worker(
        self,
        worker_name: str,
        *,
        args: WorkerActivationArgs | None = None,
        deactivate_self: bool = False,
    ) -> None:
        """Activate another worker.

        Args:
            worker_name: Name of the worker.
            args: What its `on_activated` gets.
            deactivate_self: Whether this one becomes inactive first. What its pipeline has queued
                is processed before that, so that the two do not talk at the same time.
        """
        if deactivate_self:
            await self._drain()
        await super().activate_worker(worker_name, args=args, deactivate_self=deactivate_self)

    def _has_peers(self) -> bool:
        runner = self._worker_runner
        return runner is not None and len(runner._entries) > 1

    async def _drain(self) -> None:
        if self._started_at is None or self._finished or self._has_stopped:
            return  # nothing to wait for, and nobody who would send the probe back
        if not await self.flush_pipeline():
            _logger.warning("%s: goes on undrained; what is on its way may be cut off", self)

    def _worker_started(self) -> None:
        """The pipeline has started: say so, if there is anybody to hear it."""
        self._started_at = time.time()
        if self._registry is not None or self._wants_start():
            self._run_in_event_task("start", self._run_handler("start", type(self).start))
        elif self._pending_activation:
            self._active = True
            self._pending_activation = False

    def _wants_start(self) -> bool:
        cls = type(self)
        return (
            cls.on_activated is not BaseWorker.on_activated
            or cls.start is not BaseWorker.start
            or self._has_event_handlers("on_activated")
        )

    async def _leave_bus(self) -> None:
        """The pipeline is over: answer jobs, let go of those who wait."""
        if self._flush_reporter is not None:
            self._flush_reporter.cancel()
            self._flush_reporter = None
        if self._has_to_stop() or type(self).stop is not BaseWorker.stop:
            await self._bounded(self.stop(), "jobs")
        self._has_stopped = True

    def _ends_in_place(self) -> bool:
        return not self._running_children()  # only a frame is queued then

    async def _handle_worker_end(self, message: BusEndWorkerMessage) -> None:
        await self._propagate_end_to_children(message)
        await self.queue_frame(EndFrame(reason=message.reason))

    async def _handle_worker_cancel(self, message: BusCancelWorkerMessage) -> None:
        await self._propagate_cancel_to_children(message)
        await self.cancel(reason=message.reason)

    # ---- messages

    def _passes_over(self, message: BusMessage) -> bool:
        from pipecat_rs.bus import messages

        if type(self).on_bus_message is not BusSide.on_bus_message:
            return False
        if isinstance(message, messages.BusFrameMessage):
            return not self._is_taken_in(message)
        own = (messages.BusFlushProgressMessage, messages.BusTTSSpeakMessage)
        if isinstance(message, own) and message.target in (None, "", self.name):
            return False
        return self._has_nothing_for(message)

    async def on_bus_message(self, message: BusMessage) -> None:
        """Hear any message of the bus, its own included.

        Args:
            message: The message. What is to be said is queued, and so are frames if it is bridged.
        """
        await super().on_bus_message(message)
        from pipecat_rs.bus import messages

        if message.target and message.target != self.name:
            return
        if isinstance(message, messages.BusFrameMessage):
            await self._take_in(message)
        elif isinstance(message, messages.BusFlushProgressMessage):
            self._flush_reports += 1
        elif isinstance(message, messages.BusTTSSpeakMessage):
            from pipecat_rs.frames.frames import TTSSpeakFrame

            await self.queue_frame(
                TTSSpeakFrame(text=message.text, append_to_context=message.append_to_context)
            )

    async def _take_in(self, message: BusFrameMessage) -> None:
        if self._is_taken_in(message):
            await self.queue_frame(message.frame, message.direction)

    def _is_taken_in(self, message: BusFrameMessage) -> bool:
        if self._bridged is None or message.source == self.name:
            return False
        if message.target and message.target != self.name:
            return False
        return not self._bridged or message.bridge in self._bridged

    # ---- flush probes of other workers

    def track_flush_probe(self, frame: PipelineFlushFrame) -> None:
        """Tell the worker that waits for a flush probe, while it is in here, that work goes on.

        Args:
            frame: The probe. One of its own is passed over.
        """
        if not self._handles_flush or not frame.origin or frame.origin == self.name:
            return
        if self._foreign_probes is None:
            self._foreign_probes = {}
        self._foreign_probes[frame.flush_id] = frame.origin
        if self._flush_reporter is None:
            self._report_flush_later(self._figures()[2])

    def _report_flush_later(self, processed: int) -> None:
        self._flush_reporter = asyncio.get_running_loop().call_later(
            FLUSH_PROGRESS_PERIOD_SECS, self._report_flush, processed
        )

    def _report_flush(self, processed: int) -> None:
        self._flush_reporter = None
        if not self._foreign_probes or self._has_stopped:
            return
        now = self._figures()[2]
        if now != processed:
            from pipecat_rs.bus.messages import BusFlushProgressMessage

            for flush_id, origin in self._foreign_probes.items():
                message = BusFlushProgressMessage(
                    source=self.name, target=origin, flush_id=flush_id
                )
                self._run_in_event_task("flush progress", self.send_bus_message(message))
        self._report_flush_later(now)

    def _flush_is_over(self, flush_id: int) -> None:
        if self._foreign_probes is not None:
            self._foreign_probes.pop(flush_id, None)
