"""Language models of which one is active at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pipecat_rs.pipeline.service_switcher import ServiceSwitcher, StrategyType


class LLMSwitcher(ServiceSwitcher[StrategyType]):
    """A service switcher whose members are language models.

    Functions are registered with all members, so that a switch loses none of them. Inference out
    of band goes to the active member, or to the one that is named.
    """

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

    @property
    def llms(self) -> list[Any]:
        """The language models."""
        return self._services

    @property
    def active_llm(self) -> Any:
        """The active language model."""
        return self._strategy.active_service

    async def run_inference(
        self,
        context: Any = None,
        *,
        llm_index: int | None = None,
        messages: list[dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Ask one language model, beside the pipeline and without switching.

        Args:
            context: The context to answer.
            llm_index: Which member, or None for the active one.
            messages: Messages to answer, instead of a context.
            **kwargs: For the member's own `run_inference`.

        Returns:
            The answer.

        Raises:
            IndexError: If there is no such member.
        """
        if llm_index is not None and not 0 <= llm_index < len(self._services):
            raise IndexError(
                f"{self}: llm_index {llm_index} is out of range: there are "
                f"{len(self._services)} language models, 0 to {len(self._services) - 1}"
            )
        llm: Any = self.active_llm if llm_index is None else self._services[llm_index]
        if messages is not None:
            from pipecat_rs.processors.aggregators.llm_context import LLMContext

            context = LLMContext(messages=[*messages])
        return await llm.run_inference(context=context, **kwargs)

    def register_function(
        self, function_name: str | None, handler: Callable[..., Any], **kwargs: Any
    ) -> None:
        """Register a function with every member.

        Args:
            function_name: Its name; None for a handler of all calls.
            handler: Called with the call's parameters.
            **kwargs: For the members' own `register_function`.
        """
        for llm in self.llms:
            llm.register_function(function_name=function_name, handler=handler, **kwargs)
