"""Gemini's seals on its thoughts, put back where they were.

Gemini signs parts of its answers and wants the signatures back in the same places. A context keeps
them in messages of their own, each with a bookmark: the call, text or data that was signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PLACEHOLDER = b"skip_thought_signature_validator"
"""Stands for a signature on calls that Gemini did not make: Gemini 3 refuses them without one."""


def apply_signatures(signed: Sequence[Mapping[str, Any]], contents: Sequence[Any]) -> None:
    """Write signatures to the turns of the model which they belong to.

    Args:
        signed: Signatures with their bookmarks, in the order of the conversation.
        contents: The turns. Their parts are changed.
    """
    turns = iter([content for content in contents if _is_models(content) and content.parts])
    for entry in signed:
        signature, bookmark = entry.get("signature"), entry.get("bookmark")
        if not signature or not bookmark:
            continue
        rest = list(turns)
        found = next((i for i, t in enumerate(rest) if _matches(bookmark, t.parts[-1])), None)
        if found is not None:
            rest[found].parts[-1].thought_signature = signature
            # The next signature belongs to a later turn.
            rest = rest[found + 1 :]
        turns = iter(rest)


def sign_foreign_calls(contents: Sequence[Any]) -> None:
    """Write placeholders to turns with calls and without any signature.

    Of calls made at once Gemini signs the first alone, so the others of such a turn stay unsigned.

    Args:
        contents: The turns. Their parts are changed.
    """
    for content in contents:
        if _is_models(content) and not _is_signed(content):
            for part in content.parts or ():
                if part.function_call:
                    part.thought_signature = PLACEHOLDER


def join_parallel_calls(contents: Sequence[Any]) -> list[Any]:
    """Put the calls of one answer into one turn, and their results into the next.

    A context has each call with its result. A signed call begins an answer, and unsigned ones after
    it belong to the same; without signatures nothing can be told.

    Args:
        contents: The turns.

    Returns:
        The turns to send. What stood between the calls follows them.
    """
    joined: list[Any] = []
    calls: Any = None
    results: Any = None
    others: list[Any] = []
    for content in contents:
        if _consists_of(content, "function_call") and _is_signed(content):
            joined += [turn for turn in (calls, results) if turn is not None] + others
            calls, results, others = content.model_copy(), None, []
        elif calls is None:
            joined.append(content)
        elif _consists_of(content, "function_call"):
            calls.parts = [*calls.parts, *content.parts]
        elif _consists_of(content, "function_response"):
            if results is None:
                results = content.model_copy()
            else:
                results.parts = [*results.parts, *content.parts]
        else:
            others.append(content)
    return joined + [turn for turn in (calls, results) if turn is not None] + others


def _is_models(content: Any) -> bool:
    return getattr(content, "role", None) == "model"


def _is_signed(content: Any) -> bool:
    return any(part.thought_signature for part in content.parts or ())


def _consists_of(content: Any, kind: str) -> bool:
    parts = getattr(content, "parts", None)
    return bool(parts) and all(getattr(part, kind) for part in parts)


def _matches(bookmark: Mapping[str, Any], part: Any) -> bool:
    call, text, data = (bookmark.get(key) for key in ("function_call", "text", "inline_data"))
    if call:
        return bool(part.function_call) and part.function_call.id == call
    if text:
        if not part.text:
            return False
        # What was said may have been cut off, and what was signed may be the first piece only.
        signed, said = " ".join(text.split()), " ".join(part.text.split())
        return signed.startswith(said) or said.startswith(signed)
    if data:
        theirs = part.inline_data.data if part.inline_data else None
        # The order is known, so the length tells enough.
        return theirs is not None and data.data is not None and len(theirs) == len(data.data)
    return False
