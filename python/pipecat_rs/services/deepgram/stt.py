"""Speech-to-text with Deepgram, streamed over its WebSocket (listen v1)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from pipecat_rs.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import FrameProcessorSetup
from pipecat_rs.services.deepgram.settings import DeepgramSTTSettings, LiveOptions, query_items
from pipecat_rs.services.in_flight_audio import InFlightAudio
from pipecat_rs.services.managed_websocket import ManagedWebsocket
from pipecat_rs.services.websocket_stt_service import WebsocketSTTService
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.utils.deprecation import warn_deprecated
from pipecat_rs.utils.time import time_now_iso8601

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = ["DEEPGRAM_TTFS_P99", "DeepgramSTTService", "DeepgramSTTSettings", "LiveOptions"]

_logger = logging.getLogger(__name__)

DEEPGRAM_TTFS_P99 = 0.35
"""Seconds from the end of speech to its transcript, 99th percentile."""

_ADDRESS = "wss://api.deepgram.com"
_SCHEMES = {"ws": "ws", "http": "ws", "wss": "wss", "https": "wss"}
_BYTES_PER_SAMPLE = {"linear16": 2, "mulaw": 1, "alaw": 1}
_MAX_IN_FLIGHT_SECS = 20.0
_REPLAY_BYTES = 8192

# What a connection is made with, as opposed to what can be changed while the service runs.
_OF_THE_CONNECTION = (
    *("encoding", "channels", "multichannel", "sample_rate"),
    *("callback", "callback_method", "tag", "mip_opt_out"),
)


class DeepgramSTTService(ManagedWebsocket, WebsocketSTTService):
    """Transcribes with Deepgram while the user speaks.

    Audio that was sent and has no final transcript yet is sent again if the connection is lost.

    Events, beside those of `STTService`: `on_speech_started` and `on_utterance_end`, each with
    Deepgram's message, if its options ask for them (``vad_events``, ``utterance_end_ms``).
    """

    handles = WebsocketSTTService.handles

    Settings = DeepgramSTTSettings
    websockets_extra: ClassVar[str] = "deepgram"
    keepalive_secs = 5.0  # without audio or this, Deepgram closes after 10 s

    _declared_events: ClassVar = {"on_speech_started": False, "on_utterance_end": False}

    def __init__(
        self,
        *,
        api_key: str,
        url: str = "",
        base_url: str = "",
        encoding: str = "linear16",
        channels: int = 1,
        multichannel: bool = False,
        sample_rate: int | None = None,
        callback: str | None = None,
        callback_method: str | None = None,
        tag: Any | None = None,
        mip_opt_out: bool | None = None,
        live_options: Any | None = None,
        addons: dict[str, Any] | None = None,
        settings: DeepgramSTTSettings | None = None,
        ttfs_p99_latency: float | None = DEEPGRAM_TTFS_P99,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            api_key: The key of the account.
            url: Deprecated in pipecat 0.0.64: use `base_url`.
            base_url: Another server: host, port and path, with or without ``wss://``, ``ws://``,
                ``https://`` or ``http://``.
            encoding: How the audio is encoded.
            channels: Its channels.
            multichannel: Whether each channel is transcribed by itself.
            sample_rate: Sample rate of the audio in Hz, or None for that of the pipeline's input.
            callback: Where Deepgram is to send the transcripts too.
            callback_method: HTTP method of that.
            tag: Tag for the bill.
            mip_opt_out: Whether Deepgram may not learn from the audio.
            live_options: Deprecated in pipecat 0.0.105: use `settings`. Not looked at beside them.
            addons: Further options, written into the address as they are.
            settings: What can be changed while the service runs.
            ttfs_p99_latency: Seconds from the end of speech to its transcript, 99th percentile.
            **kwargs: For `WebsocketSTTService`.

        Raises:
            MissingDependencyError: If ``websockets`` is not installed.
        """
        if url:
            warn_deprecated(
                "`DeepgramSTTService(url=...)` is deprecated since 0.0.64 and will be removed in "
                "2.0.0. Use `base_url` instead.",
                stacklevel=2,
            )
        store = DeepgramSTTSettings.defaults()
        connection: dict[str, Any] = {
            "encoding": encoding,
            "channels": channels,
            "multichannel": multichannel,
            "callback": callback,
            "callback_method": callback_method,
            "tag": tag,
            "mip_opt_out": mip_opt_out,
        }
        if live_options is not None:
            self._warn_init_param_moved_to_settings("live_options")
            if settings is None:
                options = {k: v for k, v in live_options.to_dict().items() if v is not None}
                old = {k: options.pop(k) for k in _OF_THE_CONNECTION if k in options}
                old_rate = old.pop("sample_rate", None)
                sample_rate = sample_rate if sample_rate is not None else old_rate
                connection |= old
                store.apply_update(DeepgramSTTSettings.from_mapping(options))
        if settings is not None:
            store.apply_update(settings.with_extra_in_fields())
        super().__init__(
            sample_rate=sample_rate, ttfs_p99_latency=ttfs_p99_latency, settings=store, **kwargs
        )
        self._api_key = api_key
        self._address = _address_of(base_url or url or _ADDRESS)
        self._connection_options = connection
        self._addons = addons or {}
        self._in_flight = InFlightAudio(0, 0, 0)

    def can_generate_metrics(self) -> bool:
        """Return True."""
        return True

    # ---- life cycle

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Connect.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        sample_size = _BYTES_PER_SAMPLE.get(self._connection_options["encoding"], 0)
        frame_size = sample_size * int(self._connection_options["channels"])
        self._in_flight = InFlightAudio(self.sample_rate, frame_size, _MAX_IN_FLIGHT_SECS)
        await self._connect()

    async def stop(self, frame: EndFrame) -> None:
        """Wait for the transcripts that are left, and disconnect.

        Args:
            frame: The end frame.
        """
        await self._await_last_transcripts()
        await super().stop(frame)

    async def _await_last_transcripts(self) -> None:
        """Have Deepgram transcribe what it has; it closes the connection when that is done."""
        self._disconnecting = True
        receiver, websocket = self._receiver, self._websocket
        if receiver is None or websocket is None or not self._is_websocket_open:
            return
        try:
            await websocket.send(json.dumps({"type": "CloseStream"}))
        except Exception as error:
            _logger.debug("%s: closing the stream: %s", self, error)
        await asyncio.wait({receiver}, timeout=self._ws_close_timeout)

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        if isinstance(delta, DeepgramSTTSettings):
            delta = delta.with_extra_in_fields()
        changed = await super()._update_settings(delta)
        if changed and self._is_set_up:
            # All of them are in the address.
            await self._request_reconnect()
        return changed

    # ---- the connection

    async def open_connection(self) -> ClientConnection:
        """Connect, with the settings in the address."""
        return await self._websocket_connect(
            f"{self._address}/v1/listen?{urlencode(list(query_items(self._options())))}",
            additional_headers={"Authorization": f"Token {self._api_key}"},
        )

    async def connection_opened(self) -> None:
        """Send again what the last connection has left untranscribed."""
        audio = self._in_flight.restart()
        if audio and self._websocket is not None:
            _logger.info("%s: %d bytes of audio are sent again", self, len(audio))
            for start in range(0, len(audio), _REPLAY_BYTES):
                await self._websocket.send(audio[start : start + _REPLAY_BYTES])

    async def keep_alive(self) -> None:
        """Send a KeepAlive, which does not count as audio."""
        if self._websocket is not None:
            await self._websocket.send(json.dumps({"type": "KeepAlive"}))

    def farewell(self) -> list[str]:
        """Return the end of the stream."""
        return [json.dumps({"type": "CloseStream"})]

    def explain_refusal(self, error: Exception) -> str:
        """Return what Deepgram says about it, which stands in a header.

        Args:
            error: Why there is no connection.
        """
        reason = getattr(getattr(error, "response", None), "headers", {}).get("dg-error")
        said = super().explain_refusal(error)
        return f"{said}: {reason}" if reason else said

    def _options(self) -> dict[str, Any]:
        settings = self._settings.given_fields()
        rate = {"sample_rate": self.sample_rate}
        return {**settings, **self._connection_options, **rate, **self._addons}

    # ---- audio and transcripts

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Send audio. The transcripts come by themselves.

        Args:
            audio: The audio.

        Yields:
            None.
        """
        self._in_flight.add(audio)
        if self._websocket is not None and self._is_websocket_open:
            try:
                await self._websocket.send(audio)
            except Exception as error:
                # The receiver notices it too, and what is in flight is sent again.
                _logger.warning("%s: sending audio failed: %s", self, error)
        yield None

    async def _handle_vad_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        await super()._handle_vad_user_stopped_speaking(frame)
        if self._websocket is not None and self._is_websocket_open:
            self.request_finalize()
            try:
                await self._websocket.send(json.dumps({"type": "Finalize"}))
            except Exception as error:
                _logger.warning("%s: asking for the transcript failed: %s", self, error)

    async def handle_message(self, message: str | bytes) -> None:
        """Handle one of Deepgram's messages.

        Args:
            message: A JSON object with a ``type``.
        """
        content = json.loads(message)
        match content.get("type"):
            case "Results":
                await self._handle_results(content)
            case "SpeechStarted":
                await self._call_event_handler("on_speech_started", content)
            case "UtteranceEnd":
                await self._call_event_handler("on_utterance_end", content)
            case "Error" | "error":
                said = content.get("description") or content.get("message") or content
                await self.push_error_frame(ErrorFrame(f"{self}: Deepgram: {said}"))
            case kind:
                _logger.debug("%s: received %s", self, kind)

    async def _handle_results(self, content: dict[str, Any]) -> None:
        if content.get("is_final"):
            self._in_flight.confirm(content.get("start", 0.0) + content.get("duration", 0.0))
        alternatives = (content.get("channel") or {}).get("alternatives")
        if not alternatives:
            return
        text = alternatives[0].get("transcript", "")
        language = _language_of(alternatives[0])
        if not content.get("is_final"):
            if text:
                await self.push_frame(
                    InterimTranscriptionFrame(
                        text, self._user_id, time_now_iso8601(), language, result=content
                    )
                )
            return
        if content.get("from_finalize"):
            self.confirm_finalize()
        if text:
            await self.emit_stt_usage_metrics()
            await self.push_frame(
                TranscriptionFrame(
                    text, self._user_id, time_now_iso8601(), language, result=content
                )
            )
        elif content.get("from_finalize"):
            # All that was said is out already: this is as final as it gets.
            await self.stop_ttfb_metrics()
            await self._cancel_ttfb_timeout()


def _address_of(base_url: str) -> str:
    scheme, separator, rest = base_url.rpartition("://")
    if separator and scheme.lower() not in _SCHEMES:
        _logger.warning("%r is no address of a WebSocket, so wss:// is used", base_url)
    return f"{_SCHEMES.get(scheme.lower(), 'wss')}://{rest}".rstrip("/")


def _language_of(alternative: dict[str, Any]) -> Language | None:
    languages = alternative.get("languages") or [None]
    try:
        return Language(languages[0]) if languages[0] else None
    except ValueError:
        _logger.debug("Deepgram's language %r is not known", languages[0])
        return None
