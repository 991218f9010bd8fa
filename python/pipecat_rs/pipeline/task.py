"""Tasks, under the module path of pipecat 0.0.x."""

from pipecat_rs.pipeline.params import PipelineParams, ProcessorUnusablePolicy
from pipecat_rs.pipeline.worker import (
    IdleFrameObserver,
    PipelineTask,
    PipelineTaskParams,
    PipelineWorker,
)

BasePipelineTask = PipelineTask

__all__ = [
    "BasePipelineTask",
    "IdleFrameObserver",
    "PipelineParams",
    "PipelineTask",
    "PipelineTaskParams",
    "PipelineWorker",
    "ProcessorUnusablePolicy",
]
