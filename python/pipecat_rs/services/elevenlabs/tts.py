"""Text-to-speech with ElevenLabs, over its WebSocket for several contexts (multi-stream-input)."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlencode

from pipecat_rs.frames.frames import ErrorFrame
from pipecat_rs.services.elevenlabs.alignment import Alignment, calculate_word_times
from pipecat_rs.services.elevenlabs.languages import (
    ELEVENLABS_MODEL_LANGUAGES,
    elevenlabs_language_code,
    language_to_elevenlabs_language,
)
from pipecat_rs.services.elevenlabs.pronunciation import (
    ELEVENLABS_PHONEME_MODELS,
    format_elevenlabs_pronunciation,
)
from pipecat_rs.services.elevenlabs.settings import (
    ElevenLabsInputParams,
    ElevenLabsTTSSettings,
    PronunciationDictionaryLocator,
    build_elevenlabs_voice_settings,
)
from pipecat_rs.services.multi_context_tts_service import MultiContextTTSService
from pipecat_rs.services.tts_service import TextAggregationMode
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.utils.deprecation import warn_deprecated
from pipecat_rs.utils.errors import ErrorCategory

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = [
    "ELEVENLABS_MODEL_LANGUAGES",
    "ELEVENLABS_PHONEME_MODELS",
    "ElevenLabsTTSService",
    "ElevenLabsTTSSettings",
    "PronunciationDictionaryLocator",
    "build_elevenlabs_voice_settings",
    "calculate_word_times",
    "format_elevenlabs_pronunciation",
    "language_to_elevenlabs_language",
    "output_format_from_sample_rate",
]

_logger = logging.getLogger(__name__)

_SAMPLE_RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
_OTHERWISE = 24000
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_WITHOUT_SPACES = frozenset({"zh", "yue", "ja"})

_CATEGORIES = {
    "invalid_api_key": ErrorCategory.AUTHENTICATION,
    "missing_api_key": ErrorCategory.AUTHENTICATION,
    "quota_exceeded": ErrorCategory.QUOTA,
    "voice_id_does_not_exist": ErrorCategory.INVALID_REQUEST,
    "voice_not_found": ErrorCategory.INVALID_REQUEST,
    "model_not_found": ErrorCategory.INVALID_REQUEST,
    "too_many_concurrent_requests": ErrorCategory.RATE_LIMIT,
    "max_active_conversations": ErrorCategory.RATE_LIMIT,
    "system_busy": ErrorCategory.SERVER,
    "internal_error": ErrorCategory.SERVER,
}


class ElevenLabsTTSService(MultiContextTTSService):
    """Speaks with ElevenLabs, and tells each word when it is said."""

    handles = MultiContextTTSService.handles

    Settings = ElevenLabsTTSSettings
    InputParams = ElevenLabsInputParams
    websockets_extra: ClassVar[str] = "elevenlabs"
    keepalive_secs = 10.0  # the server drops what is idle for 20 s
    peer_closes = True

    def __init__(
        self,
        *,
        api_key: str,
        voice_id: str | None = None,
        model: str | None = None,
        url: str = "wss://api.elevenlabs.io",
        sample_rate: int | None = None,
        auto_mode: bool | None = None,
        enable_ssml_parsing: bool | None = None,
        enable_logging: bool | None = None,
        pronunciation_dictionary_locators: list[PronunciationDictionaryLocator] | None = None,
        params: ElevenLabsInputParams | None = None,
        settings: ElevenLabsTTSSettings | None = None,
        text_aggregation_mode: TextAggregationMode | None = None,
        aggregate_sentences: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            api_key: The key of the account.
            voice_id: Deprecated in pipecat 0.0.105: the setting ``voice``.
            model: Deprecated in pipecat 0.0.105: the setting ``model``.
            url: The server.
            sample_rate: Sample rate of the audio in Hz, or None for that of the pipeline's output.
            auto_mode: Whether each piece of text is spoken at once, which suits sentences; by
                default just for those.
            enable_ssml_parsing: Whether SSML in the text is understood.
            enable_logging: Whether ElevenLabs keeps the text.
            pronunciation_dictionary_locators: Deprecated in pipecat 1.6: use `text_transforms`.
            params: Deprecated in pipecat 0.0.105: use `settings`. Not looked at beside them.
            settings: What can be changed while the service runs.
            text_aggregation_mode: What pieces of text are spoken; sentences by default.
            aggregate_sentences: Deprecated in pipecat 0.0.104: use `text_aggregation_mode`.
            **kwargs: For `WebsocketTTSService`.

        Raises:
            MissingDependencyError: If ``websockets`` is not installed.
        """
        nothing = {f.name: None for f in dataclasses.fields(ElevenLabsTTSSettings)} | {"extra": {}}
        store = ElevenLabsTTSSettings(**{**nothing, "model": "eleven_flash_v2_5"})  # type: ignore[arg-type]
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
                auto_mode = old.pop("auto_mode", auto_mode)
                enable_ssml_parsing = old.pop("enable_ssml_parsing", enable_ssml_parsing)
                enable_logging = old.pop("enable_logging", enable_logging)
                locators = old.pop("pronunciation_dictionary_locators", None)
                pronunciation_dictionary_locators = pronunciation_dictionary_locators or locators
                store.apply_update(ElevenLabsTTSSettings(**old))
        if settings is not None:
            store.apply_update(settings)
        if pronunciation_dictionary_locators is not None:
            warn_deprecated(
                "`pronunciation_dictionary_locators` is deprecated since 1.6.0 and will be removed "
                "in 2.0.0. Use `text_transforms` instead.",
                stacklevel=2,
            )
        kwargs.setdefault("pause_frame_processing", True)  # a connection has few contexts
        super().__init__(
            sample_rate=sample_rate,
            settings=store,
            text_aggregation_mode=text_aggregation_mode,
            aggregate_sentences=aggregate_sentences,
            **kwargs,
        )
        self._api_key = api_key
        self._url = url
        self._auto_mode = not self._is_streaming_tokens if auto_mode is None else auto_mode
        self._enable_ssml_parsing = enable_ssml_parsing
        self._enable_logging = enable_logging
        self._locators = pronunciation_dictionary_locators
        self._alignments: dict[str, Alignment] = {}

    def language_to_service_language(self, language: Language) -> str | None:
        """Return ElevenLabs' code for a language.

        Args:
            language: The language.
        """
        return language_to_elevenlabs_language(language)

    @classmethod
    def format_pronunciation(cls, word: str, ipa: str) -> str | None:
        """Return a word in a phoneme tag, or None if its pronunciation does not fit it.

        Args:
            word: The word.
            ipa: How it is said, in IPA.
        """
        return format_elevenlabs_pronunciation(word, ipa)

    @property
    def supports_pronunciations(self) -> bool:
        """Whether phoneme tags are read: by some models, and only with SSML parsing."""
        return self._settings.model in ELEVENLABS_PHONEME_MODELS and bool(self._enable_ssml_parsing)

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if not changed or not self._is_set_up:
            return changed
        if changed.keys() & ElevenLabsTTSSettings.URL_FIELDS:
            await self._disconnect()
            await self._connect()
        elif changed.keys() & ElevenLabsTTSSettings.VOICE_SETTINGS_FIELDS:
            # They are told when a request is opened.
            await self._begin_new_request()
        return changed

    # ---- the connection

    async def open_connection(self) -> ClientConnection:
        """Connect, with voice and model in the address."""
        options = {
            "model_id": self._settings.model,
            "output_format": output_format_from_sample_rate(self.sample_rate),
            "auto_mode": self._auto_mode,
            "enable_ssml_parsing": self._enable_ssml_parsing,
            "enable_logging": self._enable_logging,
            "apply_text_normalization": self._settings.apply_text_normalization,
            "language_code": elevenlabs_language_code(
                self._settings.model, self._settings.language
            ),
        }
        query = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in options.items()
            if value is not None
        }
        voice = quote(str(self._settings.voice), safe="")
        return await self._websocket_connect(
            f"{self._url}/v1/text-to-speech/{voice}/multi-stream-input?{urlencode(query)}",
            max_size=_MAX_MESSAGE_BYTES,
            additional_headers={"xi-api-key": self._api_key},
        )

    async def connection_opened(self) -> None:
        """Begin anew with what was not heard yet."""
        self._alignments.clear()
        await super().connection_opened()

    async def keep_alive(self) -> None:
        """Send empty text, for each request that is still open or just for the connection."""
        opened = [c for c, request in self._requests.items() if request.opened]
        contexts = [{"context_id": context_id} for context_id in opened] or [{}]
        await self._send(json.dumps({"text": "", **context}) for context in contexts)

    def farewell(self) -> list[str]:
        """Return what has the server close the connection."""
        return [json.dumps({"close_socket": True})]

    # ---- what is sent

    def opening_messages(self, context_id: str) -> list[str]:
        """Return what opens a request: a space, with the settings of the voice.

        Args:
            context_id: The request.
        """
        message: dict[str, Any] = {"text": " ", "context_id": context_id}
        if voice_settings := build_elevenlabs_voice_settings(self._settings):
            message["voice_settings"] = voice_settings
        if self._locators:
            message["pronunciation_dictionary_locators"] = [vars(one) for one in self._locators]
        return [json.dumps(message)]

    def text_messages(self, text: str, context_id: str) -> list[str]:
        """Return what has a piece of text spoken. A sentence ends with a space, a token as it does.

        Args:
            text: The text.
            context_id: The request.
        """
        if not self._is_streaming_tokens and not text.endswith(" "):
            text += " "
        return [json.dumps({"text": text, "context_id": context_id})]

    def finish_messages(self, context_id: str) -> list[str]:
        """Return what has the rest spoken and the request closed.

        Args:
            context_id: The request.
        """
        return [
            json.dumps({"context_id": context_id, "flush": True}),
            json.dumps({"context_id": context_id, "close_context": True}),
        ]

    def cancel_messages(self, context_id: str) -> list[str]:
        """Return what closes a request.

        Args:
            context_id: The request.
        """
        return [json.dumps({"context_id": context_id, "close_context": True})]

    async def flush_audio(self, context_id: str | None = None) -> None:
        """Have ElevenLabs speak what it still holds back; more text may follow.

        Args:
            context_id: The request, or None for the one that plays.
        """
        context_id = context_id or self.get_active_audio_context_id()
        request = self._requests.get(context_id or "")
        if request is not None and request.opened and not request.finished:
            await self._send([json.dumps({"context_id": context_id, "flush": True})])

    # ---- what comes

    async def handle_message(self, message: str | bytes) -> None:
        """Handle one of ElevenLabs' messages.

        Args:
            message: A JSON object with audio, characters and their times, an end, or an error.
        """
        content = json.loads(message)
        context_id = content.get("contextId")
        if content.get("error"):
            await self.request_failed(context_id, self._error_of(content))
            return
        if content.get("audio"):
            rate = int(output_format_from_sample_rate(self.sample_rate).removeprefix("pcm_"))
            await self.audio_received(context_id, base64.b64decode(content["audio"]), rate)
        if aligned := self._aligned(content):
            await self._tell_words(context_id, aligned)
        if content.get("isFinal"):
            alignment = self._alignments.pop(context_id, None)
            if alignment is not None:
                await self._add_words(context_id, alignment.finish())
            await self.request_done(context_id)

    def _error_of(self, content: dict[str, Any]) -> ErrorFrame:
        said = content.get("message") or content["error"]
        category = _CATEGORIES.get(str(content["error"]), ErrorCategory.UNKNOWN)
        return ErrorFrame(f"{self}: ElevenLabs: {said}", category=category)

    def _aligned(self, content: dict[str, Any]) -> dict[str, Any] | None:
        """Return the characters as they were sent, or as they are said if a dictionary changes
        them."""
        names = ["alignment", "normalizedAlignment"]
        if self._locators:
            names.reverse()
        return content.get(names[0]) or content.get(names[1])

    async def _tell_words(self, context_id: str, aligned: dict[str, Any]) -> None:
        if self.audio_context_available(context_id):
            alignment = self._alignments.setdefault(context_id, Alignment())
            await self._add_words(context_id, alignment.add(aligned, spaced=self._is_spaced))

    async def _add_words(self, context_id: str, words: list[tuple[str, float]]) -> None:
        if words:
            await self.add_word_timestamps(words, context_id, not self._is_spaced)

    @property
    def _is_spaced(self) -> bool:
        return str(self._settings.language or "").split("-")[0] not in _WITHOUT_SPACES

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        """Forget the words, and have ElevenLabs stop.

        Args:
            context_id: The request.
        """
        self._alignments.pop(context_id, None)
        await super().on_audio_context_interrupted(context_id)


def output_format_from_sample_rate(sample_rate: int) -> str:
    """Return the name of a format of ElevenLabs.

    Args:
        sample_rate: Sample rate in Hz. For one that ElevenLabs does not have, it is that of 24 kHz.
    """
    return f"pcm_{sample_rate if sample_rate in _SAMPLE_RATES else _OTHERWISE}"
