"""The clock of a call: real time, or real time with the idle parts left out."""

import asyncio

from pipecat_rs.transports.local.call_clock import CallClock


class StandingClock:
    """A pipeline clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0

    def get_time(self) -> int:
        return self.now

    def start(self) -> None:
        pass


async def test_before_the_call_it_stands_at_zero_and_fires_nothing():
    clock = CallClock()
    fired = []
    clock.call_at(0.0, lambda: fired.append(1))
    await asyncio.sleep(0)
    assert clock.time() == 0.0 and not clock.running and not fired
    clock.start(StandingClock())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert fired


async def test_a_fast_clock_goes_straight_to_what_is_due_in_order():
    clock = CallClock(may_jump=lambda: True)
    clock.start(StandingClock())
    order = []

    async def wait(until: float) -> None:
        await clock.wait_until(until)
        order.append((until, clock.time()))

    await asyncio.gather(wait(3600.0), wait(10.0), wait(20.0))
    assert order == [(10.0, 10.0), (20.0, 20.0), (3600.0, 3600.0)]
    assert clock.jumped == 3600.0


async def test_who_was_woken_acts_before_the_clock_jumps_again():
    clock = CallClock(may_jump=lambda: True)
    clock.start(StandingClock())
    ticks = []

    async def tick(every: float) -> None:
        for count in range(1, 6):
            await clock.wait_until(count * every)
            ticks.append((every, clock.time()))

    await asyncio.gather(tick(1.0), tick(2.5))
    assert all(at / every == round(at / every) for every, at in ticks)
    assert [at for _, at in ticks] == sorted(at for _, at in ticks)


async def test_it_does_not_jump_while_something_is_busy():
    busy = True
    clock = CallClock(may_jump=lambda: not busy)
    clock.start(StandingClock())
    waiting = asyncio.create_task(clock.wait_until(60.0))
    for _ in range(5):
        await asyncio.sleep(0)
    assert clock.time() == 0.0
    busy = False
    clock.poke()
    await waiting
    assert clock.time() == 60.0


async def test_a_time_of_the_pipeline_is_placed_before_or_after_a_jump():
    pipeline = StandingClock()
    clock = CallClock(may_jump=lambda: True)
    pipeline.now = 1_000_000_000
    clock.start(pipeline)
    pipeline.now = 1_500_000_000
    await clock.wait_until(10.0)  # Jumps by 9.5 s.
    pipeline.now = 2_000_000_000
    assert clock.from_pipeline(1_250_000_000) == 0.25
    assert clock.from_pipeline(2_000_000_000) == 10.5 == clock.time()


async def test_a_cancelled_timer_is_not_waited_for():
    clock = CallClock(may_jump=lambda: True)
    clock.start(StandingClock())
    fired = []
    clock.call_at(5.0, lambda: fired.append(5)).cancel()
    await clock.wait_until(7.0)
    assert clock.time() == 7.0 and not fired
