"""Services whose model runs on this machine: loading it, and saying how far that has come."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, TypeVar

from pipecat_rs.processors.frame_processor import FrameProcessorSetup
from pipecat_rs.services.ai_service import AIService
from pipecat_rs.utils.model_store import Loader, LoadProgress, load_model_off_loop

_Model = TypeVar("_Model")


class LocalModelService(AIService):
    """Loads its model while the pipeline is set up, or earlier by `load`.

    Event: `on_load_progress` (`LoadProgress`).
    """

    handles = AIService.handles

    _declared_events: ClassVar = {"on_load_progress": True}

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Load the model.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        await self.load()

    async def load(self) -> None:
        """Load the model in a worker thread, unless this process has it already."""
        raise NotImplementedError(f"{type(self).__name__} must say load()")

    async def _load_shared(self, key: Hashable, loader: Loader[_Model], *, name: str) -> _Model:
        return await load_model_off_loop(
            key, loader, name=name, on_progress=self._report_load_progress
        )

    def _report_load_progress(self, progress: LoadProgress) -> None:
        if self._has_event_handlers("on_load_progress"):
            self._run_in_event_task(
                "on_load_progress", self._call_event_handler("on_load_progress", progress)
            )
