"""What joins the context besides words: thoughts, signs, images and files."""

import base64

from pipecat_rs.frames.frames import (
    AssistantImageRawFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InterruptionFrame,
    LLMContextAssistantTimestampFrame,
    LLMContextAssistantTurnFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMarkerFrame,
    LLMTextFrame,
    LLMThoughtEndFrame,
    LLMThoughtStartFrame,
    LLMThoughtTextFrame,
    UserFileRawFrame,
    UserImageRawFrame,
    UserImageRequestFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage
from pipecat_rs.processors.aggregators.llm_response_universal import LLMAssistantAggregator
from support.passage import kinds, passage, passed
from support.waiting import calls_of, settle, until


def image(**kwargs) -> UserImageRawFrame:
    kwargs.setdefault("append_to_context", True)
    return UserImageRawFrame(image=b"\1\2\3", size=(1, 1), format="RGB", user_id="u", **kwargs)


def file(**kwargs) -> UserFileRawFrame:
    kwargs.setdefault("append_to_context", True)
    url = "data:text/plain;base64," + base64.b64encode(b"hi").decode()
    return UserFileRawFrame(
        file=url, type="bytes", filename="a.txt", format="text/plain", user_id="u", **kwargs
    )


async def test_a_sign_of_its_own_is_a_message_at_once():
    context = LLMContext()
    down, _ = await passed(LLMAssistantAggregator(context), frames=[LLMMarkerFrame("◐")])

    assert context.messages == [{"role": "assistant", "content": "◐"}]
    assert kinds(down) == [LLMContextFrame, LLMContextAssistantTimestampFrame]


async def test_a_sign_ahead_of_an_answer_is_written_and_not_told():
    context = LLMContext()
    aggregator = LLMAssistantAggregator(context)
    told = calls_of(aggregator, "on_assistant_turn_stopped")
    down, _ = await passed(
        aggregator,
        frames=[
            LLMFullResponseStartFrame(),
            LLMMarkerFrame("¿", append_to_context_immediately=False),
            LLMTextFrame("Yes"),
            LLMTextFrame(" ¿?"),
            LLMFullResponseEndFrame(),
        ],
    )

    assert context.messages == [{"role": "assistant", "content": "¿ Yes ¿?"}]
    assert told[0][0].content == "Yes ?"
    assert [f.text for f in down if isinstance(f, LLMContextAssistantTurnFrame)] == ["Yes ?"]


async def test_spaces_of_an_answer_without_signs_are_left_alone():
    context = LLMContext()
    aggregator = LLMAssistantAggregator(context)
    told = calls_of(aggregator, "on_assistant_turn_stopped")
    frames = [LLMFullResponseStartFrame(), LLMTextFrame("a ● b"), LLMFullResponseEndFrame()]
    await passed(aggregator, frames=frames)

    assert told[0][0].content == "a  b"


async def test_a_thought_is_told_and_written_for_its_provider():
    context = LLMContext()
    aggregator = LLMAssistantAggregator(context)
    thoughts = calls_of(aggregator, "on_assistant_thought")
    down, _ = await passed(
        aggregator,
        frames=[
            LLMThoughtStartFrame(append_to_context=True, llm="anthropic"),
            LLMThoughtTextFrame("Let me"),
            LLMThoughtTextFrame(" see."),
            LLMThoughtEndFrame(signature="seal"),
            LLMThoughtStartFrame(),
            LLMThoughtTextFrame("Hm."),
            LLMThoughtEndFrame(),
        ],
    )

    assert [message.content for (message,) in thoughts] == ["Let me see.", "Hm."]
    assert thoughts[0][0].timestamp
    thought = {"type": "thought", "text": "Let me see.", "signature": "seal"}
    assert context.messages == [LLMSpecificMessage("anthropic", thought)]
    assert kinds(down) == []


async def test_an_interrupted_thought_is_forgotten():
    aggregator = LLMAssistantAggregator(LLMContext())
    thoughts = calls_of(aggregator, "on_assistant_thought")
    async with passage(aggregator) as ways:
        await ways.send(LLMThoughtStartFrame(), LLMThoughtTextFrame("Never mind"))
        await settle()
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame)
        await ways.send(LLMThoughtStartFrame(), LLMThoughtTextFrame("So"), LLMThoughtEndFrame())
        await thoughts.wait()
        await ways.end()

    assert [message.content for (message,) in thoughts] == ["So"]


async def test_an_image_of_the_user_joins_the_context_and_the_model_runs():
    context = LLMContext()
    _, up = await passed(LLMAssistantAggregator(context), frames=[image(text="Who is it?")])

    (message,) = context.messages
    assert message["role"] == "user"
    assert [part["type"] for part in message["content"]] == ["text", "image_url"]
    assert kinds(up) == [LLMContextFrame]


async def test_an_image_that_is_not_for_the_context_or_not_to_be_answered():
    context = LLMContext()
    frames = [image(append_to_context=None), image(run_llm=False)]
    _, up = await passed(LLMAssistantAggregator(context), frames=frames)

    assert len(context.messages) == 1
    assert kinds(up) == []


async def test_an_image_and_a_file_stand_behind_what_was_said_before_them():
    context = LLMContext()
    aggregator = LLMAssistantAggregator(context)
    told = calls_of(aggregator, "on_assistant_turn_stopped")
    async with passage(aggregator) as ways:
        await ways.send(LLMFullResponseStartFrame(), LLMTextFrame("Show"))
        await settle()
        await ways.send(image(run_llm=False))
        await until(lambda: len(context.messages) == 2)
        await ways.send(LLMTextFrame(" me."))
        await settle()
        await ways.send(file())
        await until(lambda: len(context.messages) == 4)
        assert not told
        await ways.send(LLMFullResponseEndFrame())
        await told.wait()
        await ways.end()

    roles = [(m["role"], isinstance(m["content"], str) and m["content"]) for m in context.messages]
    assert roles == [
        ("assistant", "Show"),
        ("user", False),
        ("assistant", "me."),
        ("user", False),
    ]
    assert kinds(ways.went_up()) == [LLMContextFrame]  # for the file; the image asked for none


async def test_an_image_that_a_function_has_asked_for_comes_with_its_result():
    context = LLMContext()
    settled = []

    async def settle_call(result) -> None:
        settled.append(result)

    request = UserImageRequestFrame("u", tool_call_id="1", result_callback=settle_call)
    call = FunctionCallFromLLM("look", "1", {}, context)
    aggregator = LLMAssistantAggregator(context)
    async with passage(aggregator) as ways:
        await ways.send(
            FunctionCallsStartedFrame(function_calls=[call]),
            FunctionCallInProgressFrame("look", "1", {}, cancel_on_interruption=True),
        )
        await settle()
        await ways.send(image(request=request))
        await settle()
        assert settled == [None]
        assert len(context.messages) == 2
        await ways.send(FunctionCallResultFrame("look", "1", {}, None))
        await ways.up.wait_for(LLMContextFrame)
        await ways.end()

    assert [m["role"] for m in context.messages] == ["assistant", "tool", "user"]
    assert context.messages[1]["content"] == "COMPLETED"
    assert kinds(ways.went_up()) == [LLMContextFrame]


async def test_an_image_of_the_assistant_is_written_as_it_was_made():
    context = LLMContext()
    made = AssistantImageRawFrame(
        image=b"\1\2\3",
        size=(1, 1),
        format="RGB",
        original_data=b"PNG",
        original_mime_type="image/png",
    )
    raw = AssistantImageRawFrame(image=b"\1\2\3", size=(1, 1), format="RGB")
    await passed(LLMAssistantAggregator(context), frames=[made, raw])

    urls = [m["content"][0]["image_url"]["url"] for m in context.messages]
    assert urls[0] == "data:image/png;base64," + base64.b64encode(b"PNG").decode()
    assert urls[1].startswith("data:image/jpeg;base64,")
    assert {m["role"] for m in context.messages} == {"assistant"}
