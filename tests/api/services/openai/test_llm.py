"""OpenAI's language models, over the wire format of chat completions."""

import asyncio
import json
from typing import Any

import fakes.openai as api
import pytest
from fakes.http_server import FakeAnswer, refused_url
from fakes.openai import FakeOpenAI
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.frames.frames import (
    ErrorFrame,
    FunctionCallResultFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    LLMUpdateSettingsFrame,
    MetricsFrame,
)
from pipecat_rs.metrics.metrics import LLMUsageMetricsData, TTFBMetricsData
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.services.openai import OpenAILLMService
from pipecat_rs.utils.errors import ErrorCategory
from support.passage import kinds, passage, passed
from support.waiting import calls_of, within

ANSWER = (LLMFullResponseStartFrame, LLMTextFrame, LLMFullResponseEndFrame)


def service(fake: FakeOpenAI, **options: Any) -> OpenAILLMService:
    return OpenAILLMService(api_key="sk-test", base_url=fake.base_url, **options)


def ask(text: str = "Hi.", **options: Any) -> LLMContextFrame:
    return LLMContextFrame(LLMContext([{"role": "user", "content": text}], **options))


async def test_a_context_is_answered():
    async with FakeOpenAI() as fake:
        llm = service(fake, model="gpt-4")
        down, up = await passed(llm, frames=[ask()])
    answer = [frame for frame in down if isinstance(frame, ANSWER)]
    assert kinds(answer) == [ANSWER[0], *[LLMTextFrame] * 3, ANSWER[2]]
    assert "".join(f.text for f in answer if isinstance(f, LLMTextFrame)) == "Hello there."
    assert not [frame for frame in up if isinstance(frame, ErrorFrame)]
    assert fake.last.path == "/v1/chat/completions"
    assert fake.last.headers["Authorization"] == "Bearer sk-test"
    assert fake.last.body == {
        "model": "gpt-4",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "Hi."}],
    }
    assert llm.get_full_model_name() == api.MODEL


async def test_settings_are_part_of_the_request():
    settings = OpenAILLMService.Settings(
        model="gpt-4.1-mini",
        system_instruction="Be short.",
        temperature=0.5,
        max_completion_tokens=100,
        extra={"logit_bias": {"50256": -100}},
    )
    async with FakeOpenAI() as fake:
        llm = service(fake, settings=settings, service_tier="priority")
        changed = OpenAILLMService.Settings(seed=7)
        await passed(llm, frames=[LLMUpdateSettingsFrame(delta=changed), ask()])
    body = fake.last.body
    assert body["messages"][0] == {"role": "system", "content": "Be short."}
    expected = {
        "model": "gpt-4.1-mini",
        "temperature": 0.5,
        "max_completion_tokens": 100,
        "logit_bias": {"50256": -100},
        "service_tier": "priority",
        "seed": 7,
    }
    assert {name: body[name] for name in expected} == expected
    assert "max_tokens" not in body and "top_p" not in body


async def test_usage_and_time_to_first_byte_are_reported():
    params = PipelineParams(enable_metrics=True, enable_usage_metrics=True)
    async with FakeOpenAI() as fake, passage(service(fake), params=params) as ways:
        await ways.send(ask())
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()
        metrics = [data for f in ways.down.frames(MetricsFrame) for data in f.data]
    usage = [data.value for data in metrics if isinstance(data, LLMUsageMetricsData)]
    assert [(u.prompt_tokens, u.completion_tokens, u.total_tokens) for u in usage] == [(19, 10, 29)]
    assert (usage[0].cache_read_input_tokens, usage[0].reasoning_tokens) == (4, 2)
    assert any(isinstance(data, TTFBMetricsData) and data.value > 0 for data in metrics)


async def test_functions_of_the_context_are_shown_and_called_side_by_side():
    weather = FunctionSchema("weather", "Tells it.", {"city": {"type": "string"}}, ["city"])
    both = api.calls(
        ("call_1", "weather", ['{"ci', 'ty": "Rome"}']), ("call_2", "weather", ['{"city":"Oslo"}'])
    )
    seen = []

    async def handle(params: Any) -> None:
        seen.append((params.tool_call_id, params.arguments["city"]))
        await params.result_callback("sunny")

    async with FakeOpenAI(both) as fake:
        llm = service(fake)
        llm.register_function("weather", handle)
        async with passage(llm) as ways:
            await ways.send(ask(tools=[weather], tool_choice="auto"))
            await ways.down.wait_for(FunctionCallResultFrame, count=2)
            await ways.end()
    assert sorted(seen) == [("call_1", "Rome"), ("call_2", "Oslo")]
    assert fake.last.body["tool_choice"] == "auto"
    assert fake.last.body["tools"] == [{"type": "function", "function": weather.to_default_dict()}]


async def test_a_function_that_is_registered_with_a_description_is_shown_and_called():
    async def handle(params: Any) -> None:
        await params.result_callback("sunny in " + params.arguments["city"])

    call = api.calls(("call_1", "weather", ['{"city": "Rome"}']))
    async with FakeOpenAI(call) as fake:
        llm = service(fake)
        llm.register_function(
            "weather",
            handle,
            description="Tells it.",
            properties={"city": {"type": "string"}},
            required=["city"],
        )
        async with passage(llm) as ways:
            await ways.send(ask())
            result = await ways.down.wait_for(FunctionCallResultFrame)
            await ways.end()
    assert result.result == "sunny in Rome"
    shown = fake.last.body["tools"][0]["function"]
    assert shown == {
        "name": "weather",
        "description": "Tells it.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }


async def test_arguments_that_are_no_json_are_reported_and_nothing_is_called():
    async def handle(params: Any) -> None:
        raise AssertionError("called")

    call = api.calls(("call_1", "weather", ['{"city": "Ro']))
    async with FakeOpenAI(call) as fake:
        llm = service(fake)
        llm.register_function(None, handle)
        down, up = await passed(llm, frames=[ask()])
    errors = [frame for frame in up if isinstance(frame, ErrorFrame)]
    assert [error.category for error in errors] == [ErrorCategory.SERVER]
    assert "weather" in errors[0].error
    assert not [frame for frame in down if isinstance(frame, FunctionCallResultFrame)]


async def test_an_interruption_closes_the_connection_at_once():
    async with FakeOpenAI(api.says("Once upon", stalls=True), api.says("Yes?")) as fake:
        async with passage(service(fake)) as ways:
            await ways.send(ask())
            await ways.down.wait_for(LLMTextFrame)
            await fake.wait_until_stalled()
            await ways.send(InterruptionFrame())
            await fake.wait_until_gone()
            await ways.down.wait_for(InterruptionFrame)
            await ways.send(ask())
            await ways.down.wait_for(LLMTextFrame, count=2)
            await ways.end()
        assert not ways.up.frames(ErrorFrame)
    answers = [frame for frame in ways.went_down() if isinstance(frame, ANSWER)]
    # The end of the first one is dropped with what else the interruption makes stale.
    assert kinds(answers) == [*ANSWER[:2], *ANSWER]


async def test_an_interruption_ends_a_request_without_an_answer():
    silent = FakeAnswer(stalls_before_headers=True)
    async with FakeOpenAI(silent) as fake, passage(service(fake)) as ways:
        await ways.send(ask())
        await fake.wait_until_stalled()
        await ways.send(InterruptionFrame())
        await fake.wait_until_gone()
        await ways.end()


@pytest.mark.parametrize(
    "answer",
    [FakeAnswer(stalls_before_headers=True), FakeAnswer(stalls=True), api.says("On", stalls=True)],
    ids=["no headers", "no piece", "after a piece"],
)
async def test_a_silent_provider_is_given_up(answer):
    async with FakeOpenAI(answer) as fake:
        llm = service(fake, stream_idle_timeout_secs=0.05)
        timed_out = calls_of(llm, "on_completion_timeout")
        async with passage(llm) as ways:
            await ways.send(ask())
            error = await ways.up.wait_for(ErrorFrame)
            await ways.down.wait_for(LLMFullResponseEndFrame)
            await fake.wait_until_gone()
            await ways.end()
    assert error.category is ErrorCategory.CONNECTIVITY
    assert len(timed_out) == 1
    assert llm.is_usable


async def test_a_request_is_made_anew_if_wanted_and_nothing_came():
    stalled, answer = FakeAnswer(stalls_before_headers=True), api.says("Here.")
    async with FakeOpenAI(stalled, answer) as fake:
        llm = service(fake, retry_on_timeout=True, retry_timeout_secs=0.05)
        down, up = await passed(llm, frames=[ask()])
        assert len(fake.requests) == 2
    assert [f.text for f in down if isinstance(f, LLMTextFrame)] == ["Here."]
    assert not [f for f in up if isinstance(f, ErrorFrame)]


@pytest.mark.parametrize(
    ("answer", "category", "usable"),
    [
        (
            api.error(401, "Incorrect API key", "invalid_request_error", "invalid_api_key"),
            ErrorCategory.AUTHENTICATION,
            False,
        ),
        (api.error(403, "No access", "invalid_request_error"), ErrorCategory.AUTHORIZATION, False),
        (
            api.error(404, "No such model", "invalid_request_error", "model_not_found"),
            ErrorCategory.INVALID_REQUEST,
            False,
        ),
        (
            api.error(429, "Slow down", "requests", "rate_limit_exceeded"),
            ErrorCategory.RATE_LIMIT,
            True,
        ),
        (
            api.error(429, "No credit", "insufficient_quota", "insufficient_quota"),
            ErrorCategory.QUOTA,
            True,
        ),
        (api.error(500, "Oops", "server_error"), ErrorCategory.SERVER, True),
        (
            FakeAnswer([api.event({"error": {"message": "Oops", "type": "server_error"}})]),
            ErrorCategory.SERVER,
            True,
        ),
        (FakeAnswer([api.event('{"id": "chatcmpl-1", "cho')]), ErrorCategory.SERVER, True),
        (api.says("Once upon", cut=True), ErrorCategory.CONNECTIVITY, True),
    ],
    ids=["401", "403", "404", "429", "quota", "500", "in the stream", "malformed", "cut"],
)
async def test_what_goes_wrong_is_reported_and_the_answer_ends(answer, category, usable):
    async with FakeOpenAI(answer) as fake:
        llm = service(fake)
        async with passage(llm) as ways:
            await ways.send(ask())
            error = await ways.up.wait_for(ErrorFrame)
            await ways.down.wait_for(LLMFullResponseEndFrame)
            await ways.end()
    assert error.category is category
    assert error.processor is llm
    assert str(llm) in error.error and "hint: " in error.error
    assert llm.is_usable is usable


async def test_a_provider_that_is_not_there_is_a_matter_of_the_network():
    # The client tries three times, half a second apart, unless it is told otherwise.
    llm = OpenAILLMService(api_key="sk-test", base_url=refused_url())
    llm._client.max_retries = 0
    async with passage(llm) as ways:
        await ways.send(ask())
        error = await ways.up.wait_for(ErrorFrame)
        await ways.end()
    assert error.category is ErrorCategory.CONNECTIVITY


async def test_a_failure_that_passes_is_tried_again():
    again = api.error(500, "Oops", "server_error", headers={"retry-after-ms": "1"})
    async with FakeOpenAI(again, api.says("Fine.")) as fake:
        down, up = await passed(service(fake), frames=[ask()])
        assert len(fake.requests) == 2
    assert [f.text for f in down if isinstance(f, LLMTextFrame)] == ["Fine."]
    assert not [f for f in up if isinstance(f, ErrorFrame)]


async def test_turns_share_a_connection_and_the_end_closes_it():
    async with FakeOpenAI() as fake, passage(service(fake)) as ways:
        for count in (1, 2):
            await ways.send(ask())
            await ways.down.wait_for(LLMFullResponseEndFrame, count=count)
        await ways.end()
        assert [request.connection for request in fake.requests] == [0, 0]


async def test_a_session_after_another_has_new_connections():
    async with FakeOpenAI() as fake:
        llm = service(fake)
        for _ in range(2):
            down, _ = await passed(llm, frames=[ask()])
            assert [f for f in down if isinstance(f, LLMTextFrame)]


# ---- outside of the pipeline


async def test_inference_outside_of_the_pipeline():
    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    async with FakeOpenAI(api.whole("Four.")) as fake:
        llm = service(fake)
        messages = [{"role": "user", "content": "2 + 2?"}]
        answer = await llm.run_inference(
            messages=messages, max_tokens=5, system_instruction="Add.", response_schema=schema
        )
        assert answer == "Four."
        body = fake.last.body
        assert body["messages"] == [{"role": "system", "content": "Add."}, *messages]
        assert (body["stream"], body["max_completion_tokens"]) == (False, 5)
        assert body["response_format"]["json_schema"]["schema"] == schema
        llm.set_context(LLMContext([{"role": "user", "content": "5?"}]))
        await llm.run_inference(temperature=0.1)
        assert fake.last.body["messages"] == [{"role": "user", "content": "5?"}]
        assert fake.last.body["temperature"] == 0.1
        await llm.cleanup()


async def test_inference_needs_a_conversation():
    llm = OpenAILLMService(api_key="sk-test")
    with pytest.raises(ValueError, match="set_context"):
        await llm.run_inference()
    await llm.cleanup()


async def test_inference_raises_what_the_provider_says():
    import openai

    refusal = api.error(401, "Incorrect API key", "invalid_request_error")
    async with FakeOpenAI(refusal) as fake:
        llm = service(fake)
        with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
            await llm.run_inference(messages=[{"role": "user", "content": "Hi."}])
        await llm.cleanup()


async def test_inference_that_is_cancelled_closes_the_connection():
    async with FakeOpenAI(FakeAnswer(stalls_before_headers=True)) as fake:
        llm = service(fake)
        asking = asyncio.create_task(llm.run_inference(messages=[{"role": "user", "content": "?"}]))
        await fake.wait_until_stalled()
        asking.cancel()
        await within(asyncio.wait([asking]))
        await fake.wait_until_gone()
        await llm.cleanup()


async def test_a_response_schema_that_the_model_does_not_know_is_left_out(caplog):
    async with FakeOpenAI(api.whole("{}")) as fake:
        llm = service(fake, model="gpt-4")
        await llm.run_inference(messages=[{"role": "user", "content": "?"}], response_schema={})
        assert "response_format" not in fake.last.body
        await llm.cleanup()
    assert "response_schema is ignored" in caplog.text


# ---- files and parameters


async def test_a_file_that_openai_refuses_is_taken_out_and_the_service_stays_usable():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    context = LLMContext([{"role": "user", "content": [{"type": "text", "text": "?"}, image]}])
    refusal = api.error(400, "You uploaded an unsupported image", "invalid_request_error")
    async with FakeOpenAI(refusal) as fake:
        llm = service(fake)
        async with passage(llm) as ways:
            await ways.send(LLMContextFrame(context))
            error = await ways.up.wait_for(ErrorFrame)
            await ways.end()
    assert fake.last.body["messages"][0]["content"][1] == image
    assert error.category is ErrorCategory.APPLICATION
    assert llm.is_usable and not context.messages


async def test_the_parameters_of_old_are_taken_over():
    params = OpenAILLMService.InputParams(temperature=0.3, max_tokens=9, extra={"user": "u"})
    async with FakeOpenAI() as fake:
        with pytest.warns(DeprecationWarning, match="params"):
            llm = service(fake, params=params)
        await passed(llm, frames=[ask()])
    body = fake.last.body
    assert (body["temperature"], body["max_tokens"], body["user"]) == (0.3, 9, "u")
    with pytest.raises(ValueError, match=r"temperature is 3, not 0\.0 to 2\.0"):
        OpenAILLMService.InputParams(temperature=3)


async def test_the_service_of_another_provider_changes_client_and_request():
    class Other(OpenAILLMService):
        handles = OpenAILLMService.handles
        supports_developer_role = False
        _requires_api_key = True

        def build_chat_completion_params(self, params_from_context: Any) -> dict[str, Any]:
            request = super().build_chat_completion_params(params_from_context)
            self._merge_extra_body(request, {"reasoning": "off", "unset": None})
            return request

    with pytest.raises(ValueError, match="Other needs an api_key"):
        Other()
    context = LLMContext([{"role": "developer", "content": "Be short."}])
    async with FakeOpenAI() as fake:
        llm = Other(api_key="key", base_url=fake.base_url, default_headers={"x-title": "test"})
        await passed(llm, frames=[LLMContextFrame(context)])
    assert fake.last.body["messages"] == [{"role": "user", "content": "Be short."}]
    assert fake.last.body["reasoning"] == "off" and "unset" not in fake.last.body
    assert fake.last.headers["x-title"] == "test"


def test_the_modules_are_where_pipecat_has_them():
    from pipecat_rs.services.openai.base_llm import BaseOpenAILLMService
    from pipecat_rs.services.openai.llm import OpenAILLMService as OfModule

    assert OfModule is OpenAILLMService
    assert issubclass(OfModule, BaseOpenAILLMService)
    assert json.dumps(OfModule.InputParams().extra) == "{}"
