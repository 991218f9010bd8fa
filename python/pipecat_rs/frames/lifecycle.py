"""Frames of a task's life: start, end, stop, cancel, the requests for them, pauses, probes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.base import ControlFrame, SystemFrame
from pipecat_rs.frames.identity import obj_id

if TYPE_CHECKING:
    import asyncio

    from pipecat_rs.metrics.metrics import MetricsData
    from pipecat_rs.processors.frame_processor import FrameProcessor


class _Reason:
    """How frames with a reason describe themselves."""

    name: str
    reason: Any | None

    def __str__(self) -> str:
        return f"{self.name}(reason: {self.reason})"


@dataclass(repr=False, eq=False)
class StartFrame(SystemFrame):
    """The first frame of every task: nothing is processed before it.

    Its fields are deprecated in pipecat 1.8 and warn when read: processors get them from
    `FrameProcessor.setup`.

    Attributes:
        audio_in_sample_rate: Sample rate of input audio, in Hz.
        audio_out_sample_rate: Sample rate of output audio, in Hz.
        enable_metrics: Whether processors measure.
        enable_tracing: Whether processors trace.
        enable_usage_metrics: Whether services report their usage.
        report_only_initial_ttfb: Whether time to first byte is reported once only.
        tracing_context: The task's tracing context, or None.
    """

    audio_in_sample_rate: int = 16000
    audio_out_sample_rate: int = 24000
    enable_metrics: bool = False
    enable_tracing: bool = False
    enable_usage_metrics: bool = False
    report_only_initial_ttfb: bool = False
    tracing_context: Any | None = None


class _WarnsWhenRead:
    """A field of `StartFrame`: kept in the instance's dictionary, with a warning on reading."""

    def __init__(self, name: str, default: Any) -> None:
        self._name = name
        self._default = default

    def __get__(self, frame: StartFrame | None, owner: type) -> Any:
        if frame is None:
            return self._default
        value = frame.__dict__.get(self._name, self._default)
        if value is not None:
            warnings.warn(
                f"`StartFrame.{self._name}` is deprecated since 1.8.0 and will be removed in "
                f"2.0.0. Use `FrameProcessorSetup.{self._name}` instead.",
                DeprecationWarning,
                stacklevel=2,
            )
        return value

    def __set__(self, frame: StartFrame, value: Any) -> None:
        frame.__dict__[self._name] = value


for _field in fields(StartFrame):
    if _field.init:
        setattr(StartFrame, _field.name, _WarnsWhenRead(_field.name, _field.default))


@dataclass(repr=False, eq=False)
class EndFrame(_Reason, ControlFrame):
    """Ends the task once everything before it was processed.

    Attributes:
        reason: Why, or None.
    """

    interruptible: bool = field(default=False, init=False)

    reason: Any | None = None


@dataclass(repr=False, eq=False)
class StopFrame(ControlFrame):
    """Stops the task in order, leaving the processors as they are: connections stay open."""

    interruptible: bool = field(default=False, init=False)


@dataclass(repr=False, eq=False)
class CancelFrame(_Reason, SystemFrame):
    """Ends the task at once; what is queued is lost.

    Attributes:
        reason: Why, or None.
    """

    reason: Any | None = None


class WorkerFrame(ControlFrame):
    """A request to the task itself, in order with other frames."""


class WorkerSystemFrame(SystemFrame):
    """A request to the task itself, which overtakes other frames."""


@dataclass(repr=False, eq=False)
class EndWorkerFrame(_Reason, WorkerFrame):
    """Asks the task to end in order.

    Attributes:
        reason: Why, or None.
    """

    interruptible: bool = field(default=False, init=False)

    reason: Any | None = None


@dataclass(repr=False, eq=False)
class StopWorkerFrame(WorkerFrame):
    """Asks the task to stop in order, leaving the processors as they are."""

    interruptible: bool = field(default=False, init=False)


@dataclass(repr=False, eq=False)
class CancelWorkerFrame(_Reason, WorkerSystemFrame):
    """Asks the task to cancel.

    Attributes:
        reason: Why, or None.
    """

    reason: Any | None = None


class InterruptionWorkerFrame(WorkerSystemFrame):
    """Asks the task to interrupt itself."""


@dataclass(repr=False, eq=False)
class FrameProcessorPauseFrame(ControlFrame):
    """Pauses one processor when it gets here: frames wait until it resumes.

    Attributes:
        processor: The processor.
    """

    processor: FrameProcessor


@dataclass(repr=False, eq=False)
class FrameProcessorPauseUrgentFrame(SystemFrame):
    """Pauses one processor at once.

    Attributes:
        processor: The processor.
    """

    processor: FrameProcessor


@dataclass(repr=False, eq=False)
class FrameProcessorResumeFrame(SystemFrame):
    """Resumes one processor. A system frame: it must not wait behind the pause it lifts.

    Attributes:
        processor: The processor.
    """

    processor: FrameProcessor


@dataclass(repr=False, eq=False)
class FrameProcessorResumeUrgentFrame(SystemFrame):
    """Resumes one processor.

    Attributes:
        processor: The processor.
    """

    processor: FrameProcessor


@dataclass(repr=False, eq=False)
class PipelineFlushFrame(ControlFrame):
    """A probe which finds out that everything before it was processed.

    Attributes:
        event: Set when the probe is back, or None.
        returning: Whether it is on its way back.
        origin: Name of what sent it, or None.
        flush_id: Identifier of the flush, the same in both directions.
    """

    interruptible: bool = field(default=False, init=False)

    event: asyncio.Event | None = field(default=None, compare=False)
    returning: bool = field(default=False, compare=False)
    origin: str | None = field(default=None, compare=False)
    flush_id: int = field(default_factory=obj_id, compare=False)

    def __str__(self) -> str:
        return f"{self.name}(flush_id: {self.flush_id}, returning: {self.returning})"


@dataclass(repr=False, eq=False)
class HeartbeatFrame(ControlFrame):
    """A sign of life which goes through the whole pipeline, behind the data.

    Attributes:
        timestamp: When it was sent, in ns of the task's clock.
    """

    timestamp: int


@dataclass(repr=False, eq=False)
class MetricsFrame(SystemFrame):
    """What a processor measured.

    Attributes:
        data: The measurements.
    """

    data: list[MetricsData]
