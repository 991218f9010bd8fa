"""Anthropic's language models, over the wire format of its messages."""

from typing import Any

import fakes.anthropic as api
import pytest
from fakes.anthropic import FakeAnthropic
from fakes.http_server import FakeAnswer
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.frames.frames import (
    ErrorFrame,
    FunctionCallResultFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMEnablePromptCachingFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    LLMThoughtEndFrame,
    LLMThoughtStartFrame,
    LLMThoughtTextFrame,
    MetricsFrame,
)
from pipecat_rs.metrics.metrics import LLMTokenUsage, LLMUsageMetricsData, TTFBMetricsData
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.services.anthropic import AnthropicLLMService
from pipecat_rs.utils.errors import ErrorCategory
from support.passage import kinds, passage, passed
from support.waiting import calls_of

# The client library warns of models whose end is near, and the list changes with its version.
pytestmark = pytest.mark.filterwarnings("ignore:The model '.*' is deprecated:DeprecationWarning")

ANSWER = (LLMFullResponseStartFrame, LLMTextFrame, LLMFullResponseEndFrame)
METRICS = PipelineParams(enable_metrics=True, enable_usage_metrics=True)


def service(fake: FakeAnthropic, **options: Any) -> AnthropicLLMService:
    return AnthropicLLMService(api_key="key", base_url=fake.url, **options)


def ask(text: str = "Hi.", **options: Any) -> LLMContextFrame:
    return LLMContextFrame(LLMContext([{"role": "user", "content": text}], **options))


def usage_of(frames: list[MetricsFrame]) -> list[LLMTokenUsage]:
    data = [each for frame in frames for each in frame.data]
    return [each.value for each in data if isinstance(each, LLMUsageMetricsData)]


async def test_a_context_is_answered():
    context = LLMContext(
        [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi."}]
    )
    async with FakeAnthropic() as fake:
        llm = service(fake, model="claude-3-5-sonnet-20241022")
        down, up = await passed(llm, frames=[LLMContextFrame(context)])
    answer = [frame for frame in down if isinstance(frame, ANSWER)]
    assert kinds(answer) == [ANSWER[0], *[LLMTextFrame] * 3, ANSWER[2]]
    assert "".join(f.text for f in answer if isinstance(f, LLMTextFrame)) == "Hello there."
    assert not [frame for frame in up if isinstance(frame, ErrorFrame)]
    assert fake.last.path == "/v1/messages"
    assert fake.last.headers["X-Api-Key"] == "key"
    assert fake.last.headers["anthropic-beta"] == "interleaved-thinking-2025-05-14"
    assert fake.last.body == {
        "model": "claude-3-5-sonnet-20241022",
        "max_tokens": 4096,
        "system": "Be short.",
        "messages": [{"role": "user", "content": "Hi."}],
        "stream": True,
    }


async def test_settings_are_part_of_the_request():
    settings = AnthropicLLMService.Settings(
        model="claude-sonnet-4-5",
        system_instruction="Be short.",
        max_tokens=50,
        temperature=0.5,
        top_k=3,
        extra={"metadata": {"user_id": "u"}},
    )
    async with FakeAnthropic() as fake:
        await passed(service(fake, settings=settings), frames=[ask()])
    expected = {
        "model": "claude-sonnet-4-5",
        "system": "Be short.",
        "max_tokens": 50,
        "temperature": 0.5,
        "top_k": 3,
        "metadata": {"user_id": "u"},
        "thinking": {"type": "disabled"},
    }
    assert {name: fake.last.body.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"model": "claude-opus-5-5"}, {"output_config": {"effort": "low"}}),
        ({"model": "claude-sonnet-4-6"}, {"thinking": {"type": "disabled"}}),
        ({"model": "claude-sonnet-4-6", "use_provider_thinking_default": True}, {}),
        ({"model": "claude-sonnet-4-6", "effort": "high"}, {"output_config": {"effort": "high"}}),
        (
            {
                "model": "claude-sonnet-4-6",
                "thinking": AnthropicLLMService.ThinkingConfig("enabled", budget_tokens=2048),
            },
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        ),
    ],
)
async def test_how_much_it_thinks(settings, expected):
    async with FakeAnthropic() as fake:
        llm = service(fake, settings=AnthropicLLMService.Settings(**settings))
        await passed(llm, frames=[ask()])
    said = {name: fake.last.body.get(name) for name in ("thinking", "output_config")}
    assert {name: value for name, value in said.items() if value} == expected


async def test_usage_and_time_to_first_byte_are_reported():
    async with FakeAnthropic() as fake, passage(service(fake), params=METRICS) as ways:
        await ways.send(ask())
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()
        metrics = ways.down.frames(MetricsFrame)
    assert usage_of(metrics) == [
        LLMTokenUsage(
            prompt_tokens=25,
            completion_tokens=15,
            total_tokens=48,
            cache_read_input_tokens=5,
            cache_creation_input_tokens=3,
        )
    ]
    data = [each for frame in metrics for each in frame.data]
    assert any(isinstance(each, TTFBMetricsData) and each.value > 0 for each in data)


async def test_the_usage_of_an_interrupted_answer_is_estimated():
    story = api.says("Once upon a time", stalls=True)
    async with FakeAnthropic(story) as fake, passage(service(fake), params=METRICS) as ways:
        await ways.send(ask())
        await ways.down.wait_for(LLMTextFrame)
        await fake.wait_until_stalled()
        await ways.send(InterruptionFrame())
        await fake.wait_until_gone()
        await ways.end()
        usage = usage_of(ways.down.frames(MetricsFrame))
    assert [(u.prompt_tokens, u.completion_tokens) for u in usage] == [(25, 5)]


async def test_parallel_calls_after_some_words():
    answer = api.answer(
        api.text_block(0, "Let me see."),
        api.tool_block(1, "toolu_1", "weather", "", '{"ci', 'ty": "Rome"}'),
        api.tool_block(2, "toolu_2", "clock", ""),
        stop_reason="tool_use",
    )
    weather = FunctionSchema("weather", "Tells it.", {"city": {"type": "string"}}, ["city"])
    seen = []

    async def handle(params: Any) -> None:
        seen.append((params.tool_call_id, params.function_name, params.arguments))
        await params.result_callback("done")

    async with FakeAnthropic(answer) as fake:
        llm = service(fake)
        llm.register_function("weather", handle)
        llm.register_function("clock", handle, description="Tells the time.", properties={})
        async with passage(llm) as ways:
            await ways.send(ask(tools=[weather]))
            await ways.down.wait_for(FunctionCallResultFrame, count=2)
            await ways.end()
    assert sorted(seen) == [
        ("toolu_1", "weather", {"city": "Rome"}),
        ("toolu_2", "clock", {}),
    ]
    empty = {"type": "object", "properties": {}, "required": []}
    assert fake.last.body["tools"] == [
        {
            "name": "weather",
            "description": "Tells it.",
            "input_schema": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
        {"name": "clock", "description": "Tells the time.", "input_schema": empty},
    ]


async def test_thoughts_are_told_apart_from_words():
    answer = api.answer(api.thinking_block(0, "A greeting.", "seal"), api.text_block(1, "Hello."))
    async with FakeAnthropic(answer) as fake:
        down, _ = await passed(service(fake), frames=[ask()])
    thoughts = (LLMThoughtStartFrame, LLMThoughtTextFrame, LLMThoughtEndFrame)
    start, text, end = (frame for frame in down if isinstance(frame, thoughts))
    assert (start.append_to_context, start.llm) == (True, "anthropic")
    assert (text.text, end.signature) == ("A greeting.", "seal")
    assert [f.text for f in down if isinstance(f, LLMTextFrame)] == ["Hello."]


async def test_prompts_are_cached_from_when_it_is_wanted():
    async with FakeAnthropic() as fake:
        settings = AnthropicLLMService.Settings(
            system_instruction="Be short.", system_prompt_cache_ttl="1h"
        )
        llm = service(fake, settings=settings)
        await passed(llm, frames=[ask(), LLMEnablePromptCachingFrame(enable=True), ask()])
        before, after = fake.requests
    assert before.body["system"] == "Be short."
    control = {"type": "ephemeral", "ttl": "1h"}
    assert after.body["system"] == [{"type": "text", "text": "Be short.", "cache_control": control}]
    (part,) = after.body["messages"][0]["content"]
    assert part == {"type": "text", "text": "Hi.", "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("model", "roles"),
    [("claude-sonnet-4-5", ["assistant"]), ("claude-sonnet-4-6", ["assistant", "user"])],
)
async def test_a_conversation_that_ends_with_the_assistant(model, roles):
    context = LLMContext([{"role": "assistant", "content": "Well,"}])
    async with FakeAnthropic() as fake:
        await passed(service(fake, model=model), frames=[LLMContextFrame(context)])
    assert [message["role"] for message in fake.last.body["messages"]] == roles


async def test_what_is_added_to_no_instruction_joins_that_of_the_context():
    messages = [{"role": "system", "content": "You are Ada."}, {"role": "user", "content": "Hi."}]
    async with FakeAnthropic() as fake:
        llm = service(fake)
        llm.append_system_instruction("Be short.")
        await passed(llm, frames=[LLMContextFrame(LLMContext(messages))])
    assert fake.last.body["system"] == "You are Ada.\n\nBe short."


async def test_an_interruption_closes_the_connection_at_once():
    async with FakeAnthropic(api.says("Once upon", stalls=True), api.says("Yes?")) as fake:
        async with passage(service(fake)) as ways:
            await ways.send(ask())
            await ways.down.wait_for(LLMTextFrame)
            await fake.wait_until_stalled()
            await ways.send(InterruptionFrame())
            await fake.wait_until_gone()
            await ways.send(ask())
            await ways.down.wait_for(LLMTextFrame, count=2)
            await ways.end()
        assert not ways.up.frames(ErrorFrame)


@pytest.mark.parametrize(
    "answer",
    [FakeAnswer(stalls_before_headers=True), FakeAnswer(stalls=True), api.says("On", stalls=True)],
    ids=["no headers", "no piece", "after a piece"],
)
async def test_a_silent_provider_is_given_up(answer):
    async with FakeAnthropic(answer) as fake:
        llm = service(fake, stream_idle_timeout_secs=0.05)
        timed_out = calls_of(llm, "on_completion_timeout")
        async with passage(llm) as ways:
            await ways.send(ask())
            error = await ways.up.wait_for(ErrorFrame)
            await fake.wait_until_gone()
            await ways.end()
    assert error.category is ErrorCategory.CONNECTIVITY
    assert len(timed_out) == 1


@pytest.mark.parametrize(
    ("answer", "category", "usable"),
    [
        (api.error(401, "authentication_error", "invalid x-api-key"), "authentication", False),
        (api.error(403, "permission_error", "No access"), "authorization", False),
        (api.error(404, "not_found_error", "model: claude-0"), "invalid_request", False),
        (api.error(400, "invalid_request_error", "max_tokens"), "invalid_request", False),
        (api.error(429, "rate_limit_error", "Slow down"), "rate_limit", True),
        (api.error(529, "overloaded_error", "Overloaded"), "server", True),
        (api.error(500, "api_error", "Oops"), "server", True),
        (
            FakeAnswer([api.start(), api.error_event("overloaded_error", "Overloaded")]),
            "server",
            True,
        ),
        (FakeAnswer([b'event: message_start\ndata: {"type": "mess\n\n']), "server", True),
        (api.says("Once upon", cut=True), "connectivity", True),
    ],
    ids=["401", "403", "404", "400", "429", "529", "500", "in the stream", "malformed", "cut"],
)
async def test_what_goes_wrong_is_reported_and_the_answer_ends(answer, category, usable):
    async with FakeAnthropic(answer) as fake:
        llm = service(fake)
        async with passage(llm) as ways:
            await ways.send(ask())
            error = await ways.up.wait_for(ErrorFrame)
            await ways.down.wait_for(LLMFullResponseEndFrame)
            await ways.end()
    assert error.category is ErrorCategory(category)
    assert str(llm) in error.error and "hint: " in error.error
    assert llm.is_usable is usable


async def test_inference_outside_of_the_pipeline():
    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    async with FakeAnthropic(api.whole("Four.")) as fake:
        llm = service(fake)
        messages = [{"role": "user", "content": "2 + 2?"}]
        answer = await llm.run_inference(
            messages=messages, max_tokens=5, system_instruction="Add.", response_schema=schema
        )
        body = fake.last.body
        await llm.cleanup()
    assert answer == "Four."
    assert (body["stream"], body["max_tokens"], body["system"]) == (False, 5, "Add.")
    assert body["messages"] == messages
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": schema}}


async def test_a_client_of_the_users_own_is_used_and_left_open():
    import anthropic

    async with FakeAnthropic() as fake:
        client = anthropic.AsyncAnthropic(api_key="other", base_url=fake.url)
        llm = AnthropicLLMService(api_key="key", client=client)
        await passed(llm, frames=[ask()])
        assert fake.last.headers["X-Api-Key"] == "other"
        assert not client.is_closed()
        await client.close()


def test_the_modules_are_where_pipecat_has_them():
    from pipecat_rs.services.anthropic.llm import AnthropicLLMService as OfModule

    assert OfModule is AnthropicLLMService
