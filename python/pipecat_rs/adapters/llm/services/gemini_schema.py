"""JSON Schema as far as Gemini takes it."""

from __future__ import annotations

from typing import Any


def adapted_to_gemini(schema: Any, losses: set[str]) -> Any:
    """Return a schema without what Gemini refuses.

    Gemini's schemas are those of OpenAPI 3.0: no ``additionalProperties``, no vendor extensions,
    one type for a value, and enumerations of strings only.

    Args:
        schema: The schema.
        losses: Takes what was left out or put in other words.
    """
    if isinstance(schema, list):
        return [adapted_to_gemini(item, losses) for item in schema]
    if not isinstance(schema, dict):
        return schema
    adapted: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "additionalProperties" or key.startswith("x-"):
            losses.add(f"{key} is left out")
        elif key == "type" and isinstance(value, list):
            losses.add("a union of types becomes anyOf")
            adapted["anyOf"] = [{"type": kind} for kind in value]
        elif key == "enum" and isinstance(value, list) and any(type(v) is not str for v in value):
            losses.add("an enum of other values than strings is left out")
        elif key == "properties" and isinstance(value, dict):
            # Its keys are names of parameters, be they called what they are.
            adapted[key] = {name: adapted_to_gemini(item, losses) for name, item in value.items()}
        else:
            adapted[key] = adapted_to_gemini(value, losses)
    return adapted
