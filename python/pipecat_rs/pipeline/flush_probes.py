"""Flushing a pipeline: a probe goes down, up and down again behind what is on its way."""

from __future__ import annotations

import asyncio
import logging

from pipecat_rs import _core
from pipecat_rs.frames.frames import PipelineFlushFrame
from pipecat_rs.pipeline.worker_base import PipelineWorkerBase
from pipecat_rs.processors.frame_processor import FrameDirection

_logger = logging.getLogger(__name__)


class FlushProbes(PipelineWorkerBase):
    """The probes of a pipeline's worker, and those that turn back at its ends."""

    _flushing: dict[int, PipelineFlushFrame]

    async def flush_pipeline(self, timeout: float = 5.0) -> bool:
        """Wait until everything that was queued before has been processed.

        A probe goes down, up and down again, so that what processors pushed upstream in
        consequence is processed too.

        Args:
            timeout: Longest time without any progress, in seconds.

        Returns:
            Whether the pipeline was flushed. It is not if it ends meanwhile, or has ended.
        """
        if self._finished:
            return False
        event = asyncio.Event()
        probe = PipelineFlushFrame(event=event, origin=self.name)
        self._flushing[probe.flush_id] = probe
        try:
            await _core.TaskBase.queue_frame(self, probe)  # an override may hold frames back
            while True:
                before = (self._figures()[2], self._flush_reports)
                try:
                    await asyncio.wait_for(event.wait(), timeout)
                    return probe.flush_id in self._flushing
                except TimeoutError:
                    if (self._figures()[2], self._flush_reports) == before:
                        _logger.warning("%s: nothing moved for %s s, not flushed", self, timeout)
                        return False
        finally:
            self._flushing.pop(probe.flush_id, None)

    def _flush_step(self, probe: PipelineFlushFrame, at_sink: bool) -> None:
        if at_sink and probe.returning:
            self._flush_is_over(probe.flush_id)
            if probe.event is not None:
                probe.event.set()
            return
        following = PipelineFlushFrame(
            event=probe.event,
            returning=not at_sink,
            origin=probe.origin,
            flush_id=probe.flush_id,
        )
        direction = FrameDirection.UPSTREAM if at_sink else FrameDirection.DOWNSTREAM
        self._enter(following, direction)

    def _give_up_flushes(self) -> None:
        for flush_id, probe in list(self._flushing.items()):
            if probe.event is not None and not probe.event.is_set():
                del self._flushing[flush_id]
                probe.event.set()
