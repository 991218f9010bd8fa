"""A function that a language model may call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["FunctionSchema"]


class FunctionSchema:
    """The description of one function, in terms of JSON Schema."""

    def __init__(
        self,
        name: str,
        description: str,
        properties: dict[str, Any],
        required: list[str],
        handler: Callable[..., Awaitable[Any]] | None = None,
    ) -> None:
        """Describe a function.

        Args:
            name: Its name.
            description: What it does, for the model.
            properties: JSON Schema of each parameter, by name.
            required: Names of the parameters that must be given.
            handler: What runs when the model calls it. A service registers it when the schema
                is among a context's tools, so that no `register_function` is needed.
        """
        self._name = name
        self._description = description
        self._properties = properties
        self._required = required
        self._handler = handler

    @property
    def name(self) -> str:
        """Name of the function."""
        return self._name

    @property
    def description(self) -> str:
        """What the function does."""
        return self._description

    @property
    def properties(self) -> dict[str, Any]:
        """JSON Schema of each parameter, by name."""
        return self._properties

    @property
    def required(self) -> list[str]:
        """Names of the parameters that must be given."""
        return self._required

    @property
    def handler(self) -> Callable[..., Awaitable[Any]] | None:
        """What runs when the model calls the function, or None if it is registered apart."""
        return self._handler

    def to_default_dict(self) -> dict[str, Any]:
        """Return the description in the form that most providers take."""
        return {
            "name": self._name,
            "description": self._description,
            "parameters": {
                "type": "object",
                "properties": self._properties,
                "required": self._required,
            },
        }
