"""The language model judges whether the user has finished."""

import asyncio

import pytest
from pipecat_rs.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    FunctionCallFromLLM,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMarkerFrame,
    LLMMarkerResponseFrame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
    LLMTextFrame,
    LLMUpdateSettingsFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    UserTurnInferenceCompletedFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.services.settings import LLMSettings
from pipecat_rs.turns.user_turn_completion_mixin import (
    DEFAULT_INCOMPLETE_LONG_PROMPT,
    DEFAULT_INCOMPLETE_SHORT_PROMPT,
    USER_TURN_COMPLETION_INSTRUCTIONS,
    UserTurnCompletionConfig,
)
from support.passage import kinds, passage
from support.waiting import settle, until

SOON, NEVER = 0.005, 3600.0


class Judge(LLMService):
    """Answers each context with the next of the answers given, token by token."""

    handles = LLMService.handles

    def __init__(self, *answers: list[str], calls: bool = False, **settings) -> None:
        super().__init__(settings=LLMSettings(**settings))
        self.answers = list(answers)
        self.calls = calls
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        if self.calls:
            self.calls = False
            await self.run_function_calls([FunctionCallFromLLM("f", "1", {}, frame.context)])
        for token in self.answers.pop(0):
            await self.go_on.wait()
            await self._push_llm_text(token)
        await self.push_frame(LLMFullResponseEndFrame())


def ask() -> LLMContextFrame:
    return LLMContextFrame(context=LLMContext())


def judging(**config) -> LLMUpdateSettingsFrame:
    config = {"incomplete_short_timeout": NEVER, "incomplete_long_timeout": NEVER} | config
    return LLMUpdateSettingsFrame(
        delta=LLMSettings(
            filter_incomplete_user_turns=True,
            user_turn_completion_config=UserTurnCompletionConfig(**config),
        )
    )


def spoken(frames: list[Frame]) -> str:
    return "".join(frame.text for frame in frames if isinstance(frame, LLMTextFrame))


async def answers(model: Judge, *frames: Frame, **config) -> list[Frame]:
    """Have a model judge; what came out below, without what was put in."""
    async with passage(model) as ways:
        await ways.send(judging(**config), *frames)
        await ways.end()
    return ways.went_down()


@pytest.mark.parametrize(
    "tokens",
    [
        ["● Hello ", "there."],
        ["●", " Hello", " there."],
        ["● ", "Hello there."],
        [" ●Hello there."],
    ],
)
async def test_a_finished_turn_is_answered(tokens):
    down = await answers(Judge(tokens), ask())

    assert spoken(down).strip() == "Hello there."
    completed = kinds(down).index(UserTurnInferenceCompletedFrame)
    marker = kinds(down).index(LLMMarkerFrame)
    assert completed < marker < kinds(down).index(LLMTextFrame)
    assert (down[marker].marker, down[marker].append_to_context_immediately) == ("●", False)
    report = next(f for f in down if isinstance(f, LLMMarkerResponseFrame))
    assert (report.raw, report.marker, report.kind) == ("".join(tokens), "●", "complete")
    assert report.markers == ["●", "◐", "○"]
    assert kinds(down).index(LLMMarkerResponseFrame) < kinds(down).index(LLMFullResponseEndFrame)


@pytest.mark.parametrize(("sign", "kind"), [("◐", "short"), ("○", "long")])
async def test_an_unfinished_turn_is_not_answered(sign, kind):
    down = await answers(Judge([sign, " Please", " go on ●."]), ask())

    assert spoken(down) == ""
    assert UserTurnInferenceCompletedFrame not in kinds(down)
    marker = next(f for f in down if isinstance(f, LLMMarkerFrame))
    assert (marker.marker, marker.append_to_context_immediately) == (sign, True)
    assert next(f for f in down if isinstance(f, LLMMarkerResponseFrame)).kind == kind


async def test_an_answer_without_a_sign_is_spoken_all_the_same(caplog):
    down = await answers(Judge(["Just", " so."]), ask())

    assert spoken(down) == "Just so."
    assert "none of the signs" in caplog.text
    assert next(f for f in down if isinstance(f, LLMMarkerResponseFrame)).marker is None


@pytest.mark.parametrize(
    ("sign", "prompt"),
    [("◐", DEFAULT_INCOMPLETE_SHORT_PROMPT), ("○", DEFAULT_INCOMPLETE_LONG_PROMPT)],
)
async def test_a_user_who_does_not_go_on_is_spoken_to(sign, prompt):
    model = Judge([sign])
    async with passage(model) as ways:
        await ways.send(judging(incomplete_short_timeout=SOON, incomplete_long_timeout=SOON), ask())
        append = await ways.down.wait_for(LLMMessagesAppendFrame)
        await ways.down.wait_for(LLMRunFrame)
        await ways.end()

    assert append.messages == [{"role": "developer", "content": prompt}]


@pytest.mark.parametrize("frame", [VADUserStartedSpeakingFrame, InterruptionFrame, ask])
async def test_a_user_who_goes_on_is_not_spoken_to(frame):
    model = Judge(["◐"], ["● Yes."])
    async with passage(model) as ways:
        await ways.send(judging(incomplete_short_timeout=0.05), ask())
        await ways.down.wait_for(LLMFullResponseEndFrame)
        assert model._incomplete_timer.running
        await ways.send(frame())
        await until(lambda: not model._incomplete_timer.running)
        await ways.end()

    assert LLMMessagesAppendFrame not in kinds(ways.went_down())


async def test_the_end_of_the_session_ends_the_waiting():
    model = Judge(["◐"])
    await answers(model, ask())
    assert not model._incomplete_timer.running


async def test_who_speaks_has_not_finished():
    model = Judge(["●", " Hello."])
    model.go_on.clear()
    async with passage(model) as ways:
        await ways.send(judging(), ask())
        await ways.down.wait_for(LLMFullResponseStartFrame)
        await ways.send(VADUserStartedSpeakingFrame())
        await ways.down.wait_for(VADUserStartedSpeakingFrame)
        model.go_on.set()
        marker = await ways.down.wait_for(LLMMarkerFrame)
        await ways.end()

    assert marker.marker == "◐"
    assert spoken(ways.went_down()) == ""
    assert UserTurnInferenceCompletedFrame not in kinds(ways.went_down())


async def test_one_stretch_of_speech_is_answered_once():
    down = await answers(Judge(["● One."], ["● Two."]), ask(), ask())
    assert spoken(down) == "One."


@pytest.mark.parametrize(
    "between",
    [
        UserStartedSpeakingFrame,
        VADUserStoppedSpeakingFrame,
        InterruptionFrame,
        lambda: LLMMessagesAppendFrame(messages=[], run_llm=True),
    ],
)
async def test_speech_and_requests_make_room_for_another_answer(between):
    async with passage(Judge(["● One."], ["● Two."])) as ways:
        await ways.send(judging(), ask())
        await ways.down.wait_for(LLMFullResponseEndFrame)
        frame = between()
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            await ways.send(VADUserStartedSpeakingFrame())
        await ways.send(frame)
        await ways.down.wait_for(type(frame))
        await ways.send(ask())
        await ways.end()

    assert spoken(ways.went_down()) == "One.Two."


async def test_a_function_call_finishes_the_turn_and_the_answer_to_its_result_is_spoken():
    async with passage(Judge(["● One moment."], ["● Done."], calls=True)) as ways:
        await ways.send(judging(), ask())
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.send(ask())
        await ways.end()

    down = ways.went_down()
    assert spoken(down) == "One moment.Done."
    assert kinds(down).count(UserTurnInferenceCompletedFrame) == 2  # once for each answer


async def test_an_interrupted_answer_without_a_sign_is_not_spoken():
    model = Judge(["Hm", " what"])
    model.go_on.clear()
    async with passage(model) as ways:
        await ways.send(judging(), ask())
        await ways.down.wait_for(LLMFullResponseStartFrame)
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame)
        await settle()
        await ways.end()
    assert spoken(ways.went_down()) == ""


async def test_signs_of_ones_own():
    config = {
        "complete_marker": "[go]",
        "incomplete_short_marker": "[wait]",
        "incomplete_long_marker": "[think]",
    }
    down = await answers(Judge(["[g", "o] Hi."]), ask(), **config)
    assert spoken(down) == "Hi."
    made = UserTurnCompletionConfig(**config)
    for text in (made.completion_instructions, made.short_prompt, made.long_prompt):
        assert "[go]" in text
        assert not any(sign in text for sign in "●◐○")


async def test_the_model_is_told_of_the_signs_behind_its_own_instruction():
    model = Judge(system_instruction="Be kind.")
    await answers(model)
    expected = f"Be kind.\n\n{USER_TURN_COMPLETION_INSTRUCTIONS}"
    assert model.settings.system_instruction == expected

    off = LLMUpdateSettingsFrame(delta=LLMSettings(filter_incomplete_user_turns=False))
    model = Judge(["Hi."], system_instruction="Be kind.")
    down = await answers(model, off, ask())
    assert model.settings.system_instruction == "Be kind."
    assert spoken(down) == "Hi."
    assert LLMMarkerResponseFrame not in kinds(down)


def test_a_service_cannot_be_built_so():
    with pytest.warns(DeprecationWarning, match="filter_incomplete_user_turns"):
        Judge(filter_incomplete_user_turns=True)


def on_trial() -> LLMContextFrame:
    return LLMContextFrame(context=LLMContext(), speculation=True)


@pytest.mark.parametrize("withdrawn", ["●", "◐"])
async def test_a_withdrawn_answer_leaves_nothing_behind(withdrawn):
    model = Judge([withdrawn, " Hm."], ["● Yes."])
    async with passage(model) as ways:
        await ways.send(judging(incomplete_short_timeout=SOON), on_trial())
        await until(lambda: len(model.answers) == 1)
        await ways.send(EagerEndOfTurnCancelFrame())
        await ways.down.wait_for(EagerEndOfTurnCancelFrame)
        assert not model._incomplete_timer.running
        await ways.send(ask())
        await ways.end()

    assert spoken(ways.went_down()) == "Yes."
    assert LLMMessagesAppendFrame not in kinds(ways.went_down())


async def test_the_sign_of_an_answer_on_trial_is_held_back_with_it():
    async with passage(Judge(["●", " Yes."])) as ways:
        await ways.send(judging(), on_trial())
        await ways.down.wait_for(UserTurnInferenceCompletedFrame)
        assert LLMMarkerFrame not in kinds(ways.went_down())
        await ways.send(UserStoppedSpeakingFrame())
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()

    down = kinds(ways.went_down())
    assert down.index(LLMFullResponseStartFrame) < down.index(LLMMarkerFrame)
    assert spoken(ways.went_down()).strip() == "Yes."


async def test_an_answer_that_never_ended_does_not_silence_the_next():
    model = Judge(["● Yes."])
    async with passage(model) as ways:
        await ways.send(judging())
        await settle()
        await model.push_frame(LLMFullResponseStartFrame())
        await model._push_turn_text("◐")  # and then the provider breaks off
        await ways.send(ask())
        await ways.end()
    assert spoken(ways.went_down()) == "Yes."
