"""A conversation's messages and tools."""

import base64

import pytest
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat_rs.frames.frames import InputAudioRawFrame
from pipecat_rs.processors.aggregators.llm_context import (
    NOT_GIVEN,
    LLMContext,
    LLMSpecificMessage,
    standard_message_text,
)

HELLO = {"role": "user", "content": "Hello."}
ANSWER = {"role": "assistant", "content": "Hi."}


async def weather(params, city: str, days: int = 1):
    """Tell the weather.

    Args:
        city: Where, as in
            an address.
        days: How far ahead.
    """


def test_messages_are_added_replaced_and_transformed():
    context = LLMContext()
    context.add_message(HELLO)
    context.add_messages([ANSWER])
    held = context.messages
    assert held == [HELLO, ANSWER]
    context.transform_messages(lambda messages: messages[1:])
    assert held == [ANSWER], "who holds the list sees it"
    context.set_messages([HELLO])
    assert held == [HELLO]


def test_messages_of_other_providers_are_left_out(caplog):
    mine, others = LLMSpecificMessage("mine", {}), LLMSpecificMessage("others", {})
    context = LLMContext([HELLO, mine, others])
    assert context.get_messages("mine") == [HELLO, mine]
    assert "another provider" in caplog.text
    assert context.get_messages() == [HELLO, mine, others]


def test_the_text_of_a_message():
    parts = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]
    assert standard_message_text(HELLO) == "Hello."
    assert standard_message_text({"role": "user", "content": parts}) == "a b"
    assert standard_message_text({"role": "user", "content": None}) == ""
    assert standard_message_text(LLMSpecificMessage("x", "text")) == ""


def test_functions_describe_themselves():
    tools = LLMContext(tools=[weather]).tools
    assert [wrapper.function for wrapper in tools.direct_functions] == [weather]
    assert tools.standard_tools[0].to_default_dict() == {
        "name": "weather",
        "description": "Tell the weather.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where, as in an address."},
                "days": {"type": "integer", "description": "How far ahead."},
            },
            "required": ["city"],
        },
    }


def test_what_is_no_tool_is_refused():
    with pytest.raises(TypeError, match="FunctionSchema"):
        LLMContext(tools=[1])
    with pytest.raises(TypeError, match="ToolsSchema"):
        LLMContext(tools="weather")
    with pytest.raises(Exception, match="first parameter must be named 'params'"):

        async def wrong(city: str):
            pass

        LLMContext(tools=[wrong])


def test_no_tools_are_not_given():
    context = LLMContext(tools=[])
    assert context.tools is NOT_GIVEN
    context.set_tools(ToolsSchema([FunctionSchema("f", "", {}, [])]))
    assert context.tools.standard_tools[0].name == "f"
    context.set_tools()
    assert context.tools is NOT_GIVEN


async def test_audio_becomes_a_wav_file():
    context = LLMContext()
    frames = [InputAudioRawFrame(b"\x01\x00" * 4, 16_000, 1)] * 2
    await context.add_audio_frames_message(audio_frames=frames, text="Listen:")
    text, audio = context.messages[0]["content"]
    assert text == {"type": "text", "text": "Listen:"}
    data = base64.b64decode(audio["input_audio"]["data"])
    assert data.startswith(b"RIFF")
    assert data.endswith(b"\x01\x00" * 8)


async def test_binary_data_is_kept_out_of_logs():
    context = LLMContext([LLMSpecificMessage("x", {"data": "z" * 500})])
    await context.add_image_frame_message(format="image/jpeg", size=(1, 1), image=b"i" * 500)
    await context.add_file_frame_message(
        type="bytes", format="application/pdf", file="data:application/pdf;base64,AAAA"
    )
    specific, image, file = context.get_messages(truncate_large_values=True)
    assert specific.message["data"] == "z" * 100 + "...(500 chars)"
    assert image["content"][0]["image_url"]["url"] == "data:image/..."
    assert file["content"][0]["file"]["file_data"] == "..."
    assert len(context.messages[1]["content"][0]["image_url"]["url"]) > 500


def test_only_a_file_that_was_not_answered_is_removed():
    def file(name):
        return LLMContext.create_file_url_message(format="application/pdf", url=name)

    context = LLMContext([file("old"), ANSWER, HELLO, file("a"), file("b")])
    assert context.remove_invalid_file_message()
    assert context.messages == [file("old"), ANSWER, HELLO, file("b")]
    assert context.remove_invalid_file_message()
    assert not context.remove_invalid_file_message()


def test_the_pair_is_found_beside_the_context():
    from pipecat_rs.processors.aggregators.llm_context import LLMContextAggregatorPair
    from pipecat_rs.processors.aggregators.llm_response_universal import (
        LLMContextAggregatorPair as Pair,
    )

    assert LLMContextAggregatorPair is Pair
