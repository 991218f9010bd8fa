"""What the engine reports: a run's life cycle, frames that leave, errors, idleness, stalls."""

from __future__ import annotations

import logging
from typing import Any

from pipecat_rs.frames.frames import (
    CancelFrame,
    CancelTaskFrame,
    EndFrame,
    EndTaskFrame,
    ErrorFrame,
    Frame,
    HeartbeatFrame,
    InterruptionFrame,
    InterruptionTaskFrame,
    StopFrame,
    StopTaskFrame,
)
from pipecat_rs.pipeline.flush_probes import FlushProbes
from pipecat_rs.pipeline.params import ProcessorUnusablePolicy
from pipecat_rs.pipeline.snapshot import Stall
from pipecat_rs.pipeline.timers import Heartbeats
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

_logger = logging.getLogger(__name__)

_ERROR, _HEARTBEAT, _FLUSH = 6, 7, 17
_REQUESTS = {8: EndTaskFrame, 9: StopTaskFrame, 10: CancelTaskFrame, 11: InterruptionTaskFrame}


class EngineSide(FlushProbes):
    """The side of a pipeline's worker that faces the engine."""

    _unusable: set[FrameProcessor]

    # ---- life cycle

    def _act(self, action: str, kind: int, arrived: bool) -> None:
        if action == "started":
            self._started()
        elif action == "cancel":
            for task in self._setting_up:
                task.cancel()
            if not isinstance(self._last_frame, CancelFrame):
                self._last_frame = CancelFrame(reason=self._cancel_reason)
            self._enter(self._last_frame, FrameDirection.DOWNSTREAM)
        elif action == "setup_timeout":
            _logger.error("%s: setting processors up took too long (one blocks?), giving up", self)
            self._fire("on_setup_timeout")
        elif action == "timeout":
            frame = self._start_frame if kind == 1 else self._last_frame
            _logger.warning(
                "%s: %s did not reach the end of the pipeline in time; it is held by %s",
                self,
                frame,
                self._holders() or "nobody",
            )
            self._fire("on_pipeline_timeout", frame)
        elif action == "finish":
            self._ended(kind)

    def _holders(self) -> list[str]:
        return [node.name for node in self.snapshot() if node.frame or node.data.depth]

    def _started(self) -> None:
        self._observer.pipeline_started()
        self._worker_started()
        self._fire("on_pipeline_started", self._start_frame)
        if self._params.enable_heartbeats:
            self._heartbeats = Heartbeats(
                self._params.heartbeats_period_secs,
                self._params.heartbeats_monitor_secs,
                self._send_heartbeat,
                lambda: self._fire("on_heartbeat_timeout"),
            )
            self._heartbeats.start()
        if self._idle:
            self._idle.start()
        if self._params.enable_metrics and self._params.send_initial_empty_metrics:
            zeros = self._metrics.zeros(self._pipeline.processors_with_metrics())
            self._enter(zeros, FrameDirection.DOWNSTREAM)

    def _ends_with(self, frame: Frame) -> None:
        """Called with the terminal frame that is let in."""
        self._last_frame = frame

    def _ended(self, kind: int) -> None:
        self._give_up_flushes()
        frame = self._last_frame
        if frame is None:
            frame = self._last_frame = CancelFrame(reason=self._cancel_reason)
        self._fire("on_pipeline_finished", frame)
        older = {EndFrame: "ended", StopFrame: "stopped", CancelFrame: "cancelled"}
        for frame_type, word in older.items():
            if isinstance(frame, frame_type):
                self._fire(f"on_pipeline_{word}", frame)
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _send_heartbeat(self) -> None:
        # Behind an end none comes through, and one that moves would look as if the end did.
        if self._state == "running":
            self._enter(HeartbeatFrame(timestamp=self._clock.get_time()), FrameDirection.DOWNSTREAM)

    # ---- frames that leave

    def _frame_left(self, frame: Frame, at_sink: bool, kind: int, wanted: bool) -> None:
        """A frame that matters has left the pipeline."""
        if wanted:
            self._fire(
                "on_frame_reached_downstream" if at_sink else "on_frame_reached_upstream", frame
            )
        if kind in (2, 3):
            self._last_frame = frame
        elif kind == _ERROR and not at_sink:
            self._error(frame)  # type: ignore[arg-type]
        elif kind == _HEARTBEAT and at_sink and self._heartbeats:
            self._heartbeats.arrived()
        elif kind == _FLUSH and self._handles_flush:
            self._flush_step(frame, at_sink)  # type: ignore[arg-type]
        elif kind in _REQUESTS:
            self._request(frame, kind, at_sink)

    def _request(self, frame: Any, kind: int, at_sink: bool) -> None:
        """A processor asks the task for something; from the sink it goes up to the source first."""
        if at_sink:
            again = type(frame)(reason=frame.reason) if hasattr(frame, "reason") else type(frame)()
            self._enter(again, FrameDirection.UPSTREAM)
            return
        if kind == 11:
            self._enter(InterruptionFrame(), FrameDirection.DOWNSTREAM)
            return
        reason = getattr(frame, "reason", None)
        if kind == 8:
            self._queue_now(EndFrame(reason=reason))
        elif kind == 9:
            self._queue_now(StopFrame())
        else:
            self._queue_now(CancelFrame(reason=reason))

    def _error(self, frame: ErrorFrame) -> None:
        self._fire("on_pipeline_error", frame)
        if frame.fatal:
            _logger.error("%s: a fatal error occurred: %s", self, frame)
            self._cancel_reason = f"fatal error: {frame.error}"
            self._cancel()
        elif frame.processor is not None and not frame.processor.is_usable:
            self._unusable_processor(frame.processor)
        else:
            _logger.warning("%s: something went wrong: %s", self, frame)

    def _unusable_processor(self, processor: FrameProcessor) -> None:
        if processor in self._unusable:
            return
        self._unusable.add(processor)
        _logger.error("%s: %s can no longer do its job", self, processor)
        if self._policy is ProcessorUnusablePolicy.END:
            self._queue_now(EndFrame())
        elif self._policy is ProcessorUnusablePolicy.CANCEL:
            self._cancel_reason = f"{processor} can no longer do its job"
            self._cancel()

    # ---- time

    def _went_idle(self) -> None:
        if self._state not in ("running", "ending"):
            return
        _logger.warning("%s: idle", self)
        self._fire("on_idle_timeout")
        if self._cancel_on_idle_timeout:
            if self._idle:
                self._idle.stop()
            self._cancel_reason = "idle timeout"
            self._cancel()
            if self._cancel_runner_on_idle_timeout and self._worker_runner is not None:
                cancelling = self._worker_runner.cancel(reason="idle timeout")
                self.create_task(cancelling, "cancel the runner")

    def _stalled(
        self, processor: FrameProcessor | None, frame: Any, seconds: float, says_so: bool
    ) -> None:
        """Called on the stall watch's thread while the loop does not answer."""
        stall = Stall(
            processor=processor,
            filename=frame.f_code.co_filename if frame else "?",
            lineno=frame.f_lineno if frame else 0,
            function=frame.f_code.co_name if frame else "?",
            seconds=seconds,
        )
        if says_so:
            _logger.warning(
                "%s: the event loop has not answered for %.1f s: %s stands at %s:%s in %s. "
                "Move blocking work to a thread.",
                self,
                seconds,
                processor or "code outside of any processor",
                stall.filename,
                stall.lineno,
                stall.function,
            )
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._fire, "on_stall", stall)
