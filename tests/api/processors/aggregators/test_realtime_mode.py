"""Contexts beside a service that hears the user and speaks by itself."""

import asyncio

import pytest
from pipecat_rs.frames.frames import (
    CancelFrame,
    ErrorFrame,
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMServiceMetadataFrame,
    LLMTextFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    StartFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregator,
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.turns.user_start import (
    TranscriptionUserTurnStartStrategy,
    VADUserTurnStartStrategy,
)
from pipecat_rs.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat_rs.turns.user_turn_strategies import ExternalUserTurnStrategies, UserTurnStrategies
from support.passage import kinds, passage
from support.waiting import calls_of, settle, until

SOON, NEVER = 0.005, 3600.0


class Realtime(FrameProcessor):
    """Says that it listens by itself, and pushes what it is told to, upstream or down."""

    def __init__(self, **metadata) -> None:
        super().__init__()
        self.metadata = {"is_realtime_service": True} | metadata

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            await self.broadcast_frame(
                LLMServiceMetadataFrame, service_name="realtime", **self.metadata
            )

    async def hear(self, text: str) -> None:
        frame = TranscriptionFrame(text, "user", "now", finalized=True)
        await self.push_frame(frame, FrameDirection.UPSTREAM)

    async def say(self, *tokens: str) -> None:
        await self.push_frame(LLMFullResponseStartFrame())
        for token in tokens:
            await self.push_frame(LLMTextFrame(token))


def quick() -> LLMUserAggregatorParams:
    strategies = UserTurnStrategies(
        start=[VADUserTurnStartStrategy()],
        stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=SOON)],
    )
    return LLMUserAggregatorParams(user_turn_strategies=strategies)


def conversation(mode: bool | None = None):
    context = LLMContext()
    pair = LLMContextAggregatorPair(context, user_params=quick(), realtime_service_mode=mode)
    service = Realtime()
    return context, pair, service, passage(pair.user(), service, pair.assistant())


def texts(context: LLMContext) -> list[tuple[str, str]]:
    return [(m["role"], m["content"]) for m in context.messages]


@pytest.mark.parametrize("mode", [None, True])
async def test_the_users_message_is_written_ahead_of_the_answer_however_late_it_is_heard(mode):
    context, pair, service, passing = conversation(mode)
    added = calls_of(pair.user(), "on_user_turn_message_added")
    stopped = calls_of(pair.user(), "on_user_turn_stopped")
    async with passing as ways:
        await ways.send(VADUserStartedSpeakingFrame())
        await ways.down.wait_for(UserStartedSpeakingFrame)
        await ways.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stopped.wait()
        await ways.send(STTMetadataFrame("stt", NEVER))
        await ways.down.wait_for(STTMetadataFrame)
        await service.hear("What's up?")
        await service.say("Not", " much.")
        await settle()
        assert context.messages == []
        await service.hear("I said.")
        await service.push_frame(LLMFullResponseEndFrame())
        await added.wait()
        await until(lambda: len(context.messages) == 2)
        await ways.end()

    assert texts(context) == [
        ("user", "What's up? I said."),
        ("assistant", "Not much."),
    ]
    assert [message.content for _, message in stopped] == [None]
    assert added[0][0].content == "What's up? I said."
    assert added[0][0].timestamp
    assert len(added) == len(stopped) == 1


async def test_it_is_written_when_transcripts_have_had_their_time():
    context, pair, service, passing = conversation()
    added = calls_of(pair.user(), "on_user_turn_message_added")
    async with passing as ways:
        await ways.send(STTMetadataFrame("stt", SOON))
        await service.hear("Hello.")
        await service.say("Hello to you.")
        await added.wait()
        assert texts(context) == [("user", "Hello.")]
        await service.push_frame(LLMFullResponseEndFrame())
        await until(lambda: len(context.messages) == 2)
        await ways.end()


@pytest.mark.parametrize("ending", ["end", "cancel"])
async def test_what_is_left_is_written_at_the_end(ending):
    context, pair, service, passing = conversation()
    stopped = calls_of(pair.user(), "on_user_turn_stopped")
    async with passing as ways:
        await service.hear("Goodbye.")
        await settle()
        if ending == "end":
            await ways.end()
        else:
            await ways.send(CancelFrame())
            await asyncio.wait([ways.run])

    assert texts(context) == [("user", "Goodbye.")]
    assert not stopped


async def test_turns_do_not_wait_for_words_nor_begin_with_them(caplog):
    start = [VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()]
    plain = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=SOON)
    strategies = UserTurnStrategies(start=start, stop=[plain])
    pair = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(user_turn_strategies=strategies)
    )
    service = Realtime()
    started = calls_of(pair.user(), "on_user_turn_started")
    async with passage(pair.user(), service, pair.assistant()) as ways:
        await ways.down.wait_for(LLMServiceMetadataFrame)
        await until(lambda: not plain.wait_for_transcript)
        await service.hear("no turn")
        await settle()
        assert not started
        await ways.end()

    assert "TranscriptionUserTurnStartStrategy starts no turns" in caplog.text


async def test_a_turn_without_words_is_not_answered_by_order():
    context, pair, _, passing = conversation()
    stopped = calls_of(pair.user(), "on_user_turn_stopped")
    async with passing as ways:
        await ways.down.wait_for(LLMServiceMetadataFrame)
        await ways.send(VADUserStartedSpeakingFrame())
        await ways.down.wait_for(UserStartedSpeakingFrame)
        await ways.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stopped.wait()
        await settle()
        await ways.end()
    assert context.messages == []


async def test_it_can_be_switched_off():
    context, pair, service, passing = conversation(False)
    stopped = calls_of(pair.user(), "on_user_turn_stopped")
    async with passing as ways:
        await ways.send(VADUserStartedSpeakingFrame())
        await ways.down.wait_for(UserStartedSpeakingFrame)
        await service.hear("Hello.")
        await ways.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stopped.wait()
        await ways.end()

    assert texts(context) == [("user", "Hello.")]
    assert stopped[0][1].content == "Hello."


async def test_strategies_of_the_service_are_taken_over_and_suited():
    context = LLMContext()
    pair = LLMContextAggregatorPair(context)
    service = Realtime(user_turn_strategies=ExternalUserTurnStrategies())
    stopped = calls_of(pair.user(), "on_user_turn_stopped")
    async with passage(pair.user(), service, pair.assistant()) as ways:
        await ways.down.wait_for(LLMServiceMetadataFrame)
        await service.broadcast_frame(ProposedUserStartedSpeakingFrame)
        await ways.up.wait_for(UserStartedSpeakingFrame)
        await service.broadcast_frame(ProposedUserStoppedSpeakingFrame)
        await ways.up.wait_for(UserStoppedSpeakingFrame)
        await stopped.wait()
        await ways.end()

    proposals = {ProposedUserStartedSpeakingFrame, ProposedUserStoppedSpeakingFrame}
    assert not proposals & {*kinds(ways.went_down()), *kinds(ways.went_up())}


async def test_ones_own_strategies_that_interrupt_where_the_service_does_not_are_told_of(caplog):
    params = LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies())
    pair = LLMContextAggregatorPair(LLMContext(), user_params=params)
    service = Realtime(
        is_realtime_service=False,
        user_turn_strategies=ExternalUserTurnStrategies(enable_interruptions=False),
    )
    async with passage(pair.user(), service) as ways:
        await ways.end()
    assert "is set not to interrupt the bot" in caplog.text


async def test_the_assistants_side_alone_cannot_do_it():
    aggregator = LLMAssistantAggregator(LLMContext(), _realtime_service_mode=True)
    async with passage(aggregator) as ways:
        error = await ways.up.wait_for(ErrorFrame)
        await ways.end()
    assert "LLMContextAggregatorPair" in error.error
