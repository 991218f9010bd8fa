"""A conversation in which the language model decides whether the user has finished."""

import pytest
from pipecat_rs.frames.frames import (
    Frame,
    LLMContextAssistantTurnFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.turns.user_start import VADUserTurnStartStrategy
from pipecat_rs.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat_rs.turns.user_turn_completion_mixin import UserTurnCompletionConfig
from pipecat_rs.turns.user_turn_strategies import (
    FilterIncompleteUserTurnStrategies,
    UserTurnStrategies,
)
from support.passage import kinds, passage
from support.waiting import calls_of

SOON, NEVER = 0.005, 3600.0


class Judge(LLMService):
    """Answers with the next of the answers given."""

    handles = LLMService.handles

    def __init__(self, *answers: str) -> None:
        super().__init__()
        self.answers = list(answers)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        for token in self.answers.pop(0).split(" "):
            await self._push_llm_text(f"{token} ")
        await self.push_frame(LLMFullResponseEndFrame())


def detectors() -> dict[str, list]:
    return {
        "start": [VADUserTurnStartStrategy()],
        "stop": [SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=SOON)],
    }


async def say(ways, text: str) -> None:
    await ways.send(VADUserStartedSpeakingFrame())
    await ways.down.wait_for(VADUserStartedSpeakingFrame, count=1)
    await ways.send(TranscriptionFrame(text, "user", "now", finalized=True))
    await ways.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))


async def test_the_turn_goes_on_until_the_model_says_that_it_is_over():
    context = LLMContext()
    config = UserTurnCompletionConfig(incomplete_short_timeout=NEVER)
    strategies = FilterIncompleteUserTurnStrategies(**detectors(), config=config)
    pair = LLMContextAggregatorPair(
        context, user_params=LLMUserAggregatorParams(user_turn_strategies=strategies)
    )
    triggered = calls_of(pair.user(), "on_user_turn_inference_triggered")
    stopped = calls_of(pair.user(), "on_user_turn_stopped")
    told = calls_of(pair.assistant(), "on_assistant_turn_stopped")
    model = Judge("◐", "● Of course.")
    async with passage(pair.user(), model, pair.assistant()) as ways:
        await say(ways, "Can you")
        await told.wait()
        assert not stopped
        assert UserStoppedSpeakingFrame not in kinds(ways.went_down())
        await say(ways, "help me?")
        await stopped.wait()
        await told.wait(2)
        await ways.end()

    assert context.messages == [
        {"role": "user", "content": "Can you"},
        {"role": "assistant", "content": "◐"},
        {"role": "user", "content": "help me?"},
        {"role": "assistant", "content": "● Of course."},
    ]
    assert len(triggered) == 2
    assert [message.content for _, message in stopped] == ["Can you help me?"]
    assert [message.content for (message,) in told] == ["", "Of course."]
    turns = [f.text for f in ways.went_down() if isinstance(f, LLMContextAssistantTurnFrame)]
    assert turns == ["Of course."]


async def test_a_user_who_does_not_go_on_is_asked_to():
    context = LLMContext()
    config = UserTurnCompletionConfig(
        incomplete_short_timeout=SOON, incomplete_short_prompt="Invite them."
    )
    strategies = FilterIncompleteUserTurnStrategies(**detectors(), config=config)
    pair = LLMContextAggregatorPair(
        context, user_params=LLMUserAggregatorParams(user_turn_strategies=strategies)
    )
    stopped = calls_of(pair.user(), "on_user_turn_stopped")
    async with passage(pair.user(), Judge("◐", "● Go on."), pair.assistant()) as ways:
        await say(ways, "I would like")
        await stopped.wait()
        await ways.down.wait_for(LLMContextAssistantTurnFrame)
        await ways.end()

    assert [m["content"] for m in context.messages] == [
        "I would like",
        "◐",
        "Invite them.",
        "● Go on.",
    ]


async def test_a_sign_of_ones_own_is_not_told_either():
    context = LLMContext()
    config = UserTurnCompletionConfig(complete_marker="[done]")
    strategies = FilterIncompleteUserTurnStrategies(**detectors(), config=config)
    pair = LLMContextAggregatorPair(
        context, user_params=LLMUserAggregatorParams(user_turn_strategies=strategies)
    )
    told = calls_of(pair.assistant(), "on_assistant_turn_stopped")
    async with passage(pair.user(), Judge("[done] Yes."), pair.assistant()) as ways:
        await say(ways, "Are you there?")
        await told.wait()
        await ways.end()

    assert told[0][0].content == "Yes."
    assert context.messages[-1]["content"] == "[done] Yes."


async def test_the_parameters_of_earlier_versions_do_the_same():
    with pytest.warns(DeprecationWarning) as warned:
        params = LLMUserAggregatorParams(
            user_turn_strategies=UserTurnStrategies(**detectors()),
            filter_incomplete_user_turns=True,
            user_turn_completion_config=UserTurnCompletionConfig(incomplete_long_timeout=NEVER),
        )
    assert len(warned) == 2
    pair = LLMContextAggregatorPair(LLMContext(), user_params=params)
    stopped = calls_of(pair.user(), "on_user_turn_stopped")
    model = Judge("● Yes.")
    async with passage(pair.user(), model, pair.assistant()) as ways:
        await say(ways, "Are you there?")
        await stopped.wait()
        await ways.end()

    assert model._user_turn_completion_config.incomplete_long_timeout == NEVER
    assert [f.text for f in ways.went_down() if isinstance(f, LLMTextFrame)] == []
