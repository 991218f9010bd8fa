"""The figures about the engine that the demo shows at the end of a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipecat_rs.pipeline.task import PipelineTask
    from pipecat_rs.transports.local.audio_file import AudioFileTransport


@dataclass(frozen=True)
class Figure:
    """One figure, ready to be printed."""

    name: str
    value: str


def engine_figures(task: PipelineTask, transport: AudioFileTransport) -> list[Figure]:
    """Collect the figures of a call that is over.

    Args:
        task: The task that ran the agent's pipeline.
        transport: The call.
    """
    figures: list[Figure] = []
    for name, lateness in (
        ("output lateness", transport.output().lateness),
        ("input lateness", transport.input().lateness),
    ):
        if lateness.count:
            figures.append(
                Figure(
                    name,
                    f"p50 {lateness.percentile(50) * 1e3:.2f} ms, "
                    f"p99 {lateness.percentile(99) * 1e3:.2f} ms, "
                    f"max {lateness.max * 1e3:.1f} ms",
                )
            )
    return figures
