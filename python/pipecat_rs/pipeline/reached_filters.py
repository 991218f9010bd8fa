"""Which frames are told when they leave the pipeline."""

from __future__ import annotations

from collections.abc import Iterable

from pipecat_rs.frames.frames import Frame
from pipecat_rs.pipeline.worker_base import PipelineWorkerBase


class ReachedFilters(PipelineWorkerBase):
    """The filters of `on_frame_reached_downstream` and `on_frame_reached_upstream`."""

    _reached: tuple[tuple[type[Frame], ...], tuple[type[Frame], ...]]

    @property
    def reached_downstream_types(self) -> tuple[type[Frame], ...]:
        """Classes that `on_frame_reached_downstream` is called for."""
        return self._reached[0]

    @property
    def reached_upstream_types(self) -> tuple[type[Frame], ...]:
        """Classes that `on_frame_reached_upstream` is called for."""
        return self._reached[1]

    def set_reached_downstream_filter(self, types: Iterable[type[Frame]]) -> None:
        """Set the classes that `on_frame_reached_downstream` is called for."""
        self._set_reached(tuple(types), self._reached[1])

    def set_reached_upstream_filter(self, types: Iterable[type[Frame]]) -> None:
        """Set the classes that `on_frame_reached_upstream` is called for."""
        self._set_reached(self._reached[0], tuple(types))

    def add_reached_downstream_filter(self, types: Iterable[type[Frame]]) -> None:
        """Add classes that `on_frame_reached_downstream` is called for."""
        self._set_reached((*self._reached[0], *types), self._reached[1])

    def add_reached_upstream_filter(self, types: Iterable[type[Frame]]) -> None:
        """Add classes that `on_frame_reached_upstream` is called for."""
        self._set_reached(self._reached[0], (*self._reached[1], *types))

    def _set_reached(self, down: tuple[type[Frame], ...], up: tuple[type[Frame], ...]) -> None:
        self._reached = (tuple(dict.fromkeys(down)), tuple(dict.fromkeys(up)))
        self._report_reached(*self._reached)
