"""Language models behind OpenAI's chat completions, at OpenAI and at others who offer the same."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from pipecat_rs.adapters.llm.services.open_ai_adapter import (
    OpenAILLMAdapter,
    OpenAILLMInvocationParams,
    openai_is_given,
)
from pipecat_rs.metrics.metrics import LLMTokenUsage
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.services.hosted_llm import HostedLLMService
from pipecat_rs.services.input_params import InputParams as _InputParams
from pipecat_rs.services.input_params import limited
from pipecat_rs.services.lasting_http_client import lasting_http_client
from pipecat_rs.services.openai.client import require_openai
from pipecat_rs.services.settings import LLMSettings, NotGiven
from pipecat_rs.utils.types import NOT_GIVEN, is_given

__all__ = ["BaseOpenAILLMService", "OpenAILLMSettings"]

_logger = logging.getLogger(__name__)

# Models before gpt-4o-mini and gpt-4o-2024-08-06.
_WITHOUT_RESPONSE_SCHEMA = re.compile(
    r"(gpt-3\.5|gpt-4$|gpt-4-|gpt-4o-2024-05-13|chatgpt-4o|o1-mini|o1-preview)"
)
_USUAL_ENDS = (None, "stop", "tool_calls", "function_call")
_REFUSED_CONTENT = (400, 413, 422)


@dataclass
class OpenAILLMSettings(LLMSettings):
    """What a model of OpenAI has. What is None is left to the provider.

    Attributes:
        max_completion_tokens: Longest answer in tokens, thoughts included.
    """

    max_completion_tokens: int | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)


@dataclass
class _ToolCall:
    """A function call whose pieces are coming in."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class BaseOpenAILLMService(HostedLLMService[OpenAILLMAdapter]):
    """Answers with a model behind OpenAI's chat completions.

    Subclasses for other providers set `supports_developer_role` and `_requires_api_key`, and
    override `create_client` and `build_chat_completion_params`.
    """

    handles = HostedLLMService.handles

    Settings = OpenAILLMSettings

    adapter_class = OpenAILLMAdapter

    supports_developer_role: bool = True
    """Whether the provider knows messages of the developer; if not they become the user's."""

    supports_response_schema = True

    # For providers other than OpenAI: without a key the client would send them OPENAI_API_KEY.
    _requires_api_key = False

    @dataclass(kw_only=True)
    class InputParams(_InputParams):
        """Parameters of a model. Deprecated in pipecat 0.0.105: use `Settings`.

        Attributes:
            frequency_penalty: How much repeated tokens are avoided, by their number; -2 to 2.
            presence_penalty: How much tokens are avoided that were there once; -2 to 2.
            seed: Makes sampling repeatable.
            temperature: How freely it samples; 0 to 2.
            top_k: Ignored.
            top_p: Sample among the likeliest tokens of this total probability; 0 to 1.
            max_tokens: Longest answer in tokens, for models before o1.
            max_completion_tokens: Longest answer in tokens, thoughts included.
            service_tier: Which tier of OpenAI's service handles requests.
        """

        frequency_penalty: float | None = limited(least=-2.0, most=2.0)
        presence_penalty: float | None = limited(least=-2.0, most=2.0)
        seed: int | None = limited(least=0)
        temperature: float | None = limited(least=0.0, most=2.0)
        top_k: int | None = limited(least=0)
        top_p: float | None = limited(least=0.0, most=1.0)
        max_tokens: int | None = limited(least=1)
        max_completion_tokens: int | None = limited(least=1)
        service_tier: str | None = None

    def __init__(
        self,
        *,
        model: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        default_headers: Mapping[str, str] | None = None,
        service_tier: str | None = None,
        params: InputParams | None = None,
        settings: OpenAILLMSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            model: Name of the model. `settings` win over it.
            api_key: The key; None for that of the environment variable ``OPENAI_API_KEY``.
            base_url: Where the provider is; None for OpenAI.
            organization: The organization that is charged.
            project: The project that is charged.
            default_headers: HTTP headers for every request.
            service_tier: Which tier of OpenAI's service handles requests.
            params: Deprecated in pipecat 0.0.105: use `settings`.
            settings: What is to differ from the defaults: gpt-4.1, all else left to the provider.
            **kwargs: For `HostedLLMService`.

        Raises:
            MissingDependencyError: If ``openai`` is not installed.
            ValueError: If the provider is not OpenAI and there is no key.
        """
        if self._requires_api_key and not api_key:
            raise ValueError(f"{type(self).__name__} needs an api_key")
        settings_class: Any = self.Settings  # a subclass may have its own
        defaults = settings_class(
            model=model or "gpt-4.1",
            system_instruction=None,
            temperature=None,
            max_tokens=None,
            max_completion_tokens=None,
            top_p=None,
            top_k=None,
            frequency_penalty=None,
            presence_penalty=None,
            seed=None,
            filter_incomplete_user_turns=False,
            user_turn_completion_config=None,
            use_provider_thinking_default=False,
        )
        if params is not None:
            self._warn_init_param_moved_to_settings("params")
            if settings is None:
                params.given_to(defaults)
                service_tier = service_tier or params.service_tier
        if settings is not None:
            defaults.apply_update(settings)
        super().__init__(settings=defaults, **kwargs)
        self._service_tier = service_tier
        self._full_model_name = ""
        self._client_options: dict[str, Any] = {
            "api_key": api_key,
            "base_url": base_url,
            "organization": organization,
            "project": project,
            "default_headers": default_headers,
        }
        self._client = self._make_client()

    def create_client(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        default_headers: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return an ``AsyncOpenAI``. Subclasses may return a client of their provider's.

        Args:
            api_key: The key.
            base_url: Where the provider is.
            organization: The organization that is charged.
            project: The project that is charged.
            default_headers: HTTP headers for every request.
            **kwargs: Ignored.

        Raises:
            MissingDependencyError: If ``openai`` is not installed.
        """
        openai = require_openai(self)
        client = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            organization=organization,
            project=project,
            default_headers=default_headers,
            http_client=lasting_http_client(openai),
        )
        # Imported when it is first asked for: here, and not within the first answer.
        assert client.chat.completions is not None
        return client

    def _make_client(self) -> Any:
        return self.create_client(**self._client_options)

    def set_full_model_name(self, full_model_name: str) -> None:
        """Set the name by which the provider calls the model.

        Args:
            full_model_name: The name.
        """
        self._full_model_name = full_model_name

    def get_full_model_name(self) -> str:
        """Return the name by which the provider calls the model; "" before the first answer."""
        return self._full_model_name

    # ---- requests

    def build_chat_completion_params(
        self, params_from_context: OpenAILLMInvocationParams
    ) -> dict[str, Any]:
        """Return a request. Subclasses change it for their provider.

        Args:
            params_from_context: What it takes from the context.
        """
        settings = (
            *("frequency_penalty", "presence_penalty", "seed", "temperature", "top_p"),
            *("max_tokens", "max_completion_tokens"),
        )
        request: dict[str, Any] = {
            "model": self._settings.model,
            "stream": True,
            "stream_options": {"include_usage": True},
            **{name: self._given_setting(name) for name in settings},
            "service_tier": self._service_tier,
        }
        request = {name: value for name, value in request.items() if value is not None}
        given = {name: v for name, v in params_from_context.items() if openai_is_given(v)}
        return request | given | self._settings.extra

    @staticmethod
    def _merge_extra_body(params: dict[str, Any], fields: Mapping[str, Any]) -> None:
        """Add fields that the client library does not know to a request.

        Args:
            params: The request; what its ``extra_body`` holds already stays.
            fields: The fields; those that are None or ``NOT_GIVEN`` are left out.
        """
        added = {name: v for name, v in fields.items() if v is not None and is_given(v)}
        added |= params.get("extra_body") or {}
        if added:
            params["extra_body"] = added

    @staticmethod
    def model_supports_response_schema(model: str) -> bool:
        """Return whether a model can be held to a JSON schema.

        Args:
            model: Its name.
        """
        return not _WITHOUT_RESPONSE_SCHEMA.match(model)

    async def _request(
        self, context: LLMContext, system_instruction: str | None = None
    ) -> dict[str, Any]:
        params = await self._adapter.get_llm_invocation_params(
            context,
            system_instruction=system_instruction or self._given_setting("system_instruction"),
            convert_developer_to_user=not self.supports_developer_role,
        )
        return self.build_chat_completion_params(params)

    async def get_chat_completions(self, context: LLMContext) -> Any:
        """Send a request and return the stream of chunks.

        Args:
            context: The conversation.
        """
        return await self._open_client().chat.completions.create(**await self._request(context))

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
            **extra: Further fields of the request, such as ``temperature``.

        Returns:
            The answer, or None if there is none.

        Raises:
            ValueError: If there is no conversation.
            TimeoutError: If the answer does not come within 120 s.
            openai.OpenAIError: If the provider refuses the request.
        """
        context = self._conversation(context, messages)
        request = await self._request(context, system_instruction)
        request["stream"] = False
        request.pop("stream_options", None)
        if max_tokens is not None:
            name = "max_tokens" if "max_tokens" in request else "max_completion_tokens"
            request[name] = max_tokens
        schema = self._check_response_schema(response_schema)
        if schema is not None:
            request["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "response", "schema": schema, "strict": True},
            }
        completions = self._open_client().chat.completions
        completion = await self._within_bounds(completions.create(**request | extra))
        return (completion.choices[0].message.content or None) if completion.choices else None

    # ---- answers

    async def _process_context(self, context: LLMContext) -> None:
        calls: dict[int, _ToolCall] = {}
        usage: LLMTokenUsage | None = None
        try:
            async with aclosing(self._read(lambda: self.get_chat_completions(context))) as chunks:
                async for chunk in chunks:
                    if chunk.usage:
                        # Some providers send the sum so far with every chunk.
                        usage = self._token_usage(chunk.usage)
                    if chunk.model:
                        self._full_model_name = chunk.model
                    if chunk.choices:
                        await self.stop_ttfb_metrics()
                        await self._take_choice(chunk.choices[0], calls)
        finally:
            if usage is not None:
                await self.start_llm_usage_metrics(usage)
        found = [
            await self._call_of(context, call.id, call.name, call.arguments)
            for _, call in sorted(calls.items())
            if call.name
        ]
        await self.run_function_calls([call for call in found if call is not None])

    async def _take_choice(self, choice: Any, calls: dict[int, _ToolCall]) -> None:
        if choice.finish_reason not in _USUAL_ENDS:
            _logger.warning("%s: the answer is cut off (%s)", self, choice.finish_reason)
        delta = choice.delta
        if not delta:
            return
        if delta.tool_calls:
            # If it says nothing, the call is what there is to wait for.
            await self.stop_ttfat_metrics()
        for piece in delta.tool_calls or ():
            call = calls.setdefault(piece.index, _ToolCall())
            call.id = piece.id or call.id
            if piece.function is not None:
                call.name += piece.function.name or ""
                call.arguments += piece.function.arguments or ""
        audio = getattr(delta, "audio", None) or {}
        text = delta.content or audio.get("transcript")
        if text:
            await self._push_llm_text(text)

    def _token_usage(self, usage: Any) -> LLMTokenUsage:
        """Return the tokens that an answer took. For providers that count in another way.

        Args:
            usage: What the provider says.
        """
        prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
        return LLMTokenUsage(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            total_tokens=usage.total_tokens,
            cache_read_input_tokens=getattr(prompt, "cached_tokens", None),
            cache_creation_input_tokens=getattr(prompt, "cache_write_tokens", None),
            reasoning_tokens=getattr(completion, "reasoning_tokens", None),
        )

    def _blames_content(self, error: Exception) -> bool:
        return getattr(error, "status_code", None) in _REFUSED_CONTENT
