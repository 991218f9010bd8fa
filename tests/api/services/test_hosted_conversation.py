"""A conversation with a hosted model that calls a function and goes on with its result."""

import warnings
from collections.abc import Callable
from typing import Any

import fakes.anthropic
import fakes.gemini
import fakes.openai
import pytest
from fakes.http_server import FakeHttpServer
from pipecat_rs.frames.frames import LLMContextAssistantTurnFrame, LLMMessagesAppendFrame
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMContextAggregatorPair
from pipecat_rs.services.anthropic import AnthropicLLMService
from pipecat_rs.services.google import GoogleLLMService
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.services.openai import OpenAILLMService
from support.passage import passage

ROME, OSLO = '{"city": "Rome"}', '{"city": "Oslo"}'


@pytest.fixture(scope="module", autouse=True)
def libraries() -> None:
    """Google's library is there; the warnings that come with its import are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("google.genai")


def openai() -> tuple[FakeHttpServer, Callable[[str], LLMService]]:
    answers = (
        fakes.openai.calls(("call_1", "weather", [ROME]), ("call_2", "weather", [OSLO])),
        fakes.openai.says("Sunny ", "everywhere."),
    )
    return fakes.openai.FakeOpenAI(*answers), lambda url: OpenAILLMService(
        api_key="key", base_url=f"{url}/v1"
    )


def anthropic() -> tuple[FakeHttpServer, Callable[[str], LLMService]]:
    answers = (
        fakes.anthropic.calls(("call_1", "weather", [ROME]), ("call_2", "weather", [OSLO])),
        fakes.anthropic.says("Sunny ", "everywhere."),
    )
    return fakes.anthropic.FakeAnthropic(*answers), lambda url: AnthropicLLMService(
        api_key="key", base_url=url
    )


def gemini() -> tuple[FakeHttpServer, Callable[[str], LLMService]]:
    calls = (
        fakes.gemini.call("weather", {"city": "Rome"}, b"seal"),
        fakes.gemini.call("weather", {"city": "Oslo"}),
    )
    answers = (
        fakes.gemini.answer(fakes.gemini.chunk(*calls, finish_reason="STOP")),
        fakes.gemini.says("Sunny ", "everywhere."),
    )
    return fakes.gemini.FakeGemini(*answers), lambda url: GoogleLLMService(
        api_key="key", http_options={"base_url": url}
    )


def told_to_openai(body: dict[str, Any]) -> list[Any]:
    return [
        m["content"] if m["role"] == "tool" else m["tool_calls"][0]["function"]["arguments"]
        for m in body["messages"][1:]
    ]


def told_to_anthropic(body: dict[str, Any]) -> list[Any]:
    parts = [part for message in body["messages"][1:] for part in message["content"]]
    return [part["content"] if part["type"] == "tool_result" else part["input"] for part in parts]


def told_to_gemini(body: dict[str, Any]) -> list[Any]:
    parts = [part for content in body["contents"][1:] for part in content["parts"]]
    return [
        part["functionCall"]["args"] if "functionCall" in part else part["functionResponse"]
        for part in parts
    ]


async def talk(fake: FakeHttpServer, llm_of: Callable[[str], LLMService]) -> LLMContext:
    """Ask, let the model call, and wait for its answer."""

    async def weather(params: Any, city: str) -> None:
        """Tell the weather.

        Args:
            city: The city.
        """
        await params.result_callback({"in": city})

    context = LLMContext(tools=[weather])
    pair = LLMContextAggregatorPair(context)
    question = {"role": "user", "content": "The weather in Rome and Oslo?"}
    async with fake, passage(pair.user(), llm_of(fake.url), pair.assistant()) as ways:
        await ways.send(LLMMessagesAppendFrame([question], run_llm=True))
        await ways.down.wait_for(LLMContextAssistantTurnFrame)
        await ways.end()
    assert len(fake.requests) == 2, "the model runs again once, when both results are there"
    assert context.messages[-1] == {"role": "assistant", "content": "Sunny everywhere."}
    return context


async def test_openai_gets_its_calls_with_their_results():
    fake, llm_of = openai()
    await talk(fake, llm_of)
    assert told_to_openai(fake.last.body) == [ROME, '{"in": "Rome"}', OSLO, '{"in": "Oslo"}']


async def test_anthropic_gets_its_calls_with_their_results():
    fake, llm_of = anthropic()
    await talk(fake, llm_of)
    roles = [message["role"] for message in fake.last.body["messages"]]
    assert roles == ["user", "assistant", "user", "assistant", "user"]
    assert told_to_anthropic(fake.last.body) == [
        {"city": "Rome"},
        '{"in": "Rome"}',
        {"city": "Oslo"},
        '{"in": "Oslo"}',
    ]


async def test_gemini_gets_its_calls_in_one_turn_with_their_signature():
    fake, llm_of = gemini()
    await talk(fake, llm_of)
    user, calls, results = fake.last.body["contents"]
    assert [user["role"], calls["role"], results["role"]] == ["user", "model", "user"]
    told = told_to_gemini(fake.last.body)
    assert told[:2] == [{"city": "Rome"}, {"city": "Oslo"}]
    assert [each["response"] for each in told[2:]] == [{"in": "Rome"}, {"in": "Oslo"}]
    assert ["thoughtSignature" in part for part in calls["parts"]] == [True, False]


async def test_anthropic_gets_its_thought_back_ahead_of_the_call():
    thinking = fakes.anthropic.answer(
        fakes.anthropic.thinking_block(0, "Rome it is.", "seal"),
        fakes.anthropic.tool_block(1, "call_1", "weather", ROME),
        stop_reason="tool_use",
    )
    fake, llm_of = anthropic()
    fake.answers[0] = thinking
    await talk(fake, llm_of)
    thought, call = fake.last.body["messages"][1]["content"]
    assert thought == {"type": "thinking", "thinking": "Rome it is.", "signature": "seal"}
    assert call["type"] == "tool_use"
