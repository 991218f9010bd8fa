"""Runners, under the module path of pipecat 0.0.x."""

from pipecat_rs.workers.runner import PipelineRunner, WorkerRunner

__all__ = ["PipelineRunner", "WorkerRunner"]
