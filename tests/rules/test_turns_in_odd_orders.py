"""Rules 107 to 113 where frames come in an order that nobody has planned."""

import pytest
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EagerTranscriptionFrame,
    FunctionCallCancelFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallResultProperties,
    FunctionCallsStartedFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMessagesAppendFrame,
    LLMTextFrame,
    ProposedUserStartedSpeakingFrame,
    TranscriptionFrame,
    UserBackchannelFrame,
    UserMuteStartedFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    UserTurnInferenceCompletedFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregator,
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat_rs.turns.user_mute import AlwaysUserMuteStrategy
from pipecat_rs.turns.user_start import (
    TranscriptionUserTurnStartStrategy,
    VADUserTurnStartStrategy,
)
from pipecat_rs.turns.user_stop import (
    ExternalUserTurnCompletionStopStrategy,
    SpeechTimeoutUserTurnStopStrategy,
    deferred,
)
from pipecat_rs.turns.user_turn_strategies import ExternalUserTurnStrategies, UserTurnStrategies
from support.passage import kinds, passage
from support.waiting import calls_of, settle

SOON, NEVER = 0.005, 3600.0


def said(text: str) -> TranscriptionFrame:
    return TranscriptionFrame(text, "user", "now", finalized=True)


def quiet() -> VADUserStoppedSpeakingFrame:
    return VADUserStoppedSpeakingFrame(stop_secs=0.2)


def listener(context: LLMContext, *, stop=None, start=None, **kwargs) -> LLMUserAggregator:
    strategies = UserTurnStrategies(
        start=start or [VADUserTurnStartStrategy()],
        stop=stop or [SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=SOON)],
    )
    kwargs.setdefault("user_turn_strategies", strategies)
    return LLMUserAggregator(context, params=LLMUserAggregatorParams(**kwargs))


def call(tool_call_id: str, group: str | None = "g") -> FunctionCallInProgressFrame:
    return FunctionCallInProgressFrame(
        "f", tool_call_id, {}, cancel_on_interruption=True, group_id=group
    )


def result(tool_call_id: str, value="done", **kwargs) -> FunctionCallResultFrame:
    return FunctionCallResultFrame("f", tool_call_id, {}, value, **kwargs)


async def test_r107_two_strategies_that_see_the_same_speech_start_one_turn():
    start = [VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()]
    user = listener(LLMContext(), start=start)
    started = calls_of(user, "on_user_turn_started")
    async with passage(user) as ways:
        await ways.send(said("one"), VADUserStartedSpeakingFrame(), said("two"))
        await started.wait()
        await settle()
        await ways.end()

    assert len(started) == 1
    assert kinds(ways.went_down()).count(UserStartedSpeakingFrame) == 1
    assert kinds(ways.went_down()).count(InterruptionFrame) == 1


async def test_r108_a_judgement_that_comes_while_the_user_speaks_again_is_not_heeded():
    stop = [
        deferred(SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=SOON)),
        ExternalUserTurnCompletionStopStrategy(),
    ]
    user = listener(LLMContext(), stop=stop)
    triggered = calls_of(user, "on_user_turn_inference_triggered")
    stopped = calls_of(user, "on_user_turn_stopped")
    async with passage(user) as ways:
        await ways.send(UserTurnInferenceCompletedFrame())  # of no turn at all
        await ways.send(VADUserStartedSpeakingFrame(), said("I want"), quiet())
        await triggered.wait()
        await ways.send(VADUserStartedSpeakingFrame(), UserTurnInferenceCompletedFrame())
        await settle()
        assert not stopped
        await ways.send(said("tea"), quiet())
        await triggered.wait(2)
        await ways.send(UserTurnInferenceCompletedFrame())
        await stopped.wait()
        await ways.end()

    assert [message.content for _, message in stopped] == ["I want tea"]
    assert kinds(ways.went_down()).count(UserStoppedSpeakingFrame) == 1


async def test_r108_a_stop_of_speech_without_a_start_opens_no_turn():
    user = listener(LLMContext(), user_turn_stop_timeout=SOON)
    stopped = calls_of(user, "on_user_turn_stopped")
    async with passage(user) as ways:
        await ways.send(quiet(), quiet(), UserStoppedSpeakingFrame())
        await ways.down.wait_for(UserStoppedSpeakingFrame)
        await settle()
        await ways.end()
    assert not stopped


async def test_r109_words_between_two_turns_belong_to_the_second():
    context = LLMContext()
    user = listener(context)
    stopped = calls_of(user, "on_user_turn_stopped")
    async with passage(user) as ways:
        await ways.send(VADUserStartedSpeakingFrame(), said("first"), quiet())
        await stopped.wait()
        await ways.send(said("late"))
        await settle()
        await ways.send(VADUserStartedSpeakingFrame(), said("second"), quiet())
        await stopped.wait(2)
        await ways.end()

    assert [m["content"] for m in context.messages] == ["first", "late second"]


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
async def test_r109_a_transcript_of_spaces_is_nothing_heard(text):
    context = LLMContext()
    user = listener(context, empty_user_turn=None)
    stopped = calls_of(user, "on_user_turn_stopped")
    async with passage(user) as ways:
        await ways.send(VADUserStartedSpeakingFrame(), said(text), said("yes"), said(text))
        await ways.send(quiet())
        await stopped.wait()
        await ways.end()
    assert [m["content"] for m in context.messages] == ["yes"]


async def test_r110_muted_nothing_of_the_user_passes_however_it_comes():
    context = LLMContext()
    user = listener(
        context,
        user_mute_strategies=[AlwaysUserMuteStrategy()],
        user_turn_strategies=ExternalUserTurnStrategies(),
    )
    backchannels = calls_of(user, "on_user_backchannel")
    started = calls_of(user, "on_user_turn_started")
    audio = InputAudioRawFrame(audio=b"\0\0", sample_rate=16_000, num_channels=1)
    async with passage(user) as ways:
        await ways.send(BotStartedSpeakingFrame())
        await ways.down.wait_for(UserMuteStartedFrame)
        await ways.send(
            audio,
            VADUserStartedSpeakingFrame(),
            ProposedUserStartedSpeakingFrame(),
            UserStartedSpeakingFrame(),
            EagerTranscriptionFrame("no", "user", "now"),
            UserBackchannelFrame("mhm", "user", "now"),
            InterruptionFrame(),
            said("no"),
        )
        await settle()
        await ways.send(BotStoppedSpeakingFrame())
        await ways.down.wait_for(BotStoppedSpeakingFrame)
        await ways.end()

    assert not started and not backchannels and not context.messages
    swallowed = {InputAudioRawFrame, VADUserStartedSpeakingFrame, InterruptionFrame}
    assert not (swallowed | {UserStartedSpeakingFrame}) & set(kinds(ways.went_down()))


async def test_r110_muted_a_cancel_passes():
    user = listener(LLMContext(), user_mute_strategies=[AlwaysUserMuteStrategy()])
    async with passage(user) as ways:
        await ways.send(BotStartedSpeakingFrame())
        await ways.down.wait_for(UserMuteStartedFrame)
        await ways.send(CancelFrame())
        await ways.down.wait_for(CancelFrame)


async def test_r111_an_answer_cut_off_twice_is_written_once():
    context = LLMContext()
    aggregator = LLMAssistantAggregator(context)
    stopped = calls_of(aggregator, "on_assistant_turn_stopped")
    async with passage(aggregator) as ways:
        await ways.send(LLMFullResponseStartFrame(), LLMTextFrame("Well"))
        await settle()
        await ways.send(InterruptionFrame(), InterruptionFrame(), LLMFullResponseEndFrame())
        await ways.down.wait_for(InterruptionFrame, count=2)
        await ways.send(LLMTextFrame("nobody's words"))
        await settle()
        await ways.end()

    assert context.messages == [{"role": "assistant", "content": "Well"}]
    assert [message.interrupted for (message,) in stopped] == [True]


async def test_r112_a_group_whose_last_call_is_cancelled_still_runs_the_model():
    aggregator = LLMAssistantAggregator(LLMContext())
    async with passage(aggregator) as ways:
        await ways.send(call("1"), call("2"))
        await settle()
        await ways.send(result("1"))
        await settle()
        assert LLMContextFrame not in kinds(ways.went_up())
        await ways.send(FunctionCallCancelFrame("f", "2", run_llm=True))
        await ways.up.wait_for(LLMContextFrame)
        await ways.end()
    assert kinds(ways.went_up()).count(LLMContextFrame) == 1


async def test_r112_a_partial_result_does_not_count_itself_as_outstanding():
    aggregator = LLMAssistantAggregator(LLMContext())
    partial = FunctionCallResultProperties(is_final=False)
    running = FunctionCallInProgressFrame("f", "1", {}, cancel_on_interruption=False, group_id="g")
    async with passage(aggregator) as ways:
        await ways.send(running)
        await settle()
        await ways.send(result("1", properties=partial))
        await ways.up.wait_for(LLMContextFrame)
        assert aggregator.has_function_calls_in_progress
        assert not aggregator.has_synchronous_function_calls_in_progress
        await ways.end()


async def test_r112_a_run_that_waits_for_the_user_is_made_up_for():
    aggregator = LLMAssistantAggregator(LLMContext())
    async with passage(aggregator) as ways:
        await ways.send(call("1"), UserStartedSpeakingFrame())
        await settle()
        await ways.send(result("1"))
        await settle()
        await ways.send(UserStoppedSpeakingFrame())
        await settle()
        assert LLMContextFrame not in kinds(ways.went_up())
        # The next arrival brings the run, whatever it says itself.
        await ways.send(LLMMessagesAppendFrame(messages=[], run_llm=False))
        await ways.up.wait_for(LLMContextFrame)
        await ways.end()
    assert kinds(ways.went_up()).count(LLMContextFrame) == 1


async def test_r112_results_that_come_together_while_the_bot_speaks_run_the_model_once():
    aggregator = LLMAssistantAggregator(LLMContext())
    async with passage(aggregator) as ways:
        await ways.send(call("1", None), call("2", None), BotStartedSpeakingFrame())
        await settle()
        await ways.send(result("1"), result("2"), result("2"))
        await settle()
        assert LLMContextFrame not in kinds(ways.went_up())
        await ways.send(BotStoppedSpeakingFrame())
        await ways.up.wait_for(LLMContextFrame)
        await settle()
        await ways.end()
    assert kinds(ways.went_up()).count(LLMContextFrame) == 1


async def test_r113_silence_within_a_turn_or_a_call_is_not_told():
    user = listener(LLMContext(), user_idle_timeout=SOON, user_turn_stop_timeout=NEVER)
    idle = calls_of(user, "on_user_turn_idle")
    announced = FunctionCallFromLLM("f", "1", {}, LLMContext())
    async with passage(user) as ways:
        await ways.send(FunctionCallsStartedFrame(function_calls=[announced]))
        await ways.send(BotStartedSpeakingFrame(), BotStoppedSpeakingFrame())
        await ways.down.wait_for(BotStoppedSpeakingFrame)
        timer = user._user_idle_controller._timer
        assert not timer.running
        await ways.send(result("1"), result("1"))  # one too many does not count below zero
        await ways.down.wait_for(FunctionCallResultFrame, count=2)
        await ways.send(VADUserStartedSpeakingFrame())
        await ways.down.wait_for(UserStartedSpeakingFrame)
        await ways.send(BotStartedSpeakingFrame(), BotStoppedSpeakingFrame())
        await ways.down.wait_for(BotStoppedSpeakingFrame, count=2)
        assert not timer.running
        assert not idle
        await ways.end()
