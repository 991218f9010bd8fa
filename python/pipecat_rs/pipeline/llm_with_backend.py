"""A language model that talks, and one behind it that works.

The first, the frontend, stays quick and light. What needs tools or careful thought it hands to the
second, a `BackendLLMWorker`, and goes on talking; what that has to say joins the conversation when
it is there.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.pipeline.backend_connector import (
    DELEGATE_TOOL_NAME,
    FRONTEND_PAIRING_INSTRUCTION,
    RELAY_NOTE,
    STRATEGY_PLACEHOLDER,
    BackendConnector,
    ConnectorContext,
)
from pipecat_rs.pipeline.backend_requests import (
    BACKEND_MESSAGE_PREFIX,
    BACKEND_NOTE_PREFIX,
    BACKEND_PREFIXES,
    BACKEND_THOUGHT_PREFIX,
    BACKEND_WORKING_PREFIX,
    EXPLICIT_FRONTEND_INSTRUCTION,
    EXPLICIT_TOOL_DESCRIPTION,
    TRANSCRIPT_FRONTEND_INSTRUCTION,
    TRANSCRIPT_TOOL_DESCRIPTION,
    BackendRequestStrategy,
    ExplicitBackendRequestStrategy,
    TranscriptBackendRequestStrategy,
)
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.processors.frame_processor import FrameProcessorSetup
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.workers.llm.backend_llm_worker import BackendLLMWorker

__all__ = [
    "BACKEND_MESSAGE_PREFIX",
    "BACKEND_NOTE_PREFIX",
    "BACKEND_PREFIXES",
    "BACKEND_THOUGHT_PREFIX",
    "BACKEND_WORKING_PREFIX",
    "DELEGATE_TOOL_NAME",
    "EXPLICIT_FRONTEND_INSTRUCTION",
    "EXPLICIT_TOOL_DESCRIPTION",
    "FRONTEND_PAIRING_INSTRUCTION",
    "RELAY_NOTE",
    "STRATEGY_PLACEHOLDER",
    "TRANSCRIPT_FRONTEND_INSTRUCTION",
    "TRANSCRIPT_TOOL_DESCRIPTION",
    "BackendConnector",
    "BackendRequestStrategy",
    "ConnectorContext",
    "ExplicitBackendRequestStrategy",
    "LLMWithBackend",
    "TranscriptBackendRequestStrategy",
]


class LLMWithBackend(Pipeline):
    """Stands in a pipeline where a language model does. In pipecat 1.14 it is not stable yet.

    Functions, settings and events of the model are those of `frontend`. The task it is in needs a
    runner; a backend that is given as a worker becomes a child of that task.
    """

    def __init__(
        self,
        *,
        frontend: LLMService[Any],
        backend: BackendLLMWorker | str,
        connector: BackendConnector | None = None,
    ) -> None:
        """Join two language models.

        Args:
            frontend: The one that talks.
            backend: The one that works; or the name of one that runs elsewhere.
            connector: How they are joined.

        Raises:
            ValueError: If one of them cannot play its part, or the connector does not suit them.
        """
        objection = frontend.llm_with_backend_role_objection("frontend")
        if objection:
            raise ValueError(objection)
        self._frontend = frontend
        self._backend = backend
        self._connector = connector if connector is not None else BackendConnector()
        self._connector.bind(
            ConnectorContext(
                backend_name=backend if isinstance(backend, str) else backend.name,
                frontend_is_realtime=frontend.service_metadata_frame().is_realtime_service,
            )
        )
        instruction = self._connector.frontend_instruction
        if instruction:
            frontend.append_system_instruction(instruction)
        for tool in self._connector.tools:
            frontend.register_function(tool.name, tool.handler, cancel_on_interruption=False)
            frontend.get_llm_adapter().builtin_tools[tool.name] = tool
        self._hearing: asyncio.Task[None] | None = None
        super().__init__([frontend])

    @property
    def frontend(self) -> LLMService[Any]:
        """The model that talks."""
        return self._frontend

    @property
    def backend(self) -> BackendLLMWorker | str:
        """The model that works, or its name."""
        return self._backend

    @property
    def connector(self) -> BackendConnector:
        """What joins them."""
        return self._connector

    @property
    def tool(self) -> FunctionSchema:
        """The tool with which the frontend hands work over."""
        return self._connector.tool

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Add the backend to the task's workers, and begin to hear it.

        Args:
            setup: The configuration.
        """
        if isinstance(self._backend, BackendLLMWorker) and self._backend.parent is None:
            await setup.pipeline_worker.add_workers(self._backend)
        await super().setup(setup)
        self._hearing = self.create_task(
            self._connector.run_session(setup.pipeline_worker, self._frontend), "backend"
        )

    async def cleanup(self) -> None:
        """Leave the backend, which stops its work."""
        if self._hearing is not None:
            await self.cancel_task(self._hearing)
            self._hearing = None
        await super().cleanup()
