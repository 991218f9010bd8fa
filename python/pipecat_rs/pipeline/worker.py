"""Tasks: a pipeline while it runs.

`PipelineTask` and `PipelineWorker` are the two names of one class. The frame path and the life
cycle's state machine are native, in `_core.TaskBase`; here is what belongs to Python: set-up and
clean-up of processors, events, observers.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING, Any

from pipecat_rs.clocks.base_clock import BaseClock
from pipecat_rs.clocks.system_clock import SystemClock
from pipecat_rs.exceptions import PipelineError
from pipecat_rs.frames.frames import (
    BotSpeakingFrame,
    EndFrame,
    Frame,
    InterimTranscriptionFrame,
    PipelineFlushFrame,
    StartFrame,
    TranscriptionFrame,
    UserSpeakingFrame,
    UserStartedSpeakingFrame,
)
from pipecat_rs.observers.base_observer import (
    BaseObserver,
)
from pipecat_rs.pipeline.base_pipeline import BasePipeline
from pipecat_rs.pipeline.bus_side import FLUSH_PROGRESS_PERIOD_SECS
from pipecat_rs.pipeline.engine_side import EngineSide
from pipecat_rs.pipeline.observed_path import ObservedPath
from pipecat_rs.pipeline.params import (
    HEARTBEAT_MONITOR_SECS,
    HEARTBEAT_SECS,
    PipelineParams,
    ProcessorUnusablePolicy,
)
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.set_up import SetUp
from pipecat_rs.pipeline.task_metrics import TaskMetrics
from pipecat_rs.pipeline.tear_down import HANGING_TIMEOUT_SECS, LAST_PASSES, TearDown
from pipecat_rs.pipeline.timers import Heartbeats, IdleFrameObserver, IdleTimer
from pipecat_rs.pipeline.worker_observer import WorkerObserver
from pipecat_rs.processors.frame_processor import (
    FrameProcessor,
)
from pipecat_rs.utils.asyncio.task_manager import BaseTaskManager
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


class PipelineWorker(SetUp, TearDown, EngineSide):
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


PipelineTask = PipelineWorker
