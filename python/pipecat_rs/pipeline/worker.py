"""Tasks: a pipeline while it runs.

`PipelineTask` and `PipelineWorker` are the two names of one class. The frame path and the life
cycle's state machine are native, in `_core.TaskBase`; here is what belongs to Python: set-up and
clean-up of processors, events, observers.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs import _core
from pipecat_rs.clocks.base_clock import BaseClock
from pipecat_rs.clocks.system_clock import SystemClock
from pipecat_rs.exceptions import PipelineError
from pipecat_rs.frames.frames import (
    BotSpeakingFrame,
    CancelFrame,
    CancelTaskFrame,
    EndFrame,
    EndTaskFrame,
    ErrorFrame,
    Frame,
    HeartbeatFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    InterruptionTaskFrame,
    MetricsFrame,
    PipelineFlushFrame,
    StartFrame,
    StopFrame,
    StopTaskFrame,
    TranscriptionFrame,
    UserSpeakingFrame,
    UserStartedSpeakingFrame,
)
from pipecat_rs.observers.base_observer import (
    BaseObserver,
    FrameProcessed,
    FramePushed,
    ProcessorSetUp,
)
from pipecat_rs.pipeline.base_pipeline import BasePipeline
from pipecat_rs.pipeline.bus_side import FLUSH_PROGRESS_PERIOD_SECS, BusSide
from pipecat_rs.pipeline.observed_path import ObservedPath
from pipecat_rs.pipeline.params import (
    HEARTBEAT_MONITOR_SECS,
    HEARTBEAT_SECS,
    PipelineParams,
    ProcessorUnusablePolicy,
)
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.snapshot import ProcessorSnapshot, Stall, read_snapshot
from pipecat_rs.pipeline.task_metrics import TaskMetrics
from pipecat_rs.pipeline.timers import Heartbeats, IdleFrameObserver, IdleTimer
from pipecat_rs.pipeline.worker_observer import WorkerObserver
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.utils.asyncio.other_loop import run_on_loop
from pipecat_rs.utils.asyncio.task_manager import BaseTaskManager, TaskManager
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.workers.base_worker import WorkerParams

if TYPE_CHECKING:
    from pipecat_rs.pipeline.capabilities import BotCapabilities
    from pipecat_rs.pipeline.task_tracing import TaskTracing

__all__ = [
    "CANCEL_TIMEOUT_SECS",
    "END_TIMEOUT_SECS",
    "FLUSH_PROGRESS_PERIOD_SECS",
    "HANGING_TIMEOUT_SECS",
    "HEARTBEAT_MONITOR_SECS",
    "HEARTBEAT_SECS",
    "IDLE_TIMEOUT_SECS",
    "LAST_PASSES",
    "MAILBOX_BOUND",
    "SETUP_TIMEOUT_SECS",
    "START_TIMEOUT_SECS",
    "IdleFrameObserver",
    "PipelineParams",
    "PipelineTask",
    "PipelineTaskParams",
    "PipelineWorker",
    "ProcessorUnusablePolicy",
    "WorkerParams",
]

_logger = logging.getLogger(__name__)

MAILBOX_BOUND = 10_000
"""Data frames that may wait in a processor before whoever pushes has to wait."""

CANCEL_TIMEOUT_SECS = 20.0
END_TIMEOUT_SECS = 60.0
SETUP_TIMEOUT_SECS = 20.0
START_TIMEOUT_SECS = 20.0
IDLE_TIMEOUT_SECS = 300.0
HANGING_TIMEOUT_SECS = 1.0
"""How long a callback may take to answer its cancellation before it is abandoned."""
LAST_PASSES = 20
"""Passes of the loop for frames that are on their way when the run is over."""

_ERROR, _HEARTBEAT, _FLUSH = 6, 7, 17
_REQUESTS = {8: EndTaskFrame, 9: StopTaskFrame, 10: CancelTaskFrame, 11: InterruptionTaskFrame}


PipelineTaskParams = WorkerParams


class _Flag:
    """A truth value that can also be called: `task.has_finished` and `task.has_finished()`."""

    __slots__ = ("_value",)

    def __init__(self, value: bool) -> None:
        self._value = value

    def __bool__(self) -> bool:
        return self._value

    def __call__(self) -> bool:
        return self._value

    def __eq__(self, other: object) -> bool:
        return bool(other) == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return repr(self._value)


class PipelineWorker(_core.TaskBase, BusSide):
    """Runs a pipeline: start, frames, end; interruptions, errors, idleness, observers.

    Leaving `run` by any door leaves nothing behind: callbacks are joined or, if they will not end,
    named in the log and abandoned. The end and the cancellation have deadlines.

    Events, each with the task first: `on_pipeline_started` (StartFrame), `on_pipeline_finished`
    (the End, Stop or CancelFrame; exactly once), `on_pipeline_error` (ErrorFrame),
    `on_pipeline_timeout` (the frame that did not arrive), `on_setup_timeout`,
    `on_frame_reached_upstream` and `on_frame_reached_downstream` (frame; see the filters),
    `on_idle_timeout`, `on_heartbeat_timeout`, `on_metrics` (measures; a handler that takes one
    argument gets these), `on_stall` (Stall).
    """

    _declared_events: ClassVar[Mapping[str, bool]] = {
        **BusSide._declared_events,
        "on_frame_reached_upstream": False,
        "on_frame_reached_downstream": False,
        "on_heartbeat_timeout": False,
        "on_idle_timeout": False,
        "on_metrics": False,
        "on_pipeline_started": False,
        "on_pipeline_ended": False,
        "on_pipeline_stopped": False,
        "on_pipeline_cancelled": False,
        "on_pipeline_finished": False,
        "on_pipeline_timeout": False,
        "on_pipeline_error": False,
        "on_setup_timeout": False,
        "on_stall": False,
    }
    _lone_arguments: ClassVar[Mapping[str, int]] = {"on_metrics": 1}

    _enable_tracing: bool = False

    def __init__(
        self,
        pipeline: BasePipeline | FrameProcessor,
        params: PipelineParams | None = None,
        clock: BaseClock | None = None,
        *,
        active: bool = True,
        additional_span_attributes: dict[str, Any] | None = None,
        app_resources: Any = None,
        bridged: tuple[str, ...] | None = None,
        cancel_on_idle_timeout: bool = True,
        cancel_runner_on_idle_timeout: bool = True,
        cancel_timeout_secs: float = CANCEL_TIMEOUT_SECS,
        capabilities: BotCapabilities | None = None,
        check_dangling_tasks: bool = True,
        conversation_id: str | None = None,
        enable_tracing: bool = False,
        enable_turn_tracking: bool = True,
        enable_rtvi: bool | None = None,
        end_timeout_secs: float = END_TIMEOUT_SECS,
        exclude_frames: tuple[type[Frame], ...] | None = None,
        handle_flush_frame: bool | None = None,
        idle_timeout_frames: tuple[type[Frame], ...] = (
            BotSpeakingFrame,
            InterimTranscriptionFrame,
            TranscriptionFrame,
            UserSpeakingFrame,
            UserStartedSpeakingFrame,
        ),
        idle_timeout_secs: float | None = IDLE_TIMEOUT_SECS,
        mailbox_bound: int = MAILBOX_BOUND,
        name: str | None = None,
        observers: list[BaseObserver] | None = None,
        processor_unusable_policy: ProcessorUnusablePolicy = ProcessorUnusablePolicy.CONTINUE,
        setup_timeout_secs: float = SETUP_TIMEOUT_SECS,
        start_timeout_secs: float = START_TIMEOUT_SECS,
        task_manager: BaseTaskManager | None = None,
        tool_resources: Any = None,
        **kwargs: Any,
    ) -> None:
        """Make a task.

        Args:
            pipeline: What to run.
            params: Configuration.
            clock: Clock of frames with a time; the system's by default.
            active: Whether it begins active.
            additional_span_attributes: Attributes of the conversation's span.
            app_resources: Anything the application wants to reach from its processors; passed by
                reference.
            bridged: Whether its pipeline exchanges frames with those of other workers: with all
                for ``()``, over bridges of these names, or with none for None.
            cancel_on_idle_timeout: Whether an idle task cancels itself.
            cancel_runner_on_idle_timeout: Whether it then cancels its runner too.
            cancel_timeout_secs: Longest time that a cancellation may take, in seconds.
            capabilities: What the bot does, as far as its pipeline does not show it.
            check_dangling_tasks: Whether tasks that are left at the end are warned of.
            conversation_id: Identifier of the conversation.
            enable_tracing: Whether spans are recorded (extra ``tracing``).
            enable_turn_tracking: Whether turns are tracked.
            enable_rtvi: Accepted as pipecat has it; no RTVI processor is added.
            end_timeout_secs: Longest time of an orderly end in which no frame moves, in seconds.
            exclude_frames: Classes of frames that a bridged pipeline keeps for itself.
            handle_flush_frame: Whether flush probes turn back at its ends; None for yes, unless it
                is bridged.
            idle_timeout_frames: Frames that show that the task is not idle.
            idle_timeout_secs: Time without them that makes it idle, in seconds; None for never.
            mailbox_bound: Data frames that may wait in a processor before pushing has to wait.
            name: Its name, or None for class name, ``#`` and a number.
            observers: Observers.
            processor_unusable_policy: What to do when a processor can no longer do its job.
            setup_timeout_secs: Longest time for the set-up of all processors, in seconds.
            start_timeout_secs: Longest time of the start frame's way to the sink, in seconds.
            task_manager: What makes and watches asyncio tasks.
            tool_resources: Deprecated name of `app_resources`.
            **kwargs: Ignored arguments of pipecat's that have no meaning here.
        """
        super().__init__(name=name, active=active)
        if not isinstance(pipeline, FrameProcessor):
            raise TypeError(
                f"{self}: a task runs a Pipeline, not {pipeline!r}. "
                "Write PipelineTask(Pipeline([...]))."
            )
        self._pipeline = pipeline if isinstance(pipeline, BasePipeline) else Pipeline([pipeline])
        if bridged is not None:
            self._bridged = bridged
            self._pipeline = self._between_edges(self._pipeline, exclude_frames)
        if bridged is not None or handle_flush_frame is not None:
            self._handles_flush = bool(handle_flush_frame)
        self._params = params or PipelineParams()
        self._clock = clock or SystemClock()
        self._app_resources = app_resources if app_resources is not None else tool_resources
        self._conversation_id = conversation_id
        self._additional_span_attributes = additional_span_attributes or {}
        self._capabilities = capabilities
        self._cancel_on_idle_timeout = cancel_on_idle_timeout
        self._cancel_runner_on_idle_timeout = cancel_runner_on_idle_timeout
        self._cancel_timeout_secs = cancel_timeout_secs
        self._check_dangling_tasks = check_dangling_tasks
        self._idle_timeout_frames = tuple(idle_timeout_frames)
        self._mailbox_bound = mailbox_bound
        self._policy = processor_unusable_policy
        self._given_task_manager = task_manager
        self._uuid: str | None = None
        self._limits(setup_timeout_secs, start_timeout_secs, end_timeout_secs, cancel_timeout_secs)
        self._turn_tracking_observer = self._make_turn_tracking() if enable_turn_tracking else None
        own = [self._turn_tracking_observer] if self._turn_tracking_observer else []
        self._tracing = self._make_tracing() if enable_tracing else None
        if self._tracing is not None:
            own += self._tracing.observers
        self._observer = WorkerObserver(observers=[*(observers or []), *own])
        self._idle = IdleTimer(idle_timeout_secs, self._went_idle) if idle_timeout_secs else None
        self._heartbeats: Heartbeats | None = None
        self._metrics = TaskMetrics()
        self._reached: tuple[tuple[type[Frame], ...], tuple[type[Frame], ...]] = ((), ())
        self._unusable: set[FrameProcessor] = set()
        self._is_listened_to = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Future[None] | None = None
        self._seated: list[tuple[str, FrameProcessor | None]] = []
        self._observed_path = ObservedPath(self, self._pipeline)
        self._edges: tuple[FrameProcessor, FrameProcessor] = (self._pipeline, self._pipeline)
        self._setting_up: list[asyncio.Task[None]] = []
        self._start_frame: StartFrame | None = None
        self._last_frame: Frame | None = None
        self._cancel_reason: str | None = None
        self._running = False
        self._finished = False
        self._flushing: dict[int, PipelineFlushFrame] = {}
        self._abandoned: list[str] = []

    @staticmethod
    def _make_turn_tracking() -> Any:
        from pipecat_rs.observers.turn_tracking_observer import TurnTrackingObserver

        return TurnTrackingObserver()

    def _make_tracing(self) -> TaskTracing | None:
        from pipecat_rs.utils.tracing.setup import is_tracing_available

        self._enable_tracing = is_tracing_available()
        if not self._enable_tracing:
            _logger.warning('%s: is not traced: pip install "pipecat-rs[tracing]"', self)
        if not self._enable_tracing or self._turn_tracking_observer is None:
            return None
        from pipecat_rs.pipeline.task_tracing import TaskTracing

        return TaskTracing(
            self._turn_tracking_observer, self._conversation_id, self._additional_span_attributes
        )

    # ---- what it is

    @property
    def id(self) -> str:  # type: ignore[override]
        """Unique identifier of the task."""
        if self._uuid is None:
            self._uuid = uuid.uuid4().hex
        return self._uuid

    @property
    def params(self) -> PipelineParams:
        """The configuration."""
        return self._params

    @property
    def clock(self) -> BaseClock:
        """The clock."""
        return self._clock

    @property
    def pipeline(self) -> BasePipeline:
        """The pipeline."""
        return self._pipeline

    @property
    def app_resources(self) -> Any:
        """What the application shares with its processors."""
        return self._app_resources

    @property
    def turn_tracking_observer(self) -> Any:
        """The observer that tracks turns, if that is on."""
        return self._turn_tracking_observer

    @property
    def turn_trace_observer(self) -> Any:
        """The observer that records turns as spans, if the task is traced."""
        return self._tracing.turn_trace_observer if self._tracing is not None else None

    @property
    def capabilities(self) -> BotCapabilities:
        """What the bot does: by its transports and parameters, and what it was given itself."""
        from pipecat_rs.pipeline.capabilities import BotCapabilities

        found = BotCapabilities(metrics=self._params.enable_metrics)
        for processor in self._iter_processors(self._pipeline):
            own = getattr(processor, "capabilities", None)
            if isinstance(own, BotCapabilities):
                found = found.combine(own)
        return found.override(self._capabilities or BotCapabilities())

    @property
    def has_finished(self) -> Any:
        """Whether the run is over; also as `has_finished()`."""
        return _Flag(self._finished)

    def snapshot(self) -> list[ProcessorSnapshot]:
        """Return who holds which frame for how long. May be called from any thread."""
        return read_snapshot(self._snapshot())

    def get_metrics(self) -> dict[str, Any]:
        """Return engine figures and the newest measures of each processor."""
        steps, hops, processed = self._figures()
        if steps:
            self._metrics.engine = {"steps": steps, "hops": hops, "frames_processed": processed}
        return self._metrics.as_dict()

    def leak_report(self) -> list[str]:
        """Return what a finished task has left behind: nothing, unless user code would not end."""
        left = [f"callback of {name}" for name in self._abandoned]
        if self._task_manager is not None:
            left += [f"task {task.get_name()}" for task in self._task_manager.current_tasks()]
        return left

    # ---- observers and filters

    def add_observer(self, observer: BaseObserver) -> None:
        """Add an observer, before or while the task runs."""
        self._observer.add_observer(observer)
        self._update_taps()

    async def remove_observer(self, observer: BaseObserver) -> None:
        """Remove an observer: it hears nothing more."""
        await self._observer.remove_observer(observer)
        self._update_taps()

    @property
    def reached_downstream_types(self) -> tuple[type[Frame], ...]:
        """Classes that `on_frame_reached_downstream` is called for."""
        return self._reached[0]

    @property
    def reached_upstream_types(self) -> tuple[type[Frame], ...]:
        """Classes that `on_frame_reached_upstream` is called for."""
        return self._reached[1]

    def set_reached_downstream_filter(self, types: Iterable[type[Frame]]) -> None:
        """Set the classes that `on_frame_reached_downstream` is called for."""
        self._set_reached(tuple(types), self._reached[1])

    def set_reached_upstream_filter(self, types: Iterable[type[Frame]]) -> None:
        """Set the classes that `on_frame_reached_upstream` is called for."""
        self._set_reached(self._reached[0], tuple(types))

    def add_reached_downstream_filter(self, types: Iterable[type[Frame]]) -> None:
        """Add classes that `on_frame_reached_downstream` is called for."""
        self._set_reached((*self._reached[0], *types), self._reached[1])

    def add_reached_upstream_filter(self, types: Iterable[type[Frame]]) -> None:
        """Add classes that `on_frame_reached_upstream` is called for."""
        self._set_reached(self._reached[0], (*self._reached[1], *types))

    def _set_reached(self, down: tuple[type[Frame], ...], up: tuple[type[Frame], ...]) -> None:
        self._reached = (tuple(dict.fromkeys(down)), tuple(dict.fromkeys(up)))
        self._report_reached(*self._reached)

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

    # ---- frames

    async def queue_frame(  # pyright: ignore[reportIncompatibleMethodOverride] - None is native
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Queue a frame behind those before it.

        Before the start it is kept, after the end it is dropped.

        Args:
            frame: The frame.
            direction: Downstream from the pipeline's beginning, or upstream from its end.

        Raises:
            TypeError: If it is no frame.
        """
        raise NotImplementedError  # the native method stands in for this body

    async def queue_frames(
        self,
        frames: Iterable[Frame] | AsyncIterable[Frame],
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
    ) -> None:
        """Queue frames behind those before them.

        Args:
            frames: The frames; a list, any iterable or an async iterable.
            direction: Downstream from the pipeline's beginning, or upstream from its end.
        """
        if isinstance(frames, AsyncIterable):
            async for frame in frames:
                await self.queue_frame(frame, direction)
        elif isinstance(frames, (list, tuple)) and len(frames) <= self._mailbox_bound:
            await self._queue_all(frames, direction)
        else:
            for frame in frames:
                await self.queue_frame(frame, direction)

    async def _queue_from_thread(self, frame: Frame, direction: FrameDirection | None) -> None:
        """Queue a frame for a caller on another thread."""
        direction = direction or FrameDirection.DOWNSTREAM
        if asyncio.get_running_loop() is self._loop:
            await self.queue_frame(frame, direction)
        elif self._loop is not None:
            queueing = self._queue_from_thread(frame, direction)
            await run_on_loop(self._loop, queueing, f"queue_frame of {self} from another thread")

    def _refused(self, frame: Frame) -> None:
        _logger.debug("%s: %s came after the end and is dropped", self, frame)

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

    # ---- the end

    async def stop_when_done(self) -> None:
        """End when everything queued so far has been processed."""
        await self.queue_frame(EndFrame())

    async def cancel(self, *, reason: str | None = None) -> None:
        """End at once: what is queued is lost. Works in any state; a second call does nothing."""
        if self._finished or self._state in ("cancelling", "finished"):
            return
        self._cancel_reason = reason
        self._cancel()
        if not self._running:
            self._finished = True

    # ---- the run

    async def run(self, params: WorkerParams | None = None) -> None:
        """Run the pipeline until an end, stop or cancel frame has gone through.

        Cancelling whoever awaits this cancels the pipeline.

        Args:
            params: Accepted as pipecat has it; a task needs nothing from its runner.

        Raises:
            PipelineError: If it runs already.
            ProcessorInUseError: If a processor belongs to another running task.
        """
        if self._finished:
            return
        if self._running:
            raise PipelineError(
                f"{self} runs already", hint="await the first run(), or make a second task"
            )
        self._running = True
        self._loop = asyncio.get_running_loop()
        self._done = self._loop.create_future()
        opened = False
        try:
            await self._open_up(params)
            opened = True
            await self._wait_until_done()
        finally:
            # In a task of its own: whoever awaits the run may be cancelled again meanwhile.
            closing = asyncio.create_task(self._close_down(opened), name=f"{self}::closing")
            try:
                await _to_its_end(closing)
            finally:
                self._finished = True

    async def _wait_until_done(self) -> None:
        assert self._done is not None
        try:
            await asyncio.shield(self._done)
        except asyncio.CancelledError:
            if self._done.cancelled():
                raise
            # Cancelled from outside: the pipeline is cancelled in turn, within its deadline.
            await self.cancel(reason="cancelled from outside")
            await _to_its_end(self._done)
            raise

    async def _open_up(self, params: WorkerParams | None) -> None:
        assert self._loop is not None
        self._clock.start()
        # One of its own, so that what its processors started can be told from other tasks'.
        manager = self._given_task_manager or TaskManager()
        await BaseObject.setup(self, manager)
        await self._run_setup_files()
        self._open(self._loop, self._pipeline._layout(), self._mailbox_bound)
        self._seated = self._nodes_of_graph()
        entry, exit_ = self._edge_nodes()
        self._edges = (self._at(entry), self._at(exit_))
        await self._observer.setup(manager)
        self._update_taps()
        self._report_reached(*self._reached)
        self._begin_set_up(manager)
        frame = StartFrame(
            audio_in_sample_rate=self._params.audio_in_sample_rate,
            audio_out_sample_rate=self._params.audio_out_sample_rate,
            enable_metrics=self._params.enable_metrics,
            enable_tracing=self._enable_tracing,
            enable_usage_metrics=self._params.enable_usage_metrics,
            report_only_initial_ttfb=self._params.report_only_initial_ttfb,
            tracing_context=self._tracing.context if self._tracing is not None else None,
        )
        if self._params.start_metadata:
            frame.metadata.update(self._params.start_metadata)
        self._start_frame = frame
        self._begin(frame)
        if not self._setting_up:
            self._all_set_up()

    def _nodes_of_graph(self) -> list[tuple[str, FrameProcessor | None]]:
        named = {str(p): p for p in self._iter_processors(self._pipeline)}
        nodes: list[tuple[str, FrameProcessor | None]] = []
        for name, processor in super()._nodes():
            # A native node is a processor's own, or one end of a compound.
            nodes.append(
                (name, processor or named.get(name) or named.get(name.rpartition("::")[0]))
            )
        return nodes

    def _at(self, node: int | None) -> FrameProcessor:
        processor = self._seated[node][1] if node is not None else None
        return processor if processor is not None else self._pipeline

    def _begin_set_up(self, manager: BaseTaskManager) -> None:
        setup = FrameProcessorSetup(
            clock=self._clock,
            task_manager=manager,
            pipeline_worker=self,  # type: ignore[arg-type]
            audio_in_sample_rate=self._params.audio_in_sample_rate,
            audio_out_sample_rate=self._params.audio_out_sample_rate,
            enable_metrics=self._params.enable_metrics,
            enable_tracing=self._enable_tracing,
            enable_usage_metrics=self._params.enable_usage_metrics,
            observer=self._observer,
            report_only_initial_ttfb=self._params.report_only_initial_ttfb,
            tracing_context=self._tracing.context if self._tracing is not None else None,
            tool_resources=self._app_resources,
        )
        for processor in self._iter_processors(self._pipeline):
            if type(processor).setup is FrameProcessor.setup and processor._collector is None:
                # Nothing of its own to wait for: no coroutine, no task.
                processor._task_manager = manager
                processor._setup = setup
                processor._is_set_up = True
                processor._cancelling = False
                now = time.monotonic_ns()
                self._observer.processor_set_up(ProcessorSetUp(processor, now, now))
                continue
            processor._setup_started()
            self._setting_up.append(
                self.create_task(self._set_one_up(processor, setup), f"setup of {processor}")
            )

    async def _set_one_up(self, processor: FrameProcessor, setup: FrameProcessorSetup) -> None:
        begun = time.monotonic_ns()
        task = asyncio.current_task()
        try:
            await processor.setup(setup)
        except Exception as error:
            # The rest go on; this one is of no use.
            if processor._setup is None:
                await FrameProcessor.setup(processor, setup)
            await processor.push_error(
                f"Error setting up: {error}", exception=error, force_treat_as_permanent=True
            )
        self._observer.processor_set_up(ProcessorSetUp(processor, begun, time.monotonic_ns()))
        processor._setup_finished()
        if task in self._setting_up:
            self._setting_up.remove(task)
        if not self._setting_up:
            self._all_set_up()

    async def _close_down(self, opened: bool) -> None:
        """Join everything that the run has started, within bounded time."""
        if self._idle:
            self._idle.stop()
        if self._heartbeats:
            self._heartbeats.stop()
        try:
            await self._leave_bus()
            for task in list(self._setting_up):
                await self.cancel_task(task)
            self._setting_up.clear()
            if opened:
                await self._join_callbacks()
                await self._shut_mailboxes()
            if not isinstance(self._last_frame, StopFrame):
                await self._bounded(self._pipeline.cleanup(), "processors")
            if opened:
                await self._bounded(self._observer.cleanup(), "observers")
            if self._tracing is not None:
                self._tracing.turn_trace_observer.end_conversation_tracing()
            await self._bounded(BaseObject.cleanup(self), "event handlers")
            if opened:
                await self._join_callbacks()  # those that have begun during the clean-up
        finally:
            if self._figures()[0]:
                self.get_metrics()
            self._close()
            self._seated = []
        await self._end_dangling_tasks()

    async def _shut_mailboxes(self) -> None:
        """Process what is on its way; what clean-up pushes finds neighbours that are gone."""
        for _ in range(LAST_PASSES):
            if not self._has_waiting():
                break
            await asyncio.sleep(0)
        self._shut()

    async def _join_callbacks(self) -> None:
        asked: set[FrameProcessor] = set()
        assert self._loop is not None
        until = self._loop.time() + HANGING_TIMEOUT_SECS
        again_at = until - HANGING_TIMEOUT_SECS / 2
        pause = 0.0
        while (hanging := self._not_abandoned()) and self._loop.time() < until:
            if self._loop.time() >= again_at:  # one that ended may have made way for the next
                again_at = until
                asked.clear()
            if not asked.issuperset(hanging):  # others have begun meanwhile
                self._cancel_hanging()
                asked.update(hanging)
            await asyncio.sleep(pause)  # no event: what is waited for is user code
            pause = min(pause + 0.001, 0.02)
        left = [str(processor) for processor in hanging]
        self._abandoned += left
        for name in left:
            _logger.error(
                "%s: a callback of %s swallows its cancellation and is abandoned. "
                "Let CancelledError through.",
                self,
                name,
            )

    def _not_abandoned(self) -> list[FrameProcessor]:
        return [p for p in self._hanging() if str(p) not in self._abandoned]

    async def _bounded(self, coroutine: Any, what: str) -> None:
        task = asyncio.create_task(coroutine)
        done, _ = await asyncio.wait([task], timeout=self._cancel_timeout_secs)
        if not done:
            _logger.error("%s: waiting for %s took too long, going on", self, what)
            task.cancel()
            await asyncio.wait([task], timeout=HANGING_TIMEOUT_SECS)
        elif task.exception():
            _logger.error("%s: clean-up of %s failed", self, what, exc_info=task.exception())

    async def _end_dangling_tasks(self) -> None:
        """Cancel what processors have started and not ended themselves."""
        if self._given_task_manager is not None or self._task_manager is None:
            return
        current = asyncio.current_task()
        left = [task for task in self._task_manager.current_tasks() if task is not current]
        if not left:
            return
        if self._check_dangling_tasks:
            names = [task.get_name() for task in left]
            _logger.warning("%s: tasks left at the end are cancelled: %s", self, names)
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=HANGING_TIMEOUT_SECS)

    # ---- what the engine reports

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

    def _give_up_flushes(self) -> None:
        for flush_id, probe in list(self._flushing.items()):
            if probe.event is not None and not probe.event.is_set():
                del self._flushing[flush_id]
                probe.event.set()

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

    def _fire(self, event: str, *args: Any) -> None:
        """Call an event's handlers, each in a task."""
        if self._has_event_handlers(event):
            calling = self._call_event_handler(event, *args)
            # No handler is awaited in place, so this ends at its first step.
            try:
                calling.send(None)
            except StopIteration:
                pass
            else:
                raise RuntimeError(f"event {event} must not wait")

    def _ends_with(self, frame: Frame) -> None:
        """Called with the terminal frame that is let in."""
        self._last_frame = frame

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

    def _queue_now(self, frame: Frame) -> None:
        """Queue a frame from a place that cannot await; the frame is queued in the call."""
        if type(self).queue_frame is PipelineWorker.queue_frame:
            self._queue(frame)
        else:
            self.create_task(self.queue_frame(frame), "queue_frame")  # a subclass has a say

    def _queue(self, frame: Frame) -> None:
        _acts_when_called = _core.TaskBase.queue_frame(self, frame)

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

    # ---- what observers hear

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

    def _task_ends(self) -> tuple[FrameProcessor, FrameProcessor]:
        return self._observed_path.task_ends

    # ---- members

    def _iter_processors(self, processor: FrameProcessor) -> Iterator[FrameProcessor]:
        yield processor
        for member in processor.processors:
            yield from self._iter_processors(member)

    def _leaves(self) -> Iterator[FrameProcessor]:
        return (p for p in self._iter_processors(self._pipeline) if not p.processors)


async def _to_its_end(future: asyncio.Future[None]) -> None:
    """Await what is bound to end soon, also if the one who awaits it is cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:
            break  # the future's own: raised below
    if cancelled is not None and not future.cancelled():
        raise cancelled
    future.result()


PipelineWorker.queue_frame = _core._coroutine_method(  # type: ignore[method-assign]
    PipelineWorker.queue_frame, _core.TaskBase.queue_frame
)

PipelineTask = PipelineWorker
