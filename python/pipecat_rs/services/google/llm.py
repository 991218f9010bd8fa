"""Language models of Google."""

from __future__ import annotations

import io
import logging
import re
import uuid
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipecat_rs.adapters.llm.services.gemini_adapter import GeminiLLMAdapter
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import (
    AssistantImageRawFrame,
    FunctionCallFromLLM,
    LLMMessagesAppendFrame,
    LLMThoughtEndFrame,
    LLMThoughtStartFrame,
    LLMThoughtTextFrame,
)
from pipecat_rs.metrics.metrics import LLMTokenUsage
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.services.google.frames import (
    LLMSearchOrigin,
    LLMSearchResponseFrame,
    LLMSearchResult,
)
from pipecat_rs.services.google.http_options import with_lasting_client
from pipecat_rs.services.google.thinking import GoogleThinkingConfig, least_thinking, takes_level
from pipecat_rs.services.google.utils import update_google_client_http_options
from pipecat_rs.services.hosted_llm import HostedLLMService
from pipecat_rs.services.input_params import InputParams as _InputParams
from pipecat_rs.services.input_params import limited
from pipecat_rs.services.response_stream import close
from pipecat_rs.services.settings import LLMSettings, NotGiven
from pipecat_rs.utils.errors import ErrorCategory
from pipecat_rs.utils.types import NOT_GIVEN

if TYPE_CHECKING:
    from typing import Self

__all__ = ["GoogleLLMService", "GoogleLLMSettings", "GoogleThinkingConfig"]

_logger = logging.getLogger(__name__)

_USUAL_ENDS = ("STOP", "FINISH_REASON_UNSPECIFIED")
_VERSION = re.compile(r"gemini(?:-[a-z]+)*-(\d+)(?:\.(\d+))?")


@dataclass
class GoogleLLMSettings(LLMSettings):
    """What a model of Google has. What is None is left to the provider.

    Attributes:
        thinking: How the model thinks. If it is not set it thinks as little as it can, as a caller
            waits.
        safety_settings: From which probability on content is blocked, as a list of
            ``google.genai.types.SafetySetting`` or mappings.
    """

    thinking: GoogleThinkingConfig | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)
    safety_settings: list[Any] | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> Self:
        """Make a delta of names and values; `thinking` may be a mapping too.

        Args:
            settings: The values; unknown names go to `extra`.
        """
        delta = super().from_mapping(settings)
        if isinstance(delta.thinking, Mapping):
            delta.thinking = GoogleThinkingConfig(**delta.thinking)
        return delta


@dataclass
class _Answer:
    """What has come of an answer."""

    text: str = ""
    calls: list[FunctionCallFromLLM] = field(default_factory=list)
    usage: LLMTokenUsage | None = None
    grounding: Any = None


class GoogleLLMService(HostedLLMService[GeminiLLMAdapter]):
    """Answers with a model of Google.

    Example::

        llm = GoogleLLMService(api_key="...", model="gemini-2.5-flash")
    """

    handles = HostedLLMService.handles

    Settings = GoogleLLMSettings
    ThinkingConfig = GoogleThinkingConfig

    adapter_class = GeminiLLMAdapter

    supports_response_schema = True

    # Models that take a conversation which ends with the model, and go on from there. Later ones
    # refuse it, so that the list is complete.
    _PREFILL_SUPPORTED_PATTERNS = ("gemini-2.", "gemini-3-", "gemini-3.1-", "gemini-pro-latest")

    @dataclass(kw_only=True)
    class InputParams(_InputParams):
        """Parameters of a model. Deprecated in pipecat 0.0.105: use `Settings`.

        Attributes:
            max_tokens: Longest answer in tokens.
            temperature: How freely it samples; 0 to 2.
            top_k: Sample among this many likeliest tokens.
            top_p: Sample among the likeliest tokens of this total probability; 0 to 1.
            thinking: How the model thinks.
        """

        max_tokens: int | None = limited(4096, least=1)
        temperature: float | None = limited(least=0.0, most=2.0)
        top_k: int | None = limited(least=0)
        top_p: float | None = limited(least=0.0, most=1.0)
        thinking: GoogleThinkingConfig | None = None

    def __init__(
        self,
        *,
        api_key: str | None = None,
        model: str | None = None,
        params: InputParams | None = None,
        settings: GoogleLLMSettings | None = None,
        system_instruction: str | None = None,
        tools: list[Any] | None = None,
        tool_config: dict[str, Any] | None = None,
        http_options: Any = None,
        stream_idle_timeout_secs: float | None = 20.0,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            api_key: The key; None for that of the environment variable ``GOOGLE_API_KEY``.
            model: Name of the model. `settings` win over it.
            params: Deprecated in pipecat 0.0.105: use `settings`.
            settings: What is to differ from the defaults: gemini-3.6-flash, at most 4096 tokens.
            system_instruction: Deprecated in pipecat 0.0.105: use `settings`.
            tools: Tools in Google's form, for contexts without any.
            tool_config: Rule by which the model picks tools, in Google's form.
            http_options: Options of the client, such as ``base_url``: a mapping or a
                ``google.genai.types.HttpOptions``.
            stream_idle_timeout_secs: Longest silence of the provider before and within an answer,
                in seconds; None for no limit. Models that think long need more.
            **kwargs: For `HostedLLMService`.

        Raises:
            MissingDependencyError: If ``google-genai`` is not installed.
        """
        defaults = GoogleLLMSettings(
            model=model or "gemini-3.6-flash",
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
            thinking=None,
            safety_settings=None,
        )
        if system_instruction is not None:
            self._warn_init_param_moved_to_settings("system_instruction", "system_instruction")
            defaults.system_instruction = system_instruction
        if params is not None:
            self._warn_init_param_moved_to_settings("params")
            if settings is None:
                params.given_to(defaults)
        if settings is not None:
            defaults.apply_update(settings)
        super().__init__(
            settings=defaults, stream_idle_timeout_secs=stream_idle_timeout_secs, **kwargs
        )
        self._api_key = api_key
        self._http_options = update_google_client_http_options(http_options)
        self._http_client: Any = None
        self._tools = tools
        self._tool_config = tool_config
        self.create_client()
        self._warn_of_ignored_budget()

    def create_client(self) -> None:
        """Make the client. Subclasses may make another one, as ``self._client``.

        Raises:
            MissingDependencyError: If ``google-genai`` is not installed.
        """
        genai = self._genai()
        options = self._http_options
        if isinstance(options, dict):
            options = genai.types.HttpOptions(**options)
        options, self._http_client = with_lasting_client(options)
        self._client = genai.Client(api_key=self._api_key, http_options=options)

    def _genai(self) -> Any:
        try:
            from google import genai
        except ImportError as error:
            raise MissingDependencyError.of(
                "google.genai", needed_by=self, extra="google"
            ) from error
        return genai

    def _make_client(self) -> Any:
        self.create_client()
        return self._client

    async def _close_client(self, client: Any) -> None:
        await close(client.aio)
        await close(self._http_client)
        client.close()  # the half that was never used

    @staticmethod
    def model_supports_response_schema(model: str) -> bool:
        """Return whether a model can be held to a JSON schema: from Gemini 2.5 on.

        Args:
            model: Its name.
        """
        version = _VERSION.search(model)
        return version is None or (int(version[1]), int(version[2] or 0)) >= (2, 5)

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if changed.keys() & {"model", "thinking"}:
            self._warn_of_ignored_budget()
        return changed

    def _warn_of_ignored_budget(self) -> None:
        thinking = _as_request(self._given_setting("thinking"))
        if thinking.get("thinking_budget") is not None and takes_level(self._settings.model):
            _logger.warning(
                "%s: %s may ignore thinking_budget or refuse it: use thinking_level",
                self,
                self._settings.model,
            )

    # ---- requests

    async def _request(
        self,
        context: LLMContext,
        *,
        system_instruction: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        params = await self._adapter.get_llm_invocation_params(
            context,
            system_instruction=self._separate_instruction(context, system_instruction),
            ensure_last_message_is_user=not self._settings.model.startswith(
                self._PREFILL_SUPPORTED_PATTERNS
            ),
        )
        config = self._build_generation_params(
            system_instruction=params["system_instruction"],
            tools=params["tools"] or self._tools or None,
            tool_config=self._tool_config,
        )
        types = self._genai().types
        return {
            "model": self._settings.model,
            "contents": params["messages"],
            "config": types.GenerateContentConfig(**config | dict(changes or {})),
        }

    def _build_generation_params(
        self,
        system_instruction: str | None = None,
        tools: list[Any] | None = None,
        tool_config: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the configuration of a request.

        Args:
            system_instruction: What the model is told.
            tools: What it may call.
            tool_config: Rule by which it picks.
        """
        names = ("temperature", "top_p", "top_k", "seed", "safety_settings")
        config: dict[str, Any] = {
            "system_instruction": system_instruction,
            "max_output_tokens": self._given_setting("max_tokens"),
            **{name: self._given_setting(name) for name in names},
            "tools": tools,
            "tool_config": tool_config,
        }
        config = {name: value for name, value in config.items() if value is not None}
        thinking = self._given_setting("thinking")
        if thinking:
            config["thinking_config"] = _as_request(thinking)
        config |= self._settings.extra
        if not self._given_setting("use_provider_thinking_default"):
            least = least_thinking(self._settings.model)
            if least is not None:
                config.setdefault("thinking_config", least)
        return config

    async def _open_stream(self, context: LLMContext) -> Any:
        request = await self._request(context)
        return await self._open_client().aio.models.generate_content_stream(**request)

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
            **extra: Further fields of ``google.genai.types.GenerateContentConfig``.

        Returns:
            The answer, or None if there is none.

        Raises:
            ValueError: If there is no conversation.
            TimeoutError: If the answer does not come within 120 s.
            google.genai.errors.APIError: If the provider refuses the request.
        """
        context = self._conversation(context, messages)
        changes = dict(extra)
        if max_tokens is not None:
            changes["max_output_tokens"] = max_tokens
        schema = self._check_response_schema(response_schema)
        if schema is not None:
            changes |= {"response_mime_type": "application/json", "response_json_schema": schema}
        request = await self._request(
            context, system_instruction=system_instruction, changes=changes
        )
        models = self._open_client().aio.models
        response = await self._within_bounds(models.generate_content(**request))
        for candidate in response.candidates or ():
            self._tell_unusual_end(candidate)
            parts = candidate.content.parts if candidate.content else None
            text = "".join(part.text for part in parts or () if part.text and not part.thought)
            if text:
                return text
        return None

    # ---- answers

    async def _process_context(self, context: LLMContext) -> None:
        answer = _Answer()
        try:
            async with aclosing(self._read(lambda: self._open_stream(context))) as chunks:
                async for chunk in chunks:
                    if chunk.usage_metadata:
                        # Each chunk has the sum so far, and the last one what is charged.
                        answer.usage = _usage(chunk.usage_metadata)
                    for candidate in chunk.candidates or ():
                        await self._take(candidate, answer, context)
        finally:
            if answer.grounding is not None:
                await self.push_frame(_search_response(answer))
            if answer.usage is not None:
                await self.start_llm_usage_metrics(answer.usage)
        await self.run_function_calls(answer.calls)

    async def _take(self, candidate: Any, answer: _Answer, context: LLMContext) -> None:
        await self.stop_ttfb_metrics()
        parts = candidate.content.parts if candidate.content else None
        for part in parts or ():
            call_id = None
            if part.text and part.thought:
                await self.push_frame(LLMThoughtStartFrame())
                await self.push_frame(LLMThoughtTextFrame(part.text))
                await self.push_frame(LLMThoughtEndFrame())
            elif part.text:
                answer.text += part.text
                await self._push_llm_text(part.text)
            elif part.function_call:
                # If it says nothing, the call is what there is to wait for.
                await self.stop_ttfat_metrics()
                call_id = part.function_call.id or str(uuid.uuid4())
                answer.calls.append(
                    FunctionCallFromLLM(
                        function_name=part.function_call.name or "",
                        tool_call_id=call_id,
                        arguments=part.function_call.args or {},
                        context=context,
                    )
                )
            elif part.inline_data and part.inline_data.data:
                await self._push_image(part.inline_data)
            if part.thought_signature:
                await self._keep_signature(part, call_id, answer)
        if candidate.grounding_metadata and candidate.grounding_metadata.grounding_chunks:
            answer.grounding = candidate.grounding_metadata
        self._tell_unusual_end(candidate)

    async def _push_image(self, data: Any) -> None:
        try:
            from PIL import Image
        except ImportError as error:
            raise MissingDependencyError.of("PIL", needed_by=self, extra="image") from error
        image = Image.open(io.BytesIO(data.data)).convert("RGB")
        await self.push_frame(
            AssistantImageRawFrame(
                image=image.tobytes(),
                size=image.size,
                format="RGB",
                original_data=data.data,
                original_mime_type=data.mime_type,
            )
        )

    async def _keep_signature(self, part: Any, call_id: str | None, answer: _Answer) -> None:
        """Write a signature to the context, with a bookmark of what it signs.

        Of an answer's text that is all of it so far: it may come with the first piece of it or,
        with a piece that is empty, after the last.
        """
        bookmark: dict[str, Any] = {}
        if call_id is not None:
            bookmark["function_call"] = call_id
        elif part.inline_data and part.inline_data.data:
            bookmark["inline_data"] = part.inline_data
        elif part.text is not None:
            bookmark["text"] = answer.text
        if not bookmark:
            return
        message = self.create_llm_specific_message(
            {
                "type": "thought_signature",
                "signature": part.thought_signature,
                "bookmark": bookmark,
            }
        )
        await self.push_frame(LLMMessagesAppendFrame([message]))

    def _tell_unusual_end(self, candidate: Any) -> None:
        reason = candidate.finish_reason
        if reason is not None and reason.name not in _USUAL_ENDS:
            _logger.warning("%s: the answer is cut off (%s)", self, reason.name)

    def _blames_content(self, error: Exception) -> bool:
        # Google calls a wrong key an invalid argument too.
        is_argument = getattr(error, "status", None) == "INVALID_ARGUMENT"
        return is_argument and self._classify_error(error) is ErrorCategory.INVALID_REQUEST


def _as_request(thinking: Any) -> dict[str, Any]:
    if isinstance(thinking, GoogleThinkingConfig):
        return thinking.to_request()
    return dict(thinking or {})


def _usage(counted: Any) -> LLMTokenUsage:
    thoughts = counted.thoughts_token_count or 0
    # Results of tools are counted apart from the input, and thoughts apart from the output.
    prompt = (counted.prompt_token_count or 0) + (counted.tool_use_prompt_token_count or 0)
    completion = (counted.candidates_token_count or 0) + thoughts
    return LLMTokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cache_read_input_tokens=counted.cached_content_token_count or 0,
        reasoning_tokens=thoughts,
    )


def _search_response(answer: _Answer) -> LLMSearchResponseFrame:
    grounding = answer.grounding
    origins = []
    for index, chunk in enumerate(grounding.grounding_chunks):
        results = [
            LLMSearchResult(
                text=(support.segment.text or "") if support.segment else "",
                confidence=list(support.confidence_scores or ()),
            )
            for support in grounding.grounding_supports or ()
            if index in (support.grounding_chunk_indices or ())
        ]
        web = chunk.web
        origins.append(
            LLMSearchOrigin(
                site_uri=web.uri if web else None,
                site_title=web.title if web else None,
                results=results,
            )
        )
    entry = grounding.search_entry_point
    return LLMSearchResponseFrame(
        search_result=answer.text,
        rendered_content=entry.rendered_content if entry else None,
        origins=origins,
    )
