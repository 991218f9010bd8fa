"""The base class of all frame processors.

What runs for each frame (`push_frame`, `queue_frame`, the base `process_frame`) is native, in
`_core.ProcessorBase`. Here is what users read and override: identity, links, errors, pauses,
events, set-up.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs import _core
from pipecat_rs.audio.vad.events import VoiceActivityFrame
from pipecat_rs.exceptions import ProcessorNotSetUpError
from pipecat_rs.frames import base, classification
from pipecat_rs.frames.frames import (
    CancelFrame,
    ErrorFrame,
    Frame,
    FrameProcessorPauseFrame,
    FrameProcessorPauseUrgentFrame,
    FrameProcessorResumeFrame,
    FrameProcessorResumeUrgentFrame,
    InterruptionFrame,
)
from pipecat_rs.frames.native import NATIVE_FRAMES
from pipecat_rs.processors.interest import (
    declared_interest,
    handles,
    marked_methods,
    process_marked,
)
from pipecat_rs.processors.processor_metrics import ProcessorMetrics
from pipecat_rs.utils.asyncio.other_loop import run_on_loop
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.utils.errors import ErrorCategory, classify_http_exception

if TYPE_CHECKING:
    from pipecat_rs.clocks.base_clock import BaseClock
    from pipecat_rs.observers.base_observer import BaseObserver
    from pipecat_rs.pipeline.worker import PipelineWorker
    from pipecat_rs.processors.metrics.frame_processor_metrics import FrameProcessorMetrics
    from pipecat_rs.utils.asyncio.task_manager import BaseTaskManager

__all__ = [
    "PAUSE_LEASE_SECS",
    "PAUSE_UNTIL_READY_TIMEOUT_SECS",
    "FrameCallback",
    "FrameDirection",
    "FrameProcessor",
    "FrameProcessorSetup",
    "handles",
]

_logger = logging.getLogger(__name__)

PAUSE_UNTIL_READY_TIMEOUT_SECS = 5.0
"""How long frames are held for a condition before they go on all the same."""

PAUSE_LEASE_SECS = 120.0
"""How long a pause lasts at most: whoever set it may be gone."""


class FrameDirection(Enum):
    """Which way a frame travels.

    Attributes:
        DOWNSTREAM: From input to output.
        UPSTREAM: From output back to input.
    """

    DOWNSTREAM = 1
    UPSTREAM = 2


_core._configure(  # pyright: ignore[reportPrivateUsage]
    classification.engine_bits,
    FrameDirection.DOWNSTREAM,
    FrameDirection.UPSTREAM,
    {frame_type.__name__: frame_type for frame_type in (*NATIVE_FRAMES, VoiceActivityFrame)},
)

base.own_word_listeners.append(_core._mark_own_words)  # pyright: ignore[reportPrivateUsage]

FrameCallback = Callable[["FrameProcessor", Frame, FrameDirection], Awaitable[None]]


@dataclass
class FrameProcessorSetup:
    """What a processor is given before it starts.

    Attributes:
        clock: The task's clock.
        task_manager: What makes and watches asyncio tasks.
        pipeline_worker: The task that runs the processor.
        audio_in_sample_rate: Input audio, in Hz.
        audio_out_sample_rate: Output audio, in Hz.
        enable_metrics: Whether performance is measured.
        enable_tracing: Whether spans are recorded.
        enable_usage_metrics: Whether usage is counted.
        observer: The observer of the task, if there is one.
        report_only_initial_ttfb: Whether only the first time to first byte is reported.
        tracing_context: Context of spans.
        tool_resources: The application's resources; deprecated in pipecat 1.2.
    """

    clock: BaseClock
    task_manager: BaseTaskManager
    pipeline_worker: PipelineWorker
    audio_in_sample_rate: int = 16000
    audio_out_sample_rate: int = 24000
    enable_metrics: bool = False
    enable_tracing: bool = False
    enable_usage_metrics: bool = False
    observer: BaseObserver | None = None
    report_only_initial_ttfb: bool = False
    tracing_context: Any = None
    tool_resources: Any = None


_PROCESS_EVENTS = frozenset({"on_before_process_frame", "on_after_process_frame"})
_PUSH_EVENTS = frozenset({"on_before_push_frame", "on_after_push_frame"})


class FrameProcessor(_core.ProcessorBase, ProcessorMetrics, BaseObject):
    """A node of a pipeline: takes frames, processes them, pushes frames on.

    Subclasses override `process_frame`, call the base one first, and push what should go on.
    System frames are processed ahead of others, also while a data frame is being processed; data
    and control frames are processed one after another, in order. An exception becomes an
    ErrorFrame upstream and the next frame is processed.

    A class may declare `handles`: frames of other classes are then routed past it.

    Events: `on_before_process_frame`, `on_after_process_frame`, `on_before_push_frame`,
    `on_after_push_frame` (with the frame) and `on_error` (with the ErrorFrame) are awaited in
    place; `on_usable_changed` (with the new value of `is_usable`) runs beside.
    """

    if TYPE_CHECKING:
        # The native methods as pipecat declares them: overrides are checked against these.
        async def push_frame(  # pyright: ignore[reportIncompatibleMethodOverride]
            self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
        ) -> None: ...
        async def queue_frame(  # pyright: ignore[reportIncompatibleMethodOverride]
            self,
            frame: Frame,
            direction: FrameDirection = FrameDirection.DOWNSTREAM,
            callback: FrameCallback | None = None,
        ) -> None: ...
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None: ...

    handles: ClassVar[tuple[type[Frame], ...] | None] = None
    _marked_methods: ClassVar[dict[type[Frame], str]] = {}

    _declared_events: ClassVar[Mapping[str, bool]] = {
        "on_before_process_frame": True,
        "on_after_process_frame": True,
        "on_before_push_frame": True,
        "on_after_push_frame": True,
        "on_error": True,
        "on_usable_changed": False,
    }

    _speaks: ClassVar[bool] = False
    """Whether it gives answers a voice: a text-to-speech service, or an output of audio."""
    _is_end: ClassVar[bool] = False
    """Whether it takes frames out of the pipeline or watches them, and does nothing else."""

    # Class-level, so that a subclass which never calls super().__init__() works too.
    _name: str = ""
    _id: int = 0
    _next: FrameProcessor | None = None
    _prev: FrameProcessor | None = None
    _enable_direct_mode: bool = False
    _setup: FrameProcessorSetup | None = None
    _is_set_up: bool = False
    _cancelling: bool = False
    _is_usable: bool = True
    _pause_watcher: asyncio.Task[None] | None = None
    _pause_timers: dict[bool, asyncio.TimerHandle] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = cls.__dict__.get("_declared_events")
        if declared is not None:
            # A class names its own events; those of its bases stay.
            merged: dict[str, bool] = {}
            for base in reversed(cls.__mro__):
                merged.update(base.__dict__.get("_declared_events", {}))
            cls._declared_events = merged
        cls._interrupts_plainly = (
            cls._start_interruption is FrameProcessor._start_interruption
            and cls.stop_all_metrics is ProcessorMetrics.stop_all_metrics
            and cls._process_control is FrameProcessor._process_control
        )
        marked = marked_methods(cls)
        if marked:
            cls._marked_methods = marked
            if cls.process_frame is FrameProcessor.process_frame:
                cls.process_frame = process_marked  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        name: str | None = None,
        enable_direct_mode: bool = False,
        metrics: FrameProcessorMetrics | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a processor.

        Args:
            name: Its name, or None for class name, ``#`` and a number.
            enable_direct_mode: Process each frame inside the caller's await, without a mailbox.
            metrics: What collects its measures, or None for the default.
            **kwargs: For the other base classes.
        """
        super().__init__(name=name, **kwargs)
        if enable_direct_mode:
            self._enable_direct_mode = True
        if metrics is not None:
            self._adopt_metrics(metrics)

    @property
    def name(self) -> str:
        """The processor's name."""
        if not self._name:
            BaseObject.__init__(self)
        return self._name

    # ---- links

    @property
    def processors(self) -> list[FrameProcessor]:
        """The processors inside; none in a simple processor."""
        return []

    @property
    def entry_processors(self) -> list[FrameProcessor]:
        """The first processors inside; none in a simple processor."""
        return []

    @property
    def next(self) -> FrameProcessor | None:
        """The next processor downstream, or None."""
        return self._next

    @property
    def previous(self) -> FrameProcessor | None:
        """The next processor upstream, or None."""
        return self._prev

    def link(self, processor: FrameProcessor) -> None:
        """Link this processor to the next one downstream."""
        self._next = processor
        processor._prev = self

    def processors_with_metrics(self) -> list[FrameProcessor]:
        """Return the processors inside that can measure themselves."""
        return []

    def _layout(self) -> tuple[Any, ...]:
        """Describe this part of a pipeline to the engine."""
        return ("processor", self, declared_interest(type(self)))

    # ---- set-up

    @property
    def processor_setup(self) -> FrameProcessorSetup:
        """What `setup` was given.

        Raises:
            ProcessorNotSetUpError: Before `setup`.
        """
        if self._setup is None:
            raise ProcessorNotSetUpError(
                f"{self} is still not set up",
                processor=self,
                hint="use it once its pipeline runs, or await its setup() first",
            )
        return self._setup

    @property
    def pipeline_worker(self) -> PipelineWorker:
        """The task that runs this processor."""
        return self.processor_setup.pipeline_worker

    @property
    def pipeline_task(self) -> PipelineWorker:
        """The task that runs this processor; the name of pipecat 0.0.x."""
        return self.processor_setup.pipeline_worker

    @property
    def worker_runner(self) -> Any:
        """The runner of the task that runs this processor."""
        return self.pipeline_worker.worker_runner

    @property
    def interruptions_allowed(self) -> bool:
        """Whether the user's speech interrupts the bot: `PipelineParams.allow_interruptions`."""
        return self._setup is None or self._setup.pipeline_worker.params.allow_interruptions

    def get_clock(self) -> BaseClock:
        """Return the task's clock."""
        return self.processor_setup.clock

    def get_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that this processor runs on."""
        return self.task_manager.get_event_loop()

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Connect and do other slow work before the start; runs beside that of other processors.

        Args:
            setup: What the task gives to its processors.
        """
        await BaseObject.setup(self, setup.task_manager)
        self._setup = setup
        self._is_set_up = True
        self._cancelling = False
        if self._collector is not None:
            await self._collector.setup(self.task_manager)

    async def cleanup(self) -> None:
        """Release what was set up; runs beside that of other processors."""
        await BaseObject.cleanup(self)
        await self._cancel_pause_watcher()
        self._drop_pauses()
        if self._collector is not None:
            await self._collector.cleanup()

    def _setup_started(self) -> None:
        self._set_up(False)

    def _setup_finished(self) -> None:
        self._set_up(True)

    # ---- frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Process a frame. Overrides call this first, then push what should go on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        raise NotImplementedError  # the native method stands in for this body

    async def push_frame(  # pyright: ignore[reportIncompatibleMethodOverride] - None is native
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push a frame to the neighbour. Acts when called; waits only if its mailbox is full.

        On another thread than the loop's it acts when the loop runs it, as
        `asyncio.run_coroutine_threadsafe` does.

        Args:
            frame: The frame.
            direction: Which way. Without a neighbour there, the frame is dropped.

        Raises:
            TypeError: If it is no frame.
        """
        raise NotImplementedError

    async def queue_frame(  # pyright: ignore[reportIncompatibleMethodOverride] - None is native
        self,
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
        callback: FrameCallback | None = None,
    ) -> None:
        """Put a frame into this processor's own mailbox.

        Args:
            frame: The frame.
            direction: Which way it travels.
            callback: Awaited with processor, frame and direction after the frame was processed.

        Raises:
            TypeError: If it is no frame.
        """
        raise NotImplementedError

    async def _process_hooked(self, item: Any, direction: FrameDirection) -> None:
        """Process a frame with the events around it, and the callback it was queued with."""
        frame, callback = item, None
        if isinstance(item, _core.QueuedFrame):
            frame, callback = item.frame, item.callback
        await self._call_event_handler("on_before_process_frame", frame)
        await self.process_frame(frame, direction)
        if callback is not None:
            await callback(self, frame, direction)
        await self._call_event_handler("on_after_process_frame", frame)

    async def _push_hooked(self, frame: Frame, direction: FrameDirection) -> None:
        await self._call_event_handler("on_before_push_frame", frame)
        await self._push_frame(frame, direction)
        await self._call_event_handler("on_after_push_frame", frame)

    async def _push_unplaced(self, frame: Frame, direction: FrameDirection) -> None:
        """Push outside of a running task: to the linked neighbour, if there is one."""
        neighbour = self._next if direction is FrameDirection.DOWNSTREAM else self._prev
        if neighbour is not None:
            await neighbour.queue_frame(frame, direction)

    async def _push_from_thread(self, frame: Frame, direction: FrameDirection) -> None:
        """Push for a caller on another thread than the loop's."""
        await self._on_home_loop(self.push_frame, frame, direction)

    async def _queue_from_thread(
        self, frame: Frame, direction: FrameDirection, callback: FrameCallback | None
    ) -> None:
        """Queue a frame for a caller on another thread than the loop's."""
        await self._on_home_loop(self.queue_frame, frame, direction, callback)

    async def _on_home_loop(self, method: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        home = self._home_loop()
        if home is None or home is asyncio.get_running_loop():
            await method(*arguments)
        else:
            acting = self._on_home_loop(method, *arguments)
            await run_on_loop(home, acting, f"{method.__name__} of {self} from another thread")

    async def _process_direct(
        self, frame: Frame, direction: FrameDirection, source: FrameProcessor
    ) -> None:
        """Process a frame inside the await of the one that pushes it."""
        if self._cancelling:
            return
        if self._setup is not None and self._setup.pipeline_worker._is_listened_to:
            self._setup.pipeline_worker._direct_hop(source, self, frame, direction)
        try:
            if self._event_handlers is None:
                await self.process_frame(frame, direction)
            else:
                await self._process_hooked(frame, direction)
        except Exception as error:
            await self._process_failed(frame, error)

    def _process_observed(self, frame: Frame, direction: FrameDirection) -> None:
        if self._setup is not None:
            self._setup.pipeline_worker._processed(self, frame, direction)

    async def _process_failed(self, item: Any, error: BaseException) -> None:
        """Report an exception of `process_frame` as an ErrorFrame."""
        frame = item.frame if isinstance(item, _core.QueuedFrame) else item
        if not isinstance(error, Exception):
            # Of BaseExceptions only cancellation is expected, and the engine keeps that to itself.
            error = RuntimeError(f"{type(error).__name__} raised while processing {frame}")
        _logger.debug("%s: process_frame(%s) raised", self, frame, exc_info=error)
        await self.push_error(
            error_msg=f"Error processing frame: {_text_of(error)}",
            exception=error,
            category=ErrorCategory.UNKNOWN,
        )

    async def _process_control(self, frame: Frame, direction: FrameDirection) -> None:
        """Do what frames ask of the processor itself; the engine has done its part already."""
        if isinstance(frame, InterruptionFrame):
            await self._start_interruption()
            await self.stop_all_metrics()
        elif isinstance(frame, CancelFrame):
            self._cancelling = True
        elif isinstance(frame, (FrameProcessorPauseFrame, FrameProcessorPauseUrgentFrame)):
            if frame.processor.name == self.name:
                await self.pause_processing_frames()
        elif isinstance(frame, (FrameProcessorResumeFrame, FrameProcessorResumeUrgentFrame)) and (
            frame.processor.name == self.name
        ):
            await self.resume_processing_frames()

    async def _start_interruption(self) -> None:
        """Called when an interruption is handled; the engine has purged the data lane already."""

    async def broadcast_frame(self, frame_cls: type[Frame], **kwargs: Any) -> None:
        """Push a new frame of a class downstream, and its sibling upstream.

        Args:
            frame_cls: The class.
            **kwargs: Arguments of both; values are shared, not copied.
        """
        downstream, upstream = frame_cls(**kwargs), frame_cls(**kwargs)
        await self._push_siblings(downstream, upstream)

    async def broadcast_frame_instance(self, frame: Frame) -> None:
        """Push a shallow copy of a frame downstream, and another upstream.

        Args:
            frame: The frame; all its fields are copied but `id` and `name`.
        """
        await self._push_siblings(_copy_of(frame), _copy_of(frame))

    async def _push_siblings(self, downstream: Frame, upstream: Frame) -> None:
        downstream.broadcast_sibling_id = upstream.id
        upstream.broadcast_sibling_id = downstream.id
        await self.push_frame(downstream)
        await self.push_frame(upstream, FrameDirection.UPSTREAM)

    async def broadcast_interruption(self) -> None:
        """Interrupt: drop own queued data and push InterruptionFrames both ways.

        The caller itself is not cancelled: its code after the call runs on.
        """
        self._begin_interruption()
        await self.stop_all_metrics()
        await self.broadcast_frame(InterruptionFrame)

    async def push_interruption_task_frame_and_wait(self, *, timeout: float = 5.0) -> None:
        """Interrupt. Deprecated in pipecat 0.0.104: use `broadcast_interruption`."""
        await self.broadcast_interruption()

    def has_queued_frame(self, frame_type: type[Frame]) -> bool:
        """Return whether a data or control frame of a class waits here."""
        return self._has_waiting(frame_type)

    # ---- errors

    @property
    def is_usable(self) -> bool:
        """Whether the processor can do its job: false after an error that will keep recurring."""
        return self._is_usable

    async def set_usable(self, is_usable: bool) -> None:
        """Say whether the processor can be given work."""
        if is_usable != self._is_usable:
            self._is_usable = is_usable
            await self._call_event_handler("on_usable_changed", is_usable)

    def _classify_error(self, exception: Exception) -> ErrorCategory | None:
        """Return the category of an exception that this processor knows, or None."""
        return None

    async def push_error(
        self,
        error_msg: str,
        exception: Exception | None = None,
        fatal: bool = False,
        category: ErrorCategory | None = None,
        force_treat_as_permanent: bool = False,
    ) -> None:
        """Report an error upstream.

        Args:
            error_msg: What happened.
            exception: The exception behind it, if there is one.
            fatal: Whether the task is cancelled. Deprecated in pipecat 1.8.
            category: Why it happened; None to find out from the exception.
            force_treat_as_permanent: Whether it will keep recurring whatever its category says.
        """
        await self.push_error_frame(
            ErrorFrame(
                error=error_msg,
                fatal=fatal,
                exception=exception,
                processor=self,
                category=category,
            ),
            force_treat_as_permanent=force_treat_as_permanent,
        )

    async def push_error_frame(
        self, error: ErrorFrame, force_treat_as_permanent: bool = False
    ) -> None:
        """Report an error upstream.

        Args:
            error: The report.
            force_treat_as_permanent: Whether it will keep recurring whatever its category says.
        """
        if error.processor is None:
            error.processor = self
        if error.category is None:
            error.category = self._category_of(error.exception)
        # Handlers and those upstream see the verdict that came with the error.
        if force_treat_as_permanent or error.category.is_permanent:
            await self.set_usable(False)
        await self._call_event_handler("on_error", error)
        _log_error(error)
        await self.push_frame(error, FrameDirection.UPSTREAM)

    def _category_of(self, exception: Exception | None) -> ErrorCategory:
        if exception is None:
            return ErrorCategory.UNKNOWN
        return self._classify_error(exception) or classify_http_exception(exception)

    # ---- pauses

    async def pause_processing_frames(self) -> None:
        """Hold data and control frames from the next one on, until resumed.

        A pause is a lease: it ends by itself after `PAUSE_LEASE_SECS`.
        """
        self._pause(system=False, seconds=PAUSE_LEASE_SECS)

    async def pause_processing_system_frames(self) -> None:
        """Hold system frames from the next one on, until resumed."""
        self._pause(system=True, seconds=PAUSE_LEASE_SECS)

    async def resume_processing_frames(self) -> None:
        """Let held data and control frames go on, in order."""
        self._resume(system=False)

    async def resume_processing_system_frames(self) -> None:
        """Let held system frames go on, in order."""
        self._resume(system=True)

    def _pause(self, *, system: bool, seconds: float) -> None:
        self._hold(system, seconds)
        timers = self._pause_timers
        if timers is None:
            timers = self._pause_timers = {}
        timer = timers.pop(system, None)
        if timer is not None:
            timer.cancel()
        timers[system] = asyncio.get_running_loop().call_later(seconds, self._lease_over, system)

    def _resume(self, *, system: bool) -> None:
        timer = (self._pause_timers or {}).pop(system, None)
        if timer is not None:
            timer.cancel()
        self._release(system)

    def _lease_over(self, system: bool) -> None:
        _logger.warning(
            "%s: was paused for %s s and never resumed; it goes on. Resume it where it is paused.",
            self,
            PAUSE_LEASE_SECS,
        )
        self._resume(system=system)

    def _drop_pauses(self) -> None:
        for timer in (self._pause_timers or {}).values():
            timer.cancel()
        self._pause_timers = None

    async def pause_processing_all_frames_until(
        self,
        ready: Callable[[], Awaitable[Any]],
        *,
        timeout: float = PAUSE_UNTIL_READY_TIMEOUT_SECS,
    ) -> None:
        """Hold all frames until a condition holds, a time is over or the processor is cleaned up.

        The frame in hand is not affected.

        Args:
            ready: Awaited to learn when frames can go on.
            timeout: Longest time to hold them, in seconds.
        """
        if self._enable_direct_mode:
            _logger.warning("%s: cannot hold frames, it runs in direct mode", self)
            return
        await self._cancel_pause_watcher()
        self._pause(system=True, seconds=PAUSE_LEASE_SECS)
        self._pause(system=False, seconds=PAUSE_LEASE_SECS)
        self._pause_watcher = self.create_task(self._watch_pause(ready, timeout), "pause_watcher")

    async def _watch_pause(self, ready: Callable[[], Awaitable[Any]], timeout: float) -> None:
        # Whatever becomes of the condition, the hold ends with whoever was to lift it.
        try:
            await asyncio.wait_for(ready(), timeout)
        except TimeoutError:
            _logger.warning(
                "%s: not ready after %s s, processing frames all the same", self, timeout
            )
        finally:
            self._resume(system=True)
            self._resume(system=False)

    async def _cancel_pause_watcher(self) -> None:
        watcher, self._pause_watcher = self._pause_watcher, None
        if watcher is not None:
            await self.cancel_task(watcher)
            self._resume(system=True)
            self._resume(system=False)

    # ---- tasks and events

    def create_task(
        self,
        coroutine: Coroutine[Any, Any, Any],
        name: str | None = None,
        context: Any = None,
    ) -> asyncio.Task[Any]:
        """Run a coroutine in a task named ``<processor>::<name>``; what it raises is logged."""
        return BaseObject.create_task(self, coroutine, name, context)

    def add_event_handler(self, event_name: str, handler: Callable[..., Any]) -> None:
        """Add a handler behind the others. An unknown event is only warned of."""
        super().add_event_handler(event_name, handler)
        listened = (self._event_handlers or {}).keys()
        self._hook(not _PROCESS_EVENTS.isdisjoint(listened), not _PUSH_EVENTS.isdisjoint(listened))


for _name in ("process_frame", "push_frame", "queue_frame"):
    _method = _core._coroutine_method(  # pyright: ignore[reportPrivateUsage]
        FrameProcessor.__dict__[_name], getattr(_core.ProcessorBase, _name)
    )
    setattr(FrameProcessor, _name, _method)


def _text_of(error: BaseException) -> str:
    """What an exception says; its type, if it fails at that too."""
    try:
        return str(error)
    except Exception:
        return type(error).__name__


def _copy_of(frame: Frame) -> Frame:
    fields = dataclasses.fields(frame)
    copy = type(frame)(**{f.name: getattr(frame, f.name) for f in fields if f.init})
    for field in fields:
        if not field.init and field.name not in ("id", "name"):
            setattr(copy, field.name, getattr(frame, field.name))
    return copy


def _log_error(error: ErrorFrame) -> None:
    stack = traceback.extract_tb(error.exception.__traceback__) if error.exception else []
    if stack:
        _logger.error(
            "%s exception (%s:%s): %s",
            error.processor,
            stack[-1].filename,
            stack[-1].lineno,
            error.error,
        )
    else:
        _logger.error("%s error: %s", error.processor, error.error)
