"""How a frontend asks its backend: the tool its model calls, and what becomes of a call."""

from __future__ import annotations

from typing import Any, ClassVar

from pipecat_rs.processors.aggregators.llm_context import LLMContextMessage
from pipecat_rs.services.llm_service import FunctionCallParams
from pipecat_rs.workers.llm.backend_requests import (
    EXPLICIT_REQUEST_INSTRUCTION,
    TRANSCRIPT_REQUEST_INSTRUCTION,
    explicit_request,
    transcript_request,
)

BACKEND_MESSAGE_PREFIX = "Backend: "
"""What a message begins with that the frontend's model is to tell the user."""

BACKEND_THOUGHT_PREFIX = "Backend (thinking): "
"""What a summary of the backend's reasoning begins with."""

BACKEND_NOTE_PREFIX = "Backend (note): "
"""What a note of the backend begins with."""

BACKEND_WORKING_PREFIX = "Backend (working): "
"""What a function call of the backend begins with."""

BACKEND_PREFIXES = (
    BACKEND_MESSAGE_PREFIX,
    BACKEND_THOUGHT_PREFIX,
    BACKEND_NOTE_PREFIX,
    BACKEND_WORKING_PREFIX,
)
"""What messages of the backend begin with, in the frontend's conversation."""

TRANSCRIPT_FRONTEND_INSTRUCTION = (
    "What you hand over is the conversation itself. The backend reads it and does all in it that "
    "is for it to do: one call per reply is enough, and there is nothing for you to word."
)
"""What a frontend's model is told that hands over the conversation."""

TRANSCRIPT_TOOL_DESCRIPTION = (
    "Hands the conversation to the backend, which does what in it needs its tools or careful "
    "thought. Call it as soon as the user asks for anything of that kind, once per reply whatever "
    "the number of things asked, and take care of the rest of the reply yourself. The backend "
    "knows only what was handed over. So call it again for what the user asks later, also while it "
    "is at work, and for all they say about that work: changes, limits, or that it should stop. "
    "It has no parameters, and you go on talking meanwhile."
)
"""How that frontend's tool is described to its model."""

EXPLICIT_FRONTEND_INSTRUCTION = (
    "Put the request into words that are clear without the conversation: what the user wants, "
    "each detail they gave, and their latest correction. Everything new goes into one request, and "
    "so one call per reply is enough. The backend still has earlier requests; do not repeat them. "
    "A correction says what changes, a stop says what is to stop."
)
"""What a frontend's model is told that words its requests."""

EXPLICIT_TOOL_DESCRIPTION = (
    "Gives the backend a request, which it fulfils with its tools and careful thought. Call it as "
    "soon as the user asks for anything of that kind, once per reply with all that is new in one "
    "request, and take care of the rest of the reply yourself. Give it also what the user says "
    "about work that it has already: changes, limits, or that it should stop. You go on talking "
    "meanwhile."
)
"""How that frontend's tool is described to its model."""


class BackendRequestStrategy:
    """Says which tool a frontend's model calls, and makes a request of a call. To be derived from.

    Attributes:
        tool_parameters: JSON Schema of each parameter of the tool, by name.
        tool_required: Names of the parameters that must be given.
        frontend_instruction: What the frontend's model is told of requests, or None.
        tool_description: How the tool is described to it.
        requires_context: Whether requests are made of the conversation. That of a model which
            listens and speaks by itself is behind what is said, and will not do.
    """

    tool_parameters: ClassVar[dict[str, Any]] = {}
    tool_required: ClassVar[list[str]] = []
    frontend_instruction: str | None = None
    tool_description: str = ""
    requires_context: bool = False

    async def compose_request(self, params: FunctionCallParams) -> str | None:
        """Return the request that a call makes, or None if there is nothing new in it.

        Args:
            params: The call.
        """
        raise NotImplementedError(f"{type(self).__name__} must say compose_request()")


class TranscriptBackendRequestStrategy(BackendRequestStrategy):
    """Hands over what was said since the last request; for a model that is given text."""

    requires_context = True

    def __init__(
        self,
        *,
        frontend_instruction: str | None = TRANSCRIPT_FRONTEND_INSTRUCTION,
        tool_description: str = TRANSCRIPT_TOOL_DESCRIPTION,
        request_instruction: str = TRANSCRIPT_REQUEST_INSTRUCTION,
    ) -> None:
        """Make a strategy.

        Args:
            frontend_instruction: What the frontend's model is told of requests.
            tool_description: How the tool is described to it.
            request_instruction: What the backend's model is told below the conversation.
        """
        self.frontend_instruction = frontend_instruction
        self.tool_description = tool_description
        self._request_instruction = request_instruction
        self._handed_over = 0

    async def compose_request(self, params: FunctionCallParams) -> str | None:
        """Return what was said since the last request; None if that is nothing.

        Args:
            params: The call.
        """
        messages = params.context.get_messages()
        since = self._handed_over if self._handed_over <= len(messages) else 0  # it was cleared
        self._handed_over = len(messages)
        new = [m for m in messages[since:] if isinstance(m, dict) and not _is_of_backend(m)]
        if not any(message.get("role") in ("user", "assistant") for message in new):
            return None
        return transcript_request(new, instruction=self._request_instruction, first=since == 0)


class ExplicitBackendRequestStrategy(BackendRequestStrategy):
    """Hands over what the frontend's model says; for one that listens and speaks by itself."""

    tool_parameters: ClassVar[dict[str, Any]] = {
        "request": {
            "type": "string",
            "description": (
                "What the user wants now, clear by itself: aim, details such as places, dates and "
                "names, the latest correction; or what they say about work under way. Earlier "
                "requests are not repeated."
            ),
        }
    }
    tool_required: ClassVar[list[str]] = ["request"]

    def __init__(
        self,
        *,
        frontend_instruction: str | None = EXPLICIT_FRONTEND_INSTRUCTION,
        tool_description: str = EXPLICIT_TOOL_DESCRIPTION,
        request_instruction: str = EXPLICIT_REQUEST_INSTRUCTION,
    ) -> None:
        """Make a strategy.

        Args:
            frontend_instruction: What the frontend's model is told of requests.
            tool_description: How the tool is described to it.
            request_instruction: What the backend's model is told below the request.
        """
        self.frontend_instruction = frontend_instruction
        self.tool_description = tool_description
        self._request_instruction = request_instruction

    async def compose_request(self, params: FunctionCallParams) -> str | None:
        """Return what the model says; None if that is nothing.

        Args:
            params: The call.
        """
        request = str(params.arguments.get("request") or "").strip()
        return explicit_request(request, instruction=self._request_instruction) if request else None


def _is_of_backend(message: LLMContextMessage) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    return (
        isinstance(message, dict)
        and message.get("role") == "developer"
        and isinstance(content, str)
        and content.startswith(BACKEND_PREFIXES)
    )
