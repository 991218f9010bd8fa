"""Messages by which the model follows a function that runs while the conversation goes on.

A ``started`` message stands in the place of the result. Each partial result, and the last one, is a
``developer`` message of its own, as the conversation has moved on by then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

AsyncToolMessageKind = Literal["started", "intermediate", "final"]

_TYPE = "async_tool"

_STARTED = (
    "The function is running; its result follows later in the conversation. Until then do not call "
    "it again, and do not make a result up."
)
_INTERMEDIATE = (
    "The function is still running and this is a part of its result. More follows, so do not call "
    "it again and do not take this for the answer."
)
_FINAL = (
    "The function has finished and this is its result. Tell it to the user once, even if the "
    "conversation has moved on; if the user waits for an answer to something else, give that first."
)
_CANCELLED = (
    "The function was cancelled, on request or because it took too long. No result follows. If the "
    "user waits for it, say that it could not be completed."
)

CANCELLED_RESULT = "CANCELLED"

ASYNC_TOOL_INSTRUCTIONS = (
    "Some functions run on while you talk. Their results come later, as messages in the "
    "conversation, whatever is being talked about by then.\n"
    "Each result is to be told to the user, once, and never left out. If the user waits for an "
    "answer to something else, give that first and the result at the end of the same answer. If "
    "not, tell the result alone and do not say again what you have said. Tell a short result as it "
    "is; of a long one, tell what it is about and offer the rest."
)
"""What the model is told as soon as a function of its can run while the conversation goes on."""


@dataclass(frozen=True)
class AsyncToolMessagePayload:
    """What such a message says.

    Attributes:
        kind: Its place in the course of a call.
        tool_call_id: Identifier of the call.
        status: ``running`` or ``finished``.
        description: What the model is to make of it.
        result: The result as JSON, or None if the call has just started.
    """

    kind: AsyncToolMessageKind
    tool_call_id: str
    status: Literal["running", "finished"]
    description: str
    result: str | None


def build_started_message(tool_call_id: str) -> dict[str, Any]:
    """Return the message that stands in the place of a result.

    Args:
        tool_call_id: Identifier of the call.
    """
    content = _content(AsyncToolMessagePayload("started", tool_call_id, "running", _STARTED, None))
    return {"role": "tool", "content": content, "tool_call_id": tool_call_id}


def build_intermediate_result_message(tool_call_id: str, result: str) -> dict[str, Any]:
    """Return the message with a partial result.

    Args:
        tool_call_id: Identifier of the call.
        result: The partial result, as JSON.
    """
    return _developer_message("intermediate", tool_call_id, "running", _INTERMEDIATE, result)


def build_final_result_message(tool_call_id: str, result: str) -> dict[str, Any]:
    """Return the message with the result.

    Args:
        tool_call_id: Identifier of the call.
        result: The result, as JSON.
    """
    return _developer_message("final", tool_call_id, "finished", _FINAL, result)


def build_cancelled_message(tool_call_id: str) -> dict[str, Any]:
    """Return the message that the call was cancelled.

    Args:
        tool_call_id: Identifier of the call.
    """
    return _developer_message("final", tool_call_id, "finished", _CANCELLED, CANCELLED_RESULT)


def parse_message(message: Any) -> AsyncToolMessagePayload | None:
    """Return what a message of the context says of such a call; None if it is another one.

    Args:
        message: The message.
    """
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str) or not content.startswith("{"):
        return None
    try:
        fields = json.loads(content)
    except ValueError:
        return None
    if not isinstance(fields, dict) or fields.get("type") != _TYPE:
        return None
    status, result = fields.get("status", "running"), fields.get("result")
    kind: AsyncToolMessageKind = "intermediate"
    if status == "finished":
        kind = "final"
    elif result is None:
        kind = "started"
    return AsyncToolMessagePayload(
        kind, fields.get("tool_call_id", ""), status, fields.get("description", ""), result
    )


def _developer_message(
    kind: AsyncToolMessageKind,
    tool_call_id: str,
    status: Literal["running", "finished"],
    description: str,
    result: str,
) -> dict[str, Any]:
    payload = AsyncToolMessagePayload(kind, tool_call_id, status, description, result)
    return {"role": "developer", "content": _content(payload)}


def _content(payload: AsyncToolMessagePayload) -> str:
    fields = {
        "type": _TYPE,
        "status": payload.status,
        "tool_call_id": payload.tool_call_id,
        "description": payload.description,
    }
    if payload.result is not None:
        fields["result"] = payload.result
    return json.dumps(fields, ensure_ascii=False)
