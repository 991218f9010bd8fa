"""Running the functions that a language model calls.

Each call ends in exactly one way: with a result, cancelled, or out of time, which is a way of being
cancelled. What a handler reports after that is refused.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipecat_rs.adapters.llm.schemas.direct_function import DirectFunctionWrapper
from pipecat_rs.frames.frames import (
    FunctionCallCancelFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallResultProperties,
    FunctionCallsStartedFrame,
)
from pipecat_rs.utils.errors import ErrorCategory
from pipecat_rs.utils.types import is_given

if TYPE_CHECKING:
    from pipecat_rs.processors.aggregators.llm_context import LLMContext
    from pipecat_rs.services.llm_service import LLMService

_logger = logging.getLogger(__name__)

_FAILED = "The function {} failed."
_MISSING = "There is no function {}."


class FunctionCallResultCallback(Protocol):
    """How a handler reports its result."""

    async def __call__(
        self, result: Any, *, properties: FunctionCallResultProperties | None = None
    ) -> None:
        """Report a result.

        Args:
            result: The result.
            properties: How it is taken up. With ``is_final=False`` it is a partial one.
        """


@dataclass
class FunctionCallParams:
    """What a handler is given.

    Attributes:
        function_name: The function.
        tool_call_id: Identifier of the call.
        arguments: Its arguments.
        llm: The service.
        pipeline_worker: The task that runs the pipeline.
        context: The conversation.
        result_callback: How to report the result.
        app_resources: What the application has given to the task.
        worker_runner: The runner of the task.
    """

    function_name: str
    tool_call_id: str
    arguments: Mapping[str, Any]
    llm: LLMService
    pipeline_worker: Any
    context: LLMContext
    result_callback: FunctionCallResultCallback
    app_resources: Any = None
    worker_runner: Any = None


@dataclass
class FunctionCallRegistryItem:
    """A registered function.

    Attributes:
        function_name: Its name, or None for the handler of all others.
        handler: What runs.
        cancel_on_interruption: Whether an interruption cancels it.
        timeout_secs: Longest time for a call in seconds, or None for the service's.
        auto_registered: Whether it came with the tools of a context, and goes with them.
    """

    function_name: str | None
    handler: Any
    cancel_on_interruption: bool = True
    timeout_secs: float | None = None
    auto_registered: bool = False


class _Call:
    """One call on its way to its end."""

    def __init__(
        self, item: FunctionCallRegistryItem, asked: FunctionCallFromLLM, group_id: str | None
    ) -> None:
        self.item = item
        self.asked = asked
        self.group_id = group_id
        self.settled = False
        self.error: str | None = None
        self.task: asyncio.Task[Any] | None = None


class FunctionCalls:
    """The functions of a service, and the calls that run."""

    def __init__(
        self,
        service: LLMService,
        *,
        in_parallel: bool,
        grouped: bool,
        timeout_secs: float | None,
    ) -> None:
        """Begin without functions.

        Args:
            service: The service.
            in_parallel: Whether calls of one answer run side by side.
            grouped: Whether the model runs again once all of them have ended, rather than each
                time.
            timeout_secs: Longest time for a call in seconds, or None for no limit.
        """
        self._service = service
        self._in_parallel = in_parallel
        self._grouped = grouped
        self._timeout_secs = timeout_secs
        self._functions: dict[str | None, FunctionCallRegistryItem] = {}
        self._calls: list[_Call] = []
        self._line: list[_Call] = []

    # ---- functions

    def register(
        self,
        function_name: str | None,
        handler: Any,
        *,
        cancel_on_interruption: bool | None = None,
        timeout_secs: float | None = None,
        auto_registered: bool = False,
    ) -> None:
        """Register a function. What is not given here, `tool_options` on the handler says."""
        marked = handler.function if isinstance(handler, DirectFunctionWrapper) else handler
        if cancel_on_interruption is None:
            cancel_on_interruption = bool(getattr(marked, "_pipecat_cancel_on_interruption", True))
        if timeout_secs is None:
            timeout_secs = getattr(marked, "_pipecat_timeout_secs", None)
        self._functions[function_name] = FunctionCallRegistryItem(
            function_name, handler, cancel_on_interruption, timeout_secs, auto_registered
        )

    def unregister(self, function_name: str | None) -> None:
        """Remove a function, if it is there."""
        self._functions.pop(function_name, None)

    def has(self, function_name: str) -> bool:
        """Return whether a call of a function would be handled."""
        return function_name in self._functions or None in self._functions

    def sync_with(self, tools: Any) -> None:
        """Register the handlers that tools bring, and drop those whose tools are gone.

        Args:
            tools: The tools of a context, or ``NOT_GIVEN``.
        """
        brought: dict[str, Any] = {}
        if is_given(tools) and tools is not None:
            brought = {tool.name: tool.handler for tool in tools.standard_tools if tool.handler}
            brought |= {wrapper.name: wrapper for wrapper in tools.direct_functions}
        for name, item in list(self._functions.items()):
            if item.auto_registered and name not in brought:
                del self._functions[name]
        for name, handler in brought.items():
            item = self._functions.get(name)
            if item is None or item.auto_registered:
                self.register(name, handler, auto_registered=True)

    # ---- calls

    async def run(self, asked: Sequence[FunctionCallFromLLM]) -> None:
        """Run the calls of one answer, beside the processing of frames.

        Args:
            asked: The calls.
        """
        if not asked:
            return
        service = self._service
        await service._call_event_handler("on_function_calls_started", asked)
        await service.broadcast_frame(FunctionCallsStartedFrame, function_calls=asked)
        group_id = str(uuid.uuid4()) if self._grouped else None
        calls = [_Call(self._find(call.function_name), call, group_id) for call in asked]
        self._calls += calls
        if self._in_parallel:
            for call in calls:
                self._start(call)
        else:
            idle = not self._line
            self._line += calls
            if idle:
                self._start(self._line[0])

    async def interrupt(self) -> None:
        """Cancel the calls that an interruption cancels."""
        await self.cancel(lambda call: call.item.cancel_on_interruption)

    async def cancel(
        self, wanted: Callable[[Any], bool] = lambda _call: True, *, run_llm: bool = False
    ) -> list[FunctionCallFromLLM]:
        """Cancel calls.

        Args:
            wanted: Which.
            run_llm: Whether the model is to run afterwards.

        Returns:
            The calls.
        """
        cancelled = [call for call in self._calls if wanted(call) and not call.settled]
        for call in cancelled:
            # Before the handler can catch its cancellation and report.
            call.settled = True
        for call in cancelled:
            if call.task is not None:
                await self._service.cancel_task(call.task)
            else:
                self._forget(call)
            await self._service.broadcast_frame(
                FunctionCallCancelFrame,
                function_name=call.asked.function_name,
                tool_call_id=call.asked.tool_call_id,
                run_llm=run_llm,
            )
        asked = [call.asked for call in cancelled]
        if asked:
            await self._service._call_event_handler("on_function_calls_cancelled", asked)
        return asked

    async def abandon(self) -> None:
        """Cancel all calls and tell nobody, as the session is over."""
        for call in list(self._calls):
            call.settled = True
            if call.task is not None:
                await self._service.cancel_task(call.task)
        self._calls.clear()
        self._line.clear()

    def _find(self, function_name: str) -> FunctionCallRegistryItem:
        item = self._functions.get(function_name) or self._functions.get(None)
        if item is None:
            _logger.warning(
                "%s: the model calls %r, which is unknown", self._service, function_name
            )
            item = FunctionCallRegistryItem(function_name, _answer_that_it_is_missing)
        return item

    def _start(self, call: _Call) -> None:
        name = f"{call.asked.function_name}:{call.asked.tool_call_id}"
        call.task = self._service.create_task(self._run(call), name)
        call.task.add_done_callback(lambda _task: self._forget(call))

    def _forget(self, call: _Call) -> None:
        if call in self._calls:
            self._calls.remove(call)
        if call in self._line:
            was_first = self._line[0] is call
            self._line.remove(call)
            if was_first and self._line:
                self._start(self._line[0])

    async def _run(self, call: _Call) -> None:
        asked, service = call.asked, self._service
        await service.broadcast_frame(
            FunctionCallInProgressFrame,
            function_name=asked.function_name,
            tool_call_id=asked.tool_call_id,
            arguments=asked.arguments,
            cancel_on_interruption=call.item.cancel_on_interruption,
            group_id=call.group_id,
        )
        limit = asyncio.timeout(call.item.timeout_secs or self._timeout_secs)
        try:
            async with limit:
                await self._handle(call)
        except TimeoutError as error:
            if limit.expired():
                await self._time_out(call)
            else:
                await self._fail(call, error)
        except Exception as error:
            await self._fail(call, error)

    async def _handle(self, call: _Call) -> None:
        asked, service = call.asked, self._service
        worker = service.pipeline_worker

        async def report(
            result: Any, *, properties: FunctionCallResultProperties | None = None
        ) -> None:
            await self._report(call, result, properties)

        params = FunctionCallParams(
            function_name=asked.function_name,
            tool_call_id=asked.tool_call_id,
            arguments=asked.arguments,
            llm=service,
            pipeline_worker=worker,
            context=asked.context,
            result_callback=report,
            app_resources=worker.app_resources,
            worker_runner=getattr(worker, "worker_runner", None),
        )
        if isinstance(call.item.handler, DirectFunctionWrapper):
            await call.item.handler.invoke(asked.arguments, params)
        else:
            await call.item.handler(params)

    async def _report(
        self, call: _Call, result: Any, properties: FunctionCallResultProperties | None
    ) -> None:
        asked = call.asked
        is_final = properties is None or properties.is_final
        if call.settled:
            _logger.warning(
                "%s: a late result of %s (%s) is refused: the call is over",
                self._service,
                asked.function_name,
                asked.tool_call_id,
            )
            return
        if not is_final and call.item.cancel_on_interruption:
            _logger.warning(
                "%s: a partial result of %s is refused: register the function with "
                "cancel_on_interruption=False, so that the conversation goes on meanwhile",
                self._service,
                asked.function_name,
            )
            return
        call.settled = is_final
        await self._service.broadcast_frame(
            FunctionCallResultFrame,
            function_name=asked.function_name,
            tool_call_id=asked.tool_call_id,
            arguments=asked.arguments,
            result=result,
            properties=properties,
            error=call.error,
        )

    async def _time_out(self, call: _Call) -> None:
        if call.settled:
            return
        _logger.warning("%s: %s took too long", self._service, call.asked.function_name)
        call.settled = True
        await self._service.broadcast_frame(
            FunctionCallCancelFrame,
            function_name=call.asked.function_name,
            tool_call_id=call.asked.tool_call_id,
            run_llm=True,
        )
        await self._service._call_event_handler("on_function_calls_cancelled", [call.asked])

    async def _fail(self, call: _Call, error: Exception) -> None:
        name = call.asked.function_name
        await self._service.push_error(
            f"{self._service}: the function {name} failed: {error}",
            exception=error,
            category=ErrorCategory.APPLICATION,
        )
        call.error = f"{type(error).__name__}: {error}"
        await self._report(call, _FAILED.format(name), None)


async def _answer_that_it_is_missing(params: FunctionCallParams) -> None:
    await params.result_callback(_MISSING.format(params.function_name))
