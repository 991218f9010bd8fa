"""One decision on turns for all that come behind."""

from pipecat_rs.frames.frames import (
    BotStoppedSpeakingFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TextFrame,
    TranscriptionFrame,
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
from pipecat_rs.turns.user_start import VADUserTurnStartStrategy
from pipecat_rs.turns.user_stop import SpeechTimeoutUserTurnStopStrategy, deferred
from pipecat_rs.turns.user_turn_processor import UserTurnProcessor
from pipecat_rs.turns.user_turn_strategies import ExternalUserTurnStrategies, UserTurnStrategies
from support.passage import kinds, passage, passed
from support.waiting import calls_of

SOON = 0.005


def said(text: str) -> TranscriptionFrame:
    return TranscriptionFrame(text, "user", "now", finalized=True)


def quick() -> UserTurnStrategies:
    return UserTurnStrategies(
        start=[VADUserTurnStartStrategy()],
        stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=SOON)],
    )


async def test_it_announces_turns_that_aggregators_behind_it_take_over():
    processor = UserTurnProcessor(user_turn_strategies=quick())
    events = {
        name: calls_of(processor, f"on_user_turn_{name}")
        for name in ("started", "inference_triggered", "stopped")
    }
    context = LLMContext()
    user = LLMUserAggregator(
        context,
        params=LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies()),
    )
    async with passage(processor, user) as ways:
        await ways.send(VADUserStartedSpeakingFrame(), said("Hello."))
        await ways.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await ways.down.wait_for(LLMContextFrame)
        await ways.end()

    assert context.messages == [{"role": "user", "content": "Hello."}]
    down = kinds(ways.went_down())
    for cls in (UserStartedSpeakingFrame, InterruptionFrame, UserStoppedSpeakingFrame):
        assert down.count(cls) == kinds(ways.went_up()).count(cls) == 1
    assert {name: len(calls) for name, calls in events.items()} == {
        "started": 1,
        "inference_triggered": 1,
        "stopped": 1,
    }


async def test_a_proposal_that_it_decides_on_goes_no_further():
    proposals = [ProposedUserStartedSpeakingFrame(), ProposedUserStoppedSpeakingFrame()]
    down, _ = await passed(
        UserTurnProcessor(user_turn_strategies=ExternalUserTurnStrategies()), frames=proposals
    )
    assert not set(map(type, proposals)) & set(kinds(down))

    proposals = [ProposedUserStartedSpeakingFrame(), ProposedUserStoppedSpeakingFrame()]
    down, _ = await passed(UserTurnProcessor(user_turn_strategies=quick()), frames=proposals)
    assert kinds(down) == kinds(proposals)


async def test_where_the_task_allows_no_interruptions_there_are_none():
    processor = UserTurnProcessor(user_turn_strategies=quick())
    async with passage(processor, params=PipelineParams(allow_interruptions=False)) as ways:
        await ways.send(VADUserStartedSpeakingFrame())
        await ways.down.wait_for(UserStartedSpeakingFrame)
        await ways.end()
    assert InterruptionFrame not in kinds(ways.went_down())


async def test_a_turn_left_open_is_stopped():
    strategies = UserTurnStrategies(
        start=[VADUserTurnStartStrategy()], stop=[deferred(SpeechTimeoutUserTurnStopStrategy())]
    )
    processor = UserTurnProcessor(user_turn_strategies=strategies, user_turn_stop_timeout=SOON)
    late = calls_of(processor, "on_user_turn_stop_timeout")
    async with passage(processor) as ways:
        await ways.send(VADUserStartedSpeakingFrame(), VADUserStoppedSpeakingFrame())
        await late.wait()
        await ways.down.wait_for(UserStoppedSpeakingFrame)
        await ways.end()


async def test_a_user_who_says_nothing_is_told_of():
    processor = UserTurnProcessor(user_turn_strategies=quick(), user_idle_timeout=SOON)
    idle = calls_of(processor, "on_user_turn_idle")
    async with passage(processor) as ways:
        await ways.send(BotStoppedSpeakingFrame())
        await idle.wait()
        await ways.end()


async def test_it_is_not_shown_what_it_has_no_use_for():
    shown = []

    class Watched(UserTurnProcessor):
        handles = UserTurnProcessor.handles

        async def process_frame(self, frame, direction):
            shown.append(type(frame))
            await super().process_frame(frame, direction)

    frames = [
        TextFrame("a"),
        InputAudioRawFrame(audio=b"\0\0", sample_rate=16_000, num_channels=1),
        said("b"),
    ]
    down, _ = await passed(Watched(user_turn_strategies=quick()), frames=frames)

    assert sorted(kinds(down), key=str) == sorted(kinds(frames), key=str)
    assert TranscriptionFrame in shown
    assert not {TextFrame, InputAudioRawFrame} & set(shown)
