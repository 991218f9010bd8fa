"""Keeping a conversation short: its older part gives way to a summary."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMContextSummaryRequestFrame,
    LLMContextSummaryResultFrame,
    LLMFullResponseStartFrame,
    LLMSummarizeContextFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMContextMessage
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.utils.context.llm_context_summarization import (
    LLMAutoContextSummarizationConfig,
    LLMContextSummarizationUtil,
    LLMContextSummaryConfig,
    leading_system_messages,
)

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup
    from pipecat_rs.services.llm_service import LLMService

__all__ = ["LLMContextSummarizer", "SummaryAppliedEvent"]

_logger = logging.getLogger(__name__)


@dataclass
class SummaryAppliedEvent:
    """What a summary has done.

    Attributes:
        original_message_count: Number of messages before.
        new_message_count: Number of messages since.
        summarized_message_count: Number of messages that the summary stands for.
        preserved_message_count: Number of messages that were left as they are.
    """

    original_message_count: int
    new_message_count: int
    summarized_message_count: int
    preserved_message_count: int


class LLMContextSummarizer(BaseObject):
    """Asks for a summary when an answer begins and the context has become long, or when told to.

    One summary is written at a time. An interruption may have dropped the request, so another may
    follow it; the result that is waited for is that of the latest one.

    Events: `on_request_summarization` (`LLMContextSummaryRequestFrame`), awaited in place, for
    whoever can reach the language model; and `on_summary_applied` (`SummaryAppliedEvent`).
    """

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_request_summarization": True,
        "on_summary_applied": False,
    }

    def __init__(
        self,
        *,
        context: LLMContext,
        config: LLMAutoContextSummarizationConfig | None = None,
        auto_trigger: bool = True,
    ) -> None:
        """Make a summarizer.

        Args:
            context: The context.
            config: When and how it is summarized.
            auto_trigger: Whether it is by itself, and not only when an `LLMSummarizeContextFrame`
                says so.
        """
        super().__init__()
        self._context = context
        self._config = config or LLMAutoContextSummarizationConfig()
        self._auto_trigger = auto_trigger
        self._in_progress = False
        self._request_id: str | None = None
        # Of the request: how, and the messages there were.
        self._summary_config = self._config.summary_config
        self._messages_then: list[LLMContextMessage] = []
        # That of the last summary: it does not count as a message to summarize.
        self._summary_message: LLMContextMessage | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Get ready.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup.task_manager)

    async def cleanup(self) -> None:
        """Give up the summary that is being written."""
        await super().cleanup()
        self._in_progress = False
        self._request_id = None
        self._messages_then = []
        for task in list(self._tasks):
            await self.cancel_task(task)

    async def process_frame(self, frame: Frame) -> None:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, LLMFullResponseStartFrame):
            if self._auto_trigger and not self._in_progress and self._is_long():
                await self._request(self._config.summary_config)
        elif isinstance(frame, LLMSummarizeContextFrame):
            if self._in_progress:
                _logger.debug("%s: a summary is being written already", self)
            else:
                await self._request(frame.config or self._config.summary_config)
        elif isinstance(frame, LLMContextSummaryResultFrame):
            await self._take(frame)
        elif isinstance(frame, InterruptionFrame):
            self._in_progress = False

    # ---- asking

    def _is_long(self) -> bool:
        config = self._config
        if (
            config.max_unsummarized_messages is not None
            and self._messages_since_summary() >= config.max_unsummarized_messages
        ):
            return True
        return config.max_context_tokens is not None and (
            LLMContextSummarizationUtil.estimate_context_tokens(self._context)
            >= config.max_context_tokens
        )

    def _messages_since_summary(self) -> int:
        messages = self._context.messages
        at = leading_system_messages(messages)
        if (
            self._summary_message is not None
            and at < len(messages)
            and messages[at] is self._summary_message
        ):
            at += 1
        return len(messages) - at

    async def _request(self, config: LLMContextSummaryConfig) -> None:
        self._in_progress = True
        self._request_id = str(uuid.uuid4())
        self._summary_config = config
        self._messages_then = list(self._context.messages)
        frame = LLMContextSummaryRequestFrame(
            request_id=self._request_id,
            context=self._context,
            min_messages_to_keep=config.min_messages_after_summary,
            target_context_tokens=config.target_context_tokens,
            summarization_prompt=config.summary_prompt,
            summarization_timeout=config.summarization_timeout,
        )
        if config.llm is None:
            await self._call_event_handler("on_request_summarization", frame)
            return
        task = self.create_task(self._ask(config.llm, frame), "context_summary")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, llm: LLMService, frame: LLMContextSummaryRequestFrame) -> None:
        """Have a service of its own write the summary, past the pipeline."""
        from pipecat_rs.services.context_summaries import summarize  # services are a layer above

        summary, last_index, error = await summarize(llm, frame)
        await self._take(LLMContextSummaryResultFrame(frame.request_id, summary, last_index, error))

    # ---- applying

    async def _take(self, frame: LLMContextSummaryResultFrame) -> None:
        if frame.request_id != self._request_id:
            _logger.debug("%s: the summary of an older request comes too late", self)
            return
        self._in_progress = False
        self._request_id = None
        if frame.error:
            _logger.error("%s: there is no summary: %s", self, frame.error)
        elif not self._fits(frame.last_summarized_index):
            _logger.warning("%s: the context has changed, so the summary does not fit it", self)
        else:
            await self._apply(frame.summary, frame.last_summarized_index)

    def _fits(self, last_index: int) -> bool:
        messages, then = self._context.messages, self._messages_then
        left = len(messages) - 1 - last_index
        if last_index < 0 or left < self._summary_config.min_messages_after_summary:
            return False
        summarized = messages[: last_index + 1]
        return all(now is before for now, before in zip(summarized, then, strict=False))

    async def _apply(self, summary: str, last_index: int) -> None:
        messages = self._context.messages
        before = len(messages)
        ahead = messages[: leading_system_messages(messages)]
        latest = messages[last_index + 1 :]
        template = self._summary_config.summary_message_template
        # It is told to the assistant; the assistant has not said it.
        message: Any = {"role": "user", "content": template.format(summary=summary)}
        self._summary_message = message
        self._context.set_messages([*ahead, message, *latest])
        event = SummaryAppliedEvent(
            original_message_count=before,
            new_message_count=len(ahead) + 1 + len(latest),
            summarized_message_count=last_index + 1 - len(ahead),
            preserved_message_count=len(ahead) + len(latest),
        )
        _logger.info("%s: %d messages are summarized", self, event.summarized_message_count)
        await self._call_event_handler("on_summary_applied", event)
