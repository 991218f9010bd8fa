"""What became of each function call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from pipecat_rs.frames.base import Frame
from pipecat_rs.frames.function_call import (
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
)
from pipecat_rs.metrics.model import Model
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.processors.frame_processor import FrameDirection


class FunctionCallEventKind(StrEnum):
    """How far a call has come. It ends in one of the last four, or is dropped while it waits."""

    STARTED = "function_call_started"
    IN_PROGRESS = "function_call_in_progress"
    COMPLETED = "function_call_completed"
    FAILED = "function_call_failed"
    TIMED_OUT = "function_call_timed_out"
    CANCELLED = "function_call_cancelled"


@dataclass(kw_only=True)
class FunctionCallEvent(Model):
    """A moment in the life of a function call. Times are in seconds since the epoch.

    Attributes:
        kind: How far it has come.
        function_name: The function.
        tool_call_id: Identifier of the call.
        timestamp: When.
        group_id: Identifier of the answer that asked for it, once it is in progress.
        blocking: Whether the conversation waits for it, once it is in progress.
        arguments: Its arguments, when it is started and in progress, if they are to be told.
        started_at: When it was started, once it is in progress.
        in_progress_at: Since when it was in progress, once it has ended.
        result: What it returned, if that is to be told.
        error: Why it failed, or None.
    """

    kind: FunctionCallEventKind
    function_name: str
    tool_call_id: str
    timestamp: float
    group_id: str | None = None
    blocking: bool | None = None
    arguments: Any | None = None
    started_at: float | None = None
    in_progress_at: float | None = None
    result: Any | None = None
    error: str | None = None


class FunctionCallObserver(BaseObserver):
    """Tells each step of each function call.

    Events:
        on_function_call_event(observer, FunctionCallEvent)
    """

    handles = (
        FunctionCallsStartedFrame,
        FunctionCallInProgressFrame,
        FunctionCallResultFrame,
        FunctionCallCancelFrame,
    )

    _declared_events: ClassVar[Mapping[str, bool]] = {"on_function_call_event": False}

    def __init__(
        self,
        *,
        include_arguments: bool = True,
        include_results: bool = False,
        time_source: Callable[[], float] = time.time,
        **kwargs: Any,
    ) -> None:
        """Set what is told; arguments and results may be private.

        Args:
            include_arguments: Whether arguments are told.
            include_results: Whether results are told.
            time_source: Returns the time, in seconds since the epoch.
            **kwargs: See `BaseObserver`.
        """
        super().__init__(observe_every_push=False, **kwargs)
        self._include_arguments = include_arguments
        self._include_results = include_results
        self._now = time_source
        self._started_at: dict[str, float] = {}
        self._in_progress_at: dict[str, float] = {}

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        # A broadcast is two frames: the one that goes downstream stands for both.
        broadcast = data.frame.broadcast_sibling_id is not None
        if broadcast and data.direction != FrameDirection.DOWNSTREAM:
            return
        for event in self._events_of(data.frame):
            await self._call_event_handler("on_function_call_event", event)

    def _events_of(self, frame: Frame) -> list[FunctionCallEvent]:
        match frame:
            case FunctionCallsStartedFrame():
                return self._started(frame)
            case FunctionCallInProgressFrame():
                return [self._in_progress(frame)]
            case FunctionCallResultFrame():
                if frame.properties is not None and not frame.properties.is_final:
                    return []
                return [self._returned(frame)]
            case FunctionCallCancelFrame():
                # The model runs on a cancelled call only if its time ran out.
                kind = FunctionCallEventKind
                return [self._ended(frame, kind.TIMED_OUT if frame.run_llm else kind.CANCELLED)]
            case _:
                return []

    def _started(self, frame: FunctionCallsStartedFrame) -> list[FunctionCallEvent]:
        now = self._now()
        self._started_at.update((call.tool_call_id, now) for call in frame.function_calls)
        return [
            FunctionCallEvent(
                kind=FunctionCallEventKind.STARTED,
                function_name=call.function_name,
                tool_call_id=call.tool_call_id,
                timestamp=now,
                arguments=call.arguments if self._include_arguments else None,
            )
            for call in frame.function_calls
        ]

    def _in_progress(self, frame: FunctionCallInProgressFrame) -> FunctionCallEvent:
        now = self._in_progress_at[frame.tool_call_id] = self._now()
        return FunctionCallEvent(
            kind=FunctionCallEventKind.IN_PROGRESS,
            function_name=frame.function_name,
            tool_call_id=frame.tool_call_id,
            timestamp=now,
            group_id=frame.group_id,
            blocking=frame.cancel_on_interruption,
            arguments=frame.arguments if self._include_arguments else None,
            started_at=self._started_at.pop(frame.tool_call_id, None),
        )

    def _returned(self, frame: FunctionCallResultFrame) -> FunctionCallEvent:
        if frame.error:
            return self._ended(frame, FunctionCallEventKind.FAILED, error=frame.error)
        result = frame.result if self._include_results else None
        return self._ended(frame, FunctionCallEventKind.COMPLETED, result=result)

    def _ended(
        self,
        frame: FunctionCallResultFrame | FunctionCallCancelFrame,
        kind: FunctionCallEventKind,
        *,
        result: Any | None = None,
        error: str | None = None,
    ) -> FunctionCallEvent:
        self._started_at.pop(frame.tool_call_id, None)
        return FunctionCallEvent(
            kind=kind,
            function_name=frame.function_name,
            tool_call_id=frame.tool_call_id,
            timestamp=self._now(),
            in_progress_at=self._in_progress_at.pop(frame.tool_call_id, None),
            result=result,
            error=error,
        )
