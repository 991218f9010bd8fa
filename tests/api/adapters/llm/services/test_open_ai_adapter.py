"""Contexts in OpenAI's form."""

import pytest
from pipecat_rs.adapters.llm.base_llm_adapter import LLMContextConversionError
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.adapters.llm.schemas.tools_schema import AdapterType, ToolsSchema
from pipecat_rs.adapters.llm.services.open_ai_adapter import OpenAILLMAdapter, openai_is_given
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage
from pipecat_rs.utils.types import NOT_GIVEN


async def params_of(context: LLMContext, **options):
    return await OpenAILLMAdapter().get_llm_invocation_params(context, **options)


async def test_messages_are_taken_as_they_are():
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "content": "done", "tool_call_id": "1"},
        LLMSpecificMessage("openai", {"role": "user", "content": "Ours."}),
    ]
    params = await params_of(LLMContext([*messages]))
    assert params["messages"] == [*messages[:3], {"role": "user", "content": "Ours."}]
    assert params["tools"] is NOT_GIVEN and params["tool_choice"] is NOT_GIVEN
    assert not openai_is_given(params["tools"])


async def test_the_instruction_goes_ahead_and_the_developer_may_become_the_user():
    context = LLMContext([{"role": "developer", "content": "Mind."}])
    params = await params_of(
        context, system_instruction="Be short.", convert_developer_to_user=True
    )
    assert params["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Mind."},
    ]
    assert context.messages == [{"role": "developer", "content": "Mind."}]


async def test_tools_and_those_of_openai_alone():
    tools = ToolsSchema(
        [FunctionSchema("look", "Looks.", {"at": {"type": "string"}}, ["at"])],
        {AdapterType.OPENAI: [{"type": "web_search"}], AdapterType.GEMINI: [{"other": {}}]},
    )
    params = await params_of(LLMContext(tools=tools, tool_choice="required"))
    function, search = params["tools"]
    assert function["function"]["parameters"]["required"] == ["at"]
    assert search == {"type": "web_search"}
    assert params["tool_choice"] == "required"


async def test_images_and_files():
    pdf, png = "data:application/pdf;base64,AAAA", "data:image/png;base64,BBBB"
    context = LLMContext()
    context.add_message(LLMContext.create_image_url_message(url=png, text="Look."))
    context.add_message(
        await LLMContext.create_file_message(
            type="bytes", format="application/pdf", file=pdf, name="a.pdf"
        )
    )
    context.add_message(
        await LLMContext.create_file_message(type="bytes", format="image/png", file=png)
    )
    image, document, inlined = (m["content"] for m in (await params_of(context))["messages"])
    assert image == [
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": png}},
    ]
    assert document == [{"type": "file", "file": {"filename": "a.pdf", "file_data": pdf}}]
    assert inlined == [{"type": "image_url", "image_url": {"url": png}}]


async def test_a_file_of_another_kind_is_refused():
    context = LLMContext()
    context.add_message(
        await LLMContext.create_file_message(
            type="bytes", format="audio/x-odd", file="data:audio/x-odd;base64,AA"
        )
    )
    with pytest.raises(LLMContextConversionError, match="audio/x-odd"):
        await params_of(context)


def test_messages_for_a_log_have_no_data():
    url = "data:image/png;base64," + "A" * 5000
    context = LLMContext([LLMContext.create_image_url_message(url=url)])
    assert "AAAA" not in str(OpenAILLMAdapter().get_messages_for_logging(context))
