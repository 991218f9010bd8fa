"""Nobody is listened to before the wake phrase."""

from types import SimpleNamespace

import pytest
from pipecat_rs.frames.frames import (
    BotSpeakingFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_start import WakePhraseUserTurnStartStrategy
from pipecat_rs.utils.asyncio.task_manager import TaskManager
from support.waiting import calls_of

SOON, NEVER = 0.005, 3600.0


@pytest.fixture
async def made():
    strategies = []

    async def make(*phrases: str, **kwargs) -> WakePhraseUserTurnStartStrategy:
        kwargs.setdefault("timeout", NEVER)
        strategy = WakePhraseUserTurnStartStrategy(phrases=list(phrases), **kwargs)
        await strategy.setup(SimpleNamespace(task_manager=TaskManager()))
        strategies.append(strategy)
        return strategy

    yield make
    for strategy in strategies:
        await strategy.cleanup()


def said(text: str) -> TranscriptionFrame:
    return TranscriptionFrame(text, "user", "now")


async def test_it_lets_nothing_pass_before_the_phrase(made):
    strategy = await made("hey robot")
    started, forgotten = (
        calls_of(strategy, "on_user_turn_started"),
        calls_of(strategy, "on_reset_aggregation"),
    )
    for frame in (
        VADUserStartedSpeakingFrame(),
        InterimTranscriptionFrame("hey robot", "user", "now"),
        said("what a nice robot"),
    ):
        assert await strategy.process_frame(frame) is ProcessFrameResult.STOP
    assert not started
    assert len(forgotten) == 1
    assert strategy.state.value == "idle"


@pytest.mark.parametrize(
    "texts", [["Hey, Robot!"], ["well hey", "robot, listen"], ["HEYROBOT"], ["ok computer"]]
)
async def test_the_phrase_starts_a_turn(made, texts):
    strategy = await made("hey robot", "O.K., computer")
    started = calls_of(strategy, "on_user_turn_started")
    detected = calls_of(strategy, "on_wake_phrase_detected")
    for text in texts:
        assert await strategy.process_frame(said(text)) is ProcessFrameResult.STOP
    await detected.wait()

    assert len(started) == 1
    assert strategy.state.value == "awake"
    assert await strategy.process_frame(said("more")) is ProcessFrameResult.CONTINUE


async def test_part_of_a_word_is_no_phrase(made):
    strategy = await made("hal")
    await strategy.process_frame(said("shall we, half of us"))
    assert strategy.state.value == "idle"


async def test_it_falls_asleep(made):
    strategy = await made("hal", timeout=SOON)
    asleep = calls_of(strategy, "on_wake_phrase_timeout")
    await strategy.process_frame(said("hal"))
    await asleep.wait()

    assert strategy.state.value == "idle"
    assert await strategy.process_frame(said("open the door")) is ProcessFrameResult.STOP


@pytest.mark.parametrize("single", [False, True])
async def test_activity_keeps_it_awake_unless_each_turn_needs_the_phrase(made, single):
    strategy = await made("hal", single_activation=single)
    await strategy.process_frame(said("hal"))
    first = strategy._timer._handle
    for frame in (VADUserStartedSpeakingFrame(), BotSpeakingFrame(), said("open the door")):
        before = strategy._timer._handle
        await strategy.process_frame(frame)
        assert (strategy._timer._handle is before) is single
    await strategy.handle_user_turn_started()
    assert (strategy._timer._handle is first) is single
