"""Which workers there are, under which runner."""

from pipecat_rs.registry.registry import WorkerRegistry

__all__ = ["WorkerRegistry"]
