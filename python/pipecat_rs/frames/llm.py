"""Frames between context aggregators and language models: context, messages, tools, answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pipecat_rs.frames.base import ControlFrame, DataFrame, Frame
from pipecat_rs.frames.timestamp import format_pts

if TYPE_CHECKING:
    from pipecat_rs.adapters.llm.schemas.direct_function import DirectFunction
    from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
    from pipecat_rs.adapters.llm.schemas.tools_schema import ToolsSchema
    from pipecat_rs.processors.aggregators.llm_context import (
        LLMContext,
        LLMContextMessage,
        NotGiven,
    )


@dataclass(repr=False, eq=False)
class LLMContextFrame(Frame):
    """A conversation context for the language model to answer.

    Attributes:
        context: The context.
        speculation: Whether the answer is asked for on trial, before the turn has ended.
    """

    context: LLMContext
    speculation: bool = False


@dataclass(repr=False, eq=False)
class LLMContextAssistantTimestampFrame(DataFrame):
    """When the assistant's last message was written to the context.

    Attributes:
        timestamp: The time, as ISO 8601.
    """

    timestamp: str


@dataclass(repr=False, eq=False)
class LLMContextAssistantTurnFrame(DataFrame):
    """An assistant's turn was written to the context.

    Attributes:
        text: The text of the turn.
        timestamp: When the turn began, as ISO 8601.
    """

    text: str
    timestamp: str


@dataclass(repr=False, eq=False)
class LLMContextUserTurnFrame(DataFrame):
    """A user's turn was written to the context.

    Attributes:
        text: The text of the turn.
        timestamp: When the turn began, as ISO 8601.
    """

    text: str
    timestamp: str


class LLMRunFrame(DataFrame):
    """Run the language model on the context as it is."""


@dataclass(repr=False, eq=False)
class LLMMessagesAppendFrame(DataFrame):
    """Add messages to the context.

    Attributes:
        messages: The messages.
        run_llm: Whether the language model runs afterwards, or None for the default.
    """

    messages: list[LLMContextMessage]
    run_llm: bool | None = None


@dataclass(repr=False, eq=False)
class LLMMessagesUpdateFrame(DataFrame):
    """Replace the messages of the context.

    Attributes:
        messages: The messages.
        run_llm: Whether the language model runs afterwards, or None for the default.
    """

    messages: list[LLMContextMessage]
    run_llm: bool | None = None


@dataclass(repr=False, eq=False)
class LLMMessagesTransformFrame(DataFrame):
    """Replace the messages of the context by a function of them.

    Attributes:
        transform: Takes the messages and returns those to keep.
        run_llm: Whether the language model runs afterwards, or None for the default.
    """

    transform: Callable[[list[LLMContextMessage]], list[LLMContextMessage]]
    run_llm: bool | None = None


@dataclass(repr=False, eq=False)
class LLMSetToolsFrame(DataFrame):
    """Replace the tools that the language model may call.

    Attributes:
        tools: The tools, or ``NOT_GIVEN`` for none.
    """

    tools: list[FunctionSchema | DirectFunction] | ToolsSchema | NotGiven


@dataclass(repr=False, eq=False)
class LLMSetToolChoiceFrame(DataFrame):
    """Replace the rule by which the language model picks tools.

    Attributes:
        tool_choice: The rule, or a provider's description of one tool.
    """

    tool_choice: Literal["none", "auto", "required"] | dict[str, Any]


@dataclass(repr=False, eq=False)
class LLMEnablePromptCachingFrame(DataFrame):
    """Switch the provider's prompt caching.

    Attributes:
        enable: Whether prompts are cached.
    """

    enable: bool


@dataclass(repr=False, eq=False)
class LLMConfigureOutputFrame(DataFrame):
    """Switch whether the language model's text is spoken.

    Attributes:
        skip_tts: Whether text-to-speech leaves it out.
    """

    skip_tts: bool


@dataclass(repr=False, eq=False)
class LLMMarkerFrame(DataFrame):
    """A short sign of the assistant for the context alone: neither spoken nor transcribed.

    Attributes:
        marker: The sign.
        append_to_context_immediately: Whether it becomes a message of its own at once, rather
            than the beginning of the message which follows.
    """

    marker: str
    append_to_context_immediately: bool = True


@dataclass(repr=False, eq=False)
class LLMMarkerResponseFrame(DataFrame):
    """What a service which looks for markers found in one whole answer. For diagnosis.

    Attributes:
        raw: The answer as the language model wrote it.
        marker: The marker that counted, or None.
        kind: Its meaning, in words of the service.
        markers: All markers found.
    """

    raw: str
    marker: str | None = None
    kind: str | None = None
    markers: list[str] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class LLMThoughtStartFrame(ControlFrame):
    """A language model begins a thought.

    Attributes:
        append_to_context: Whether the thought is written to the context.
        llm: The provider whose format the context entry follows; needed with
            `append_to_context`.

    Raises:
        ValueError: If `append_to_context` is set and `llm` is not.
    """

    append_to_context: bool = False
    llm: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.append_to_context and self.llm is None:
            raise ValueError("LLMThoughtStartFrame: append_to_context needs llm to be set")

    def __str__(self) -> str:
        return (
            f"{self.name}(pts: {format_pts(self.pts)}, "
            f"append_to_context: {self.append_to_context}, llm: {self.llm})"
        )


@dataclass(repr=False, eq=False)
class LLMThoughtTextFrame(DataFrame):
    """A piece of a thought.

    Attributes:
        text: The text.
        includes_inter_frame_spaces: Whether the text brings its spaces.
    """

    text: str
    includes_inter_frame_spaces: bool = field(default=True, init=False)

    def __str__(self) -> str:
        return f"{self.name}(pts: {format_pts(self.pts)}, thought text: {self.text})"


@dataclass(repr=False, eq=False)
class LLMThoughtEndFrame(ControlFrame):
    """A language model ends a thought.

    Attributes:
        signature: The provider's seal on the thought, or None.
    """

    signature: Any = None

    def __str__(self) -> str:
        return f"{self.name}(pts: {format_pts(self.pts)}, signature: {self.signature})"


@dataclass(repr=False, eq=False)
class LLMFullResponseStartFrame(ControlFrame):
    """A language model begins an answer; text frames follow.

    Attributes:
        skip_tts: Whether text-to-speech leaves the answer out; None if not decided.
    """

    skip_tts: bool | None = field(default=None, init=False)


@dataclass(repr=False, eq=False)
class LLMFullResponseEndFrame(ControlFrame):
    """A language model ends an answer.

    Attributes:
        skip_tts: Whether text-to-speech leaves the answer out; None if not decided.
    """

    skip_tts: bool | None = field(default=None, init=False)


class VisionFullResponseStartFrame(LLMFullResponseStartFrame):
    """A vision model begins an answer."""


class VisionFullResponseEndFrame(LLMFullResponseEndFrame):
    """A vision model ends an answer."""


class LLMAssistantPushAggregationFrame(ControlFrame):
    """Write what the assistant aggregator has gathered to the context now."""


@dataclass(repr=False, eq=False)
class LLMSummarizeContextFrame(ControlFrame):
    """Summarize the context now.

    Attributes:
        config: How, as the summarizer takes it, or None for its own settings.
    """

    config: Any | None = None


@dataclass(repr=False, eq=False)
class LLMContextSummaryRequestFrame(ControlFrame):
    """Asks a language model service to summarize a context.

    Attributes:
        request_id: Identifier which the result carries too.
        context: The whole context.
        min_messages_to_keep: Number of newest messages to leave alone.
        target_context_tokens: Most tokens the summary may take.
        summarization_prompt: How to summarize, for the model.
        summarization_timeout: Longest time for it in seconds, or None for the default.
    """

    request_id: str
    context: LLMContext
    min_messages_to_keep: int
    target_context_tokens: int
    summarization_prompt: str
    summarization_timeout: float | None = None


@dataclass(repr=False, eq=False)
class LLMContextSummaryResultFrame(ControlFrame):
    """The summary of a context.

    Attributes:
        request_id: Identifier of the request.
        summary: The message which stands for what was summarized.
        last_summarized_index: Index from 0 of the last message that it covers.
        error: Why there is no summary, or None.
    """

    interruptible: bool = field(default=False, init=False)

    request_id: str
    summary: str
    last_summarized_index: int
    error: str | None = None
