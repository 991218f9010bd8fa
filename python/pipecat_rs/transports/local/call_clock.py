"""The time of a call: real, or with the parts left out in which only audio would go by.

A call that is held as fast as possible must still be the same call. If time simply ran faster, a
user's pause of half a second would be over before a turn timer of half a second had even begun,
and the bot's second sentence would come too late for its first. So time here never runs fast. It
runs at its real pace while anything thinks or waits, and it jumps to the next thing that is due
while nothing does: over speech that is only to be heard and silence in which nothing happens.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING

from pipecat_rs.transports.playout_clock import PlayoutClock

if TYPE_CHECKING:
    from pipecat_rs.clocks.base_clock import BaseClock


class _Timer:
    """One call that is due at a time on the call's clock."""

    def __init__(self, clock: CallClock, when: float, callback: Callable[[], object]) -> None:
        self._clock = clock
        self.when = when
        self.callback = callback
        self.handle: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Do not make the call."""
        self._clock.forget(self)


class CallClock(PlayoutClock):
    """Seconds since the call began. Before that it stands at 0."""

    def __init__(self, may_jump: Callable[[], bool] | None = None) -> None:
        """Initialize the clock.

        Args:
            may_jump: Asked when something is waited for; if it says yes, the clock goes straight
                to the first thing that is due. None keeps real time.
        """
        self._may_jump = may_jump
        self._pipeline_clock: BaseClock | None = None
        self._began = 0
        self._jumped = 0.0
        self._jump_times: list[int] = []
        self._jump_totals: list[float] = []
        self._timers: set[_Timer] = set()
        self._asked = False
        self._waking = 0  # Waits that are over, but whose coroutine has not run again yet.

    @property
    def running(self) -> bool:
        """Whether the call has begun."""
        return self._pipeline_clock is not None

    @property
    def jumped(self) -> float:
        """Seconds of the call that were left out so far."""
        return self._jumped

    def start(self, pipeline_clock: BaseClock) -> None:
        """Begin the call.

        Args:
            pipeline_clock: The clock to go by.
        """
        self._pipeline_clock = pipeline_clock
        self._began = pipeline_clock.get_time()
        for timer in self._timers:
            self._arm(timer)
        self.poke()

    def time(self) -> float:
        """Now, in seconds since the call began."""
        if self._pipeline_clock is None:
            return 0.0
        return (self._pipeline_clock.get_time() - self._began) / 1e9 + self._jumped

    def from_pipeline(self, timestamp: int) -> float:
        """The second of the call that a time of the pipeline's clock (ns) was or will be.

        A time to come is converted as if the clock did not jump before it.
        """
        index = bisect_right(self._jump_times, timestamp)
        jumped = self._jump_totals[index - 1] if index else 0.0
        return (timestamp - self._began) / 1e9 + jumped

    def call_at(self, when: float, callback: Callable[[], object]) -> _Timer:
        """Make a call at a second of the call."""
        timer = _Timer(self, when, callback)
        self._timers.add(timer)
        if self.running:
            self._arm(timer)
        self.poke()
        return timer

    def forget(self, timer: _Timer) -> None:
        """Take a timer out. Does nothing if it has fired.

        Args:
            timer: What `call_at` returned.
        """
        self._timers.discard(timer)
        if timer.handle is not None:
            timer.handle.cancel()
            timer.handle = None

    async def wait_until(self, when: float) -> None:
        """Wait for a second of the call. The clock does not jump before the caller has gone on."""
        if when <= self.time():
            return
        reached = asyncio.get_running_loop().create_future()

        def wake() -> None:
            self._waking += 1
            if not reached.done():
                reached.set_result(None)

        timer = self.call_at(when, wake)
        try:
            await reached
        finally:
            if timer in self._timers:
                self.forget(timer)
            else:
                self._waking -= 1
            self.poke()

    def poke(self) -> None:
        """Ask again whether the clock may jump, once all that is ready to run has run."""
        if self._may_jump is not None and self.running and not self._asked:
            self._asked = True
            asyncio.get_running_loop().call_soon(self._consider)

    def _arm(self, timer: _Timer) -> None:
        if timer.handle is not None:
            timer.handle.cancel()
        delay = max(0.0, timer.when - self.time())
        timer.handle = asyncio.get_running_loop().call_later(delay, self._fire, timer)

    def _fire(self, timer: _Timer) -> None:
        self.forget(timer)
        timer.callback()

    def _consider(self) -> None:
        self._asked = False
        if not self._timers or self._waking or self._may_jump is None or not self._may_jump():
            return
        ahead = min(timer.when for timer in self._timers) - self.time()
        if ahead <= 0 or self._pipeline_clock is None:
            return
        self._jumped += ahead
        self._jump_times.append(self._pipeline_clock.get_time())
        self._jump_totals.append(self._jumped)
        for timer in sorted(self._timers, key=lambda timer: timer.when):
            self._arm(timer)
