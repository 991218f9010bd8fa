"""The function calls of a conversation, as its context tells them to the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipecat_rs.frames.frames import (
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
)
from pipecat_rs.processors.aggregators import async_tool_messages
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage

_IN_PROGRESS = "IN_PROGRESS"
_COMPLETED = "COMPLETED"
_CANCELLED = "CANCELLED"


class FunctionCallMessages:
    """Writes calls and results to a context, and knows which calls run.

    A call is written with a placeholder for its result. The result, or the fact that the call was
    cancelled, takes the placeholder's place; if the conversation was not to wait for it and has
    moved on, it comes as a message of its own.
    """

    def __init__(self, context: LLMContext) -> None:
        """Begin without calls.

        Args:
            context: The context.
        """
        self._context = context
        # None stands for a call that was announced and has not begun.
        self._calls: dict[str, FunctionCallInProgressFrame | None] = {}

    @property
    def running(self) -> Mapping[str, FunctionCallInProgressFrame | None]:
        """The calls that run, by their identifiers; None for one that has not begun."""
        return self._calls

    def announce(self, frame: FunctionCallsStartedFrame) -> None:
        """Take note of calls that are about to run.

        Args:
            frame: The calls.
        """
        for call in frame.function_calls:
            self._calls[call.tool_call_id] = None

    def begin(self, frame: FunctionCallInProgressFrame) -> None:
        """Write a call.

        Args:
            frame: The call.
        """
        arguments = json.dumps(frame.arguments, ensure_ascii=False)
        call = {
            "id": frame.tool_call_id,
            "function": {"name": frame.function_name, "arguments": arguments},
            "type": "function",
        }
        self._context.add_message({"role": "assistant", "tool_calls": [call]})
        if frame.cancel_on_interruption:
            self._context.add_message(
                {"role": "tool", "content": _IN_PROGRESS, "tool_call_id": frame.tool_call_id}
            )
        else:
            self._context.add_message(async_tool_messages.build_started_message(frame.tool_call_id))
        self._calls[frame.tool_call_id] = frame

    def settle(self, frame: FunctionCallResultFrame) -> bool:
        """Write a result.

        Args:
            frame: The result.

        Returns:
            Whether the model is to run on it.
        """
        call = self._calls[frame.tool_call_id]
        assert call is not None
        result = json.dumps(frame.result, ensure_ascii=False) if frame.result else _COMPLETED
        if frame.properties is not None and not frame.properties.is_final:
            if frame.result:
                message = async_tool_messages.build_intermediate_result_message(
                    frame.tool_call_id, result
                )
                self._context.add_message(message)
        else:
            has_moved_on = not call.cancel_on_interruption and self._has_moved_on(call.tool_call_id)
            del self._calls[frame.tool_call_id]
            if has_moved_on:
                self._context.add_message(
                    async_tool_messages.build_final_result_message(frame.tool_call_id, result)
                )
            else:
                self._replace_placeholder(frame.tool_call_id, result)
        return bool(frame.result) and self._runs_llm(frame, call.group_id)

    def cancel(self, frame: FunctionCallCancelFrame) -> bool:
        """Write that a call was cancelled.

        Args:
            frame: The call.

        Returns:
            Whether the model is to run on it.
        """
        call = self._calls.get(frame.tool_call_id)
        if call is None:
            return False
        del self._calls[frame.tool_call_id]
        if call.cancel_on_interruption:
            self._replace_placeholder(frame.tool_call_id, _CANCELLED)
        else:
            self._context.add_message(
                async_tool_messages.build_cancelled_message(frame.tool_call_id)
            )
        return frame.run_llm and not self._others_of(call.group_id)

    def _runs_llm(self, frame: FunctionCallResultFrame, group_id: str | None) -> bool:
        if frame.properties is not None and frame.properties.run_llm is not None:
            return frame.properties.run_llm
        if frame.run_llm is not None:
            return frame.run_llm
        return not self._others_of(group_id, frame.tool_call_id)

    def _others_of(self, group_id: str | None, but: str | None = None) -> bool:
        """Return whether calls of the same answer still run."""
        return group_id is not None and any(
            call is not None and call.group_id == group_id and call.tool_call_id != but
            for call in self._calls.values()
        )

    def _replace_placeholder(self, tool_call_id: str, result: str) -> None:
        for message in self._context.get_messages():
            if _is_result_of(message, tool_call_id):
                message["content"] = result  # type: ignore[index]

    def _has_moved_on(self, tool_call_id: str) -> bool:
        """Return whether the user, or new orders, came after a placeholder, or it is gone."""
        after = False
        for message in self._context.get_messages():
            if isinstance(message, LLMSpecificMessage):
                continue
            if not after:
                after = _is_result_of(message, tool_call_id)
            elif message.get("role") not in ("tool", "assistant"):
                payload = async_tool_messages.parse_message(message)
                if payload is None or payload.tool_call_id == tool_call_id:
                    return True
        return not after


def _is_result_of(message: Any, tool_call_id: str) -> bool:
    return (
        not isinstance(message, LLMSpecificMessage)
        and message.get("role") == "tool"
        and message.get("tool_call_id") == tool_call_id
    )
