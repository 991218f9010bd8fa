"""Contexts in Anthropic's form."""

import pytest
from pipecat_rs.adapters.llm.base_llm_adapter import LLMContextConversionError
from pipecat_rs.adapters.llm.services.anthropic_adapter import (
    AnthropicLLMAdapter,
    anthropic_is_given,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage

CALL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}


async def messages_of(*messages, **options):
    params = await AnthropicLLMAdapter().get_llm_invocation_params(
        LLMContext([*messages]), **options
    )
    return params["messages"]


async def test_turns_alternate():
    turns = await messages_of(
        {"role": "user", "content": "Hi."},
        {"role": "developer", "content": "Mind."},
        {"role": "assistant", "content": ""},
    )
    assert turns == [
        {
            "role": "user",
            "content": [{"type": "text", "text": "Hi."}, {"type": "text", "text": "Mind."}],
        },
        {"role": "assistant", "content": "(empty)"},
    ]


async def test_calls_and_results_are_parts_of_turns():
    turns = await messages_of(
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "content": "done", "tool_call_id": "1"},
        {"role": "user", "content": "And?"},
    )
    call = {"type": "tool_use", "id": "1", "name": "look", "input": {"at": 1}}
    result = {"type": "tool_result", "tool_use_id": "1", "content": "done"}
    assert turns == [
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result, {"type": "text", "text": "And?"}]},
    ]


async def test_a_first_system_message_is_the_instruction_unless_it_is_the_only_one():
    adapter = AnthropicLLMAdapter()
    system = {"role": "system", "content": [{"type": "text", "text": "Be short."}]}
    context = LLMContext([system, {"role": "user", "content": "Hi."}])
    assert (await adapter.get_llm_invocation_params(context))["system"] == "Be short."
    params = await adapter.get_llm_invocation_params(LLMContext([system]))
    assert not anthropic_is_given(params["system"])
    assert [message["role"] for message in params["messages"]] == ["user"]


async def test_thoughts_are_given_back_if_they_are_sealed():
    sealed = LLMSpecificMessage(
        "anthropic", {"type": "thought", "text": "Hm.", "signature": "seal"}
    )
    open_one = LLMSpecificMessage("anthropic", {"type": "thought", "text": "Hm."})
    turns = await messages_of(sealed, open_one, {"role": "assistant", "content": "Hello."})
    assert turns == [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "seal"},
                {"type": "text", "text": "Hello."},
            ],
        }
    ]


async def test_images_and_files_stand_before_the_text():
    image = LLMContext.create_image_url_message(url="data:image/png;base64,BBBB", text="Look.")
    remote = LLMContext.create_image_url_message(url="https://a.example/b.png")
    pdf = await LLMContext.create_file_message(
        type="bytes", format="application/pdf", file="data:application/pdf;base64,AAAA"
    )
    (turn,) = await messages_of(image, remote, pdf)
    source = {"type": "base64", "media_type": "image/png", "data": "BBBB"}
    assert turn["content"] == [
        {"type": "image", "source": source},
        {"type": "text", "text": "Look."},
        {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
        },
    ]


async def test_what_cannot_be_put_into_its_form_is_refused():
    broken = {**CALL, "function": {"name": "look", "arguments": "{"}}
    with pytest.raises(LLMContextConversionError):
        await messages_of({"role": "assistant", "tool_calls": [broken]})
    text = await LLMContext.create_file_message(
        type="bytes", format="text/csv", file="data:text/csv;base64,AA"
    )
    with pytest.raises(LLMContextConversionError, match="text/csv"):
        await messages_of(text)


async def test_the_last_two_turns_of_the_user_are_cached():
    turns = await messages_of(
        {"role": "user", "content": "One."},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "Two."},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "Three."},
        enable_prompt_caching=True,
    )
    cached = [isinstance(turn["content"], list) for turn in turns]
    assert cached == [False, False, True, False, True]
    assert turns[-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}


def test_messages_for_a_log_have_no_data_and_no_seals():
    context = LLMContext(
        [
            LLMSpecificMessage("anthropic", {"type": "thought", "text": "", "signature": "seal"}),
            LLMContext.create_image_url_message(url="data:image/png;base64,BBBB"),
        ]
    )
    logged = str(AnthropicLLMAdapter().get_messages_for_logging(context))
    assert "BBBB" not in logged and "seal" not in logged
