"""How long a pipeline takes to start, and which processor it waits for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.frames.lifecycle import StartFrame
from pipecat_rs.frames.transport import BotConnectedFrame, ClientConnectedFrame
from pipecat_rs.metrics.model import Model
from pipecat_rs.observers.base_observer import (
    BaseObserver,
    FrameProcessed,
    FramePushed,
    ProcessorSetUp,
)
from pipecat_rs.utils.asyncio.task_manager import BaseTaskManager

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessor


@dataclass(kw_only=True)
class ProcessorStartupTiming(Model):
    """What one processor needs to start. All times are in seconds.

    Attributes:
        processor_name: Name of the processor.
        start_offset_secs: When the StartFrame reached it, after it reached the first processor.
        duration_secs: Setup and start together.
        setup_duration_secs: Its setup, which runs beside those of the others.
        start_duration_secs: Its work on the StartFrame, which the processors behind it wait for.
    """

    processor_name: str
    start_offset_secs: float
    duration_secs: float
    setup_duration_secs: float
    start_duration_secs: float = 0.0


@dataclass(kw_only=True)
class StartupWarmupTiming(Model):
    """What loading deferred imports took. Deprecated in pipecat 1.12; never reported here.

    Attributes:
        duration_secs: The time in seconds.
        blocking_duration_secs: The part that the pipeline waited for, in seconds.
    """

    duration_secs: float
    blocking_duration_secs: float


@dataclass(kw_only=True)
class StartupTimingReport(Model):
    """What a pipeline needed to start. All durations are in seconds.

    Attributes:
        start_time: When its setup began, in seconds since the epoch.
        total_duration_secs: From then until it had started; the sum of the two phases.
        setup_phase_secs: Until the last processor was set up.
        start_phase_secs: From then until the StartFrame reached the end.
        processor_timings: The processors, in the pipeline's order.
        warmup: Always None.
    """

    start_time: float
    total_duration_secs: float
    setup_phase_secs: float = 0.0
    start_phase_secs: float = 0.0
    processor_timings: list[ProcessorStartupTiming] = field(default_factory=list)
    warmup: StartupWarmupTiming | None = None


@dataclass(kw_only=True)
class TransportTimingReport(Model):
    """When a transport was connected, after the task's clock was started.

    Attributes:
        start_time: When that was, in seconds since the epoch.
        bot_connected_secs: When the bot had joined, in seconds, or None.
        client_connected_secs: When the first client was there, in seconds, or None.
    """

    start_time: float
    bot_connected_secs: float | None = None
    client_connected_secs: float | None = None


class StartupTimingObserver(BaseObserver):
    """Measures each processor's setup, and its time from receiving the StartFrame to pushing it.

    Events:
        on_startup_timing_report(observer, StartupTimingReport): once, after the start.
        on_transport_timing_report(observer, TransportTimingReport): once, with the first client.
    """

    handles = (StartFrame, BotConnectedFrame, ClientConnectedFrame)

    _declared_events: ClassVar[Mapping[str, bool]] = {
        "on_startup_timing_report": False,
        "on_transport_timing_report": False,
    }

    def __init__(
        self, *, processor_types: tuple[type[FrameProcessor], ...] | None = None, **kwargs: Any
    ) -> None:
        """Set what is measured.

        Args:
            processor_types: The classes of processors, or None for all but the pipelines
                themselves.
            **kwargs: See `BaseObserver`.
        """
        super().__init__(**kwargs)
        self._processor_types = processor_types
        self._setup_began_at: int | None = None
        self._setup_began_wall = 0.0
        self._setup_ended_at = 0
        self._setup_secs: dict[int, float] = {}
        self._start_frame: StartFrame | None = None
        self._start_arrived_at = 0
        self._arrivals: dict[int, int] = {}
        self._timings: list[ProcessorStartupTiming] = []
        self._bot_connected_secs: float | None = None
        self._has_reported_startup = False
        self._has_reported_transport = False

    async def setup(self, task_manager: BaseTaskManager) -> None:
        """Start the clock; observers are set up before processors.

        Args:
            task_manager: The task manager.
        """
        await super().setup(task_manager)
        self._setup_began_at = time.monotonic_ns()
        self._setup_began_wall = time.time()

    async def on_processor_setup(self, data: ProcessorSetUp) -> None:
        """See `BaseObserver.on_processor_setup`."""
        if self._has_reported_startup:
            return
        self._setup_ended_at = max(self._setup_ended_at, data.finished_at_ns)
        if self._measures(data.processor):
            seconds = (data.finished_at_ns - data.started_at_ns) / 1e9
            self._setup_secs[data.processor.id] = seconds

    async def on_process_frame(self, data: FrameProcessed) -> None:
        """See `BaseObserver.on_process_frame`."""
        if self._has_reported_startup or not isinstance(data.frame, StartFrame):
            return
        if self._start_frame is None:
            self._start_frame = data.frame
            self._start_arrived_at = data.timestamp
        if data.frame is self._start_frame and self._measures(data.processor):
            self._arrivals[data.processor.id] = data.timestamp

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        frame = data.frame
        if isinstance(frame, BotConnectedFrame):
            if self._bot_connected_secs is None:
                self._bot_connected_secs = data.timestamp / 1e9
        elif isinstance(frame, ClientConnectedFrame):
            await self._report_transport(data.timestamp / 1e9)
        elif frame is self._start_frame and not self._has_reported_startup:
            self._note_start(data)

    async def on_pipeline_started(self) -> None:
        """See `BaseObserver.on_pipeline_started`."""
        if self._has_reported_startup or not self._timings:
            return
        self._has_reported_startup = True
        now = time.monotonic_ns()
        began_at = now if self._setup_began_at is None else self._setup_began_at
        total = (now - began_at) / 1e9
        setup_phase = min(max(self._setup_ended_at - began_at, 0) / 1e9, total)
        report = StartupTimingReport(
            start_time=self._setup_began_wall,
            total_duration_secs=total,
            setup_phase_secs=setup_phase,
            start_phase_secs=total - setup_phase,
            processor_timings=self._timings,
        )
        await self._call_event_handler("on_startup_timing_report", report)

    def _note_start(self, data: FramePushed) -> None:
        arrived_at = self._arrivals.pop(data.source.id, None)
        if arrived_at is None:
            return
        setup_secs = self._setup_secs.get(data.source.id, 0.0)
        start_secs = (data.timestamp - arrived_at) / 1e9
        self._timings.append(
            ProcessorStartupTiming(
                processor_name=data.source.name,
                start_offset_secs=(arrived_at - self._start_arrived_at) / 1e9,
                duration_secs=setup_secs + start_secs,
                setup_duration_secs=setup_secs,
                start_duration_secs=start_secs,
            )
        )

    async def _report_transport(self, connected_secs: float) -> None:
        if self._has_reported_transport:
            return
        self._has_reported_transport = True
        report = TransportTimingReport(
            start_time=time.time() - connected_secs,
            bot_connected_secs=self._bot_connected_secs,
            client_connected_secs=connected_secs,
        )
        await self._call_event_handler("on_transport_timing_report", report)

    def _measures(self, processor: FrameProcessor) -> bool:
        if self._processor_types is not None:
            return isinstance(processor, self._processor_types)
        # From the layer above; observers are built without it.
        from pipecat_rs.pipeline.base_pipeline import BasePipeline
        from pipecat_rs.pipeline.pipeline import PipelineSource

        return not isinstance(processor, (BasePipeline, PipelineSource))
