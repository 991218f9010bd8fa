"""Functions that describe themselves to a language model: by their signature and docstring."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema

__all__ = [
    "BaseDirectFunctionWrapper",
    "DirectFunction",
    "DirectFunctionWrapper",
    "tool_options",
]

DirectFunction = Callable[..., Awaitable[Any]]
"""An async function whose first parameter is ``params`` (a `FunctionCallParams`)."""

_JSON_TYPES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns|Yields|Raises|Example|Examples):\s*$")
_PARAMETER = re.compile(r"^\s+\**(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


class BaseDirectFunctionWrapper:
    """What a function says about itself.

    Attributes:
        function: The function.
        name: Its name.
        description: The text of its docstring ahead of ``Args:``.
        properties: JSON Schema of each parameter but the special first one.
        required: Names of the parameters that have no default.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        """Read a function.

        Args:
            function: The function; its docstring is in Google's style.

        Raises:
            Exception: If it is not async, or its first parameter has another name.
        """
        self.validate_function(function)
        self.function = function
        self.name = function.__name__
        self.description, parameter_docs = _read_docstring(inspect.getdoc(function) or "")
        self.properties, self.required = self._read_parameters(parameter_docs)

    @classmethod
    def special_first_param_name(cls) -> str:
        """Return the name of the first parameter, which the model is not told of."""
        raise NotImplementedError(f"{cls.__name__} must say special_first_param_name()")

    @classmethod
    def validate_function(cls, function: Callable[..., Any]) -> None:
        """Check that a function can be called this way.

        Args:
            function: The function.

        Raises:
            Exception: If it is not async, or its first parameter has another name.
        """
        name, wanted = function.__name__, cls.special_first_param_name()
        if not inspect.iscoroutinefunction(function):
            raise Exception(f"Direct function {name} must be async")
        parameters = list(inspect.signature(function).parameters)
        if not parameters:
            raise Exception(f"Direct function {name} must have at least one parameter ({wanted})")
        if parameters[0] != wanted:
            raise Exception(f"Direct function {name} first parameter must be named '{wanted}'")

    def to_function_schema(self) -> FunctionSchema:
        """Return the description as a schema."""
        return FunctionSchema(
            name=self.name,
            description=self.description,
            properties=self.properties,
            required=self.required,
        )

    def _read_parameters(self, docs: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
        hints = get_type_hints(self.function)
        properties: dict[str, Any] = {}
        required: list[str] = []
        for name, parameter in list(inspect.signature(self.function).parameters.items())[1:]:
            properties[name] = _json_schema_of(hints.get(name))
            if name in docs:
                properties[name]["description"] = docs[name]
            if parameter.default is inspect.Parameter.empty:
                required.append(name)
        return properties, required


class DirectFunctionWrapper(BaseDirectFunctionWrapper):
    """A function which a language model may call directly."""

    @classmethod
    def special_first_param_name(cls) -> str:
        """Return ``params``."""
        return "params"

    async def invoke(self, args: Mapping[str, Any], params: Any) -> Any:
        """Call the function.

        Args:
            args: The arguments that the model gives.
            params: The `FunctionCallParams`.
        """
        return await self.function(params=params, **args)


def tool_options(
    fn: Callable[..., Any] | None = None,
    *,
    cancel_on_interruption: bool = True,
    timeout_secs: float | None = None,
    cancellable_by_llm: bool = False,
) -> Any:
    """Set how calls of a function are run, with or without parentheses.

    Args:
        fn: The function.
        cancel_on_interruption: Whether an interruption cancels a call. If not, the conversation
            goes on meanwhile, and the result joins it when it is there.
        timeout_secs: Longest time for a call in seconds, or None for the service's.
        cancellable_by_llm: Whether the model may cancel a call that goes on meanwhile.
    """

    def mark(function: Any) -> Any:
        function._pipecat_cancel_on_interruption = cancel_on_interruption
        function._pipecat_timeout_secs = timeout_secs
        function._pipecat_cancellable_by_llm = cancellable_by_llm
        return function

    return mark if fn is None else mark(fn)


def _read_docstring(doc: str) -> tuple[str, dict[str, str]]:
    """Return a docstring's description, and what it says of each parameter."""
    section, description, parameters, current = "", [], {}, ""
    indent = 0
    for line in doc.splitlines():
        header = _SECTION.match(line)
        if header:
            section, current, indent = header[1], "", 0
        elif not section:
            description.append(line)
        elif section in ("Args", "Arguments", "Parameters") and line.strip():
            depth = len(line) - len(line.lstrip())
            indent = indent or depth
            entry = _PARAMETER.match(line) if depth == indent else None
            if entry:
                current = entry[1]
                parameters[current] = entry[2].strip()
            elif current:
                parameters[current] = f"{parameters[current]} {line.strip()}".strip()
    return "\n".join(description).strip(), parameters


def _json_schema_of(hint: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type hint; an empty one, which allows all, if it is unknown."""
    if hint in _JSON_TYPES:
        return {"type": _JSON_TYPES[hint]}
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_json_schema_of(arg) for arg in args]}
    if origin in (list, tuple, set) and args:
        return {"type": "array", "items": _json_schema_of(args[0])}
    if origin is dict and len(args) == 2:
        return {"type": "object", "additionalProperties": _json_schema_of(args[1])}
    if hint is not None and hasattr(hint, "__annotations__"):
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: _json_schema_of(h) for name, h in get_type_hints(hint).items()},
        }
        if schema["properties"] and getattr(hint, "__total__", True):
            schema["required"] = list(schema["properties"])
        return schema
    return {}
