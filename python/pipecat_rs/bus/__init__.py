"""Messages between workers and their runner, and what carries them.

`WorkerBus` is the base, `AsyncQueueBus` the bus within one process; `BusBridgeProcessor` lets a
pipeline exchange frames with those of other workers. Names are loaded when they are used: a
pipeline that runs by itself needs none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipecat_rs.bus.bridge_processor import BusBridgeProcessor
    from pipecat_rs.bus.bus import WorkerBus
    from pipecat_rs.bus.local.async_queue import AsyncQueueBus
    from pipecat_rs.bus.messages import (
        BusActivateWorkerMessage,
        BusAddWorkerMessage,
        BusCancelMessage,
        BusCancelWorkerMessage,
        BusDataMessage,
        BusDeactivateWorkerMessage,
        BusEndMessage,
        BusEndWorkerMessage,
        BusFlushProgressMessage,
        BusFrameMessage,
        BusJobCancelMessage,
        BusJobRequestMessage,
        BusJobResponseMessage,
        BusJobResponseUrgentMessage,
        BusJobStreamDataMessage,
        BusJobStreamEndMessage,
        BusJobStreamStartMessage,
        BusJobUpdateMessage,
        BusJobUpdateRequestMessage,
        BusJobUpdateUrgentMessage,
        BusLocalMessage,
        BusMessage,
        BusSystemMessage,
        BusTTSSpeakMessage,
        BusWorkerErrorMessage,
        BusWorkerLocalErrorMessage,
        BusWorkerReadyMessage,
        BusWorkerRegistryMessage,
    )
    from pipecat_rs.bus.subscriber import BusSubscriber
    from pipecat_rs.registry.types import WorkerRegistryEntry

__all__ = [
    "AsyncQueueBus",
    "BusActivateWorkerMessage",
    "BusAddWorkerMessage",
    "BusBridgeProcessor",
    "BusCancelMessage",
    "BusCancelWorkerMessage",
    "BusDataMessage",
    "BusDeactivateWorkerMessage",
    "BusEndMessage",
    "BusEndWorkerMessage",
    "BusFlushProgressMessage",
    "BusFrameMessage",
    "BusJobCancelMessage",
    "BusJobRequestMessage",
    "BusJobResponseMessage",
    "BusJobResponseUrgentMessage",
    "BusJobStreamDataMessage",
    "BusJobStreamEndMessage",
    "BusJobStreamStartMessage",
    "BusJobUpdateMessage",
    "BusJobUpdateRequestMessage",
    "BusJobUpdateUrgentMessage",
    "BusLocalMessage",
    "BusMessage",
    "BusSubscriber",
    "BusSystemMessage",
    "BusTTSSpeakMessage",
    "BusWorkerErrorMessage",
    "BusWorkerLocalErrorMessage",
    "BusWorkerReadyMessage",
    "BusWorkerRegistryMessage",
    "WorkerBus",
    "WorkerRegistryEntry",
]

_HOMES = {
    "AsyncQueueBus": "pipecat_rs.bus.local.async_queue",
    "BusBridgeProcessor": "pipecat_rs.bus.bridge_processor",
    "BusSubscriber": "pipecat_rs.bus.subscriber",
    "WorkerBus": "pipecat_rs.bus.bus",
    "WorkerRegistryEntry": "pipecat_rs.registry.types",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "pipecat_rs.bus.messages")), name)
