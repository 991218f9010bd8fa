"""A fake of OpenAI: chat completions as server-sent events, and speech as PCM."""

import json
from collections.abc import Sequence
from typing import Any

from fakes.http_server import FakeAnswer, FakeHttpServer, json_answer

MODEL = "gpt-4.1-2025-04-14"
USAGE = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
}


class FakeOpenAI(FakeHttpServer):
    """Answers with text by default."""

    def __init__(self, *answers: FakeAnswer) -> None:
        super().__init__(*answers or (says("Hello", " there", "."),))

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"


def event(data: Any) -> bytes:
    """A server-sent event."""
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **fields: Any) -> bytes:
    """A piece of a completion."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return _chunk([choice], **fields)


def _chunk(choices: list[dict[str, Any]], **fields: Any) -> bytes:
    return event(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": MODEL,
            "service_tier": "default",
            "system_fingerprint": "fp_1",
            "choices": choices,
            "usage": None,
            **fields,
        }
    )


USAGE_CHUNK = _chunk([], usage=USAGE)
DONE = event("[DONE]")


def says(*texts: str, **options: Any) -> FakeAnswer:
    """An answer in words."""
    ends = not (options.get("stalls") or options.get("cut"))
    end = [chunk({}, "stop"), USAGE_CHUNK, DONE] if ends else []
    begin = chunk({"role": "assistant", "content": "", "refusal": None})
    return FakeAnswer([begin, *(chunk({"content": text}) for text in texts), *end], **options)


def calls(*functions: tuple[str, str, Sequence[str]], **options: Any) -> FakeAnswer:
    """An answer that calls functions: each with id, name, and arguments in pieces."""
    pieces = [chunk({"role": "assistant", "content": None})]
    for index, (call_id, name, arguments) in enumerate(functions):
        head = {"index": index, "id": call_id, "type": "function"}
        head["function"] = {"name": name, "arguments": ""}
        pieces.append(chunk({"tool_calls": [head]}))
        for piece in arguments:
            delta = {"index": index, "function": {"arguments": piece}}
            pieces.append(chunk({"tool_calls": [delta]}))
    return FakeAnswer([*pieces, chunk({}, "tool_calls"), USAGE_CHUNK, DONE], **options)


def whole(text: str | None) -> FakeAnswer:
    """An answer that is not streamed."""
    message = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    return json_answer(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": MODEL,
            "choices": [
                {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            ],
            "usage": USAGE,
        }
    )


def error(
    status: int, message: str, kind: str, code: str | None = None, **options: Any
) -> FakeAnswer:
    """A refusal. The client is told not to try again, unless `headers` say otherwise."""
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    options.setdefault("headers", {"x-should-retry": "false"})
    return json_answer(body, status=status, **options)


def speech(*pieces: bytes, **options: Any) -> FakeAnswer:
    """Audio: 16 bit at 24 kHz."""
    return FakeAnswer(pieces, content_type="audio/pcm", **options)
