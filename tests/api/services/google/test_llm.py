"""Google's language models, over the wire format of Gemini."""

import base64
import io
from typing import Any

import fakes.gemini as api
import pytest
from fakes.gemini import FakeGemini
from fakes.http_server import FakeAnswer, refused_url
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.frames.frames import (
    AssistantImageRawFrame,
    ErrorFrame,
    FunctionCallResultFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMessagesAppendFrame,
    LLMTextFrame,
    LLMThoughtEndFrame,
    LLMThoughtStartFrame,
    LLMThoughtTextFrame,
    MetricsFrame,
)
from pipecat_rs.metrics.metrics import LLMTokenUsage, LLMUsageMetricsData, TTFBMetricsData
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.services.google import GoogleLLMService
from pipecat_rs.services.google.frames import LLMSearchResponseFrame
from pipecat_rs.utils.errors import ErrorCategory
from support.passage import kinds, passage, passed
from support.waiting import calls_of

pytestmark = pytest.mark.usefixtures("gemini")

ANSWER = (LLMFullResponseStartFrame, LLMTextFrame, LLMFullResponseEndFrame)
ONCE = {"attempts": 1}


def service(fake: FakeGemini, **options: Any) -> GoogleLLMService:
    http_options = {"base_url": fake.url, "retry_options": ONCE}
    return GoogleLLMService(api_key="key", http_options=http_options, **options)


def ask(text: str = "Hi.", **options: Any) -> LLMContextFrame:
    return LLMContextFrame(LLMContext([{"role": "user", "content": text}], **options))


async def test_a_context_is_answered():
    context = LLMContext(
        [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi."}]
    )
    async with FakeGemini() as fake:
        llm = service(fake, model="gemini-2.0-flash-exp")
        down, up = await passed(llm, frames=[LLMContextFrame(context)])
    answer = [frame for frame in down if isinstance(frame, ANSWER)]
    assert kinds(answer) == [ANSWER[0], *[LLMTextFrame] * 3, ANSWER[2]]
    assert "".join(f.text for f in answer if isinstance(f, LLMTextFrame)) == "Hello there."
    assert not [frame for frame in up if isinstance(frame, ErrorFrame)]
    assert fake.last.path == "/v1beta/models/gemini-2.0-flash-exp:streamGenerateContent"
    assert fake.last.query == {"alt": "sse"}
    assert fake.last.headers["x-goog-api-key"] == "key"
    assert "pipecat_rs/" in fake.last.headers["x-goog-api-client"]
    assert fake.last.body["contents"] == [{"role": "user", "parts": [{"text": "Hi."}]}]
    assert fake.last.body["systemInstruction"]["parts"] == [{"text": "Be short."}]
    assert fake.last.body["generationConfig"] == {"maxOutputTokens": 4096}


async def test_settings_are_part_of_the_request():
    settings = GoogleLLMService.Settings(
        model="gemini-2.5-flash",
        system_instruction="Be short.",
        max_tokens=50,
        temperature=0.5,
        safety_settings=[
            {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"},
        ],
        extra={"candidate_count": 1},
    )
    async with FakeGemini() as fake:
        await passed(service(fake, settings=settings), frames=[ask()])
    assert fake.last.body["generationConfig"] == {
        "maxOutputTokens": 50,
        "temperature": 0.5,
        "candidateCount": 1,
        "thinkingConfig": {"thinking_budget": 0},
    }
    assert fake.last.body["safetySettings"] == settings.safety_settings


async def test_a_budget_for_a_model_that_takes_a_level_is_warned_of(caplog):
    thinking = GoogleLLMService.ThinkingConfig(thinking_budget=100)
    settings = GoogleLLMService.Settings(model="gemini-3.6-flash", thinking=thinking)
    async with FakeGemini() as fake:
        await passed(service(fake, settings=settings), frames=[ask()])
    assert "use thinking_level" in caplog.text
    assert fake.last.body["generationConfig"]["thinkingConfig"] == {"thinking_budget": 100}


async def test_usage_and_time_to_first_byte_are_reported():
    params = PipelineParams(enable_metrics=True, enable_usage_metrics=True)
    async with FakeGemini() as fake, passage(service(fake), params=params) as ways:
        await ways.send(ask())
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()
        data = [each for frame in ways.down.frames(MetricsFrame) for each in frame.data]
    usage = [each.value for each in data if isinstance(each, LLMUsageMetricsData)]
    assert usage == [
        LLMTokenUsage(
            prompt_tokens=12,
            completion_tokens=10,
            total_tokens=22,
            cache_read_input_tokens=2,
            reasoning_tokens=3,
        )
    ]
    assert any(isinstance(each, TTFBMetricsData) and each.value > 0 for each in data)


async def test_parallel_calls_and_the_signature_of_the_first():
    answer = api.answer(
        api.chunk({"text": "Let me see."}),
        api.chunk(api.call("weather", {"city": "Rome"}, b"seal"), api.call("clock", {})),
        api.chunk({"text": ""}, finish_reason="STOP"),
    )
    weather = FunctionSchema("weather", "Tells it.", {"city": {"type": "string"}}, ["city"])
    seen = []

    async def handle(params: Any) -> None:
        seen.append((params.function_name, dict(params.arguments), params.tool_call_id))
        await params.result_callback("done")

    async with FakeGemini(answer) as fake:
        llm = service(fake)
        llm.register_function("weather", handle)
        llm.register_function("clock", handle, description="Tells the time.", properties={})
        async with passage(llm) as ways:
            await ways.send(ask(tools=[weather]))
            await ways.down.wait_for(FunctionCallResultFrame, count=2)
            await ways.end()
        appended = ways.down.frames(LLMMessagesAppendFrame)
    assert sorted(call[:2] for call in seen) == [("clock", {}), ("weather", {"city": "Rome"})]
    ids = {name: call_id for name, _, call_id in seen}
    (message,) = appended[0].messages
    assert message.llm == "google"
    assert message.message == {
        "type": "thought_signature",
        "signature": b"seal",
        "bookmark": {"function_call": ids["weather"]},
    }
    functions = fake.last.body["tools"][0]["functionDeclarations"]
    assert [function["name"] for function in functions] == ["weather", "clock"]


async def test_tools_of_the_service_serve_contexts_without_any():
    search = {"google_search": {}}
    async with FakeGemini() as fake:
        await passed(service(fake, tools=[search]), frames=[ask()])
    assert fake.last.body["tools"] == [{"googleSearch": {}}]


async def test_thoughts_are_told_apart_from_words():
    answer = api.answer(
        api.chunk({"text": "A greeting.", "thought": True}),
        api.chunk({"text": "Hello."}, finish_reason="STOP"),
    )
    async with FakeGemini(answer) as fake:
        down, _ = await passed(service(fake), frames=[ask()])
    thoughts = (LLMThoughtStartFrame, LLMThoughtTextFrame, LLMThoughtEndFrame)
    assert kinds([f for f in down if isinstance(f, thoughts)]) == list(thoughts)
    assert [f.text for f in down if isinstance(f, LLMTextFrame)] == ["Hello."]


async def test_sources_of_an_answer():
    grounding = {
        "searchEntryPoint": {"renderedContent": "<b>Rome</b>"},
        "groundingChunks": [{"web": {"uri": "https://rome.example", "title": "Rome"}}],
        "groundingSupports": [
            {
                "segment": {"text": "It is sunny."},
                "groundingChunkIndices": [0],
                "confidenceScores": [0.9],
            }
        ],
    }
    answer = api.answer(
        api.chunk({"text": "It is sunny."}, finish_reason="STOP", groundingMetadata=grounding)
    )
    async with FakeGemini(answer) as fake:
        down, _ = await passed(service(fake), frames=[ask()])
    (found,) = [frame for frame in down if isinstance(frame, LLMSearchResponseFrame)]
    assert (found.search_result, found.rendered_content) == ("It is sunny.", "<b>Rome</b>")
    (origin,) = found.origins
    assert (origin.site_uri, origin.site_title) == ("https://rome.example", "Rome")
    assert [(r.text, r.confidence) for r in origin.results] == [("It is sunny.", [0.9])]


async def test_an_image_in_an_answer():
    image = pytest.importorskip("PIL.Image")
    buffer = io.BytesIO()
    image.new("RGB", (2, 1), "red").save(buffer, format="PNG")
    data = {"mimeType": "image/png", "data": base64.b64encode(buffer.getvalue()).decode()}
    answer = api.answer(api.chunk({"inlineData": data}, finish_reason="STOP"))
    async with FakeGemini(answer) as fake:
        down, _ = await passed(service(fake), frames=[ask()])
    (shown,) = [frame for frame in down if isinstance(frame, AssistantImageRawFrame)]
    assert (shown.size, shown.format, shown.image) == ((2, 1), "RGB", b"\xff\x00\x00" * 2)
    assert shown.original_mime_type == "image/png"


async def test_an_interruption_closes_the_connection_at_once():
    async with FakeGemini(api.says("Once upon", stalls=True), api.says("Yes?")) as fake:
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
    async with FakeGemini(answer) as fake:
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
        (
            api.error(400, "INVALID_ARGUMENT", "API key not valid.", "API_KEY_INVALID"),
            "authentication",
            False,
        ),
        (api.error(401, "UNAUTHENTICATED", "No key"), "authentication", False),
        (api.error(403, "PERMISSION_DENIED", "No access"), "authorization", False),
        (api.error(404, "NOT_FOUND", "No such model"), "invalid_request", False),
        (api.error(400, "INVALID_ARGUMENT", "Bad value"), "invalid_request", False),
        (api.error(429, "RESOURCE_EXHAUSTED", "Slow down"), "rate_limit", True),
        (api.error(500, "INTERNAL", "Oops"), "server", True),
        (api.error(503, "UNAVAILABLE", "Overloaded"), "server", True),
        (FakeAnswer([b'data: {"candidates": [{"con\r\n\r\n']), "server", True),
        (api.says("Once upon", cut=True), "connectivity", True),
    ],
    ids=["key", "401", "403", "404", "400", "429", "500", "503", "malformed", "cut"],
)
async def test_what_goes_wrong_is_reported_and_the_answer_ends(answer, category, usable):
    async with FakeGemini(answer) as fake:
        llm = service(fake)
        async with passage(llm) as ways:
            await ways.send(ask())
            error = await ways.up.wait_for(ErrorFrame)
            await ways.down.wait_for(LLMFullResponseEndFrame)
            await ways.end()
    assert error.category is ErrorCategory(category)
    assert str(llm) in error.error and "hint: " in error.error
    assert llm.is_usable is usable


async def test_a_provider_that_is_not_there_is_a_matter_of_the_network():
    http_options = {"base_url": refused_url(), "retry_options": ONCE}
    llm = GoogleLLMService(api_key="key", http_options=http_options)
    async with passage(llm) as ways:
        await ways.send(ask())
        error = await ways.up.wait_for(ErrorFrame)
        await ways.end()
    assert error.category is ErrorCategory.CONNECTIVITY


async def test_inference_outside_of_the_pipeline():
    schema = {"type": "object", "properties": {}, "required": []}
    async with FakeGemini(api.whole("Four.")) as fake:
        llm = service(fake, model="gemini-2.5-flash")
        answer = await llm.run_inference(
            messages=[{"role": "user", "content": "2 + 2?"}],
            max_tokens=5,
            system_instruction="Add.",
            response_schema=schema,
        )
        body = fake.last.body
        path = fake.last.path
        await llm.cleanup()
    assert answer == "Four."
    assert path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert body["systemInstruction"]["parts"] == [{"text": "Add."}]
    assert body["generationConfig"]["maxOutputTokens"] == 5
    assert body["generationConfig"]["responseMimeType"] == "application/json"
    assert body["generationConfig"]["responseJsonSchema"] == schema


async def test_a_session_after_another_has_new_connections():
    async with FakeGemini() as fake:
        llm = service(fake)
        for _ in range(2):
            down, _ = await passed(llm, frames=[ask()])
            assert [f for f in down if isinstance(f, LLMTextFrame)]


def test_the_modules_are_where_pipecat_has_them():
    from pipecat_rs.services.google.llm import GoogleLLMService as OfModule

    assert OfModule is GoogleLLMService
