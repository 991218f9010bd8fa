"""Language models of which one is active at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pipecat_rs.frames.frames import Frame, LLMContextFrame
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher, StrategyType
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


class LLMSwitcher(ServiceSwitcher[StrategyType]):
    """A service switcher whose members are language models.

    Functions are registered with all members, so that a switch loses none of them. Inference out
    of band goes to the active member, or to the one that is named.
    """

    handles = (*(ServiceSwitcher.handles or ()), LLMContextFrame)

    def __init__(
        self,
        llms: Sequence[Any],
        strategy: Any = None,
        name: str | None = None,
        *,
        strategy_type: type[StrategyType] | None = None,
    ) -> None:
        """Make a switcher.

        Args:
            llms: The language models; the first is active unless the strategy says otherwise.
            strategy: A strategy, or its class; manual by default.
            name: Name, or None for the class name, ``#`` and a number.
            strategy_type: The class of the strategy, as pipecat 1.x has it.
        """
        super().__init__(llms, strategy, name, strategy_type=strategy_type)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Route a frame; what a context's functions call is then known to every member."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            # Only the active member saw it, and the next one must know them too.
            for llm in self.llms:
                sync = getattr(llm, "_sync_registered_tool_handlers", None)
                if sync is not None:
                    sync(frame.context.tools)

    def _activated(self, service: FrameProcessor) -> None:
        super()._activated(service)
        for llm in self.llms:
            # Nothing of what it says would leave, but each token is paid for.
            abandon = getattr(llm, "_abandon_answer", None)
            if abandon is not None and llm is not service:
                abandon()

    @property
    def llms(self) -> list[Any]:
        """The language models."""
        return self._services

    @property
    def active_llm(self) -> Any:
        """The active language model."""
        return self._strategy.active_service

    def set_context(self, context: Any) -> None:
        """Set the conversation that `run_inference` answers if it is given none.

        Args:
            context: The conversation.
        """
        for llm in self.llms:
            llm.set_context(context)

    async def run_inference(
        self,
        context: Any = None,
        messages: list[Any] | None = None,
        *,
        llm_index: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Ask one language model, beside the pipeline and without switching.

        Args:
            context: The context to answer; or the index of a member.
            messages: Messages to answer, instead of a context.
            llm_index: Which member, from 0, or None for the active one.
            **kwargs: For the member's own `run_inference`, such as ``max_tokens``.

        Returns:
            The answer, or None if there is none.

        Raises:
            TypeError: If the index is no integer.
            IndexError: If there is no such member.
        """
        if isinstance(context, int):
            context, llm_index = None, context
        if llm_index is not None and (isinstance(llm_index, bool) or type(llm_index) is not int):
            raise TypeError(f"{self}: llm_index is an integer, not {llm_index!r}")
        if llm_index is not None and not 0 <= llm_index < len(self._services):
            raise IndexError(
                f"{self}: llm_index {llm_index} is out of range: there are "
                f"{len(self._services)} language models, 0 to {len(self._services) - 1}"
            )
        llm: Any = self.active_llm if llm_index is None else self._services[llm_index]
        if messages is not None:
            context = LLMContext(messages=[*messages])
        return await llm.run_inference(context=context, **kwargs)

    def register_function(
        self,
        function_name: str | None,
        handler: Callable[..., Any],
        description: str = "",
        properties: dict[str, Any] | None = None,
        required: list[str] | None = None,
        *,
        cancel_on_interruption: bool | None = None,
        timeout_secs: float | None = None,
        cancellable_by_llm: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Register a function with every member.

        Args:
            function_name: Its name; None for a handler of all calls.
            handler: Called with the call's parameters.
            description: What it does. With this, or `properties`, the models are shown the
                function with every request.
            properties: JSON Schema of each parameter, by name.
            required: Names of the parameters that must be given.
            cancel_on_interruption: Whether an interruption cancels a call.
            timeout_secs: Longest time for a call, in seconds.
            cancellable_by_llm: Whether the model may cancel a call.
            **kwargs: For the members' own `register_function`.

        Raises:
            TypeError: If the handler cannot be called.
        """
        options = {
            "description": description or None,
            "properties": properties,
            "required": required,
            "cancel_on_interruption": cancel_on_interruption,
            "timeout_secs": timeout_secs,
            "cancellable_by_llm": cancellable_by_llm,
        }
        # Only what is given: not every member takes each of them.
        kwargs.update({name: value for name, value in options.items() if value is not None})
        for llm in self.llms:
            llm.register_function(function_name=function_name, handler=handler, **kwargs)

    def register_direct_function(
        self,
        handler: Any,
        named: Any = None,
        *,
        cancel_on_interruption: bool | None = None,
        timeout_secs: float | None = None,
        function_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Register a function that describes itself with every member.

        With a name the models are also shown the function with every request. Without one they
        know it if it is among the tools of the context.

        Args:
            handler: The function; or its name, with the function behind it.
            named: The function, if its name stands before it.
            cancel_on_interruption: Whether an interruption cancels a call.
            timeout_secs: Longest time for a call, in seconds.
            function_name: The name it is to have.
            **kwargs: For the members' own `register_direct_function`.

        Raises:
            TypeError: Without a function.
        """
        function = handler if named is None else named
        name = function_name if named is None else handler
        if not callable(function):
            raise TypeError(f"{self}: register_direct_function needs a function, got {function!r}")
        for llm in self.llms:
            llm.register_direct_function(
                *((name, function) if name is not None else (function,)),
                cancel_on_interruption=cancel_on_interruption,
                timeout_secs=timeout_secs,
                **kwargs,
            )
