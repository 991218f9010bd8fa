"""Loads the agent's models before the call begins, and shows how far that has come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.utils.model_store import LoadProgress


async def load_models(console: Console, task: PipelineTask) -> None:
    """Load the models of all services of a pipeline, each in a thread of its own.

    Args:
        console: Where to show a progress bar for each.
        task: Over the pipeline.
    """
    services = list(_services(task.pipeline))
    if not services:
        return
    columns = (
        TextColumn("  {task.description:<30}"),
        BarColumn(40),
        TextColumn("{task.fields[step]:<24}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        await asyncio.gather(*(_load(progress, service) for service in services))


async def _load(progress: Progress, service: Any) -> None:
    bar = progress.add_task(type(service).__name__, total=1.0, step="")

    def show(_service: Any, report: LoadProgress) -> None:
        # A report may come after the model did: handlers have tasks of their own.
        if not progress.tasks[bar].finished:
            progress.update(
                bar, completed=report.fraction, step=report.step, description=report.model
            )

    service.add_event_handler("on_load_progress", show)
    try:
        await service.load()
    finally:
        service.remove_event_handler("on_load_progress", show)
    progress.update(bar, completed=1.0, step="ready")


def _services(processor: Any) -> Iterator[Any]:
    if callable(getattr(processor, "load", None)):
        yield processor
    for part in getattr(processor, "processors", ()):
        if part is not processor:
            yield from _services(part)
