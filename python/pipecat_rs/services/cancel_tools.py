"""Letting the model cancel functions that run while the conversation goes on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import FunctionCallResultProperties
from pipecat_rs.utils.async_tool_cancellation import (
    CANCEL_TOOL_PREFIX,
    build_cancel_tool_schema,
    cancel_tool_name,
)

if TYPE_CHECKING:
    from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
    from pipecat_rs.services.function_calls import FunctionCallParams, FunctionCalls

_logger = logging.getLogger(__name__)


class CancelTools:
    """One ``cancel_`` function for each function that the model may cancel."""

    def __init__(self, calls: FunctionCalls, shown: dict[str, FunctionSchema]) -> None:
        """Begin without any.

        Args:
            calls: The functions of a service, and the calls that run.
            shown: Functions that the model is shown with every request, by name.
        """
        self._calls = calls
        self._shown = shown
        self._names: set[str] = set()
        self._told: set[str] = set()

    @property
    def names(self) -> set[str]:
        """Names of the cancelling functions that are there now."""
        return self._names

    def sync(self) -> None:
        """Add and remove them as the functions have come and gone."""
        wanted = {cancel_tool_name(name): name for name in self._calls.cancellable_names()}
        for name in self._names - wanted.keys():
            self._shown.pop(name, None)
            self._calls.unregister(name)
        self._names &= wanted.keys()
        for name, target in wanted.items():
            if name in self._names:
                continue
            if self._calls.is_registered(name):
                self._tell_collision(name, target)
                continue
            self._calls.register(name, self._cancel)
            self._shown[name] = build_cancel_tool_schema(target)
            self._names.add(name)

    def _tell_collision(self, name: str, target: str) -> None:
        if name not in self._told:
            self._told.add(name)
            _logger.warning(
                "the model cannot cancel %s: there is a function %s already; rename one of them",
                target,
                name,
            )

    async def _cancel(self, params: FunctionCallParams) -> None:
        """Cancel the one call that is meant, or tell the model which there are."""
        target = params.function_name.removeprefix(CANCEL_TOOL_PREFIX)
        wanted = params.arguments.get("tool_call_id")
        running = self._calls.cancellable_calls(target)
        chosen = [call for call in running if wanted in (None, "", call.tool_call_id)]
        if len(chosen) == 1:
            await self._calls.cancel(lambda call: call.asked is chosen[0])
            answer: dict[str, Any] = {
                "cancelled": chosen[0].tool_call_id,
                "function_name": target,
            }
        else:
            answer = {"cancelled": None}
            if not running:
                answer["reason"] = f"no call of {target} is running"
            elif wanted:
                answer["reason"] = f"no running call of {target} has this tool_call_id"
            else:
                answer["reason"] = (
                    f"several calls of {target} are running: call {params.function_name} again, "
                    "with the tool_call_id of one of them"
                )
            answer["running"] = [
                {"tool_call_id": call.tool_call_id, "arguments": dict(call.arguments)}
                for call in running
            ]
        await params.result_callback(answer, properties=FunctionCallResultProperties(run_llm=True))
