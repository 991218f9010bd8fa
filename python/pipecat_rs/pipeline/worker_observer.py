"""Observers of a task: each hears of everything it asked for, in order, and slows nothing down.

Each observer has a mailbox of its own in the loop's scheduler. The engine reports only hops of
the classes that some observer (or the task itself) wants to hear of.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from pipecat_rs import _core
from pipecat_rs.observers.base_observer import (
    BaseObserver,
    FrameProcessed,
    FramePushed,
    ProcessorSetUp,
    StartupWarmup,
)

if TYPE_CHECKING:
    from pipecat_rs.frames.frames import Frame
    from pipecat_rs.utils.asyncio.task_manager import BaseTaskManager

_logger = logging.getLogger(__name__)

_REMEMBERED = 4096


class _Seat:
    """One observer and its mailbox."""

    def __init__(self, observer: BaseObserver) -> None:
        self.observer = observer
        self.mailbox = _core.ObserverSeat(self._report)
        self.is_open = False
        self.wanted = _interest(observer)
        self.hears_pushes = type(observer).on_push_frame is not BaseObserver.on_push_frame
        self.hears_processing = type(observer).on_process_frame is not BaseObserver.on_process_frame
        self._seen: dict[int, None] = {}

    def _report(self, error: BaseException) -> None:
        _logger.error("observer %s failed: %r", self.observer, error, exc_info=error)

    def wants(self, frame: Frame) -> bool:
        return self.wanted is None or isinstance(frame, self.wanted)

    def is_first(self, frame: Frame) -> bool:
        """Whether this frame is new to the observer; the newest few thousand are remembered."""
        if frame.id in self._seen:
            return False
        self._seen[frame.id] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return True


class WorkerObserver(BaseObserver):
    """The observers of one task; what it is told, each of them is told in its own time."""

    def __init__(self, *, observers: Iterable[BaseObserver] | None = None, **kwargs: Any) -> None:
        """Make it with some observers.

        Args:
            observers: The observers.
            **kwargs: See `BaseObserver`.
        """
        super().__init__(**kwargs)
        self._seats = [_Seat(observer) for observer in observers or ()]
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def observers(self) -> list[BaseObserver]:
        """The observers."""
        return [seat.observer for seat in self._seats]

    async def setup(self, task_manager: BaseTaskManager) -> None:
        """Open the mailboxes on the running loop and set the observers up."""
        await super().setup(task_manager)
        self._loop = asyncio.get_running_loop()
        for seat in self._seats:
            await self._open(seat)

    async def _open(self, seat: _Seat) -> None:
        await seat.observer.setup(self.task_manager)
        # By now it may have been removed, or the run be over.
        if self._loop is not None and seat in self._seats:
            seat.mailbox.open(self._loop)
            seat.is_open = True

    async def cleanup(self) -> None:
        """Let the observers hear what was said to them, then clean them up."""
        await super().cleanup()
        seats = list(self._seats)
        try:
            closed = await asyncio.gather(*map(self._close, seats), return_exceptions=True)
        finally:
            for seat in seats:
                seat.mailbox.close()  # also if there was no time for more
            self._loop = None
        for seat, error in zip(seats, closed, strict=True):
            if isinstance(error, Exception):
                _logger.error("clean-up of observer %s failed", seat.observer, exc_info=error)

    async def _close(self, seat: _Seat) -> None:
        if self._loop is None:
            return
        if seat.is_open:
            # What was posted before this runs first: the mailbox is in order.
            heard = self._loop.create_future()
            seat.mailbox.post(partial(_resolve, heard))
            done, _ = await asyncio.wait([heard], timeout=1.0)
            if not done:
                _logger.warning(
                    "observer %s did not keep up; what it has not heard is lost", seat.observer
                )
            seat.mailbox.close()
        await seat.observer.cleanup()

    def add_observer(self, observer: BaseObserver) -> None:
        """Add an observer, before or while the task runs."""
        seat = _Seat(observer)
        self._seats.append(seat)
        if self._loop is not None:
            self.create_task(self._open(seat), "observer")

    async def remove_observer(self, observer: BaseObserver) -> None:
        """Remove an observer: it hears nothing more."""
        for seat in self._seats:
            if seat.observer is observer:
                self._seats.remove(seat)
                if self._loop is not None:
                    seat.mailbox.close()
                    await observer.cleanup()
                return

    def wanted(self) -> tuple[type[Frame], ...] | None:
        """The classes that some observer wants to hear pushes of; None for all."""
        classes: list[type[Frame]] = []
        for seat in self._seats:
            if not seat.hears_pushes:
                continue
            if seat.wanted is None:
                return None
            classes.extend(seat.wanted)
        return tuple(dict.fromkeys(classes))

    @property
    def hears_processing(self) -> bool:
        """Whether some observer wants to hear of processing."""
        return any(seat.hears_processing for seat in self._seats)

    async def on_push_frame(self, data: FramePushed) -> None:
        """Tell of a hop."""
        self.pushed(data)

    async def on_process_frame(self, data: FrameProcessed) -> None:
        """Tell of processing."""
        self.processed(data)

    async def on_processor_setup(self, data: ProcessorSetUp) -> None:
        """Tell of a processor's set-up."""
        self.processor_set_up(data)

    async def on_startup_warmup(self, data: StartupWarmup) -> None:
        """Tell of deferred imports. Deprecated in pipecat 1.12."""
        for seat in self._seats:
            seat.mailbox.post(partial(seat.observer.on_startup_warmup, data))

    async def on_pipeline_started(self) -> None:
        """Tell that the start frame has reached the sink."""
        self.pipeline_started()

    def pushed(self, data: FramePushed) -> None:
        """Tell of a hop."""
        for seat in self._seats:
            if seat.hears_pushes and seat.wants(data.frame):
                first = seat.is_first(data.frame)
                if first or seat.observer.observe_every_push:
                    told = data
                    if not first:
                        told = FramePushed(
                            data.source,
                            data.destination,
                            data.frame,
                            data.direction,
                            data.timestamp,
                            False,
                        )
                    seat.mailbox.post(partial(seat.observer.on_push_frame, told))

    def processed(self, data: FrameProcessed) -> None:
        """Tell of processing."""
        for seat in self._seats:
            if seat.hears_processing and seat.wants(data.frame):
                seat.mailbox.post(partial(seat.observer.on_process_frame, data))

    def processor_set_up(self, data: ProcessorSetUp) -> None:
        """Tell of a processor's set-up."""
        for seat in self._seats:
            if type(seat.observer).on_processor_setup is not BaseObserver.on_processor_setup:
                seat.mailbox.post(partial(seat.observer.on_processor_setup, data))

    def pipeline_started(self) -> None:
        """Tell that the start frame has reached the sink."""
        for seat in self._seats:
            if type(seat.observer).on_pipeline_started is not BaseObserver.on_pipeline_started:
                seat.mailbox.post(seat.observer.on_pipeline_started)


def _interest(observer: BaseObserver) -> tuple[type[Frame], ...] | None:
    """Return the frame classes that an observer wants to hear of, or None for all.

    A subclass that listens itself without saying `handles` anew hears everything: it was not its
    author who narrowed the interest.
    """
    if "handles" in vars(observer):
        return observer.handles
    for cls in type(observer).__mro__:
        members = vars(cls)
        if "handles" in members:
            return members["handles"]
        if "on_push_frame" in members or "on_process_frame" in members:
            return None
    return None


async def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
