"""The user's side of a conversation (rules 107 to 110)."""

import asyncio

import pytest
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer, VADState
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMContextUserTurnFrame,
    LLMMessagesAppendFrame,
    LLMMessagesTransformFrame,
    LLMMessagesUpdateFrame,
    LLMRunFrame,
    LLMSetToolChoiceFrame,
    LLMSetToolsFrame,
    ServiceMetadataFrame,
    TextFrame,
    TranscriptionFrame,
    TranslationFrame,
    UserMuteStartedFrame,
    UserMuteStoppedFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat_rs.turns.empty_user_turn import EmptyUserTurnConfig
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_mute import AlwaysUserMuteStrategy
from pipecat_rs.turns.user_start import VADUserTurnStartStrategy
from pipecat_rs.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat_rs.turns.user_turn_strategies import ExternalUserTurnStrategies, UserTurnStrategies
from support.passage import kinds, passage, passed
from support.waiting import calls_of, settle

SOON, NEVER = 0.005, 3600.0


def said(text: str) -> TranscriptionFrame:
    return TranscriptionFrame(text, "user", "now", finalized=True)


def quick(**kwargs) -> LLMUserAggregatorParams:
    """Parameters by which a turn stops soon after the voice has."""
    strategies = UserTurnStrategies(
        start=[VADUserTurnStartStrategy()],
        stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=SOON)],
    )
    return LLMUserAggregatorParams(user_turn_strategies=strategies, **kwargs)


async def speak(ways, *texts: str) -> None:
    await ways.send(VADUserStartedSpeakingFrame())
    await ways.down.wait_for(VADUserStartedSpeakingFrame)
    await ways.send(VADUserStoppedSpeakingFrame(stop_secs=0.2), *(said(text) for text in texts))


async def test_a_turn_interrupts_and_ends_with_one_message_and_the_context():
    context = LLMContext()
    aggregator = LLMUserAggregator(context, params=quick())
    stopped = calls_of(aggregator, "on_user_turn_stopped")
    added = calls_of(aggregator, "on_user_turn_message_added")
    async with passage(aggregator) as ways:
        await speak(ways, "I would like", "a tea.")
        await stopped.wait()
        await ways.end()
    assert context.messages == [{"role": "user", "content": "I would like a tea."}]
    down = kinds(ways.went_down())
    assert down == [
        VADUserStartedSpeakingFrame,
        UserStartedSpeakingFrame,
        InterruptionFrame,
        VADUserStoppedSpeakingFrame,
        LLMContextUserTurnFrame,
        LLMContextFrame,
        UserStoppedSpeakingFrame,
    ] or down == [
        VADUserStartedSpeakingFrame,
        UserStartedSpeakingFrame,
        InterruptionFrame,
        VADUserStoppedSpeakingFrame,
        UserStoppedSpeakingFrame,
        LLMContextUserTurnFrame,
        LLMContextFrame,
    ], "a system frame may overtake the context"
    assert set(kinds(ways.went_up())) == {
        UserStartedSpeakingFrame,
        InterruptionFrame,
        LLMContextUserTurnFrame,
        UserStoppedSpeakingFrame,
    }
    strategy, message = stopped[0]
    assert isinstance(strategy, SpeechTimeoutUserTurnStopStrategy)
    assert message.content == "I would like a tea."
    assert message.timestamp
    assert added[0][0].content == "I would like a tea."


async def test_a_turn_that_may_not_interrupt_does_not():
    params = quick()
    params.user_turn_strategies.start = [VADUserTurnStartStrategy(enable_interruptions=False)]
    aggregator = LLMUserAggregator(LLMContext(), params=params)
    async with passage(aggregator) as ways:
        await speak(ways, "Hello.")
        await ways.down.wait_for(LLMContextFrame)
        await ways.end()
    assert InterruptionFrame not in kinds(ways.went_down())
    assert UserStartedSpeakingFrame in kinds(ways.went_down())


async def test_what_is_heard_stops_here_and_other_frames_pass():
    heard = [
        InterimTranscriptionFrame("a", "user", "now"),
        TranslationFrame("b", "user", "now"),
    ]
    down, _ = await passed(
        LLMUserAggregator(LLMContext(), params=quick()), frames=[*heard, TextFrame("on")]
    )
    assert kinds(down) == [TextFrame]


async def test_a_turn_without_words_leaves_no_message_of_the_user():
    context = LLMContext()
    aggregator = LLMUserAggregator(
        context, params=quick(user_turn_stop_timeout=SOON, empty_user_turn=None)
    )
    stopped = calls_of(aggregator, "on_user_turn_stopped")
    async with passage(aggregator) as ways:
        await speak(ways)
        await stopped.wait()
        await ways.end()
    assert stopped[0][1].content == ""
    assert context.messages == []
    assert LLMContextFrame not in kinds(ways.went_down())


async def test_a_noise_that_cut_the_bot_off_is_answered_once():
    context = LLMContext()
    params = quick(user_turn_stop_timeout=SOON)
    params.empty_user_turn = EmptyUserTurnConfig(interrupted_prompt="Ask again.")
    aggregator = LLMUserAggregator(context, params=params)
    stopped = calls_of(aggregator, "on_user_turn_stopped")
    async with passage(aggregator) as ways:
        for turn in (1, 2):
            await ways.send(BotStartedSpeakingFrame())
            await speak(ways)
            await stopped.wait(turn)
        await ways.end()
    assert context.messages == [{"role": "developer", "content": "Ask again."}]
    assert kinds(ways.went_down()).count(LLMContextFrame) == 1


async def test_a_noise_while_the_bot_waits_is_not_answered():
    context = LLMContext()
    aggregator = LLMUserAggregator(context, params=quick(user_turn_stop_timeout=SOON))
    stopped = calls_of(aggregator, "on_user_turn_stopped")
    async with passage(aggregator) as ways:
        await ways.send(BotStartedSpeakingFrame(), BotStoppedSpeakingFrame())
        await ways.down.wait_for(BotStoppedSpeakingFrame)
        await speak(ways)
        await stopped.wait()
        await ways.end()
    assert context.messages == []


async def test_at_the_end_what_is_left_is_written_and_not_answered():
    context = LLMContext()
    aggregator = LLMUserAggregator(context, params=quick())
    stopped = calls_of(aggregator, "on_user_turn_stopped")
    down, _ = await passed(aggregator, frames=[said("One last thing.")])
    await stopped.wait()
    assert context.messages == [{"role": "user", "content": "One last thing."}]
    assert LLMContextFrame not in kinds(down)


@pytest.mark.parametrize("run_llm", [True, False, None])
async def test_messages_are_changed_by_frames(run_llm):
    context = LLMContext([{"role": "system", "content": "0"}])
    one, two = {"role": "user", "content": "1"}, {"role": "user", "content": "2"}
    snapshots = []

    def keep_last(messages):
        snapshots.append(list(messages))
        return messages[-1:]

    down, _ = await passed(
        LLMUserAggregator(context, params=quick()),
        frames=[
            LLMMessagesUpdateFrame(messages=[one], run_llm=run_llm),
            LLMMessagesAppendFrame(messages=[two], run_llm=run_llm),
            LLMMessagesTransformFrame(transform=keep_last, run_llm=run_llm),
        ],
    )
    assert snapshots == [[one, two]]
    assert context.messages == [two]
    assert kinds(down) == [LLMContextFrame] * (3 if run_llm else 0)


async def test_the_model_is_run_on_request():
    context = LLMContext()
    down, _ = await passed(LLMUserAggregator(context, params=quick()), frames=[LLMRunFrame()])
    assert [frame.context for frame in down] == [context]


async def test_tools_are_changed_by_frames_and_the_model_is_told():
    old, new = (FunctionSchema(name, "", {}, []) for name in ("old", "new"))
    context = LLMContext(tools=[old])
    aggregator = LLMUserAggregator(context, params=quick(add_tool_change_messages=True))
    down, _ = await passed(
        aggregator,
        frames=[LLMSetToolsFrame(tools=[new]), LLMSetToolChoiceFrame(tool_choice="required")],
    )
    assert [tool.name for tool in context.tools.standard_tools] == ["new"]
    assert context.tool_choice == "required"
    assert kinds(down) == [LLMSetToolsFrame]
    told = context.messages[0]
    assert told["role"] == "developer"
    assert "`new`" in told["content"] and "`old`" in told["content"]


async def test_muted_the_user_is_not_heard():
    context = LLMContext()
    aggregator = LLMUserAggregator(
        context, params=quick(user_mute_strategies=[AlwaysUserMuteStrategy()])
    )
    muted = calls_of(aggregator, "on_user_mute_started")
    async with passage(aggregator) as ways:
        await ways.send(BotStartedSpeakingFrame())
        await ways.down.wait_for(UserMuteStartedFrame)
        await ways.send(
            VADUserStartedSpeakingFrame(), InputAudioRawFrame(bytes(320), 16_000, 1), said("Hm.")
        )
        await settle()
        await ways.send(BotStoppedSpeakingFrame())
        await ways.down.wait_for(UserMuteStoppedFrame)
        await speak(ways, "Hello.")
        await ways.down.wait_for(LLMContextFrame)
        await ways.end()
    assert context.messages == [{"role": "user", "content": "Hello."}]
    assert InputAudioRawFrame not in kinds(ways.went_down())
    assert UserMuteStartedFrame in kinds(ways.went_up())
    assert len(muted) == 1


async def test_voice_activity_is_detected_here_if_wanted():
    class Loud(VADAnalyzer):
        def num_frames_required(self) -> int:
            return 512

        def voice_confidence(self, buffer: bytes) -> float:
            return 0.0

        async def analyze_audio(self, buffer: bytes) -> VADState:
            return VADState.SPEAKING if buffer[0] else VADState.QUIET

    aggregator = LLMUserAggregator(LLMContext(), params=quick(vad_analyzer=Loud()))
    async with passage(aggregator) as ways:
        await ways.send(InputAudioRawFrame(b"\x01" * 640, 16_000, 1))
        await ways.down.wait_for(UserStartedSpeakingFrame)
        await ways.send(InputAudioRawFrame(bytes(640), 16_000, 1), said("Hello."))
        await ways.down.wait_for(LLMContextFrame)
        await ways.end()
    assert VADUserStartedSpeakingFrame in kinds(ways.went_up())
    assert VADUserStartedSpeakingFrame in kinds(ways.went_down())
    assert kinds(ways.went_down()).count(InputAudioRawFrame) == 2


async def test_turn_strategies_of_a_service_are_taken_over_unless_there_are_own_ones():
    proposed = ServiceMetadataFrame(
        service_name="stt", user_turn_strategies=ExternalUserTurnStrategies()
    )
    context = LLMContext()
    async with passage(LLMUserAggregator(context)) as ways:
        await ways.send(proposed)
        await ways.down.wait_for(ServiceMetadataFrame)
        await ways.send(UserStartedSpeakingFrame())
        await ways.down.wait_for(UserStartedSpeakingFrame)
        await ways.send(said("Hello."))
        await asyncio.sleep(0)
        await ways.send(UserStoppedSpeakingFrame())
        await ways.down.wait_for(LLMContextFrame)
        await ways.end()
    own = LLMUserAggregator(LLMContext(), params=quick())
    async with passage(own) as ways:
        await ways.send(proposed)
        await ways.down.wait_for(ServiceMetadataFrame)
        await speak(ways, "Hello.")
        await ways.down.wait_for(LLMContextFrame)
        await ways.end()


async def test_a_strategy_that_says_nothing_of_its_interest_is_shown_all():
    class Curious(VADUserTurnStartStrategy):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Frame] = []

        async def process_frame(self, frame: Frame) -> ProcessFrameResult:
            self.seen.append(frame)
            return await super().process_frame(frame)

    curious = Curious()
    aggregator = LLMUserAggregator(
        LLMContext(),
        params=LLMUserAggregatorParams(user_turn_strategies=UserTurnStrategies(start=[curious])),
    )
    text, audio = TextFrame("a"), InputAudioRawFrame(bytes(2), 16_000, 1)
    await passed(aggregator, frames=[text, audio])
    assert text in curious.seen and audio in curious.seen


async def test_the_users_silence_is_told():
    aggregator = LLMUserAggregator(
        LLMContext(), params=LLMUserAggregatorParams(user_idle_timeout=SOON)
    )
    idle = calls_of(aggregator, "on_user_turn_idle")
    async with passage(aggregator) as ways:
        await ways.send(BotStartedSpeakingFrame(), BotStoppedSpeakingFrame())
        await idle.wait()
        await ways.end()


@pytest.mark.parametrize("allowed", [True, False])
async def test_speech_interrupts_only_if_the_task_allows_it(allowed: bool):
    aggregator = LLMUserAggregator(LLMContext(), params=quick())
    params = PipelineParams(allow_interruptions=allowed)
    async with passage(aggregator, params=params) as ways:
        assert aggregator.interruptions_allowed is allowed
        await speak(ways, "Wait!")
        await ways.down.wait_for(LLMContextFrame)
        await ways.end()
    assert bool(ways.down.frames(InterruptionFrame)) is allowed
    assert ways.down.frames(UserStartedSpeakingFrame) and ways.down.frames(UserStoppedSpeakingFrame)
