"""Contexts in Gemini's form."""

import base64
import warnings

import pytest
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.adapters.llm.schemas.tools_schema import AdapterType, ToolsSchema
from pipecat_rs.adapters.llm.services.gemini_adapter import (
    GeminiLLMAdapter,
    GeminiVertexLLMAdapter,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # those of the library's own import
    types = pytest.importorskip("google.genai.types")

SKIP = b"skip_thought_signature_validator"


def call(call_id: str, name: str = "look") -> dict:
    made = {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}
    return {"role": "assistant", "tool_calls": [made]}


def result(call_id: str, content: str = '"done"') -> dict:
    return {"role": "tool", "content": content, "tool_call_id": call_id}


def signature(**bookmark) -> LLMSpecificMessage:
    signed = {"type": "thought_signature", "signature": b"seal", "bookmark": bookmark}
    return LLMSpecificMessage("google", signed)


async def contents_of(*messages, **options):
    params = await GeminiLLMAdapter().get_llm_invocation_params(LLMContext([*messages]), **options)
    return params["messages"]


def dumped(contents) -> list[dict]:
    return [content.model_dump(exclude_none=True) for content in contents]


async def test_roles_and_the_instruction():
    context = LLMContext(
        [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "Hi."},
            {"role": "developer", "content": "Mind."},
            {"role": "assistant", "content": "Hello."},
        ]
    )
    params = await GeminiLLMAdapter().get_llm_invocation_params(
        context, ensure_last_message_is_user=True
    )
    assert params["system_instruction"] == "Be short."
    assert [(c.role, c.parts[0].text) for c in params["messages"]] == [
        ("user", "Hi."),
        ("user", "Mind."),
        ("model", "Hello."),
        ("user", "."),
    ]


async def test_calls_and_results():
    user = {"role": "user", "content": "Look."}
    _, made, done, lost = await contents_of(user, call("1"), result("1"), result("9", "{}"))
    assert made.role == "model" and made.parts[0].function_call.name == "look"
    assert made.parts[0].thought_signature == SKIP, "it is not one of Gemini's own"
    assert done.parts[0].function_response.name == "look"
    assert done.parts[0].function_response.response == {"value": "done"}
    assert lost.parts[0].function_response.name == "tool_call_result"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("COMPLETED", {"value": "COMPLETED"}),
        ("[1]", {"value": [1]}),
        (3, {"value": 3}),
    ],
)
def test_a_result_is_an_object(content, expected):
    assert GeminiLLMAdapter.to_function_response_dict(content) == expected


async def test_signatures_go_back_to_what_was_signed():
    contents = await contents_of(
        {"role": "user", "content": "Hi."},
        signature(text="Hello there, you."),
        {"role": "assistant", "content": "Hello  there,"},
        {"role": "user", "content": "Look."},
        signature(function_call="1"),
        call("1"),
        result("1"),
    )
    signed = [part.thought_signature for content in contents for part in content.parts]
    assert signed == [None, b"seal", None, b"seal", None]


async def test_parallel_calls_are_one_turn_if_gemini_has_signed_the_first():
    contents = await contents_of(
        {"role": "user", "content": "Look twice."},
        signature(function_call="1"),
        call("1"),
        result("1"),
        call("2"),
        result("2"),
        {"role": "user", "content": "And?"},
    )
    kinds = [
        [
            ("call" if p.function_call else "result" if p.function_response else "text")
            for p in c.parts
        ]
        for c in contents
    ]
    assert kinds == [["text"], ["call", "call"], ["result", "result"], ["text"]]
    assert [part.thought_signature for part in contents[1].parts] == [b"seal", None]


async def test_calls_alone_are_no_conversation():
    contents = await contents_of(call("1"), result("1"), system_instruction="Be short.")
    assert (contents[-1].role, contents[-1].parts[0].text) == ("user", "Be short.")


async def test_images_audio_and_files():
    data = base64.b64encode(b"data").decode()
    png = LLMContext.create_image_url_message(url=f"data:image/png;base64,{data}", text="Look.")
    audio = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    pdf = await LLMContext.create_file_message(
        type="bytes", format="application/pdf", file=f"data:application/pdf;base64,{data}"
    )
    uploaded = {"file_uri": "files/1", "mime_type": "text/plain"}
    rest = [audio, {"type": "file_data", "file_data": uploaded}]
    image, document, others = await contents_of(png, pdf, {"role": "user", "content": rest})
    assert image.parts[0].text == "Look."
    assert (image.parts[1].inline_data.mime_type, image.parts[1].inline_data.data) == (
        "image/png",
        b"data",
    )
    assert document.parts[0].inline_data.data == b"data"
    assert others.parts[0].inline_data.mime_type == "audio/wav"
    assert others.parts[1].file_data.file_uri == "files/1"


def test_schemas_are_put_into_words_that_gemini_knows(caplog):
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "type": {"type": ["string", "null"]},
            "level": {"type": "integer", "enum": [1, 2]},
            "color": {"type": "string", "enum": ["red"], "x-note": "."},
        },
    }
    tools = ToolsSchema(
        [FunctionSchema("look", "Looks.", {"at": schema}, ["at"])],
        {AdapterType.GEMINI: [{"google_search": {}}]},
    )
    adapter = GeminiLLMAdapter()
    for _ in range(2):
        functions, search = adapter.to_provider_tools_format(tools)
    at = functions["function_declarations"][0]["parameters"]["properties"]["at"]
    assert at == {
        "type": "object",
        "properties": {
            "type": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "level": {"type": "integer"},
            "color": {"type": "string", "enum": ["red"]},
        },
    }
    assert search == {"google_search": {}}
    assert caplog.text.count("does not take the schema of look") == 1


def test_which_files_google_fetches_itself():
    gemini, vertex = GeminiLLMAdapter(), GeminiVertexLLMAdapter()
    uploaded = "https://generativelanguage.googleapis.com/v1beta/files/1"
    assert gemini.supports_file_url(uploaded, "image/png")
    assert not gemini.supports_file_url("https://evil-googleapis.com/1", "image/png")
    assert not gemini.supports_file_url("gs://bucket/1", "image/png")
    assert vertex.supports_file_url("gs://bucket/1", "image/png")


def test_messages_for_a_log_have_no_data_and_no_seals():
    context = LLMContext(
        [
            LLMContext.create_image_url_message(url="data:image/png;base64,QkJCQg=="),
            signature(text="Hello."),
            {"role": "assistant", "content": "Hello."},
        ]
    )
    logged = str(GeminiLLMAdapter().get_messages_for_logging(context))
    assert "BBBB" not in logged and "seal" not in logged and "Hello." in logged
