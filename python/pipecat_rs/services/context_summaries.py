"""Summaries of a conversation, written by a language model beside its work."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import (
    LLMContextSummaryRequestFrame,
    LLMContextSummaryResultFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.utils.context.llm_context_summarization import (
    DEFAULT_SUMMARIZATION_TIMEOUT,
    LLMContextSummarizationUtil,
)

if TYPE_CHECKING:
    from pipecat_rs.services.llm_service import LLMService

_logger = logging.getLogger(__name__)


class ContextSummaries:
    """Answers requests for summaries, each in a task: the conversation goes on meanwhile."""

    def __init__(self, service: LLMService) -> None:
        """Begin without requests.

        Args:
            service: The service that writes them.
        """
        self._service = service
        self._tasks: set[asyncio.Task[Any]] = set()

    def request(self, frame: LLMContextSummaryRequestFrame) -> None:
        """Begin with a summary; its result is broadcast.

        Args:
            frame: What is to be summarized, and how.
        """
        task = self._service.create_task(self._answer(frame), "context_summary")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def abandon(self) -> None:
        """Give all summaries up that are being written."""
        for task in list(self._tasks):
            await self._service.cancel_task(task)

    async def _answer(self, frame: LLMContextSummaryRequestFrame) -> None:
        service = self._service
        summary, last_index, error = await summarize(service, frame)
        if error:
            await service.push_error(f"{service}: {error}")
        await service.broadcast_frame(
            LLMContextSummaryResultFrame,
            request_id=frame.request_id,
            summary=summary,
            last_summarized_index=last_index,
            error=error,
        )


async def summarize(
    service: LLMService, frame: LLMContextSummaryRequestFrame
) -> tuple[str, int, str | None]:
    """Have a service write a summary in the time that it is given.

    Args:
        service: The service.
        frame: What is to be summarized, and how.

    Returns:
        The summary, the index of the last message in it, and what went wrong, or None; then the
        summary is empty and the index -1.
    """
    limit = frame.summarization_timeout or DEFAULT_SUMMARIZATION_TIMEOUT
    time_limit = asyncio.timeout(limit)
    try:
        async with time_limit:
            summary, last_index = await service._generate_summary(frame)
    except Exception as error:
        if time_limit.expired():
            return "", -1, f"Context summarization timed out after {limit}s"
        return "", -1, f"Error generating context summary: {error}"
    return summary, last_index, None


async def generate_summary(
    service: LLMService, frame: LLMContextSummaryRequestFrame
) -> tuple[str, int]:
    """Write a summary.

    Args:
        service: The service that writes it.
        frame: What is to be summarized, and how.

    Returns:
        The summary, and the index of the last message in it.

    Raises:
        RuntimeError: If there is nothing to summarize, the service cannot do it, or the model
            writes nothing.
    """
    chosen = LLMContextSummarizationUtil.get_messages_to_summarize(
        frame.context, frame.min_messages_to_keep
    )
    if not chosen.messages:
        raise RuntimeError("No messages to summarize")
    transcript = LLMContextSummarizationUtil.format_messages_for_summary(chosen.messages)
    message: Any = {"role": "user", "content": f"Conversation history:\n{transcript}"}
    try:
        summary = await service.run_inference(
            LLMContext(messages=[message]),
            max_tokens=frame.target_context_tokens,
            system_instruction=frame.summarization_prompt,
        )
    except NotImplementedError as error:
        raise RuntimeError(f"{type(service).__name__} does not implement run_inference") from error
    if not summary or not summary.strip():
        raise RuntimeError("LLM returned empty summary")
    _logger.info(
        "%s: %d messages are summarized in %d characters",
        service,
        len(chosen.messages),
        len(summary),
    )
    return summary.strip(), chosen.last_summarized_index
