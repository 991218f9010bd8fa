"""Answering a turn before it has ended."""

import asyncio

import pytest
from pipecat_rs.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    Frame,
    FunctionCallFromLLM,
    FunctionCallsStartedFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.turns.user_stop import ExactMatch, NormalizedMatch
from pipecat_rs.turns.user_turn_strategies import EagerUserTurnStrategies
from support.passage import kinds, passage
from support.waiting import calls_of, settle, until

SOON = 0.005


class Parrot(LLMService):
    """Answers with what was said last, in two tokens; between them it may be kept waiting."""

    handles = LLMService.handles

    def __init__(self, *, calls: bool = False) -> None:
        super().__init__()
        self.calls = calls
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.asked: list[LLMContextFrame] = []
        self.stopped = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        self.asked.append(frame)
        said = frame.context.messages[-1]["content"]
        try:
            await self.push_frame(LLMFullResponseStartFrame())
            if self.calls:
                await self.run_function_calls([FunctionCallFromLLM("f", "1", {}, frame.context)])
            await self._push_llm_text("You said ")
            await self.go_on.wait()
            await self._push_llm_text(f"{said}.")
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        finally:
            await self.push_frame(LLMFullResponseEndFrame())


def expected(text: str) -> EagerTranscriptionFrame:
    return EagerTranscriptionFrame(text, "user", "now")


def said(text: str) -> TranscriptionFrame:
    return TranscriptionFrame(text, "user", "now", finalized=True)


def answered(frames: list[Frame]) -> str:
    return "".join(frame.text for frame in frames if isinstance(frame, LLMTextFrame))


def conversation(model: Parrot, **kwargs):
    context = LLMContext()
    strategies = EagerUserTurnStrategies(**kwargs)
    user = LLMUserAggregator(
        context, params=LLMUserAggregatorParams(user_turn_strategies=strategies)
    )
    return context, user, passage(user, model)


async def begin(ways, model: Parrot, text: str) -> None:
    """The user speaks, and the end of the turn is expected."""
    await ways.send(ProposedUserStartedSpeakingFrame())
    await ways.down.wait_for(UserStartedSpeakingFrame)
    await ways.send(expected(text))
    await until(lambda: len(model.asked) == 1)


async def test_the_answer_is_there_when_the_turn_ends_and_is_made_once():
    model = Parrot()
    context, user, passing = conversation(model)
    stopped = calls_of(user, "on_user_turn_stopped")
    async with passing as ways:
        await begin(ways, model, "hello there")
        await settle()
        assert answered(ways.went_down()) == ""
        assert context.messages == []
        assert model.asked[0].speculation
        await ways.send(said("Hello there!"), ProposedUserStoppedSpeakingFrame())
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await stopped.wait()
        await ways.end()

    assert answered(ways.went_down()) == "You said hello there."
    assert len(model.asked) == 1
    assert context.messages == [{"role": "user", "content": "Hello there!"}]
    assert stopped[0][1].content == "Hello there!"
    down = kinds(ways.went_down())
    assert down.index(UserStoppedSpeakingFrame) < down.index(LLMFullResponseStartFrame)


async def test_an_answer_to_other_words_is_dropped_and_made_anew():
    model = Parrot()
    context, _, passing = conversation(model)
    async with passing as ways:
        await begin(ways, model, "to Japan")
        await ways.send(said("to Japan or Korea"), ProposedUserStoppedSpeakingFrame())
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()

    assert answered(ways.went_down()) == "You said to Japan or Korea."
    assert context.messages == [{"role": "user", "content": "to Japan or Korea"}]
    assert not model.asked[1].speculation
    assert kinds(ways.went_down()).count(EagerEndOfTurnCancelFrame) == 1
    assert kinds(ways.went_up()).count(EagerEndOfTurnCancelFrame) == 1


async def test_a_withdrawn_answer_is_not_made_to_its_end():
    model = Parrot()
    model.go_on.clear()
    _, _, passing = conversation(model)
    async with passing as ways:
        await begin(ways, model, "well")
        await ways.send(EagerEndOfTurnCancelFrame())
        await until(lambda: model.stopped == 1)
        model.go_on.set()
        await ways.send(said("well, yes"), ProposedUserStoppedSpeakingFrame())
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()

    assert answered(ways.went_down()) == "You said well, yes."
    assert kinds(ways.went_down()).count(LLMFullResponseEndFrame) == 1
    assert kinds(ways.went_down()).count(EagerEndOfTurnCancelFrame) == 1


async def test_a_turn_that_does_not_end_withdraws_the_answer():
    model = Parrot()
    _, _, passing = conversation(model, speculation_timeout=SOON)
    async with passing as ways:
        await begin(ways, model, "well")
        await ways.down.wait_for(EagerEndOfTurnCancelFrame)
        await ways.end()

    assert answered(ways.went_down()) == ""


async def test_an_interruption_drops_the_answer():
    model = Parrot()
    _, _, passing = conversation(model)
    async with passing as ways:
        await begin(ways, model, "well")
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame, count=2)
        await ways.send(UserStoppedSpeakingFrame())
        await ways.down.wait_for(UserStoppedSpeakingFrame)
        await ways.end()

    assert answered(ways.went_down()) == ""


async def test_no_function_is_called_on_trial():
    model = Parrot(calls=True)
    _, _, passing = conversation(model)
    async with passing as ways:
        await begin(ways, model, "book it")
        await ways.down.wait_for(EagerEndOfTurnCancelFrame)
        assert FunctionCallsStartedFrame not in kinds(ways.went_down())
        await ways.send(said("book it"), ProposedUserStoppedSpeakingFrame())
        await ways.down.wait_for(FunctionCallsStartedFrame)
        await ways.end()

    assert [frame.speculation for frame in model.asked] == [True, False]


@pytest.mark.parametrize(
    ("eager", "final", "same"),
    [
        ("its fine", "It's fine.", True),
        ("STRASSE  eins", "Straße, eins", True),
        ("yes", "yes please", False),
        ("", "?!", True),
    ],
)
def test_matches(eager, final, same):
    assert NormalizedMatch().matches(eager, final) is same
    assert not ExactMatch().matches(eager, final)
    assert ExactMatch().matches(final, final)
