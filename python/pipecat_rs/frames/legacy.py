"""Names of pipecat 0.0.108 which 1.x renamed or dropped.

A renamed class is the new class under its old name, so that ``isinstance`` and type filters hold
whichever name is used. Those without a successor are kept as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipecat_rs.frames.base import DataFrame, SystemFrame
from pipecat_rs.frames.lifecycle import (
    CancelWorkerFrame,
    EndWorkerFrame,
    InterruptionWorkerFrame,
    StopWorkerFrame,
    WorkerFrame,
    WorkerSystemFrame,
)
from pipecat_rs.frames.llm import LLMContextAssistantTimestampFrame
from pipecat_rs.frames.transport import (
    InputTransportMessageFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat_rs.frames.turn import InterruptionFrame

TaskFrame = WorkerFrame
TaskSystemFrame = WorkerSystemFrame
EndTaskFrame = EndWorkerFrame
StopTaskFrame = StopWorkerFrame
CancelTaskFrame = CancelWorkerFrame
InterruptionTaskFrame = InterruptionWorkerFrame
BotInterruptionFrame = InterruptionWorkerFrame
StartInterruptionFrame = InterruptionFrame
TransportMessageFrame = OutputTransportMessageFrame
TransportMessageUrgentFrame = OutputTransportMessageUrgentFrame
InputTransportMessageUrgentFrame = InputTransportMessageFrame
OpenAILLMContextAssistantTimestampFrame = LLMContextAssistantTimestampFrame


@dataclass(repr=False, eq=False)
class LLMMessagesFrame(DataFrame):
    """Messages for the language model to answer.

    Attributes:
        messages: The messages.
    """

    messages: list[dict[str, Any]]


class EmulateUserStartedSpeakingFrame(SystemFrame):
    """Act as if the user had begun to speak."""


class EmulateUserStoppedSpeakingFrame(SystemFrame):
    """Act as if the user had stopped speaking."""
