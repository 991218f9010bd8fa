"""Measures how regularly audio arrives at a place in a pipeline, without Python."""

from __future__ import annotations

from typing import Any

from pipecat_rs import _core
from pipecat_rs.processors.frame_processor import FrameProcessor


class AudioArrivalMeter(FrameProcessor):
    """Passes everything on, and measures InputAudioRawFrames against the schedule of the first."""

    handles = ()

    def __init__(self, *, chunk_ms: int = 20, name: str | None = None) -> None:
        """Expect a frame each `chunk_ms`.

        Args:
            chunk_ms: Length of each frame, in ms.
            name: Name, or None for class name, ``#`` and a number.
        """
        super().__init__(name=name)
        self._arrivals = _core.AudioArrivals(chunk_ms)

    def lateness(self) -> dict[str, float]:
        """Return how late frames were: ``count``, ``p50_ms``, ``p99_ms`` and ``max_ms``."""
        return self._arrivals.lateness()

    def _layout(self) -> tuple[Any, ...]:
        return ("native", self, self._arrivals)
