"""What the adapters of all providers have in common."""

import pytest
from pipecat_rs.adapters.llm.base_llm_adapter import LLMContextConversionError
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat_rs.adapters.llm.services.anthropic_adapter import AnthropicLLMAdapter
from pipecat_rs.adapters.llm.services.gemini_adapter import GeminiLLMAdapter
from pipecat_rs.adapters.llm.services.open_ai_adapter import OpenAILLMAdapter
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.utils.types import NOT_GIVEN


def named(name: str) -> FunctionSchema:
    return FunctionSchema(name, "", {}, [])


@pytest.mark.parametrize(
    ("adapter", "name"),
    [
        (OpenAILLMAdapter, "openai"),
        (AnthropicLLMAdapter, "anthropic"),
        (GeminiLLMAdapter, "google"),
    ],
)
def test_messages_of_the_provider_alone(adapter, name):
    message = adapter().create_llm_specific_message({"role": "user"})
    assert (message.llm, message.message) == (name, {"role": "user"})


def test_built_in_functions_are_shown_with_those_of_the_context_which_go_first():
    adapter = OpenAILLMAdapter()
    assert adapter.from_standard_tools(NOT_GIVEN) is NOT_GIVEN
    adapter.builtin_tools["stop"] = named("stop")
    adapter.builtin_tools["look"] = named("see")
    tools = ToolsSchema([named("look")])
    names = [tool["function"]["name"] for tool in adapter.from_standard_tools(tools)]
    assert names == ["look", "stop"]
    assert [t["function"]["name"] for t in adapter.from_standard_tools(None)] == [
        "stop",
        "see",
    ]


def test_tools_in_the_provider_s_own_form_are_left_as_they_are(caplog):
    adapter = OpenAILLMAdapter()
    adapter.builtin_tools["stop"] = named("stop")
    own = [{"type": "web_search"}]
    assert adapter.from_standard_tools(own) is own
    assert "not shown stop" in caplog.text


async def test_two_instructions_are_warned_of_once(caplog):
    adapter = AnthropicLLMAdapter()
    context = LLMContext(
        [{"role": "system", "content": "Context's."}, {"role": "user", "content": "Hi."}]
    )
    for _ in range(2):
        params = await adapter.get_llm_invocation_params(context, system_instruction="Service's.")
        assert params["system"] == "Service's."
    assert caplog.text.count("the latter is not sent") == 1
    assert context.messages[0]["content"] == "Context's.", "the context itself is left alone"


async def test_a_file_that_cannot_be_had_is_an_error_with_its_cause():
    file = {"type": "file_url", "file": {"url": "other:x", "mime_type": "text/plain"}}
    context = LLMContext([{"role": "user", "content": [file]}])
    with pytest.raises(LLMContextConversionError) as raised:
        await OpenAILLMAdapter().get_llm_invocation_params(context)
    assert raised.value.__cause__ is not None


@pytest.mark.parametrize(
    "name",
    [
        "base_llm_adapter",
        "services.open_ai_adapter",
        "services.anthropic_adapter",
        "services.gemini_adapter",
    ],
)
def test_the_former_places_still_work(name):
    import importlib

    with pytest.warns(DeprecationWarning, match=f"adapters.llm.{name}"):
        former = importlib.reload(importlib.import_module(f"pipecat_rs.adapters.{name}"))
    present = importlib.import_module(f"pipecat_rs.adapters.llm.{name}")
    assert all(getattr(former, each) is getattr(present, each) for each in present.__all__)
