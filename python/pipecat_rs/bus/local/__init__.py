"""Buses within one process."""

from pipecat_rs.bus.local.async_queue import AsyncQueueBus

__all__ = ["AsyncQueueBus"]
