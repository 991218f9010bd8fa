"""What a backend tells its frontend, and how that travels in the updates of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipecat_rs.frames.frames import (
    ExternalFunctionCall,
    ExternalFunctionCallCancelFrame,
    ExternalFunctionCallInProgressFrame,
    ExternalFunctionCallResultFrame,
    ExternalFunctionCallsStartedFrame,
    Frame,
)

ATTACHED_UPDATE_TYPE = "attached"
"""Type of the update that opens a frontend's stream."""

OUTPUT_UPDATE_TYPE = "output"
"""Type of an update that carries a `BackendOutput`."""

TOOL_CALL_UPDATE_TYPE = "tool_call"
"""Type of an update that carries a `BackendToolCall`."""

IDLE_UPDATE_TYPE = "idle"
"""Type of the update that says that nothing is left to do."""

ERROR_UPDATE_TYPE = "error"
"""Type of the update that says that it cannot go on."""


@dataclass
class BackendOutput:
    """Something that the backend has written.

    Attributes:
        text: The text.
        is_thought: Whether it is a summary of its reasoning.
        prefers_spoken: Whether the user should hear it; the frontend decides.
    """

    text: str
    is_thought: bool = False
    prefers_spoken: bool = True

    def to_payload(self) -> dict[str, Any]:
        """Return it as an update."""
        return {
            "type": OUTPUT_UPDATE_TYPE,
            "text": self.text,
            "is_thought": self.is_thought,
            "prefers_spoken": self.prefers_spoken,
        }

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> BackendOutput:
        """Read it from an update."""
        output = cls(text=str(payload.get("text") or ""))
        output.is_thought = bool(payload.get("is_thought", output.is_thought))
        output.prefers_spoken = bool(payload.get("prefers_spoken", output.prefers_spoken))
        return output


@dataclass
class BackendToolCall:
    """A step of a function call that the backend makes.

    Attributes:
        phase: Which step.
        function_name: The function.
        tool_call_id: Identifier of the call.
        arguments: Its arguments, once they are known.
        result: What it returned, in the phase ``result``.
        is_final: Whether that is its last result.
    """

    phase: Literal["started", "in_progress", "result", "cancelled"]
    function_name: str
    tool_call_id: str
    arguments: Mapping[str, Any] | None = None
    result: Any = None
    is_final: bool = True

    def to_payload(self) -> dict[str, Any]:
        """Return it as an update."""
        return {
            "type": TOOL_CALL_UPDATE_TYPE,
            "phase": self.phase,
            "function_name": self.function_name,
            "tool_call_id": self.tool_call_id,
            "arguments": None if self.arguments is None else dict(self.arguments),
            "result": self.result,
            "is_final": self.is_final,
        }

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> BackendToolCall:
        """Read it from an update."""
        return cls(
            phase=payload.get("phase") or "in_progress",
            function_name=str(payload.get("function_name") or ""),
            tool_call_id=str(payload.get("tool_call_id") or ""),
            arguments=payload.get("arguments"),
            result=payload.get("result"),
            is_final=bool(payload.get("is_final", True)),
        )

    def to_frame(self) -> Frame:
        """Return the frame that shows it in the frontend's pipeline."""
        name, call_id = self.function_name, self.tool_call_id
        match self.phase:
            case "started":
                return ExternalFunctionCallsStartedFrame([ExternalFunctionCall(name, call_id)])
            case "in_progress":
                return ExternalFunctionCallInProgressFrame(name, call_id, self.arguments)
            case "result":
                return ExternalFunctionCallResultFrame(
                    name, call_id, self.arguments, self.result, self.is_final
                )
            case _:
                return ExternalFunctionCallCancelFrame(name, call_id)


@dataclass
class BackendIdle:
    """The backend has nothing left to do."""


@dataclass
class BackendError:
    """The backend cannot go on with what it did.

    Attributes:
        error: What went wrong.
    """

    error: str


BackendEvent = BackendOutput | BackendToolCall | BackendIdle | BackendError
"""What a frontend hears of its backend."""


def event_of(payload: dict[str, Any]) -> BackendEvent | None:
    """Return what an update carries, or None if that is no event."""
    match payload.get("type", OUTPUT_UPDATE_TYPE):
        case "output":
            return BackendOutput.from_payload(payload)
        case "tool_call":
            return BackendToolCall.from_payload(payload)
        case "idle":
            return BackendIdle()
        case "error":
            return BackendError(error=str(payload.get("error") or ""))
        case _:
            return None
