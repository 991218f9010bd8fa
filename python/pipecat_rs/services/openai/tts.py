"""Text-to-speech of OpenAI."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from pipecat_rs.frames.frames import ErrorFrame, Frame
from pipecat_rs.services.input_params import InputParams as _InputParams
from pipecat_rs.services.input_params import limited
from pipecat_rs.services.lasting_http_client import lasting_http_client
from pipecat_rs.services.openai.client import require_openai
from pipecat_rs.services.provider_errors import category_of, remedy_of
from pipecat_rs.services.response_stream import bounded_stream, close
from pipecat_rs.services.settings import NotGiven, TTSSettings
from pipecat_rs.services.tts_service import TTSService
from pipecat_rs.utils.errors import ErrorCategory
from pipecat_rs.utils.types import NOT_GIVEN

__all__ = ["VALID_VOICES", "OpenAITTSService", "OpenAITTSSettings", "ValidVoice"]

_logger = logging.getLogger(__name__)

OPENAI_SAMPLE_RATE = 24_000
"""Sample rate of the audio that OpenAI sends, in Hz."""

ValidVoice = Literal[
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
]

VALID_VOICES: Mapping[str, ValidVoice] = {name: name for name in get_args(ValidVoice)}
"""The voices that there are."""

# Longest silence of the provider, before and within the audio of a sentence.
_IDLE_SECS = 20.0


@dataclass
class OpenAITTSSettings(TTSSettings):
    """What the voices of OpenAI have.

    Attributes:
        instructions: How to speak, in words.
        speed: How fast, from 0.25 to 4; 1 is normal.
    """

    instructions: str | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)
    speed: float | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)


class OpenAITTSService(TTSService):
    """Speaks with a voice of OpenAI.

    Example::

        tts = OpenAITTSService(api_key="...", voice="alloy")

    The audio comes at 24 kHz, and is resampled if the pipeline has another rate. An interruption
    closes the connection.
    """

    handles = TTSService.handles

    Settings = OpenAITTSSettings

    @dataclass(kw_only=True)
    class InputParams(_InputParams):
        """Parameters of a voice. Deprecated in pipecat 0.0.105: use `Settings`.

        Attributes:
            instructions: How to speak, in words.
            speed: How fast, from 0.25 to 4; 1 is normal.
        """

        instructions: str | None = None
        speed: float | None = limited(least=0.25, most=4.0)

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        http_client: Any = None,
        voice: str | None = None,
        model: str | None = None,
        sample_rate: int | None = None,
        instructions: str | None = None,
        speed: float | None = None,
        params: InputParams | None = None,
        settings: OpenAITTSSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            api_key: The key; None for that of the environment variable ``OPENAI_API_KEY``.
            base_url: Where the provider is; None for OpenAI.
            http_client: An ``openai.DefaultAsyncHttpxClient`` with options of its own. It is left
                open at the end.
            voice: Name of the voice, one of `VALID_VOICES`. `settings` win over it.
            model: Name of the model. `settings` win over it.
            sample_rate: Sample rate of the audio in Hz, or None for that of the pipeline's output.
            instructions: Deprecated in pipecat 0.0.105: use `settings`.
            speed: Deprecated in pipecat 0.0.105: use `settings`.
            params: Deprecated in pipecat 0.0.105: use `settings`.
            settings: What is to differ from the defaults: gpt-4o-mini-tts, alloy.
            **kwargs: For `TTSService`.

        Raises:
            MissingDependencyError: If ``openai`` is not installed.
        """
        defaults = OpenAITTSSettings(
            model=model or "gpt-4o-mini-tts",
            voice=voice or "alloy",
            language=None,
            instructions=None,
            speed=None,
        )
        if instructions is not None:
            self._warn_init_param_moved_to_settings("instructions", "instructions")
            defaults.instructions = instructions
        if speed is not None:
            self._warn_init_param_moved_to_settings("speed", "speed")
            defaults.speed = speed
        if params is not None:
            self._warn_init_param_moved_to_settings("params")
            if settings is None:
                params.given_to(defaults)
        if settings is not None:
            defaults.apply_update(settings)
        super().__init__(
            sample_rate=sample_rate,
            push_start_frame=True,
            push_stop_frames=True,
            settings=defaults,
            **kwargs,
        )
        self._client_options: dict[str, Any] = {"api_key": api_key, "base_url": base_url}
        self._http_client = http_client
        self._client: Any = self._make_client()

    def can_generate_metrics(self) -> bool:
        """Return True."""
        return True

    async def cleanup(self) -> None:
        """Close the connections."""
        await super().cleanup()
        client, self._client = self._client, None
        if self._http_client is None:
            await close(client)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Speak a piece of text.

        Args:
            text: The text.
            context_id: The request it belongs to.

        Yields:
            Audio, or an ErrorFrame.
        """
        voice = self._settings.voice
        if voice not in VALID_VOICES:
            yield ErrorFrame(
                f"{self}: there is no voice {voice!r}; choose one of {', '.join(VALID_VOICES)}",
                category=ErrorCategory.INVALID_REQUEST,
            )
            return
        try:
            audio = bounded_stream(
                lambda: self._speak_at_provider(text), first_secs=_IDLE_SECS, idle_secs=_IDLE_SECS
            )
            async with aclosing(audio) as pieces:
                frames = self._stream_audio_frames_from_iterator(
                    pieces, in_sample_rate=OPENAI_SAMPLE_RATE, context_id=context_id
                )
                async with aclosing(frames):
                    async for frame in frames:
                        yield frame
        except Exception as error:
            yield self._failure(error)

    def _make_client(self) -> Any:
        openai = require_openai(self)
        http_client = self._http_client or lasting_http_client(openai)
        client = openai.AsyncOpenAI(http_client=http_client, **self._client_options)
        # Imported when it is first asked for: here, and not within the first sentence.
        assert client.audio.speech is not None
        return client

    async def _speak_at_provider(self, text: str) -> AsyncIterator[bytes]:
        """Send a request and return the audio that comes back."""
        if self._client is None:
            self._client = self._make_client()
        request: dict[str, Any] = {
            "input": text,
            "model": self._settings.model,
            "voice": self._settings.voice,
            "response_format": "pcm",
            "instructions": self._settings.instructions,
            "speed": self._settings.speed,
        }
        request = {name: value for name, value in request.items() if value is not None}
        return self._audio_of(request, text)

    async def _audio_of(self, request: dict[str, Any], text: str) -> AsyncIterator[bytes]:
        speech = self._client.audio.speech.with_streaming_response
        async with speech.create(**request) as response:
            await self.start_tts_usage_metrics(text)
            async with aclosing(cast(AsyncGenerator[bytes, None], response.iter_bytes())) as pieces:
                async for piece in pieces:
                    yield piece

    def _failure(self, error: Exception) -> ErrorFrame:
        category = category_of(error)
        what = "the provider is silent" if isinstance(error, TimeoutError) else str(error)
        remedy = remedy_of(category)
        return ErrorFrame(
            f"{self}: no audio: {what or type(error).__name__}"
            + (f" (hint: {remedy})" if remedy else ""),
            exception=error,
            category=category,
        )
