"""Which method of a worker takes which message."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from pipecat_rs.bus import messages

if TYPE_CHECKING:
    from pipecat_rs.bus.messages import BusMessage

_HANDLERS: dict[type[BusMessage], str] = {
    messages.BusActivateWorkerMessage: "_handle_worker_activate",
    messages.BusDeactivateWorkerMessage: "_handle_worker_deactivate",
    messages.BusEndWorkerMessage: "_handle_worker_end",
    messages.BusCancelWorkerMessage: "_handle_worker_cancel",
    messages.BusWorkerErrorMessage: "_handle_worker_error",
    messages.BusWorkerLocalErrorMessage: "_handle_worker_error",
    messages._BusWorkerGoneMessage: "_handle_worker_gone",
    messages.BusJobRequestMessage: "_handle_job_request",
    messages.BusJobCancelMessage: "_handle_job_cancel",
    messages.BusJobUpdateRequestMessage: "_handle_job_update_request",
    messages.BusJobResponseMessage: "_handle_job_response",
    messages.BusJobResponseUrgentMessage: "_handle_job_response",
    messages.BusJobUpdateMessage: "_handle_job_update",
    messages.BusJobUpdateUrgentMessage: "_handle_job_update",
    messages.BusJobStreamStartMessage: "_handle_job_stream_start",
    messages.BusJobStreamDataMessage: "_handle_job_stream_data",
    messages.BusJobStreamEndMessage: "_handle_job_stream_end",
}

_TAKEN_WHILE_INACTIVE = (
    messages.BusActivateWorkerMessage,
    messages.BusDeactivateWorkerMessage,
    messages.BusEndWorkerMessage,
    messages.BusCancelWorkerMessage,
)


@functools.cache
def handler_of(message_class: type[BusMessage]) -> str | None:
    """Return the name of the method that takes messages of a class, or None."""
    for cls in message_class.__mro__:
        if cls in _HANDLERS:
            return _HANDLERS[cls]
    return None


def is_taken_while_inactive(message: BusMessage) -> bool:
    """Return whether an inactive worker takes a message: it could not be woken or ended else."""
    return isinstance(message, _TAKEN_WHILE_INACTIVE)
