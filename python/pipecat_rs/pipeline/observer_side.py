"""What observers of a task hear, and the task itself of the frames that pass."""

from __future__ import annotations

from pipecat_rs.frames.frames import Frame, MetricsFrame
from pipecat_rs.observers.base_observer import BaseObserver, FrameProcessed, FramePushed
from pipecat_rs.pipeline.worker_base import PipelineWorkerBase
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


class ObserverSide(PipelineWorkerBase):
    """The side of a pipeline's worker that faces observers."""

    _is_listened_to: bool

    def add_observer(self, observer: BaseObserver) -> None:
        """Add an observer, before or while the task runs."""
        self._observer.add_observer(observer)
        self._update_taps()

    async def remove_observer(self, observer: BaseObserver) -> None:
        """Remove an observer: it hears nothing more."""
        await self._observer.remove_observer(observer)
        self._update_taps()

    def _update_taps(self) -> None:
        """Tell the engine which hops somebody wants to hear of."""
        wanted = self._observer.wanted()
        if wanted is not None:
            own: list[type[Frame]] = list(self._idle_timeout_frames) if self._idle else []
            if self._params.enable_metrics or self._params.enable_usage_metrics:
                own.append(MetricsFrame)
            wanted = tuple(dict.fromkeys((*wanted, *own)))
        self._is_listened_to = wanted is None or bool(wanted)
        self._listen(wanted)
        hears = self._observer.hears_processing
        for processor in self._leaves():
            processor._tap_process(hears)

    # ---- hops

    def _hop(self, source: int, target: int, frame: Frame, direction: FrameDirection) -> None:
        self._noticed(frame)
        left = self._seated[source][1]
        right = (
            self._seated[target][1] if target >= 0 else self._task_ends()[1 if target == -2 else 0]
        )
        if left is not None and right is not None:
            self._tell(left, right, frame, direction)

    def _entered(self, frame: Frame, direction: FrameDirection) -> None:
        self._noticed(frame)
        ends = self._task_ends()
        left, first = (
            (ends[0], self._edges[0])
            if direction is FrameDirection.DOWNSTREAM
            else (ends[1], self._edges[1])
        )
        self._tell(left, first, frame, direction)

    def _direct_hop(
        self,
        left: FrameProcessor,
        right: FrameProcessor,
        frame: Frame,
        direction: FrameDirection,
    ) -> None:
        wanted = self._observer.wanted()
        if wanted is None or isinstance(frame, wanted):
            self._tell(left, right, frame, direction)

    def _tell(
        self, left: FrameProcessor, right: FrameProcessor, frame: Frame, direction: FrameDirection
    ) -> None:
        now = self._clock.get_time()
        for source, destination in self._observed_path.between(left, right, direction):
            self._observer.pushed(FramePushed(source, destination, frame, direction, now))

    def _task_ends(self) -> tuple[FrameProcessor, FrameProcessor]:
        return self._observed_path.task_ends

    def _processed(
        self, processor: FrameProcessor, frame: Frame, direction: FrameDirection
    ) -> None:
        now = self._clock.get_time()
        self._observer.processed(FrameProcessed(processor, frame, direction, now))

    def _noticed(self, frame: Frame) -> None:
        if self._idle and isinstance(frame, self._idle_timeout_frames):
            self._idle.touch()
        if isinstance(frame, MetricsFrame) and self._metrics.take(frame):
            self._fire("on_metrics", self._metrics.report(frame))
