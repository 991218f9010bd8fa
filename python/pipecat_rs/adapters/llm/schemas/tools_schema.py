"""The tools that a language model may use."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from pipecat_rs.adapters.llm.schemas.direct_function import (
    DirectFunction,
    DirectFunctionWrapper,
)
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema

__all__ = ["AdapterType", "ToolsSchema"]


class AdapterType(Enum):
    """Providers with tools of their own.

    Attributes:
        GEMINI: Google Gemini.
        OPENAI: OpenAI, all of its interfaces.
    """

    GEMINI = "gemini"
    OPENAI = "openai"


class ToolsSchema:
    """Functions described for every provider, and tools of single providers."""

    def __init__(
        self,
        standard_tools: Sequence[FunctionSchema | DirectFunction],
        custom_tools: dict[AdapterType, list[dict[str, Any]]] | None = None,
    ) -> None:
        """Collect tools.

        Args:
            standard_tools: Schemas, and direct functions, which describe themselves.
            custom_tools: Descriptions in a provider's own form, by provider.

        Raises:
            TypeError: If a standard tool is neither a schema nor a function.
        """
        self._standard_tools: list[FunctionSchema] = []
        self._direct_functions: list[DirectFunctionWrapper] = []
        self._custom_tools = custom_tools
        for tool in standard_tools:
            if isinstance(tool, FunctionSchema):
                self._standard_tools.append(tool)
            elif callable(tool):
                wrapper = DirectFunctionWrapper(tool)
                self._direct_functions.append(wrapper)
                self._standard_tools.append(wrapper.to_function_schema())
            else:
                raise TypeError(
                    f"a tool is a FunctionSchema or an async function, not {type(tool).__name__}"
                )

    @property
    def standard_tools(self) -> list[FunctionSchema]:
        """The functions described for every provider."""
        return self._standard_tools

    @property
    def direct_functions(self) -> list[DirectFunctionWrapper]:
        """Those of them that were given as functions."""
        return self._direct_functions

    @property
    def custom_tools(self) -> dict[AdapterType, list[dict[str, Any]]] | None:
        """The tools of single providers."""
        return self._custom_tools

    @custom_tools.setter
    def custom_tools(self, value: dict[AdapterType, list[dict[str, Any]]]) -> None:
        self._custom_tools = value
