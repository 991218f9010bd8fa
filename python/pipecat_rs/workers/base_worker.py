"""What a runner gives to its tasks."""

from __future__ import annotations

from dataclasses import dataclass

from pipecat_rs.utils.asyncio.task_manager import BaseTaskManager


@dataclass
class WorkerParams:
    """What a runner gives to a task.

    Attributes:
        task_manager: What makes and watches asyncio tasks.
    """

    task_manager: BaseTaskManager
