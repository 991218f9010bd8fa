"""Frames with a presentation time: each is passed on when the clock has reached it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from itertools import count

from pipecat_rs.frames.frames import Frame
from pipecat_rs.transports.playout_clock import PlayoutClock, Timer


class TimedFrames:
    """A queue ordered by time. Frames of equal time keep the order they came in."""

    def __init__(self, clock: PlayoutClock, push: Callable[[Frame], Awaitable[None]]) -> None:
        """Start empty.

        Args:
            clock: That the times are on.
            push: Called with each frame when its time has come.
        """
        self._clock = clock
        self._push = push
        self._heap: list[tuple[float, int, Frame]] = []
        self._order = count()
        self._timer: Timer | None = None
        self._wake = asyncio.Event()
        self._ending = False

    def add(self, frame: Frame, when: float) -> None:
        """Queue a frame.

        Args:
            frame: The frame.
            when: On the clock, in seconds.
        """
        heapq.heappush(self._heap, (when, next(self._order), frame))
        self._arm()

    def drop_interruptible(self) -> None:
        """Forget the frames that an interruption may drop."""
        self._heap = [entry for entry in self._heap if not entry[2].interruptible]
        heapq.heapify(self._heap)
        self._arm()

    def end(self) -> None:
        """Let `run` return as soon as nothing is queued."""
        self._ending = True
        self._wake.set()

    async def run(self) -> None:
        """Pass frames on in time, until `end` was called and all are out."""
        try:
            while self._heap or not self._ending:
                await self._wake.wait()
                self._wake.clear()
                while self._heap and self._heap[0][0] <= self._clock.time():
                    await self._push(heapq.heappop(self._heap)[2])
                self._arm()
        finally:
            self._disarm()

    def _arm(self) -> None:
        self._disarm()
        if self._heap:
            self._timer = self._clock.call_at(self._heap[0][0], self._wake.set)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
