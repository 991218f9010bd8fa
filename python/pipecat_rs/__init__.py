"""pipecat_rs: real-time voice and multimodal agents, pipecat's API on a Rust engine.

The names of the first page of the documentation are here; everything else has pipecat's module
path. Names are loaded when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "FrameDirection": "pipecat_rs.processors.frame_processor",
    "FrameProcessor": "pipecat_rs.processors.frame_processor",
    "ParallelPipeline": "pipecat_rs.pipeline.parallel_pipeline",
    "Pipeline": "pipecat_rs.pipeline.pipeline",
    "PipelineParams": "pipecat_rs.pipeline.params",
    "PipelineRunner": "pipecat_rs.pipeline.runner",
    "PipelineTask": "pipecat_rs.pipeline.worker",
    "handles": "pipecat_rs.processors.interest",
}

__all__ = [
    "FrameDirection",
    "FrameProcessor",
    "ParallelPipeline",
    "Pipeline",
    "PipelineParams",
    "PipelineRunner",
    "PipelineTask",
    "__version__",
    "handles",
]

if TYPE_CHECKING:
    from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
    from pipecat_rs.pipeline.params import PipelineParams
    from pipecat_rs.pipeline.pipeline import Pipeline
    from pipecat_rs.pipeline.runner import PipelineRunner
    from pipecat_rs.pipeline.worker import PipelineTask
    from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
    from pipecat_rs.processors.interest import handles


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
