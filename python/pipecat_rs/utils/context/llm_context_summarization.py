"""Summarizing the older part of a conversation: when, which messages, and as what text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipecat_rs.processors.aggregators import async_tool_messages
from pipecat_rs.processors.aggregators.llm_context import (
    LLMContext,
    LLMContextMessage,
    LLMSpecificMessage,
)
from pipecat_rs.utils.deprecation import deprecated

if TYPE_CHECKING:
    from pipecat_rs.services.llm_service import LLMService

DEFAULT_SUMMARIZATION_TIMEOUT = 120.0
"""Seconds that a summary may take where nothing is said."""

CHARS_PER_TOKEN = 4
TOKEN_OVERHEAD_PER_MESSAGE = 10
IMAGE_TOKEN_ESTIMATE = 500
SUMMARY_TOKEN_BUFFER = 0.8
MIN_SUMMARY_TOKENS = 100

DEFAULT_SUMMARIZATION_PROMPT = """\
You keep the notes of a conversation between a user and an assistant. What follows is its older
part, which your notes will replace: what they leave out is forgotten.

Write down
- who the user is and what they want, prefer or rule out;
- facts, names, numbers and dates, exactly as they were given;
- what was decided, promised or done, functions and their results included;
- what is still open.

Leave out greetings, small talk, and detours that led nowhere. Write plain statements, short and
grouped by subject, in the language of the conversation. Write the notes and nothing else."""

_MESSAGE_TEMPLATE = "Conversation summary: {summary}"
_IN_PROGRESS = "IN_PROGRESS"


@dataclass
class LLMContextSummaryConfig:
    """How a summary is written.

    Attributes:
        target_context_tokens: Longest summary, in tokens.
        min_messages_after_summary: How many of the latest messages are left as they are.
        summarization_prompt: What the model is told; None for `DEFAULT_SUMMARIZATION_PROMPT`.
        summary_message_template: The message that holds the summary, with ``{summary}`` in its
            place.
        llm: The service that writes it, or None for that of the pipeline.
        summarization_timeout: Longest time that it may take, in seconds.

    Raises:
        ValueError: If a number makes no sense.
    """

    target_context_tokens: int = 6000
    min_messages_after_summary: int = 4
    summarization_prompt: str | None = None
    summary_message_template: str = _MESSAGE_TEMPLATE
    llm: LLMService | None = None
    summarization_timeout: float = DEFAULT_SUMMARIZATION_TIMEOUT

    def __post_init__(self) -> None:
        if self.target_context_tokens <= 0:
            raise ValueError("target_context_tokens must be positive")
        if self.min_messages_after_summary < 0:
            raise ValueError("min_messages_after_summary must be non-negative")

    @property
    def summary_prompt(self) -> str:
        """What the model is told."""
        return self.summarization_prompt or DEFAULT_SUMMARIZATION_PROMPT


@dataclass
class LLMAutoContextSummarizationConfig:
    """When a conversation is summarized by itself, and how. One of the two limits may be None.

    Attributes:
        max_context_tokens: Size of the context from which on it is, in tokens, at four characters
            each. What a service's system instruction takes is not counted.
        max_unsummarized_messages: Number of messages since the last summary from which on it is.
        summary_config: How. A summary longer than the context may be is cut to 80% of that.

    Raises:
        ValueError: If there is no limit, or one makes no sense.
    """

    max_context_tokens: int | None = 8000
    max_unsummarized_messages: int | None = 20
    summary_config: LLMContextSummaryConfig = field(default_factory=LLMContextSummaryConfig)

    def __post_init__(self) -> None:
        _check_limits(self.max_context_tokens, self.max_unsummarized_messages)
        config = self.summary_config
        config.target_context_tokens = _within(
            config.target_context_tokens, self.max_context_tokens
        )


@deprecated(
    "`LLMContextSummarizationConfig` is deprecated since 0.0.104 and will be removed in 2.0.0. "
    "Use `LLMAutoContextSummarizationConfig` instead."
)
@dataclass
class LLMContextSummarizationConfig:
    """When a conversation is summarized, and how. Deprecated in pipecat 0.0.104.

    Attributes:
        max_context_tokens: See `LLMAutoContextSummarizationConfig`.
        target_context_tokens: See `LLMContextSummaryConfig`.
        max_unsummarized_messages: See `LLMAutoContextSummarizationConfig`.
        min_messages_after_summary: See `LLMContextSummaryConfig`.
        summarization_prompt: See `LLMContextSummaryConfig`.
        summary_message_template: See `LLMContextSummaryConfig`.
        llm: See `LLMContextSummaryConfig`.
        summarization_timeout: See `LLMContextSummaryConfig`.

    Raises:
        ValueError: If a number makes no sense.
    """

    max_context_tokens: int | None = 8000
    target_context_tokens: int = 6000
    max_unsummarized_messages: int | None = 20
    min_messages_after_summary: int = 4
    summarization_prompt: str | None = None
    summary_message_template: str = _MESSAGE_TEMPLATE
    llm: LLMService | None = None
    summarization_timeout: float = DEFAULT_SUMMARIZATION_TIMEOUT

    def __post_init__(self) -> None:
        self.target_context_tokens = self.to_auto_config().summary_config.target_context_tokens

    @property
    def summary_prompt(self) -> str:
        """What the model is told."""
        return self.summarization_prompt or DEFAULT_SUMMARIZATION_PROMPT

    def to_auto_config(self) -> LLMAutoContextSummarizationConfig:
        """Return the same in the form that is not deprecated."""
        return LLMAutoContextSummarizationConfig(
            max_context_tokens=self.max_context_tokens,
            max_unsummarized_messages=self.max_unsummarized_messages,
            summary_config=LLMContextSummaryConfig(
                target_context_tokens=self.target_context_tokens,
                min_messages_after_summary=self.min_messages_after_summary,
                summarization_prompt=self.summarization_prompt,
                summary_message_template=self.summary_message_template,
                llm=self.llm,
                summarization_timeout=self.summarization_timeout,
            ),
        )


@dataclass
class LLMMessagesToSummarize:
    """The messages that a summary is to replace.

    Attributes:
        messages: The messages.
        last_summarized_index: Index of the last of them in the context; -1 if there is none.
    """

    messages: list[LLMContextMessage]
    last_summarized_index: int


class LLMContextSummarizationUtil:
    """What those who ask for summaries and those who write them share."""

    @staticmethod
    def estimate_tokens(text: str) -> int:
        """Return about how many tokens a text has: one for four characters.

        Args:
            text: The text.
        """
        return len(text) // CHARS_PER_TOKEN

    @staticmethod
    def estimate_context_tokens(context: LLMContext) -> int:
        """Return about how many tokens a context has, images and calls of functions included.

        Args:
            context: The context.
        """
        return sum(
            _estimate_message(message)
            for message in context.get_messages()
            if not isinstance(message, LLMSpecificMessage)
        )

    @staticmethod
    def get_messages_to_summarize(
        context: LLMContext, min_messages_to_keep: int
    ) -> LLMMessagesToSummarize:
        """Return which messages of a context a summary may replace.

        These are all but a system message at the head and the latest ones, and they end ahead of a
        call whose result is not among them: a result whose call is gone would be refused.

        Args:
            context: The context.
            min_messages_to_keep: How many of the latest messages are left as they are.
        """
        messages = context.get_messages()
        begin = leading_system_messages(messages)
        end = len(messages) - min_messages_to_keep
        if begin < end:
            end = min([end, *_unsettled_calls(messages, begin, end).values()])
        if begin >= end:
            return LLMMessagesToSummarize([], -1)
        return LLMMessagesToSummarize(messages[begin:end], end - 1)

    @staticmethod
    def format_messages_for_summary(messages: list[LLMContextMessage]) -> str:
        """Return messages as a transcript that can be read: who has said, called and got what.

        Args:
            messages: The messages. Those for one provider alone are left out.
        """
        lines: list[str] = []
        for message in messages:
            if isinstance(message, LLMSpecificMessage):
                continue
            fields: Any = message
            role = fields.get("role", "unknown")
            text = _text_of(fields.get("content", ""))
            if text:
                lines.append(f"{role.upper()}: {text}")
            for call in _calls_of(fields):
                name, arguments = call.get("name", "unknown"), call.get("arguments", "")
                lines.append(f"TOOL_CALL: {name}({arguments})")
            if role == "tool":
                lines.append(f"TOOL_RESULT[{fields.get('tool_call_id', 'unknown')}]: {text}")
        return "\n\n".join(lines)


def leading_system_messages(messages: list[LLMContextMessage]) -> int:
    """Return 1 if the first message is a system message, which no summary replaces; else 0.

    Args:
        messages: The messages of a context.
    """
    if not messages or isinstance(messages[0], LLMSpecificMessage):
        return 0
    return int(messages[0].get("role") == "system")


def _check_limits(max_tokens: int | None, max_messages: int | None) -> None:
    if max_tokens is None and max_messages is None:
        raise ValueError(
            "At least one of max_context_tokens and max_unsummarized_messages must be set"
        )
    if max_tokens is not None and max_tokens <= 0:
        raise ValueError("max_context_tokens must be positive")
    if max_messages is not None and max_messages < 1:
        raise ValueError("max_unsummarized_messages must be at least 1")


def _within(target: int, limit: int | None) -> int:
    return target if limit is None or target <= limit else int(limit * SUMMARY_TOKEN_BUFFER)


def _estimate_message(message: Any) -> int:
    estimate = LLMContextSummarizationUtil.estimate_tokens
    tokens = TOKEN_OVERHEAD_PER_MESSAGE
    content = message.get("content", "")
    if isinstance(content, str):
        tokens += estimate(content)
    elif isinstance(content, list):
        for part in content:
            kind = part.get("type", "") if isinstance(part, dict) else ""
            if kind == "text":
                tokens += estimate(part.get("text", ""))
            elif kind in ("image_url", "image"):
                tokens += IMAGE_TOKEN_ESTIMATE
    for call in _calls_of(message):
        tokens += estimate(call.get("name", "") + call.get("arguments", ""))
    if "tool_call_id" in message:
        tokens += TOKEN_OVERHEAD_PER_MESSAGE
    return tokens


def _calls_of(message: Any) -> list[Any]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return []
    functions = [call.get("function", {}) for call in calls if isinstance(call, dict)]
    return [function for function in functions if isinstance(function, dict)]


def _unsettled_calls(messages: list[LLMContextMessage], begin: int, end: int) -> dict[str, int]:
    """Return where calls stand whose results are not between two places, by identifier."""
    unsettled: dict[str, int] = {}
    for index in range(begin, end):
        message: Any = messages[index]
        if isinstance(message, LLMSpecificMessage):
            continue
        for call in message.get("tool_calls") or ():
            if isinstance(call, dict) and call.get("id"):
                unsettled[call["id"]] = index
        settled = _settled_by(message)
        if settled is not None:
            unsettled.pop(settled, None)
    return unsettled


def _settled_by(message: Any) -> str | None:
    """Return the identifier of the call whose result a message brings, or None."""
    payload = async_tool_messages.parse_message(message)
    if payload is not None:
        return payload.tool_call_id if payload.kind == "final" else None
    if message.get("role") == "tool" and message.get("content") != _IN_PROGRESS:
        return message.get("tool_call_id")
    return None


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return str(content)
    parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return " ".join(part.get("text", "") for part in parts)
