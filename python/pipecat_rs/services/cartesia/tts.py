"""Text-to-speech with Cartesia, over its WebSocket with contexts."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.frames.frames import ErrorFrame
from pipecat_rs.services.cartesia.pronunciation import format_cartesia_pronunciation
from pipecat_rs.services.cartesia.settings import (
    CartesiaEmotion,
    CartesiaInputParams,
    CartesiaTTSSettings,
    GenerationConfig,
    as_sent,
    language_to_cartesia_language,
)
from pipecat_rs.services.multi_context_tts_service import MultiContextTTSService
from pipecat_rs.services.tts_service import TextAggregationMode
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.utils.deprecation import warn_deprecated
from pipecat_rs.utils.errors import ErrorCategory, classify_http_status_code
from pipecat_rs.utils.text.skip_tags_aggregator import SkipTagsAggregator

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = [
    "CartesiaEmotion",
    "CartesiaTTSService",
    "CartesiaTTSSettings",
    "GenerationConfig",
    "format_cartesia_pronunciation",
    "language_to_cartesia_language",
]

_logger = logging.getLogger(__name__)

_API_VERSION = "2026-03-01"
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_WITHOUT_SPACES = frozenset({"zh", "ja"})
# What a context keeps from its first text on.
_OF_A_CONTEXT = frozenset({"voice", "model", "language"})
_TAG = re.compile(r"</?(?:spell|emotion|break|volume|speed)\b[^>]*>", re.IGNORECASE)


class CartesiaTTSService(MultiContextTTSService):
    """Speaks with Cartesia, and tells each word when it is said."""

    handles = MultiContextTTSService.handles

    Settings = CartesiaTTSSettings
    InputParams = CartesiaInputParams
    websockets_extra: ClassVar[str] = "cartesia"

    def __init__(
        self,
        *,
        api_key: str,
        voice_id: str | None = None,
        cartesia_version: str | None = None,
        url: str = "wss://api.cartesia.ai/tts/websocket",
        model: str | None = None,
        sample_rate: int | None = None,
        encoding: str = "pcm_s16le",
        container: str = "raw",
        max_buffer_delay_ms: int | None = None,
        params: CartesiaInputParams | None = None,
        extra_headers: dict[str, str] | None = None,
        settings: CartesiaTTSSettings | None = None,
        text_aggregation_mode: TextAggregationMode | None = None,
        aggregate_sentences: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            api_key: The key of the account.
            voice_id: Deprecated in pipecat 0.0.105: the setting ``voice``.
            cartesia_version: Deprecated in pipecat 1.8: the version of the API is fixed.
            url: The address.
            model: Deprecated in pipecat 0.0.105: the setting ``model``.
            sample_rate: Sample rate of the audio in Hz, or None for that of the pipeline's output.
            encoding: How the audio is encoded.
            container: What it comes in.
            max_buffer_delay_ms: How long Cartesia may wait for more text before it speaks, in ms;
                by default not at all for sentences, and as long as it likes for tokens.
            params: Deprecated in pipecat 0.0.105: use `settings`. Not looked at beside them.
            extra_headers: Further headers of the handshake.
            settings: What can be changed while the service runs.
            text_aggregation_mode: What pieces of text are spoken; sentences by default.
            aggregate_sentences: Deprecated in pipecat 0.0.104: use `text_aggregation_mode`.
            **kwargs: For `WebsocketTTSService`.

        Raises:
            MissingDependencyError: If ``websockets`` is not installed.
        """
        store = CartesiaTTSSettings(
            model="sonic-3.6",
            voice=None,
            language=Language.EN,
            generation_config=None,
            pronunciation_dict_id=None,
        )
        if voice_id is not None:
            self._warn_init_param_moved_to_settings("voice_id", "voice")
            store.voice = voice_id
        if model is not None:
            self._warn_init_param_moved_to_settings("model", "model")
            store.model = model
        if params is not None:
            self._warn_init_param_moved_to_settings("params")
            if settings is None:
                old = {k: v for k, v in vars(params).items() if v is not None}
                store.apply_update(CartesiaTTSSettings(**old))
        if settings is not None:
            store.apply_update(settings)
        if cartesia_version is not None:
            warn_deprecated(
                "`cartesia_version` is deprecated since 1.8.0 and will be removed in 2.0.0. "
                "No replacement.",
                stacklevel=2,
            )
        super().__init__(
            sample_rate=sample_rate,
            settings=store,
            text_aggregation_mode=text_aggregation_mode,
            aggregate_sentences=aggregate_sentences,
            **kwargs,
        )
        # A passage to be spelled is spoken in one piece.
        language = self._text_aggregator.language
        self._text_aggregator = SkipTagsAggregator(
            [("<spell>", "</spell>")],
            aggregation_type=self._text_aggregation_mode.value,
            language=language,
        )
        if max_buffer_delay_ms is None and not self._is_streaming_tokens:
            max_buffer_delay_ms = 0  # sentences are complete already
        self._api_key = api_key
        self._version = cartesia_version or _API_VERSION
        self._url = url
        self._encoding = encoding
        self._container = container
        self._max_buffer_delay_ms = max_buffer_delay_ms
        self._extra_headers = extra_headers or {}

    def language_to_service_language(self, language: Language) -> str | None:
        """Return Cartesia's code for a language.

        Args:
            language: The language.
        """
        return language_to_cartesia_language(language)

    @classmethod
    def format_pronunciation(cls, word: str, ipa: str) -> str | None:
        """Return a pronunciation as Cartesia reads it within a text; None if it is empty.

        Args:
            word: The word.
            ipa: How it is said, in IPA.
        """
        return format_cartesia_pronunciation(word, ipa)

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if changed.keys() & _OF_A_CONTEXT:
            await self._begin_new_request()
        return changed

    # ---- tags for text transforms

    @staticmethod
    def SPELL(text: str) -> str:
        """Return text that is spelled.

        Args:
            text: The text.
        """
        return f"<spell>{text}</spell>"

    @staticmethod
    def EMOTION_TAG(emotion: CartesiaEmotion) -> str:
        """Return what changes the mood.

        Args:
            emotion: The mood.
        """
        return f'<emotion value="{emotion}" />'

    @staticmethod
    def PAUSE_TAG(seconds: float) -> str:
        """Return what makes a pause.

        Args:
            seconds: How long.
        """
        return f'<break time="{seconds}s" />'

    @staticmethod
    def VOLUME_TAG(volume: float) -> str:
        """Return what changes the loudness.

        Args:
            volume: Factor.
        """
        return f'<volume ratio="{volume}" />'

    @staticmethod
    def SPEED_TAG(speed: float) -> str:
        """Return what changes the speed.

        Args:
            speed: Factor.
        """
        return f'<speed ratio="{speed}" />'

    # ---- the connection

    async def open_connection(self) -> ClientConnection:
        """Connect."""
        return await self._websocket_connect(
            self._url,
            max_size=_MAX_MESSAGE_BYTES,
            additional_headers={
                "X-API-Key": self._api_key,
                "Cartesia-Version": self._version,
                **self._extra_headers,
            },
        )

    # ---- what is sent

    def text_messages(self, text: str, context_id: str) -> list[str]:
        """Return what has a piece of text spoken, and says that more may follow.

        Args:
            text: The text.
            context_id: The request.
        """
        return [self._message(text, context_id, more=True)]

    def finish_messages(self, context_id: str) -> list[str]:
        """Return what says that no more text comes.

        Args:
            context_id: The request.
        """
        return [self._message("", context_id, more=False)]

    def cancel_messages(self, context_id: str) -> list[str]:
        """Return what has Cartesia stop.

        Args:
            context_id: The request.
        """
        return [json.dumps({"context_id": context_id, "cancel": True})]

    def _message(self, text: str, context_id: str, *, more: bool) -> str:
        settings = self._settings
        config = settings.generation_config
        options = {
            "max_buffer_delay_ms": self._max_buffer_delay_ms,
            "language": settings.language,
            "generation_config": as_sent(config) if config else None,
            "pronunciation_dict_id": settings.pronunciation_dict_id,
        }
        message = {
            "transcript": text,
            "continue": more,
            "context_id": context_id,
            "model_id": settings.model,
            "voice": {"mode": "id", "id": settings.voice},
            "output_format": {
                "container": self._container,
                "encoding": self._encoding,
                "sample_rate": self.sample_rate,
            },
            "add_timestamps": True,
            "use_normalized_timestamps": False,
        }
        return json.dumps(message | {k: v for k, v in options.items() if v is not None})

    # ---- what comes

    async def handle_message(self, message: str | bytes) -> None:
        """Handle one of Cartesia's messages.

        Args:
            message: A JSON object with a ``type``.
        """
        content = json.loads(message)
        context_id = content.get("context_id")
        match content.get("type"):
            case "chunk":
                audio = base64.b64decode(content["data"])
                await self.audio_received(context_id, audio, self.sample_rate)
            case "timestamps":
                times = content["word_timestamps"]
                words = _without_tags(zip(times["words"], times["start"], strict=False))
                language = str(self._settings.language or "").split("-")[0]
                await self.add_word_timestamps(words, context_id, language in _WITHOUT_SPACES)
            case "done":
                await self.request_done(context_id)
            case "error":
                await self.request_failed(context_id, self._error_of(content))
            case kind:
                _logger.debug("%s: received %s", self, kind)

    def _error_of(self, content: dict[str, Any]) -> ErrorFrame:
        said = content.get("message") or content.get("error") or content.get("title") or content
        status = content.get("status_code")
        category = classify_http_status_code(status) if status else ErrorCategory.UNKNOWN
        return ErrorFrame(f"{self}: Cartesia: {said}", category=category)


def _without_tags(words: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return words as they are heard; a tag between two of them becomes a space."""
    plain = ((_TAG.sub(_space_between_words, word), start) for word, start in words)
    return [(" ".join(word.split()), start) for word, start in plain if word.strip()]


def _space_between_words(tag: re.Match[str]) -> str:
    before, after = tag.string[: tag.start()][-1:], tag.string[tag.end() :][:1]
    return " " if before.isalnum() and after.isalnum() else ""
