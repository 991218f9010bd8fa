"""A fake of Anthropic: messages as server-sent events."""

import json
from collections.abc import Sequence
from typing import Any

from fakes.http_server import FakeAnswer, FakeHttpServer, json_answer

MODEL = "claude-sonnet-4-6"
USAGE = {
    "input_tokens": 25,
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": 5,
    "output_tokens": 1,
    "service_tier": "standard",
}


class FakeAnthropic(FakeHttpServer):
    """Answers with text by default."""

    def __init__(self, *answers: FakeAnswer) -> None:
        super().__init__(*answers or (says("Hello", " there", "."),))


def event(kind: str, **fields: Any) -> bytes:
    """A server-sent event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def start() -> bytes:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": USAGE,
    }
    return event("message_start", message=message) + event("ping")


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> list[bytes]:
    """A part of an answer."""
    return [
        event("content_block_start", index=index, content_block=content),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    ]


def end(stop_reason: str = "end_turn", output_tokens: int = 15) -> list[bytes]:
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return [
        event("message_delta", delta=delta, usage={"output_tokens": output_tokens}),
        event("message_stop"),
    ]


def text_block(index: int, *texts: str) -> list[bytes]:
    deltas = [{"type": "text_delta", "text": text} for text in texts]
    return block(index, {"type": "text", "text": ""}, *deltas)


def thinking_block(index: int, thought: str, signature: str) -> list[bytes]:
    return block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": thought},
        {"type": "signature_delta", "signature": signature},
    )


def tool_block(index: int, call_id: str, name: str, *pieces: str) -> list[bytes]:
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return block(index, {"type": "tool_use", "id": call_id, "name": name, "input": {}}, *deltas)


def answer(*blocks: list[bytes], stop_reason: str = "end_turn", **options: Any) -> FakeAnswer:
    """An answer of parts."""
    ends = not (options.get("stalls") or options.get("cut"))
    pieces = [piece for each in blocks for piece in each]
    return FakeAnswer([start(), *pieces, *(end(stop_reason) if ends else [])], **options)


def says(*texts: str, **options: Any) -> FakeAnswer:
    """An answer in words."""
    return answer(text_block(0, *texts), **options)


def calls(*functions: tuple[str, str, Sequence[str]]) -> FakeAnswer:
    """An answer that calls functions: each with id, name, and arguments in pieces."""
    blocks = [
        tool_block(i, call_id, name, *args) for i, (call_id, name, args) in enumerate(functions)
    ]
    return answer(*blocks, stop_reason="tool_use")


def whole(text: str) -> FakeAnswer:
    """An answer that is not streamed."""
    return json_answer(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": USAGE,
        }
    )


def error(status: int, kind: str, message: str, **options: Any) -> FakeAnswer:
    """A refusal. The client is told not to try again, unless `headers` say otherwise."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    options.setdefault("headers", {"x-should-retry": "false"})
    return json_answer(body, status=status, **options)


def error_event(kind: str, message: str) -> bytes:
    """A refusal in the middle of an answer."""
    return event("error", error={"type": kind, "message": message})
