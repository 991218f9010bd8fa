"""Language models of Anthropic."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipecat_rs.adapters.llm.services.anthropic_adapter import (
    AnthropicCacheTTL,
    AnthropicLLMAdapter,
)
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import (
    Frame,
    LLMEnablePromptCachingFrame,
    LLMThoughtEndFrame,
    LLMThoughtStartFrame,
    LLMThoughtTextFrame,
)
from pipecat_rs.metrics.metrics import LLMTokenUsage
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.anthropic.thinking import AnthropicThinkingConfig, least_thinking
from pipecat_rs.services.hosted_llm import HostedLLMService
from pipecat_rs.services.input_params import InputParams as _InputParams
from pipecat_rs.services.input_params import limited
from pipecat_rs.services.lasting_http_client import lasting_http_client
from pipecat_rs.services.settings import LLMSettings, NotGiven
from pipecat_rs.utils.types import NOT_GIVEN

if TYPE_CHECKING:
    from typing import Self

__all__ = ["AnthropicLLMService", "AnthropicLLMSettings", "AnthropicThinkingConfig"]

_logger = logging.getLogger(__name__)

# Thoughts between function calls.
_BETAS = ["interleaved-thinking-2025-05-14"]
_USUAL_ENDS = (None, "end_turn", "tool_use", "stop_sequence")
_REFUSED_CONTENT = (400, 413, 422)
_VERSION = re.compile(r"claude(?:-[a-z]+)?-(\d+)(?:-(\d{1,2})(?!\d))?")
_TOKENS_PER_WORD = 1.3


@dataclass
class AnthropicLLMSettings(LLMSettings):
    """What a model of Anthropic has. What is None is left to the provider.

    Attributes:
        enable_prompt_caching: Whether Anthropic keeps a conversation for the next request.
        system_prompt_cache_ttl: How long it keeps the instruction, ``5m`` or ``1h``.
        thinking: How the model thinks. If neither this nor `effort` is set it thinks as little as
            it can, as a caller waits.
        effort: How much the model does for an answer: ``low``, ``medium``, ``high``, ``xhigh`` or
            ``max``.
    """

    enable_prompt_caching: bool | NotGiven = field(default_factory=lambda: NOT_GIVEN)
    system_prompt_cache_ttl: AnthropicCacheTTL | NotGiven | None = field(
        default_factory=lambda: NOT_GIVEN
    )
    thinking: AnthropicThinkingConfig | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)
    effort: str | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> Self:
        """Make a delta of names and values; `thinking` may be a mapping too.

        Args:
            settings: The values; unknown names go to `extra`.
        """
        delta = super().from_mapping(settings)
        if isinstance(delta.thinking, Mapping):
            delta.thinking = AnthropicThinkingConfig(**delta.thinking)
        return delta


@dataclass
class _ToolUse:
    """A function call whose arguments are coming in."""

    id: str
    name: str
    arguments: str = ""


@dataclass
class _Answer:
    """What has come of an answer."""

    calls: dict[int, _ToolUse] = field(default_factory=dict)
    usage: dict[str, int | None] = field(default_factory=dict)
    words: int = 0
    is_complete: bool = False


class AnthropicLLMService(HostedLLMService[AnthropicLLMAdapter]):
    """Answers with a model of Anthropic.

    Example::

        llm = AnthropicLLMService(api_key="...", model="claude-sonnet-4-6")
    """

    handles = (*(HostedLLMService.handles or ()), LLMEnablePromptCachingFrame)

    Settings = AnthropicLLMSettings
    ThinkingConfig = AnthropicThinkingConfig

    adapter_class = AnthropicLLMAdapter

    supports_response_schema = True

    # Models that take a conversation which ends with the assistant, and go on from there. Later
    # ones refuse it, so that the list is complete.
    _PREFILL_SUPPORTED_PATTERNS = (
        "claude-2",
        "claude-instant",
        "claude-3",
        "claude-opus-4-0",
        "claude-opus-4-1",
        "claude-sonnet-4-0",
        "claude-sonnet-4-5",
        "claude-haiku-4-5",
    )

    @dataclass(kw_only=True)
    class InputParams(_InputParams):
        """Parameters of a model. Deprecated in pipecat 0.0.105: use `Settings`.

        Attributes:
            enable_prompt_caching: Whether Anthropic keeps a conversation for the next request.
            max_tokens: Longest answer in tokens.
            temperature: How freely it samples; 0 to 1.
            top_k: Sample among this many likeliest tokens.
            top_p: Sample among the likeliest tokens of this total probability; 0 to 1.
            thinking: How the model thinks.
        """

        enable_prompt_caching: bool | None = None
        max_tokens: int | None = limited(4096, least=1)
        temperature: float | None = limited(least=0.0, most=1.0)
        top_k: int | None = limited(least=0)
        top_p: float | None = limited(least=0.0, most=1.0)
        thinking: AnthropicThinkingConfig | None = None

    def __init__(
        self,
        *,
        api_key: str | None = None,
        model: str | None = None,
        params: InputParams | None = None,
        settings: AnthropicLLMSettings | None = None,
        client: Any = None,
        base_url: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            api_key: The key; None for that of the environment variable ``ANTHROPIC_API_KEY``.
            model: Name of the model. `settings` win over it.
            params: Deprecated in pipecat 0.0.105: use `settings`.
            settings: What is to differ from the defaults: claude-sonnet-4-6, at most 4096 tokens.
            client: An ``AsyncAnthropic`` with options of its own, or one for Bedrock or Vertex AI.
                It is left open at the end.
            base_url: Where the provider is; None for Anthropic.
            **kwargs: For `HostedLLMService`.

        Raises:
            MissingDependencyError: If ``anthropic`` is not installed.
        """
        defaults = AnthropicLLMSettings(
            model=model or "claude-sonnet-4-6",
            system_instruction=None,
            temperature=None,
            max_tokens=4096,
            top_p=None,
            top_k=None,
            frequency_penalty=None,
            presence_penalty=None,
            seed=None,
            filter_incomplete_user_turns=False,
            user_turn_completion_config=None,
            use_provider_thinking_default=False,
            enable_prompt_caching=False,
            system_prompt_cache_ttl=None,
            thinking=None,
            effort=None,
        )
        if params is not None:
            self._warn_init_param_moved_to_settings("params")
            if settings is None:
                params.given_to(defaults)
        if settings is not None:
            defaults.apply_update(settings)
        super().__init__(settings=defaults, **kwargs)
        self._client_options: dict[str, Any] = {"api_key": api_key, "base_url": base_url}
        self._owns_client = client is None
        self._client = client if client is not None else self._make_client()

    def _make_client(self) -> Any:
        try:
            import anthropic
        except ImportError as error:
            raise MissingDependencyError.of(
                "anthropic", needed_by=self, extra="anthropic"
            ) from error
        return anthropic.AsyncAnthropic(
            http_client=lasting_http_client(anthropic), **self._client_options
        )

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a context, take over whether prompts are cached, and pass other frames on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        if isinstance(frame, LLMEnablePromptCachingFrame):
            # Not the parent's, which pushes on what it does not know.
            await super(HostedLLMService, self).process_frame(frame, direction)
            self._settings.enable_prompt_caching = frame.enable
        else:
            await super().process_frame(frame, direction)

    @staticmethod
    def model_supports_response_schema(model: str) -> bool:
        """Return whether a model can be held to a JSON schema: from Claude 4.5 on.

        Args:
            model: Its name.
        """
        version = _VERSION.search(model)
        return version is None or (int(version[1]), int(version[2] or 0)) >= (4, 5)

    # ---- requests

    async def _request(
        self,
        context: LLMContext,
        *,
        system_instruction: str | None = None,
        response_schema: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        params = await self._adapter.get_llm_invocation_params(
            context,
            enable_prompt_caching=bool(self._given_setting("enable_prompt_caching")),
            system_instruction=self._separate_instruction(context, system_instruction),
            ensure_last_message_is_user=not self._settings.model.startswith(
                self._PREFILL_SUPPORTED_PATTERNS
            ),
            system_prompt_cache_ttl=self._given_setting("system_prompt_cache_ttl"),
        )
        request: dict[str, Any] = {
            "model": self._settings.model,
            "max_tokens": self._settings.max_tokens,
            "messages": params["messages"],
            "betas": _BETAS,
        }
        # Nothing is left out by its absence here: the API knows no empty lists and texts.
        request |= {name: params[name] for name in ("system", "tools") if params[name]}
        thinking = self._given_setting("thinking")
        if thinking:
            is_config = isinstance(thinking, AnthropicThinkingConfig)
            request["thinking"] = thinking.to_request() if is_config else dict(thinking)
        output = {
            "effort": self._given_setting("effort"),
            "format": response_schema and {"type": "json_schema", "schema": response_schema},
        }
        request["output_config"] = {name: value for name, value in output.items() if value}
        request |= self._settings.extra
        self._add_sampling(request)
        self._think_least(request)
        if not request["output_config"]:
            del request["output_config"]
        return request

    def _add_sampling(self, request: dict[str, Any]) -> None:
        # The client library knows these no longer, as the newest models ignore them.
        sampling = {name: self._given_setting(name) for name in ("temperature", "top_k", "top_p")}
        given = {name: value for name, value in sampling.items() if value is not None}
        given |= request.get("extra_body", {})
        if given:
            request["extra_body"] = given

    def _think_least(self, request: dict[str, Any]) -> None:
        is_set = "thinking" in request or "effort" in request["output_config"]
        if is_set or self._given_setting("use_provider_thinking_default"):
            return
        for name, value in (least_thinking(self._settings.model) or {}).items():
            request[name] = {**request.get(name, {}), **value}

    async def _open_stream(self, context: LLMContext) -> Any:
        request = await self._request(context)
        return await self._open_client().beta.messages.create(stream=True, **request)

    async def run_inference(
        self,
        context: LLMContext | None = None,
        max_tokens: int | None = None,
        system_instruction: str | None = None,
        response_schema: dict[str, Any] | None = None,
        *,
        messages: list[Any] | None = None,
        **extra: Any,
    ) -> str | None:
        """Answer a conversation once, outside of the pipeline.

        Args:
            context: The conversation; that of `set_context` if None.
            max_tokens: Longest answer in tokens, or None as the settings say.
            system_instruction: What the model is told, instead of what the settings say.
            response_schema: JSON Schema that the answer follows as JSON.
            messages: The conversation, instead of a context.
            **extra: Further fields of the request.

        Returns:
            The answer, or None if there is none.

        Raises:
            ValueError: If there is no conversation.
            TimeoutError: If the answer does not come within 120 s.
            anthropic.AnthropicError: If the provider refuses the request.
        """
        context = self._conversation(context, messages)
        request = await self._request(
            context,
            system_instruction=system_instruction,
            response_schema=self._check_response_schema(response_schema),
        )
        if max_tokens is not None:
            request["max_tokens"] = max_tokens
        if extra:
            request["extra_body"] = {**request.get("extra_body", {}), **extra}
        messages_api = self._open_client().beta.messages
        message = await self._within_bounds(messages_api.create(stream=False, **request))
        self._tell_unusual_end(message)
        return next((part.text for part in message.content if part.type == "text"), None)

    # ---- answers

    async def _process_context(self, context: LLMContext) -> None:
        answer = _Answer()
        try:
            async with aclosing(self._read(lambda: self._open_stream(context))) as events:
                async for event in events:
                    await self._take(event, answer)
            answer.is_complete = True
        finally:
            await self._report_usage(answer)
        found = [
            await self._call_of(context, call.id, call.name, call.arguments)
            for _, call in sorted(answer.calls.items())
        ]
        await self.run_function_calls([call for call in found if call is not None])

    async def _take(self, event: Any, answer: _Answer) -> None:
        if event.type == "message_start":
            _update(answer.usage, event.message.usage)
        elif event.type == "content_block_start":
            await self.stop_ttfb_metrics()
            await self._take_block(event.index, event.content_block, answer)
        elif event.type == "content_block_delta":
            await self.stop_ttfb_metrics()
            await self._take_delta(event.index, event.delta, answer)
        elif event.type == "message_delta":
            _update(answer.usage, event.usage)
            self._tell_unusual_end(event.delta)

    async def _take_block(self, index: int, block: Any, answer: _Answer) -> None:
        if block.type == "tool_use":
            # If it says nothing, the call is what there is to wait for.
            await self.stop_ttfat_metrics()
            answer.calls[index] = _ToolUse(block.id, block.name)
        elif block.type == "thinking":
            provider = self._adapter.id_for_llm_specific_messages
            await self.push_frame(LLMThoughtStartFrame(append_to_context=True, llm=provider))

    async def _take_delta(self, index: int, delta: Any, answer: _Answer) -> None:
        if delta.type == "text_delta":
            answer.words += len(delta.text.split())
            await self._push_llm_text(delta.text)
        elif delta.type == "input_json_delta":
            if index in answer.calls:
                answer.words += len(delta.partial_json.split())
                answer.calls[index].arguments += delta.partial_json
        elif delta.type == "thinking_delta":
            await self.push_frame(LLMThoughtTextFrame(delta.thinking))
        elif delta.type == "signature_delta":
            await self.push_frame(LLMThoughtEndFrame(signature=delta.signature))

    def _tell_unusual_end(self, ended: Any) -> None:
        reason = getattr(ended, "stop_reason", None)
        if reason not in _USUAL_ENDS:
            details = getattr(ended, "stop_details", None)
            category = getattr(details, "category", None)
            _logger.warning("%s: the answer is cut off (%s)", self, category or reason)

    async def _report_usage(self, answer: _Answer) -> None:
        counted = answer.usage
        prompt, completion, written, read = (
            counted.get(name) or 0
            for name in (
                "input_tokens",
                "output_tokens",
                "cache_creation_input_tokens",
                "cache_read_input_tokens",
            )
        )
        if not answer.is_complete:
            # The count comes with the end of an answer, and this one was interrupted.
            completion = max(completion, round(answer.words * _TOKENS_PER_WORD))
        if not (prompt or completion or written or read):
            return
        await self.start_llm_usage_metrics(
            LLMTokenUsage(
                prompt_tokens=prompt,
                completion_tokens=completion,
                # Anthropic counts those of the cache apart from the input's.
                total_tokens=prompt + written + read + completion,
                cache_read_input_tokens=read,
                cache_creation_input_tokens=written,
                reasoning_tokens=counted.get("thinking_tokens"),
            )
        )

    def _blames_content(self, error: Exception) -> bool:
        return getattr(error, "status_code", None) in _REFUSED_CONTENT


def _update(counted: dict[str, int | None], usage: Any) -> None:
    """Take over the counts of an event: sums so far, where it has them."""
    for name in (
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
    ):
        value = getattr(usage, name, None)
        if value is not None:
            counted[name] = value
    details = getattr(usage, "output_tokens_details", None)
    thinking = getattr(details, "thinking_tokens", None)
    if thinking is not None:
        counted["thinking_tokens"] = thinking
