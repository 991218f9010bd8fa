"""A fake of Google's Gemini: `generateContent`, streamed as server-sent events or not."""

import base64
import json
from typing import Any

from fakes.http_server import FakeAnswer, FakeHttpServer, json_answer

MODEL = "gemini-2.5-flash"
USAGE = {
    "promptTokenCount": 12,
    "candidatesTokenCount": 7,
    "thoughtsTokenCount": 3,
    "cachedContentTokenCount": 2,
    "totalTokenCount": 22,
}


class FakeGemini(FakeHttpServer):
    """Answers with text by default."""

    def __init__(self, *answers: FakeAnswer) -> None:
        super().__init__(*answers or (says("Hello", " there", "."),))


def event(data: Any) -> bytes:
    """A server-sent event."""
    return f"data: {json.dumps(data)}\r\n\r\n".encode()


def chunk(*parts: dict[str, Any], finish_reason: str | None = None, **candidate: Any) -> bytes:
    """A piece of an answer."""
    content = {"content": {"parts": list(parts), "role": "model"}, "index": 0, **candidate}
    if finish_reason is not None:
        content["finishReason"] = finish_reason
    return event(
        {
            "candidates": [content],
            "usageMetadata": USAGE,
            "modelVersion": MODEL,
            "responseId": "response-1",
        }
    )


def call(name: str, arguments: dict[str, Any], signature: bytes | None = None) -> dict[str, Any]:
    """A part that calls a function."""
    part: dict[str, Any] = {"functionCall": {"name": name, "args": arguments}}
    if signature is not None:
        part["thoughtSignature"] = base64.b64encode(signature).decode()
    return part


def answer(*chunks: bytes, **options: Any) -> FakeAnswer:
    """An answer of pieces."""
    return FakeAnswer(chunks, **options)


def says(*texts: str, **options: Any) -> FakeAnswer:
    """An answer in words."""
    chunks = [chunk({"text": text}) for text in texts]
    if not (options.get("stalls") or options.get("cut")):
        chunks[-1] = chunk({"text": texts[-1]}, finish_reason="STOP")
    return answer(*chunks, **options)


def whole(text: str) -> FakeAnswer:
    """An answer that is not streamed."""
    content = {"parts": [{"text": text}], "role": "model"}
    return json_answer(
        {
            "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
            "usageMetadata": USAGE,
            "modelVersion": MODEL,
            "responseId": "response-1",
        }
    )


def error(
    status: int, code: str, message: str, reason: str | None = None, **options: Any
) -> FakeAnswer:
    """A refusal."""
    body: dict[str, Any] = {"code": status, "message": message, "status": code}
    if reason is not None:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}
        body["details"] = [info]
    return json_answer({"error": body}, status=status, **options)
