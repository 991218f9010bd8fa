"""Pipeline tasks with nothing running beside the pipeline."""

from typing import Any

from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

DOWN = FrameDirection.DOWNSTREAM
UP = FrameDirection.UPSTREAM

made: list[PipelineTask] = []
"""The tasks of the running test; afterwards each that ran is asked what it left behind."""


def task_of(*processors: FrameProcessor, leaky: bool = False, **options: Any) -> PipelineTask:
    """A task over the processors, without idle monitor and RTVI unless asked for.

    `leaky` says that the test's own code will not end, so that the leak report cannot be empty.
    """
    options.setdefault("enable_rtvi", False)
    options.setdefault("idle_timeout_secs", None)
    options.setdefault("cancel_timeout_secs", 5.0)
    task = PipelineTask(Pipeline(list(processors)), **options)
    if not leaky:
        made.append(task)
    return task
