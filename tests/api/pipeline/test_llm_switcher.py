"""Language models of three providers behind one switcher, as the API document has them."""

import warnings
from typing import Any

import fakes.anthropic
import fakes.gemini
import fakes.openai
import pytest
from fakes.anthropic import FakeAnthropic
from fakes.gemini import FakeGemini
from fakes.openai import FakeOpenAI
from pipecat_rs.frames.frames import (
    ErrorFrame,
    FunctionCallResultFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    ManuallySwitchServiceFrame,
)
from pipecat_rs.pipeline.llm_switcher import LLMSwitcher
from pipecat_rs.pipeline.service_switcher import ServiceSwitcherStrategyManual
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.services.anthropic import AnthropicLLMService
from pipecat_rs.services.google import GoogleLLMService
from pipecat_rs.services.openai import OpenAILLMService
from support.passage import passage
from support.waiting import calls_of

QUESTION = [{"role": "user", "content": "Hi."}]
LOCATION = {"location": {"type": "string", "description": "City and state"}}


@pytest.fixture(scope="module", autouse=True)
def libraries() -> None:
    """Google's library is there; the warnings that come with its import are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("google.genai")


def switcher_of(openai: FakeOpenAI, anthropic: FakeAnthropic, gemini: FakeGemini) -> LLMSwitcher:
    return LLMSwitcher(
        llms=[
            OpenAILLMService(api_key="key1", model="gpt-4", base_url=openai.base_url),
            AnthropicLLMService(
                api_key="key2", model="claude-3-5-sonnet-20241022", base_url=anthropic.url
            ),
            GoogleLLMService(
                api_key="key3", model="gemini-2.0-flash-exp", http_options={"base_url": gemini.url}
            ),
        ],
        strategy=ServiceSwitcherStrategyManual(default_index=0),
    )


async def get_weather(params: Any) -> None:
    await params.result_callback({"weather": "sunny", "at": params.arguments["location"]})


async def test_a_function_is_known_to_the_model_that_is_active():
    arguments = '{"location": "Rome"}'
    async with (
        FakeOpenAI(fakes.openai.calls(("1", "get_weather", [arguments]))) as openai,
        FakeAnthropic(fakes.anthropic.calls(("2", "get_weather", [arguments]))) as anthropic,
        FakeGemini(
            fakes.gemini.answer(
                fakes.gemini.chunk(fakes.gemini.call("get_weather", {"location": "Rome"}))
            )
        ) as gemini,
    ):
        switcher = switcher_of(openai, anthropic, gemini)
        switcher.register_function(
            function_name="get_weather",
            handler=get_weather,
            description="Get current weather for a location",
            properties=LOCATION,
            required=["location"],
        )
        switched = calls_of(switcher.strategy, "on_service_switched")
        async with passage(switcher) as ways:
            for index, llm in enumerate(switcher.llms):
                if index:
                    await ways.send(ManuallySwitchServiceFrame(service_index=index))
                    await switched.wait(index)
                assert switcher.active_llm is llm
                await ways.send(LLMContextFrame(LLMContext([*QUESTION])))
                await ways.down.wait_for(FunctionCallResultFrame, count=index + 1)
            await ways.end()
        results = ways.down.frames(FunctionCallResultFrame)
        shown = [
            openai.last.body["tools"][0]["function"]["description"],
            anthropic.last.body["tools"][0]["description"],
            gemini.last.body["tools"][0]["functionDeclarations"][0]["description"],
        ]
    assert [f.result for f in results] == [{"weather": "sunny", "at": "Rome"}] * 3
    assert set(shown) == {"Get current weather for a location"}


async def test_inference_out_of_band_does_not_switch():
    async with (
        FakeOpenAI(fakes.openai.whole("One.")) as openai,
        FakeAnthropic(fakes.anthropic.whole("Two.")) as anthropic,
        FakeGemini(fakes.gemini.whole("Three.")) as gemini,
    ):
        switcher = switcher_of(openai, anthropic, gemini)
        assert await switcher.run_inference(llm_index=2, messages=QUESTION) == "Three."
        assert await switcher.run_inference(1, QUESTION, max_tokens=5) == "Two."
        assert anthropic.last.body["max_tokens"] == 5
        assert await switcher.run_inference(LLMContext([*QUESTION])) == "One."
        switcher.set_context(LLMContext([{"role": "user", "content": "And?"}]))
        assert await switcher.run_inference(llm_index=0) == "One."
        assert openai.last.body["messages"] == [{"role": "user", "content": "And?"}]
        assert switcher.active_llm is switcher.llms[0]
        for llm in switcher.llms:
            await llm.cleanup()


@pytest.mark.parametrize(
    ("index", "error"), [(3, IndexError), (-1, IndexError), ("1", TypeError), (True, TypeError)]
)
async def test_an_index_that_is_none_of_a_member_is_refused(index, error):
    llms = [OpenAILLMService(api_key="key") for _ in range(2)]
    switcher = LLMSwitcher(llms)
    with pytest.raises(error, match=r"LLMSwitcher.*llm_index"):
        await switcher.run_inference(llm_index=index, messages=QUESTION)
    for llm in llms:
        await llm.cleanup()


async def test_functions_that_describe_themselves_are_shown_if_they_are_named():
    async def look(params: Any, at: str) -> None:
        """Look at something."""
        await params.result_callback(at)

    switcher = LLMSwitcher([OpenAILLMService(api_key="key") for _ in range(2)])
    switcher.register_direct_function("stare", look)
    switcher.register_direct_function(look)
    for llm in switcher.llms:
        assert llm.has_function("stare") and llm.has_function("look")
        assert list(llm.get_llm_adapter().builtin_tools) == ["stare"]
        await llm.cleanup()
    with pytest.raises(TypeError, match=r"LLMSwitcher.*needs a function"):
        switcher.register_direct_function("stare")
    with pytest.raises(TypeError, match="async function"):
        switcher.register_function("stare", "no function")


async def test_a_failing_function_is_the_application_s_error_and_the_model_is_told():
    async def fail(params: Any) -> None:
        raise RuntimeError("no such city")

    async with FakeOpenAI(fakes.openai.calls(("1", "fail", []))) as openai:
        llm = OpenAILLMService(api_key="key", base_url=openai.base_url)
        switcher = LLMSwitcher([llm, OpenAILLMService(api_key="key")])
        switcher.register_function("fail", fail, "Fails.")
        async with passage(switcher) as ways:
            await ways.send(LLMContextFrame(LLMContext([*QUESTION])))
            result = await ways.down.wait_for(FunctionCallResultFrame)
            error = await ways.up.wait_for(ErrorFrame)
            await ways.end()
    assert str(llm) in error.error and "no such city" in error.error
    assert (error.category and error.category.value) == "application"
    assert result.error == "RuntimeError: no such city"
    assert llm.is_usable


async def test_a_switch_in_the_middle_of_an_answer_ends_it():
    story = fakes.openai.says("Once", stalls=True)
    async with FakeOpenAI(story) as openai, FakeAnthropic() as anthropic:
        first = OpenAILLMService(api_key="key", base_url=openai.base_url)
        other = AnthropicLLMService(api_key="key", base_url=anthropic.url)
        switcher = LLMSwitcher([first, other])
        async with passage(switcher) as ways:
            await ways.send(LLMContextFrame(LLMContext([*QUESTION])))
            await ways.down.wait_for(LLMTextFrame)
            await openai.wait_until_stalled()
            await ways.send(ManuallySwitchServiceFrame(service=other))
            await ways.send(LLMContextFrame(LLMContext([*QUESTION])))
            await ways.down.wait_for(LLMTextFrame, count=4)
            await ways.down.wait_for(LLMFullResponseEndFrame)
            await openai.wait_until_gone()
            await ways.end()
    texts = [frame.text for frame in ways.went_down() if isinstance(frame, LLMTextFrame)]
    assert texts == ["Once", "Hello", " there", "."]
