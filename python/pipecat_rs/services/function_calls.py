"""Running the functions that a language model calls.

Each call ends in exactly one way: with a result, cancelled, or out of time, which is a way of being
cancelled. What a handler reports after that is refused.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipecat_rs.adapters.llm.schemas.direct_function import DirectFunctionWrapper
from pipecat_rs.frames.frames import (
    EagerEndOfTurnCancelFrame,
    FunctionCallCancelFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallResultProperties,
    FunctionCallsStartedFrame,
)
from pipecat_rs.utils.deprecation import warn_deprecated
from pipecat_rs.utils.errors import ErrorCategory
from pipecat_rs.utils.types import is_given

if TYPE_CHECKING:
    from pipecat_rs.processors.aggregators.llm_context import LLMContext
    from pipecat_rs.services.llm_service import LLMService

_logger = logging.getLogger(__name__)


FunctionCallHandler = Callable[["FunctionCallParams"], Awaitable[None]]
"""What runs when the model calls a function."""


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

    @property
    def tool_resources(self) -> Any:
        """The former name of `app_resources`. Deprecated in pipecat 1.2."""
        warn_deprecated(
            "`FunctionCallParams.tool_resources` is deprecated since 1.2.0 and will be removed in "
            "2.0.0. Use `app_resources` instead.",
            stacklevel=2,
        )
        return self.app_resources


@dataclass
class FunctionCallRegistryItem:
    """A registered function.

    Attributes:
        function_name: Its name, or None for the handler of all others.
        handler: What runs.
        cancel_on_interruption: Whether an interruption cancels it.
        timeout_secs: Longest time for a call in seconds, or None for the service's.
        cancellable_by_llm: Whether the model may cancel a call that goes on meanwhile.
        auto_registered: Whether it came with the tools of a context, and goes with them.
    """

    function_name: str | None
    handler: Any
    cancel_on_interruption: bool = True
    timeout_secs: float | None = None
    cancellable_by_llm: bool = False
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
        all_cancellable: bool = False,
    ) -> None:
        """Begin without functions.

        Args:
            service: The service.
            in_parallel: Whether calls of one answer run side by side.
            grouped: Whether the model runs again once all of them have ended, rather than each
                time.
            timeout_secs: Longest time for a call in seconds, or None for no limit.
            all_cancellable: Whether the model may cancel every call that goes on meanwhile.
        """
        self._service = service
        self._in_parallel = in_parallel
        self._grouped = grouped
        self._timeout_secs = timeout_secs
        self._all_cancellable = all_cancellable
        self._cleanups: list[Callable[[], Awaitable[None]]] = []
        # Of the tools that a context shows: those whose handler was taken away by name.
        self._taken_away: set[str | None] = set()
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
        cancellable_by_llm: bool | None = None,
        auto_registered: bool = False,
    ) -> None:
        """Register a function. What is not given here, `tool_options` on the handler says.

        Raises:
            TypeError: If the handler cannot be called.
        """
        if not callable(handler) and not isinstance(handler, DirectFunctionWrapper):
            raise TypeError(
                f"{self._service}: the handler of {function_name!r} is {handler!r}; it has to be "
                "an async function that takes FunctionCallParams"
            )
        marked = _function_of(handler)
        if cancel_on_interruption is None:
            cancel_on_interruption = bool(getattr(marked, "_pipecat_cancel_on_interruption", True))
        if timeout_secs is None:
            timeout_secs = getattr(marked, "_pipecat_timeout_secs", None)
        if cancellable_by_llm is None:
            cancellable_by_llm = bool(getattr(marked, "_pipecat_cancellable_by_llm", False))
        if cancellable_by_llm and cancel_on_interruption:
            _logger.warning(
                "%s: the model waits for %s, so it cannot cancel it: cancellable_by_llm needs "
                "cancel_on_interruption=False",
                self._service,
                function_name,
            )
            cancellable_by_llm = False
        self._functions[function_name] = FunctionCallRegistryItem(
            function_name,
            handler,
            cancel_on_interruption,
            timeout_secs,
            cancellable_by_llm,
            auto_registered,
        )
        self._taken_away.discard(function_name)
        cleanup = getattr(marked, "_pipecat_cleanup", None)
        if cleanup is not None and cleanup not in self._cleanups:
            self._cleanups.append(cleanup)

    def unregister(self, function_name: str | None) -> None:
        """Remove a function, if it is there; tools of the context do not bring it back."""
        if self._functions.pop(function_name, None) is not None:
            self._taken_away.add(function_name)

    def is_registered(self, function_name: str) -> bool:
        """Return whether a function is registered by its name."""
        return function_name in self._functions

    def cancellable_names(self) -> list[str]:
        """Return the names of the functions that the model may cancel."""
        return [name for name, item in self._functions.items() if name and self._may_cancel(item)]

    def cancellable_calls(self, function_name: str) -> list[FunctionCallFromLLM]:
        """Return the running calls of a function that the model may cancel."""
        return [
            call.asked
            for call in self._calls
            if call.asked.function_name == function_name
            and not call.settled
            and self._may_cancel(call.item)
        ]

    def has_lasting(self) -> bool:
        """Return whether there is a function whose calls outlive an interruption."""
        return any(not item.cancel_on_interruption for item in self._functions.values())

    async def clean_up(self) -> None:
        """Run what handlers have for the end of the session, each once."""
        cleanups, self._cleanups = self._cleanups, []
        for cleanup in cleanups:
            try:
                await cleanup()
            except Exception:
                _logger.exception("%s: the clean-up of a function failed", self._service)

    def _may_cancel(self, item: FunctionCallRegistryItem) -> bool:
        return item.cancellable_by_llm or (
            self._all_cancellable and not item.cancel_on_interruption
        )

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
        self._taken_away &= brought.keys()
        for name, handler in brought.items():
            item = self._functions.get(name)
            if item is None:
                wanted = name not in self._taken_away
            else:
                known = _function_of(item.handler) is _function_of(handler)
                wanted = item.auto_registered and not known
            if wanted:
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
        if service._speculation_gate.is_speculating:
            # A function cannot be taken back. The model calls it again when the turn has ended.
            await service.broadcast_frame(EagerEndOfTurnCancelFrame)
            return
        shown = [call for call in asked if not service._is_builtin_function(call.function_name)]
        if shown:
            await service._call_event_handler("on_function_calls_started", shown)
            await service.broadcast_frame(FunctionCallsStartedFrame, function_calls=shown)
        group_id = str(uuid.uuid4()) if self._grouped else None
        calls = [_Call(self._find(call), call, group_id) for call in asked]
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

    def _find(self, asked: FunctionCallFromLLM) -> FunctionCallRegistryItem:
        name = asked.function_name
        item = self._functions.get(name) or self._functions.get(None)
        if item is None:
            if name in _names_shown(asked.context):
                _logger.error(
                    "%s: the model was shown %r, and nothing handles it: give its FunctionSchema "
                    "a handler, or call register_function()",
                    self._service,
                    name,
                )
            else:
                _logger.warning("%s: the model calls %r, which is unknown", self._service, name)
            item = FunctionCallRegistryItem(name, self._answer_that_it_is_missing)
        return item

    async def _answer_that_it_is_missing(self, params: FunctionCallParams) -> None:
        template = self._service.MISSING_FUNCTION_CALL_MESSAGE_TEMPLATE
        await params.result_callback(template.format(function_name=params.function_name))

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
            return
        running = call.item.handler(params)
        if not inspect.isawaitable(running):
            raise TypeError(
                "its handler is not async: make it `async def`, and report the result by "
                "`await params.result_callback(...)`"
            )
        await running

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
        service, name = self._service, call.asked.function_name
        await service.push_error(
            f"{service}: the function {name} failed, and the model is told so: {error}",
            exception=error,
            category=ErrorCategory.APPLICATION,
        )
        call.error = f"{type(error).__name__}: {error}"
        template = service.FUNCTION_CALL_ERROR_MESSAGE_TEMPLATE
        await self._report(call, template.format(function_name=name), None)


def _function_of(handler: Any) -> Any:
    return handler.function if isinstance(handler, DirectFunctionWrapper) else handler


def _names_shown(context: LLMContext) -> set[str]:
    tools = getattr(context, "tools", None)
    if tools is None or not is_given(tools):
        return set()
    return {tool.name for tool in tools.standard_tools}
