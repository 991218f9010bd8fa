"""Frames of function calls: those the pipeline runs, and those that run elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipecat_rs.frames.base import ControlFrame, DataFrame, SystemFrame


@dataclass
class FunctionCallResultProperties:
    """How a function call's result is taken up.

    Attributes:
        run_llm: Whether the language model runs on it, or None for the default.
        on_context_updated: Called once the result stands in the context.
        is_final: Whether it is the call's last result, rather than one on the way.
    """

    run_llm: bool | None = None
    on_context_updated: Callable[[], Awaitable[None]] | None = None
    is_final: bool = True


@dataclass
class FunctionCallFromLLM:
    """A function call as the language model asked for it.

    Attributes:
        function_name: The function.
        tool_call_id: Identifier of the call.
        arguments: Its arguments.
        context: The conversation context at that time.
    """

    function_name: str
    tool_call_id: str
    arguments: Mapping[str, Any]
    context: Any


@dataclass
class ExternalFunctionCall:
    """A function call that runs outside the pipeline.

    Attributes:
        function_name: The function.
        tool_call_id: Identifier of the call.
    """

    function_name: str
    tool_call_id: str


@dataclass(repr=False, eq=False)
class FunctionCallsStartedFrame(SystemFrame):
    """Function calls are about to run.

    Attributes:
        function_calls: The calls.
    """

    function_calls: Sequence[FunctionCallFromLLM]


@dataclass(repr=False, eq=False)
class FunctionCallInProgressFrame(ControlFrame):
    """A function call is running.

    Attributes:
        function_name: The function.
        tool_call_id: Identifier of the call.
        arguments: Its arguments.
        cancel_on_interruption: Whether an interruption cancels it. If not, the conversation
            goes on meanwhile.
        group_id: Identifier shared by the calls of one answer, or None.
    """

    interruptible: bool = field(default=False, init=False)

    function_name: str
    tool_call_id: str
    arguments: Any
    cancel_on_interruption: bool = False
    group_id: str | None = None


@dataclass(repr=False, eq=False)
class FunctionCallResultFrame(DataFrame):
    """A function call's result.

    Attributes:
        function_name: The function.
        tool_call_id: Identifier of the call.
        arguments: Its arguments.
        result: What it returned, or words for the model if it failed.
        run_llm: Whether the language model runs on it, or None for the default.
        properties: How the result is taken up, or None.
        error: Why the call failed, or None.
    """

    interruptible: bool = field(default=False, init=False)

    function_name: str
    tool_call_id: str
    arguments: Any
    result: Any
    run_llm: bool | None = None
    properties: FunctionCallResultProperties | None = None
    error: str | None = None


@dataclass(repr=False, eq=False)
class FunctionCallCancelFrame(SystemFrame):
    """A function call was cancelled.

    Attributes:
        function_name: The function.
        tool_call_id: Identifier of the call.
        run_llm: Whether the language model runs on it.
    """

    function_name: str
    tool_call_id: str
    run_llm: bool = False


@dataclass(repr=False, eq=False)
class ExternalFunctionCallsStartedFrame(SystemFrame):
    """Function calls outside the pipeline are about to run.

    Attributes:
        function_calls: The calls.
    """

    function_calls: Sequence[ExternalFunctionCall]


@dataclass(repr=False, eq=False)
class ExternalFunctionCallInProgressFrame(SystemFrame):
    """A function call outside the pipeline is running.

    Attributes:
        function_name: The function.
        tool_call_id: Identifier of the call.
        arguments: Its arguments.
    """

    function_name: str
    tool_call_id: str
    arguments: Any


@dataclass(repr=False, eq=False)
class ExternalFunctionCallResultFrame(SystemFrame):
    """The result of a function call outside the pipeline.

    Attributes:
        function_name: The function.
        tool_call_id: Identifier of the call.
        arguments: Its arguments.
        result: What it returned.
        is_final: Whether it is the call's last result.
    """

    function_name: str
    tool_call_id: str
    arguments: Any
    result: Any
    is_final: bool = True


@dataclass(repr=False, eq=False)
class ExternalFunctionCallCancelFrame(SystemFrame):
    """A function call outside the pipeline was cancelled.

    Attributes:
        function_name: The function.
        tool_call_id: Identifier of the call.
    """

    function_name: str
    tool_call_id: str
