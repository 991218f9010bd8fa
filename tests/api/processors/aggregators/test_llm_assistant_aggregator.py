"""The assistant's side of a conversation (rules 111 and 112)."""

import pytest
from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallResultProperties,
    FunctionCallsStartedFrame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMContextAssistantTimestampFrame,
    LLMContextAssistantTurnFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSStartedFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregator,
    LLMContextAggregatorPair,
)
from pipecat_rs.processors.aggregators.tts_metadata_frame import TTSMetadataFrame
from pipecat_rs.processors.frame_processor import FrameDirection
from support.passage import kinds, passage, passed
from support.waiting import calls_of, settle


def answer(*tokens: str) -> list[Frame]:
    return [
        LLMFullResponseStartFrame(),
        *(LLMTextFrame(token) for token in tokens),
        LLMFullResponseEndFrame(),
    ]


def call(tool_call_id: str = "1", **kwargs) -> FunctionCallInProgressFrame:
    kwargs.setdefault("cancel_on_interruption", True)
    return FunctionCallInProgressFrame("f", tool_call_id, {"x": "ä"}, **kwargs)


def result(value, tool_call_id: str = "1", **kwargs) -> FunctionCallResultFrame:
    return FunctionCallResultFrame("f", tool_call_id, {}, value, **kwargs)


async def test_an_answer_is_written_when_it_ends():
    context = LLMContext()
    aggregator = LLMAssistantAggregator(context)
    started = calls_of(aggregator, "on_assistant_turn_started")
    stopped = calls_of(aggregator, "on_assistant_turn_stopped")
    down, up = await passed(aggregator, frames=answer("Hello", " there", "."))
    await stopped.wait()
    assert context.messages == [{"role": "assistant", "content": "Hello there."}]
    assert kinds(down) == [
        LLMContextFrame,
        LLMContextAssistantTimestampFrame,
        LLMContextAssistantTurnFrame,
    ]
    assert kinds(up) == [LLMContextAssistantTurnFrame]
    assert len(started) == 1
    assert (stopped[0][0].content, stopped[0][0].interrupted) == ("Hello there.", False)


async def test_an_interruption_writes_what_was_spoken_so_far():
    context = LLMContext()
    aggregator = LLMAssistantAggregator(context)
    stopped = calls_of(aggregator, "on_assistant_turn_stopped")
    async with passage(aggregator) as ways:
        await ways.send(
            LLMFullResponseStartFrame(),
            TTSStartedFrame(),
            TTSTextFrame("The moon is far.", text_type="sentence"),
            AggregatedTextFrame("It is cold there.", text_type="sentence"),
        )
        not_spoken = AggregatedTextFrame("Nobody hears this.", text_type="sentence")
        not_spoken.append_to_context = False
        await ways.send(not_spoken)
        await ways.down.wait_for(TTSStartedFrame)
        await settle()
        await ways.send(InterruptionFrame())
        await stopped.wait()
        await ways.end()
    text = "The moon is far. It is cold there."
    assert context.messages == [{"role": "assistant", "content": text}]
    assert (stopped[0][0].content, stopped[0][0].interrupted) == (text, True)


async def test_an_answer_without_words_leaves_no_message():
    context = LLMContext()
    aggregator = LLMAssistantAggregator(context)
    stopped = calls_of(aggregator, "on_assistant_turn_stopped")
    await passed(aggregator, frames=answer())
    await stopped.wait()
    assert context.messages == []
    assert stopped[0][0].content == ""


async def test_the_end_writes_what_is_left():
    context = LLMContext()
    await passed(
        LLMAssistantAggregator(context),
        frames=[LLMFullResponseStartFrame(), LLMTextFrame("Good")],
    )
    assert context.messages == [{"role": "assistant", "content": "Good"}]


async def test_an_utterance_of_its_own_is_written_on_request():
    context = LLMContext()
    await passed(
        LLMAssistantAggregator(context),
        frames=[
            TTSStartedFrame(),
            TTSTextFrame("Welcome.", text_type="sentence"),
            LLMAssistantPushAggregationFrame(),
        ],
    )
    assert context.messages == [{"role": "assistant", "content": "Welcome."}]


async def test_what_the_user_says_is_not_the_assistants():
    context = LLMContext()
    await passed(
        LLMAssistantAggregator(context),
        frames=[
            LLMFullResponseStartFrame(),
            TranscriptionFrame("Hm.", "user", "now"),
            LLMFullResponseEndFrame(),
        ],
    )
    assert context.messages == []


async def test_ahead_of_the_voice_text_is_written_and_handed_on():
    context = LLMContext()
    async with passage(LLMAssistantAggregator(context)) as ways:
        await ways.task.queue_frame(TTSMetadataFrame(service_name="tts"), FrameDirection.UPSTREAM)
        await ways.up.wait_for(TTSMetadataFrame)
        await ways.send(*answer("Hello", "."))
        await ways.end()
    assert context.messages == [{"role": "assistant", "content": "Hello."}]
    assert [k for k in kinds(ways.went_down()) if k.__name__.startswith("LLM")][:4] == [
        LLMFullResponseStartFrame,
        LLMTextFrame,
        LLMTextFrame,
        LLMFullResponseEndFrame,
    ]


async def test_a_call_and_its_result_are_written_and_the_model_runs():
    context = LLMContext()
    announced = FunctionCallsStartedFrame([FunctionCallFromLLM("f", "1", {}, context)])
    _, up = await passed(
        LLMAssistantAggregator(context), frames=[announced, call(), result({"ok": True})]
    )
    asked, answered = context.messages
    assert asked["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x": "ä"}'}
    assert answered == {"role": "tool", "content": '{"ok": true}', "tool_call_id": "1"}
    assert kinds(up) == [LLMContextFrame]


async def test_a_call_that_runs_has_a_placeholder():
    context = LLMContext()
    aggregator = LLMAssistantAggregator(context)
    await passed(aggregator, frames=[call()])
    assert context.messages[-1]["content"] == "IN_PROGRESS"
    assert aggregator.has_function_calls_in_progress
    assert aggregator.has_synchronous_function_calls_in_progress


async def test_a_result_of_nothing_completes_the_call_without_running_the_model():
    context = LLMContext()
    _, up = await passed(LLMAssistantAggregator(context), frames=[call(), result(None)])
    assert context.messages[-1]["content"] == "COMPLETED"
    assert LLMContextFrame not in kinds(up)


async def test_the_model_runs_once_the_last_of_a_group_is_in():
    context = LLMContext()
    async with passage(LLMAssistantAggregator(context)) as ways:
        await ways.send(call("1", group_id="g"), call("2", group_id="g"), result("a", "1"))
        await ways.send(result("b", "2"))
        frame = await ways.up.wait_for(LLMContextFrame)
        await ways.end()
    assert kinds(ways.went_up()).count(LLMContextFrame) == 1
    assert [m["content"] for m in frame.context.messages if m["role"] == "tool"] == ['"a"', '"b"']


async def test_the_model_waits_for_a_user_who_speaks():
    context = LLMContext()
    async with passage(LLMAssistantAggregator(context)) as ways:
        await ways.send(call("1"), call("2"), UserStartedSpeakingFrame())
        await ways.down.wait_for(UserStartedSpeakingFrame)
        await ways.send(result("a", "1"))
        await settle()
        assert LLMContextFrame not in kinds(ways.went_up())
        await ways.send(UserStoppedSpeakingFrame())
        await ways.down.wait_for(UserStoppedSpeakingFrame)
        await ways.send(result(None, "2"))
        await ways.up.wait_for(LLMContextFrame)
        await ways.end()


async def test_the_model_waits_until_the_bot_has_spoken():
    context = LLMContext()
    async with passage(LLMAssistantAggregator(context)) as ways:
        await ways.send(BotStartedSpeakingFrame())
        await ways.down.wait_for(BotStartedSpeakingFrame)
        await ways.send(call(), result("a"))
        await settle()
        assert LLMContextFrame not in kinds(ways.went_up())
        await ways.send(BotStoppedSpeakingFrame())
        await ways.up.wait_for(LLMContextFrame)
        await ways.end()


async def test_a_cancelled_call_is_written_so():
    context = LLMContext()
    async with passage(LLMAssistantAggregator(context)) as ways:
        await ways.send(call())
        await settle()
        await ways.send(FunctionCallCancelFrame("f", "1", run_llm=True))
        await ways.up.wait_for(LLMContextFrame)
        await ways.end()
    assert context.messages[-1]["content"] == "CANCELLED"


async def test_a_result_nobody_waits_for_is_dropped(caplog):
    context = LLMContext()
    await passed(LLMAssistantAggregator(context), frames=[result("late")])
    assert context.messages == []
    assert "no such call" in caplog.text


async def test_a_call_beside_the_conversation_settles_in_place_or_as_a_message():
    context = LLMContext()
    partial = FunctionCallResultProperties(is_final=False, run_llm=False)
    moves_on = LLMMessagesAppendFrame([{"role": "user", "content": "And?"}])
    await passed(
        LLMAssistantAggregator(context),
        frames=[
            call("1", cancel_on_interruption=False),
            result("quick", "1", run_llm=False),
            call("2", cancel_on_interruption=False),
            moves_on,
            result("half", "2", properties=partial),
            result("slow", "2", run_llm=False),
        ],
    )
    contents = [m["content"] for m in context.messages if "content" in m]
    assert contents[0] == '"quick"'
    assert '"status": "running"' in contents[1]
    assert contents[2] == "And?"
    assert "half" in contents[3] and '"status": "running"' in contents[3]
    assert "slow" in contents[4] and '"status": "finished"' in contents[4]


async def test_a_callback_runs_once_the_result_stands():
    context = LLMContext()
    seen = []

    async def look() -> None:
        seen.append(context.messages[-1]["content"])

    async with passage(LLMAssistantAggregator(context)) as ways:
        properties = FunctionCallResultProperties(on_context_updated=look)
        await ways.send(call(), result("a", properties=properties))
        await ways.up.wait_for(LLMContextFrame)
        await settle()
        await ways.end()
    assert seen == ['"a"']


async def test_the_model_is_run_on_request():
    context = LLMContext()
    _, up = await passed(LLMAssistantAggregator(context), frames=[LLMRunFrame()])
    assert kinds(up) == [LLMContextFrame]


@pytest.mark.parametrize("side", ["user", "assistant"])
def test_a_pair_gives_its_aggregators_in_every_way(side):
    pair = LLMContextAggregatorPair(LLMContext())
    by_attribute = getattr(pair, side)
    assert by_attribute() is by_attribute
    assert by_attribute in tuple(pair)
    assert by_attribute.role == side
    assert by_attribute.context is pair.user.context
