"""What a task watches by the clock: heartbeats and idleness. Timers of the loop, no tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pipecat_rs.frames.frames import Frame, StartFrame
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed


class Heartbeats:
    """Sends a probe each period, and tells when none has come through for a while."""

    def __init__(
        self, period: float, patience: float, send: Callable[[], None], missed: Callable[[], None]
    ) -> None:
        """Describe the probes.

        Args:
            period: Time between two probes, in seconds.
            patience: Time without a probe coming through that is told of, in seconds.
            send: Sends a probe.
            missed: Is told, again after each `patience`.
        """
        self._period, self._patience = period, patience
        self._send, self._missed = send, missed
        self._timers: list[asyncio.TimerHandle] = []

    def start(self) -> None:
        """Begin."""
        self._timers = [None, None]  # type: ignore[list-item]
        self._beat()
        self.arrived()

    def arrived(self) -> None:
        """A probe came through."""
        if self._timers:
            if self._timers[1] is not None:
                self._timers[1].cancel()
            loop = asyncio.get_running_loop()
            self._timers[1] = loop.call_later(self._patience, self._silence)

    def stop(self) -> None:
        """End."""
        for timer in self._timers:
            timer.cancel()
        self._timers = []

    def _beat(self) -> None:
        self._send()
        self._timers[0] = asyncio.get_running_loop().call_later(self._period, self._beat)

    def _silence(self) -> None:
        self._missed()
        if self._timers:
            loop = asyncio.get_running_loop()
            self._timers[1] = loop.call_later(self._patience, self._silence)


class IdleTimer:
    """Tells when nothing of interest has happened for a time, again after each such time."""

    def __init__(self, timeout: float, idle: Callable[[], None]) -> None:
        """Describe the time.

        Args:
            timeout: The time, in seconds.
            idle: Is told.
        """
        self._timeout, self._idle = timeout, idle
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin."""
        loop = asyncio.get_running_loop()
        self._last = loop.time()
        self._timer = loop.call_later(self._timeout, self._look)

    def touch(self) -> None:
        """Something has happened."""
        if self._timer is not None:
            # The timer stays where it is and looks again when it fires: this is called often.
            self._last = asyncio.get_running_loop().time()

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        left = self._last + self._timeout - loop.time()
        if left > 0:
            self._timer = loop.call_later(left, self._look)
            return
        self._last = loop.time()
        self._timer = loop.call_later(self._timeout, self._look)
        self._idle()


class IdleFrameObserver(BaseObserver):
    """Sets an event when a frame shows that a task is not idle.

    For programs that watch idleness themselves: a task does so with an `IdleTimer`.
    """

    def __init__(
        self, *, idle_event: asyncio.Event, idle_timeout_frames: tuple[type[Frame], ...]
    ) -> None:
        """Watch for frames.

        Args:
            idle_event: Set at each StartFrame and each frame of these classes.
            idle_timeout_frames: The classes.
        """
        super().__init__(observe_every_push=False)
        self._idle_event = idle_event
        self._classes = (StartFrame, *idle_timeout_frames)

    async def on_push_frame(self, data: FramePushed) -> None:
        """Set the event, if it is such a frame."""
        if isinstance(data.frame, self._classes):
            self._idle_event.set()
