"""A worker around a language model, with its own methods as the model's functions."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from pipecat_rs.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat_rs.frames.frames import (
    Frame,
    FunctionCallResultProperties,
    LLMMessagesAppendFrame,
    LLMSetToolsFrame,
)
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.worker import PipelineParams, PipelineWorker
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.utils.deprecation import warn_deprecated
from pipecat_rs.workers.base_worker import WorkerActivationArgs
from pipecat_rs.workers.llm.tool_decorator import _tools_of

__all__ = ["FunctionCallResultCallback", "LLMWorker", "LLMWorkerActivationArgs"]

_logger = logging.getLogger(__name__)

FunctionCallResultCallback = Callable[..., Any]
"""What a function gives its result to."""

_in_call: ContextVar[LLMWorker | None] = ContextVar("pipecat_rs_in_tool_call", default=None)
"""The worker one of whose functions runs, as seen by what that function awaits."""


@dataclass
class LLMWorkerActivationArgs(WorkerActivationArgs):
    """What a worker around a language model gets when it is activated.

    Attributes:
        messages: Messages that are added to the conversation, or None.
        run_llm: Whether the model answers them; None for yes.
    """

    messages: list[Any] | None = None
    run_llm: bool | None = None


class LLMWorker(PipelineWorker):
    """Runs a language model, which may call the methods marked with ``@tool``.

    What such a method queues is held until no call runs any more, so that it stands behind the
    results. Ending and handing over from within a call wait for that too.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        llm: LLMService[Any],
        pipeline: Pipeline | None = None,
        active: bool = False,
        bridged: tuple[str, ...] | None = None,
        defer_tool_frames: bool = True,
    ) -> None:
        """Make a worker.

        Args:
            name: Its name, unique under its runner, or None for class name, ``#`` and a number.
            llm: The language model.
            pipeline: The pipeline that has the model in it, or None for the model alone.
            active: Whether it begins active.
            bridged: Whether its pipeline exchanges frames with others; see `PipelineWorker`.
            defer_tool_frames: Whether what a call queues is held until no call runs.
        """
        self._llm = llm
        self._defers = defer_tool_frames
        self._calls = 0
        self._held: list[tuple[Frame, FrameDirection]] = []
        self._afterwards: Callable[[], Awaitable[None]] | None = None
        self._is_closing = False
        for method in _tools_of(self):
            llm.register_direct_function(self._noting_calls(method))
        super().__init__(
            pipeline if pipeline is not None else Pipeline([llm]),
            PipelineParams(enable_metrics=True, enable_usage_metrics=True),
            name=name,
            active=active,
            bridged=bridged,
            idle_timeout_secs=None,
        )

    @property
    def llm(self) -> LLMService[Any]:
        """The language model."""
        return self._llm

    @property
    def tool_call_active(self) -> bool:
        """Whether a call of one of its methods runs."""
        return self._calls > 0

    def build_tools(self) -> list[Any]:
        """Return what the model may call: the methods marked with ``@tool``."""
        return _tools_of(self)

    async def on_activated(self, args: dict[str, Any] | None) -> None:
        """Show the model its functions, and add the messages that come with the activation.

        Args:
            args: The fields of an `LLMWorkerActivationArgs`, or None.
        """
        await super().on_activated(args)
        given = LLMWorkerActivationArgs.from_dict(args or {})
        tools = self.build_tools()
        if tools:
            await self.queue_frame(LLMSetToolsFrame(tools=ToolsSchema(standard_tools=tools)))
        if given.messages:
            run_llm = given.run_llm if given.run_llm is not None else True
            await self.queue_frame(LLMMessagesAppendFrame(messages=given.messages, run_llm=run_llm))

    async def queue_frame(  # pyright: ignore[reportIncompatibleMethodOverride] - None is native
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Queue a frame; from within a call of this worker's model, hold it until no call runs.

        Args:
            frame: The frame.
            direction: Downstream from the pipeline's beginning, or upstream from its end.
        """
        if self._defers and not self._is_closing and _in_call.get() is self:
            self._held.append((frame, direction))
        else:
            await super().queue_frame(frame, direction)

    async def process_deferred_tool_frames(
        self, frames: list[tuple[Frame, FrameDirection]]
    ) -> list[tuple[Frame, FrameDirection]]:
        """Return what is queued of the frames that were held. To be overridden.

        Args:
            frames: The frames that were held, in order.
        """
        return frames

    # ---- ending and handing over

    async def end(
        self,
        *,
        reason: str | None = None,
        messages: list[Any] | None = None,
        result_callback: FunctionCallResultCallback | None = None,
    ) -> None:
        """End all workers, behind the output of this one; from within a call, behind the call.

        Args:
            reason: Why.
            messages: Messages that the model answers first. Deprecated in pipecat 1.8: give the
                result to ``params.result_callback`` before.
            result_callback: Deprecated in pipecat 1.8: call it before.
        """
        self._is_closing = True
        await self._finish_call("end", messages, result_callback)
        await self._behind_calls(functools.partial(super().end, reason=reason))

    async def activate_worker(
        self,
        worker_name: str,
        *,
        args: WorkerActivationArgs | None = None,
        deactivate_self: bool = False,
        messages: list[Any] | None = None,
        result_callback: FunctionCallResultCallback | None = None,
    ) -> None:
        """Activate another worker; from within a call, behind the call.

        Args:
            worker_name: Name of the worker.
            args: What its `on_activated` gets.
            deactivate_self: Whether this one becomes inactive first, behind its output.
            messages: Messages that the model answers first. Deprecated in pipecat 1.8: give the
                result to ``params.result_callback`` before.
            result_callback: Deprecated in pipecat 1.8: call it before.
        """
        await self._finish_call("activate_worker", messages, result_callback)
        await self._behind_calls(
            functools.partial(
                super().activate_worker, worker_name, args=args, deactivate_self=deactivate_self
            )
        )

    async def _behind_calls(self, handing_over: Callable[[], Awaitable[None]]) -> None:
        if self._calls:
            self._afterwards = handing_over
        else:
            await handing_over()

    async def _finish_call(
        self,
        method: str,
        messages: list[Any] | None,
        result_callback: FunctionCallResultCallback | None,
    ) -> None:
        if messages is None and result_callback is None:
            return
        warn_deprecated(
            f"`LLMWorker.{method}(messages=..., result_callback=...)` is deprecated since 1.8.0 "
            "and will be removed in 2.0.0. Use `params.result_callback(result)` before it instead.",
            stacklevel=3,
        )
        if messages:
            # Not held: its answer is to be heard before the call is over.
            frame = LLMMessagesAppendFrame(messages=messages, run_llm=True)
            await super().queue_frame(frame)
            if not await self.flush_pipeline():
                _logger.warning("%s: the call ends before its messages were answered", self)
        if result_callback is not None:
            await result_callback(None, properties=FunctionCallResultProperties(run_llm=False))

    # ---- calls

    def _noting_calls(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        async def call(params: Any, *args: Any, **kwargs: Any) -> Any:
            self._calls += 1
            token = _in_call.set(self)
            try:
                return await method(params, *args, **kwargs)
            finally:
                _in_call.reset(token)
                self._calls -= 1
                if not self._calls and (self._held or self._afterwards is not None):
                    # In a task of its own, as the call may be over by being cancelled.
                    after = self._run_handler("tools", type(self)._after_calls)
                    self._run_in_event_task("tools", after)

        return call

    async def _after_calls(self) -> None:
        held, self._held = self._held, []
        handing_over, self._afterwards = self._afterwards, None
        if held and not self._is_closing:
            await self.flush_pipeline()  # behind the results of the calls
            for frame, direction in await self.process_deferred_tool_frames(held):
                await self.queue_frame(frame, direction)
        if handing_over is not None:
            await handing_over()
