"""Counting turns (rule 91)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    StartFrame,
    UserStartedSpeakingFrame,
)
from pipecat_rs.observers.turn_tracking_observer import TurnTrackingObserver
from support.observed import pushed


class Turns:
    """An observer, and what it tells."""

    def __init__(self) -> None:
        self.observer = TurnTrackingObserver(turn_end_timeout_secs=60)
        self.told: list[tuple[object, ...]] = []
        self.ended = asyncio.Event()
        self.now = 0

        @self.observer.event_handler("on_turn_started")
        def started(observer: TurnTrackingObserver, number: int) -> None:
            self.told.append(("started", number))

        @self.observer.event_handler("on_turn_ended")
        def ended(observer: object, number: int, seconds: float, interrupted: bool) -> None:
            self.told.append(("ended", number, seconds, interrupted))
            self.ended.set()

    async def see(self, *frames: Frame) -> list[tuple[object, ...]]:
        """Push frames a second apart, and return what was told of them."""
        self.told.clear()
        for frame in frames:
            self.now += 1_000_000_000
            await self.observer.on_push_frame(pushed(frame, timestamp=self.now))
            await handlers_of(self.observer)
        return list(self.told)


async def handlers_of(observer: TurnTrackingObserver) -> None:
    """Wait for the observer's event tasks, as its cleanup does, but keep its timer."""
    await super(TurnTrackingObserver, observer).cleanup()


@pytest.fixture
async def turns() -> AsyncIterator[Turns]:
    made = Turns()
    yield made
    await made.observer.cleanup()


async def test_the_first_turn_starts_with_the_start_frame(turns: Turns):
    assert await turns.see(StartFrame()) == [("started", 1)]
    assert await turns.see(UserStartedSpeakingFrame(), StartFrame()) == []


async def test_the_user_cuts_the_bot_off(turns: Turns):
    await turns.see(StartFrame(), UserStartedSpeakingFrame())
    assert await turns.see(BotStartedSpeakingFrame(), UserStartedSpeakingFrame()) == [
        ("ended", 1, 3.0, True),
        ("started", 2),
    ]
    assert await turns.see(BotStoppedSpeakingFrame()) == []


async def test_the_user_answers_the_bot(turns: Turns):
    await turns.see(StartFrame())
    assert await turns.see(
        BotStartedSpeakingFrame(), BotStoppedSpeakingFrame(), UserStartedSpeakingFrame()
    ) == [("ended", 1, 3.0, False), ("started", 2)]


async def test_the_bots_silence_ends_the_turn(turns: Turns):
    turns.observer._turn_end_timeout_secs = 0
    await turns.see(StartFrame(), BotStartedSpeakingFrame(), BotStoppedSpeakingFrame())
    await turns.ended.wait()
    assert turns.told[-1] == ("ended", 1, 2.0, False)
    assert await turns.see(BotStartedSpeakingFrame()) == []
    assert await turns.see(UserStartedSpeakingFrame()) == [("started", 2)]


async def test_the_bot_may_pause(turns: Turns):
    await turns.see(StartFrame())
    assert (
        await turns.see(
            BotStartedSpeakingFrame(),
            BotStoppedSpeakingFrame(),
            BotStartedSpeakingFrame(),
            BotStoppedSpeakingFrame(),
        )
        == []
    )


@pytest.mark.parametrize("frame", [EndFrame(), CancelFrame()])
async def test_the_pipelines_end_interrupts_an_open_turn(turns: Turns, frame: Frame):
    await turns.see(StartFrame())
    assert await turns.see(frame) == [("ended", 1, 1.0, True)]
    assert await turns.see(frame) == []


def test_it_hears_of_each_frame_once_and_of_what_it_handles():
    observer = TurnTrackingObserver()
    assert not observer.observe_every_push
    assert StartFrame in observer.handles
    with pytest.warns(DeprecationWarning, match="max_frames"):
        TurnTrackingObserver(max_frames=10)
