"""When the user's turn starts and stops (rules 107 and 108)."""

import asyncio
from types import SimpleNamespace

import pytest
from pipecat_rs.exceptions import ProcessorNotSetUpError
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.turns.user_start import (
    ExternalUserTurnStartStrategy,
    MinWordsUserTurnStartStrategy,
    TranscriptionUserTurnStartStrategy,
    VADUserTurnStartStrategy,
)
from pipecat_rs.turns.user_stop import (
    SpeechTimeoutUserTurnStopStrategy,
    deferred,
)
from pipecat_rs.turns.user_turn_controller import UserTurnController
from pipecat_rs.turns.user_turn_strategies import ExternalUserTurnStrategies, UserTurnStrategies
from pipecat_rs.utils.asyncio.task_manager import TaskManager
from support.waiting import calls_of, settle

STOP_SECS = 0.2
SOON = 0.005
NEVER = 3600.0


def said(text: str, *, finalized: bool = True) -> TranscriptionFrame:
    return TranscriptionFrame(text, "user", "now", finalized=finalized)


def stopped_speaking() -> VADUserStoppedSpeakingFrame:
    return VADUserStoppedSpeakingFrame(stop_secs=STOP_SECS)


@pytest.fixture
async def controller_of():
    made = []

    async def make(strategies: UserTurnStrategies, timeout: float = NEVER) -> UserTurnController:
        controller = UserTurnController(
            user_turn_strategies=strategies, user_turn_stop_timeout=timeout
        )
        await controller.setup(
            SimpleNamespace(task_manager=TaskManager(), audio_in_sample_rate=16_000)
        )
        await controller.start()
        made.append(controller)
        return controller

    yield make
    for controller in made:
        await controller.cleanup()


def by_silence(secs: float = SOON, **kwargs) -> UserTurnStrategies:
    return UserTurnStrategies(
        stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=secs, **kwargs)]
    )


async def test_a_turn_starts_with_the_voice_and_stops_with_silence_and_words(controller_of):
    controller = await controller_of(by_silence())
    started, stopped = (calls_of(controller, f"on_user_turn_{e}") for e in ("started", "stopped"))
    await controller.process_frame(VADUserStartedSpeakingFrame())
    assert len(started) == 1
    await controller.process_frame(stopped_speaking())
    await asyncio.sleep(4 * SOON)
    assert not stopped, "no words were heard yet"
    await controller.process_frame(said("Hello."))
    await stopped.wait()
    strategy, params = stopped[0]
    assert isinstance(strategy, SpeechTimeoutUserTurnStopStrategy)
    assert params.enable_user_speaking_frames


async def test_a_turn_does_not_start_twice(controller_of):
    controller = await controller_of(by_silence(NEVER))
    started = calls_of(controller, "on_user_turn_started")
    for _ in range(3):
        await controller.process_frame(VADUserStartedSpeakingFrame())
        await controller.process_frame(stopped_speaking())
        await controller.process_frame(said("Hello."))
    assert len(started) == 1


async def test_the_first_strategy_to_start_a_turn_is_the_one_that_counts(controller_of):
    class Mine(VADUserTurnStartStrategy):
        pass

    strategies = UserTurnStrategies(start=[Mine(), VADUserTurnStartStrategy()])
    controller = await controller_of(strategies)
    started = calls_of(controller, "on_user_turn_started")
    await controller.process_frame(VADUserStartedSpeakingFrame())
    assert [type(strategy) for strategy, _ in started] == [Mine]


async def test_words_without_a_voice_start_and_stop_a_turn(controller_of):
    controller = await controller_of(by_silence())
    started, stopped = (calls_of(controller, f"on_user_turn_{e}") for e in ("started", "stopped"))
    await controller.process_frame(said("Hello."))
    assert isinstance(started[0][0], TranscriptionUserTurnStartStrategy)
    await stopped.wait()


async def test_a_turn_does_not_stop_while_the_user_speaks(controller_of):
    controller = await controller_of(by_silence())
    stopped = calls_of(controller, "on_user_turn_stopped")
    await controller.process_frame(VADUserStartedSpeakingFrame())
    await controller.process_frame(said("Hello."))
    await asyncio.sleep(4 * SOON)
    assert not stopped
    await controller.process_frame(stopped_speaking())
    await stopped.wait()


async def test_the_user_who_goes_on_gets_the_time_anew(controller_of):
    controller = await controller_of(by_silence(0.05))
    stopped = calls_of(controller, "on_user_turn_stopped")
    await controller.process_frame(VADUserStartedSpeakingFrame())
    await controller.process_frame(stopped_speaking())
    await controller.process_frame(said("I would like"))
    await controller.process_frame(VADUserStartedSpeakingFrame())
    await asyncio.sleep(0.1)
    assert not stopped
    await controller.process_frame(stopped_speaking())
    await controller.process_frame(said("a tea."))
    await stopped.wait()


async def test_a_transcript_that_may_not_be_the_last_is_waited_for(controller_of):
    controller = await controller_of(by_silence(0))
    stopped = calls_of(controller, "on_user_turn_stopped")
    await controller.process_frame(STTMetadataFrame(service_name="stt", ttfs_p99_latency=NEVER))
    await controller.process_frame(VADUserStartedSpeakingFrame())
    await controller.process_frame(stopped_speaking())
    await controller.process_frame(said("I would", finalized=False))
    await settle()
    assert not stopped
    await controller.process_frame(said("like a tea.", finalized=True))
    await stopped.wait()


async def test_an_interim_transcript_takes_back_that_the_last_one_was_final(controller_of):
    controller = await controller_of(by_silence(0))
    stopped = calls_of(controller, "on_user_turn_stopped")
    await controller.process_frame(STTMetadataFrame(service_name="stt", ttfs_p99_latency=NEVER))
    await controller.process_frame(VADUserStartedSpeakingFrame())
    await controller.process_frame(said("I would"))
    await controller.process_frame(InterimTranscriptionFrame("like", "user", "now"))
    await controller.process_frame(stopped_speaking())
    await settle()
    assert not stopped
    await controller.process_frame(said("like a tea."))
    await stopped.wait()


async def test_without_waiting_for_words_silence_is_enough(controller_of):
    controller = await controller_of(by_silence(wait_for_transcript=False))
    stopped = calls_of(controller, "on_user_turn_stopped")
    await controller.process_frame(VADUserStartedSpeakingFrame())
    await controller.process_frame(stopped_speaking())
    await stopped.wait()


async def test_a_turn_left_open_is_stopped(controller_of):
    controller = await controller_of(by_silence(NEVER), timeout=SOON)
    timed_out = calls_of(controller, "on_user_turn_stop_timeout")
    stopped = calls_of(controller, "on_user_turn_stopped")
    await controller.process_frame(VADUserStartedSpeakingFrame())
    await asyncio.sleep(4 * SOON)
    assert not timed_out, "the user is speaking"
    await controller.process_frame(stopped_speaking())
    await stopped.wait()
    assert stopped[0][0] is None
    assert len(timed_out) == 1


async def test_after_the_end_of_the_session_no_time_is_watched(controller_of):
    controller = await controller_of(by_silence(NEVER), timeout=SOON)
    stopped = calls_of(controller, "on_user_turn_stopped")
    await controller.process_frame(VADUserStartedSpeakingFrame())
    await controller.process_frame(stopped_speaking())
    await controller.stop()
    await asyncio.sleep(4 * SOON)
    assert not stopped


async def test_enough_words_are_needed_only_while_the_bot_speaks(controller_of):
    strategies = UserTurnStrategies(start=[MinWordsUserTurnStartStrategy(min_words=3)])
    controller = await controller_of(strategies)
    started = calls_of(controller, "on_user_turn_started")
    forgotten = calls_of(controller, "on_reset_aggregation")
    await controller.process_frame(BotStartedSpeakingFrame())
    await controller.process_frame(said("Mm hm."))
    assert not started
    assert len(forgotten) == 1
    await controller.process_frame(said("Stop it now."))
    assert len(started) == 1


async def test_a_deferred_strategy_runs_the_model_and_leaves_the_end_to_others(controller_of):
    strategies = UserTurnStrategies(
        stop=[deferred(SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0))]
    )
    controller = await controller_of(strategies)
    triggered = calls_of(controller, "on_user_turn_inference_triggered")
    stopped = calls_of(controller, "on_user_turn_stopped")
    await controller.process_frame(VADUserStartedSpeakingFrame())
    await controller.process_frame(stopped_speaking())
    await controller.process_frame(said("Hello."))
    await triggered.wait()
    await settle()
    assert not stopped


@pytest.mark.parametrize("proposed", [True, False])
async def test_turns_from_elsewhere_are_announced_only_if_they_were_not(controller_of, proposed):
    controller = await controller_of(ExternalUserTurnStrategies())
    started, stopped = (calls_of(controller, f"on_user_turn_{e}") for e in ("started", "stopped"))
    start, stop = (
        (ProposedUserStartedSpeakingFrame, ProposedUserStoppedSpeakingFrame)
        if proposed
        else (UserStartedSpeakingFrame, UserStoppedSpeakingFrame)
    )
    await controller.process_frame(start())
    assert isinstance(started[0][0], ExternalUserTurnStartStrategy)
    params = started[0][1]
    assert (params.enable_interruptions, params.enable_user_speaking_frames) == (proposed,) * 2
    await controller.process_frame(said("Hello."))
    await controller.process_frame(stop())
    await stopped.wait()
    assert stopped[0][1].enable_user_speaking_frames is proposed


async def test_new_strategies_take_over_and_old_ones_say_nothing_more(controller_of):
    old = VADUserTurnStartStrategy()
    controller = await controller_of(UserTurnStrategies(start=[old]))
    started = calls_of(controller, "on_user_turn_started")
    await controller.update_strategies(ExternalUserTurnStrategies())
    await old.trigger_user_turn_started()
    assert not started
    await controller.process_frame(ProposedUserStartedSpeakingFrame())
    assert len(started) == 1


async def test_strategies_need_a_setup():
    controller = UserTurnController(user_turn_strategies=UserTurnStrategies())
    with pytest.raises(ProcessorNotSetUpError):
        await controller.update_strategies(UserTurnStrategies())


async def test_a_strategy_of_the_old_kind_is_warned_of_and_works(controller_of):
    resets = []
    with pytest.warns(DeprecationWarning, match="reset"):

        class Old(VADUserTurnStartStrategy):
            async def reset(self) -> None:
                resets.append(self)

    controller = await controller_of(UserTurnStrategies(start=[Old()]))
    await controller.process_frame(VADUserStartedSpeakingFrame())
    assert len(resets) == 1
