"""The functions of a language model service: which there are, and which the model is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipecat_rs.adapters.llm.base_llm_adapter import BaseLLMAdapter
from pipecat_rs.adapters.llm.schemas.direct_function import DirectFunction, DirectFunctionWrapper
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.frames.frames import FunctionCallFromLLM
from pipecat_rs.services.cancel_tools import CancelTools
from pipecat_rs.services.function_calls import FunctionCalls


class RegisteredFunctions:
    """Mixin of `LLMService`: functions are registered, taken back, and run."""

    _cancel_tools: CancelTools
    _function_calls: FunctionCalls

    if TYPE_CHECKING:

        def get_llm_adapter(self) -> BaseLLMAdapter: ...

    def register_function(
        self,
        function_name: str | None,
        handler: Any,
        description: str = "",
        properties: dict[str, Any] | None = None,
        required: list[str] | None = None,
        *,
        cancel_on_interruption: bool | None = None,
        timeout_secs: float | None = None,
        cancellable_by_llm: bool | None = None,
    ) -> None:
        """Register what runs when the model calls a function.

        With a description or properties the model is also shown the function with every request.
        Without them it knows it if it is among the tools of the context.

        Args:
            function_name: Name of the function, or None for all that are not registered.
            handler: Async, given a `FunctionCallParams`.
            description: What the function does, for the model.
            properties: JSON Schema of each parameter, by name.
            required: Names of the parameters that must be given.
            cancel_on_interruption: Whether an interruption cancels a call. If not, the
                conversation goes on meanwhile, and the result joins it when it is there.
            timeout_secs: Longest time for a call in seconds, or None for the service's.
            cancellable_by_llm: Whether the model may cancel a call that goes on meanwhile, by a
                function ``cancel_<name>`` which it is shown as well.

        Raises:
            TypeError: If the handler cannot be called.
            ValueError: If the name is taken by such a function, or is missing where the model is
                to be shown the function.
        """
        self._check_not_builtin(function_name)
        is_shown = bool(description) or properties is not None or required is not None
        if is_shown and function_name is None:
            raise ValueError(f"{self}: a function that the model is shown needs a name")
        self._function_calls.register(
            function_name,
            handler,
            cancel_on_interruption=cancel_on_interruption,
            timeout_secs=timeout_secs,
            cancellable_by_llm=cancellable_by_llm,
        )
        if is_shown:
            assert function_name is not None
            self._show(function_name, description, properties or {}, required or [])

    def register_direct_function(
        self,
        function_name: str | DirectFunction | None = None,
        handler: DirectFunction | None = None,
        *,
        cancel_on_interruption: bool | None = None,
        timeout_secs: float | None = None,
        cancellable_by_llm: bool | None = None,
    ) -> None:
        """Register a function that describes itself.

        With a name the model is also shown the function with every request. With the function
        alone, which is pipecat's form, it knows it if it is among the tools of the context.

        Args:
            function_name: The name it is to have; or the function.
            handler: The function. Its first parameter is ``params``.
            cancel_on_interruption: See `register_function`.
            timeout_secs: See `register_function`.
            cancellable_by_llm: See `register_function`.

        Raises:
            TypeError: If there is no function.
            Exception: If it is not async, or its first parameter has another name.
        """
        if handler is None and not isinstance(function_name, str):
            function_name, handler = None, function_name
        if not callable(handler):
            raise TypeError(f"{self}: register_direct_function needs a function, not {handler!r}")
        wrapper = DirectFunctionWrapper(handler)
        name = function_name if isinstance(function_name, str) else wrapper.name
        self._check_not_builtin(name)
        self._function_calls.register(
            name,
            wrapper,
            cancel_on_interruption=cancel_on_interruption,
            timeout_secs=timeout_secs,
            cancellable_by_llm=cancellable_by_llm,
        )
        if function_name is not None:
            self._show(name, wrapper.description, wrapper.properties, wrapper.required)

    def unregister_function(self, function_name: str | None) -> None:
        """Remove a function, if it is registered.

        Args:
            function_name: Its name.
        """
        self._function_calls.unregister(function_name)
        self._hide(function_name)

    def unregister_direct_function(self, handler: DirectFunction) -> None:
        """Remove a function that describes itself, if it is registered.

        Args:
            handler: The function.
        """
        self.unregister_function(DirectFunctionWrapper(handler).name)

    def has_function(self, function_name: str) -> bool:
        """Return whether a call of a function would be handled.

        Args:
            function_name: Its name.
        """
        return self._function_calls.has(function_name)

    def _show(
        self, name: str, description: str, properties: dict[str, Any], required: list[str]
    ) -> None:
        self.get_llm_adapter().builtin_tools[name] = FunctionSchema(
            name, description, properties, required
        )

    def _hide(self, function_name: str | None) -> None:
        if function_name is not None and not self._is_builtin_function(function_name):
            self.get_llm_adapter().builtin_tools.pop(function_name, None)

    def _is_builtin_function(self, function_name: str) -> bool:
        """Return whether a function is part of the machinery, and no business of the user."""
        return function_name in self._cancel_tools.names

    def _check_not_builtin(self, function_name: str | None) -> None:
        if function_name is not None and self._is_builtin_function(function_name):
            raise ValueError(
                f"{self}: {function_name!r} is the function by which the model cancels another "
                "one; choose another name"
            )

    async def run_function_calls(self, function_calls: Sequence[FunctionCallFromLLM]) -> None:
        """Run what the model calls. The results join the conversation.

        Args:
            function_calls: The calls of one answer.
        """
        await self._function_calls.run(function_calls)

    async def cancel_function_calls(
        self, *, reason: str = "cancelled"
    ) -> list[FunctionCallFromLLM]:
        """Cancel all calls that run.

        Args:
            reason: Why, for whoever reads the code.

        Returns:
            The calls.
        """
        return await self._function_calls.cancel()
