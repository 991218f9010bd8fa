"""The bases of text-to-speech services that talk over a WebSocket."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    LLMFullResponseStartFrame,
    TTSStartedFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.tts_service import TTSService
from pipecat_rs.services.websocket_service import WebsocketService
from pipecat_rs.utils.deprecation import deprecated

__all__ = [
    "AudioContextTTSService",
    "AudioContextWordTTSService",
    "InterruptibleTTSService",
    "InterruptibleWordTTSService",
    "WebsocketTTSService",
    "WebsocketWordTTSService",
    "WordTTSService",
]

_logger = logging.getLogger(__name__)


class WebsocketTTSService(TTSService, WebsocketService):
    """A text-to-speech service with a WebSocket: `run_tts` sends text, the audio comes later.

    Event: `on_connection_error` (what is wrong).
    """

    handles = TTSService.handles

    def __init__(self, *, reconnect_on_error: bool = True, **kwargs: Any) -> None:
        """Make a service.

        Args:
            reconnect_on_error: Whether to connect again when the connection is lost.
            **kwargs: For `TTSService` and `WebsocketService`.
        """
        TTSService.__init__(self, **kwargs)
        WebsocketService.__init__(self, reconnect_on_error=reconnect_on_error, **kwargs)
        self._keepalive_task: asyncio.Task[Any] | None = None

    @property
    def supports_processing_metrics(self) -> bool:
        """False: there is no audio yet when `run_tts` returns."""
        return False

    async def stop(self, frame: EndFrame) -> None:
        """Speak what is left, and disconnect.

        Args:
            frame: The end frame.
        """
        await super().stop(frame)
        await self._disconnect()

    async def cancel(self, frame: CancelFrame) -> None:
        """Drop what is left, and disconnect.

        Args:
            frame: The cancel frame.
        """
        await super().cancel(frame)
        await self._disconnect()

    async def cleanup(self) -> None:
        """Disconnect."""
        await super().cleanup()
        await self._disconnect()

    async def _disconnect(self) -> None:
        await self._close_connection_contexts()
        await super()._disconnect()

    async def _reconnect_websocket(self, attempt_number: int) -> bool:
        await self._close_connection_contexts()
        return await super()._reconnect_websocket(attempt_number)

    async def _close_connection_contexts(self) -> None:
        """End the requests of a connection that is over: providers keep none for the next one.

        What has come of them is spoken. What is left of the present answer becomes a new request.
        """
        for context_id in self.get_audio_contexts():
            await self._cut_off(context_id)
        if self._turn_context_id is not None:
            self._turn_context_id = None
            self._turn_context_id = self.create_context_id()

    async def _report_error(
        self, error: ErrorFrame, force_treat_as_permanent: bool = False
    ) -> None:
        await self._call_event_handler("on_connection_error", error.error)
        await self.push_error_frame(error, force_treat_as_permanent=force_treat_as_permanent)

    # ---- keeping an idle connection

    def _create_keepalive_task(self, interval: float) -> None:
        """Begin to keep the connection alive.

        Args:
            interval: Seconds from one message to the next.
        """
        if self._keepalive_task is None or self._keepalive_task.done():
            self._keepalive_task = self.create_task(self._keep_connection(interval), "keepalive")

    async def _cancel_keepalive_task(self) -> None:
        """Stop that."""
        task, self._keepalive_task = self._keepalive_task, None
        if task is not None:
            await self.cancel_task(task)

    async def _keep_connection(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            if not self._is_keepalive_ready():
                continue
            try:
                await self._send_keepalive()
            except Exception as error:
                # The receiver notices a lost connection; the next one goes out on the new one.
                _logger.warning("%s: keeping the connection alive failed: %s", self, error)

    def _is_keepalive_ready(self) -> bool:
        """Return whether there is a connection to keep."""
        return self._is_websocket_open

    async def _send_keepalive(self) -> None:
        """Send what keeps the connection. Services that want this override it."""
        raise NotImplementedError(f"{type(self).__name__} must say _send_keepalive()")


class InterruptibleTTSService(WebsocketTTSService):
    """A service whose provider can neither be told to stop nor says which text its audio is for.

    An interruption while the bot speaks replaces the connection.
    """

    handles = (
        *(WebsocketTTSService.handles or ()),
        BotStartedSpeakingFrame,
        BotStoppedSpeakingFrame,
    )

    def __init__(self, **kwargs: Any) -> None:
        """Make a service.

        Args:
            **kwargs: For `WebsocketTTSService`.
        """
        super().__init__(**kwargs)
        self._bot_speaking = False
        # From the request on, as the audio takes its time to the output and back.
        self._tts_started = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follow the bot's voice, and do what every service does.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, BotStartedSpeakingFrame):
            self._bot_speaking = True
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._bot_speaking = self._tts_started = False
        elif isinstance(frame, LLMFullResponseStartFrame):
            self._tts_started = False

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push a frame, and note whether a request has begun.

        Args:
            frame: The frame.
            direction: Which way.
        """
        if isinstance(frame, TTSStartedFrame):
            self._tts_started = True
        await super().push_frame(frame, direction)

    async def _handle_interruption(self) -> None:
        speaking = self._bot_speaking or self._tts_started
        requests = [
            self._tts_contexts[context_id]
            for context_id in self.get_audio_contexts()
            if context_id in self._tts_contexts
        ]
        # Speech that an interruption leaves alone needs the connection it comes on.
        keep = bool(requests) and not any(request.interruptible for request in requests)
        self._bot_speaking = self._tts_started = False
        await super()._handle_interruption()
        if speaking and not keep:
            await self._disconnect()
            await self._connect()


@deprecated(
    "`WordTTSService` is deprecated since 0.0.105 and will be removed in 2.0.0. "
    "Use `TTSService` instead."
)
class WordTTSService(TTSService):
    """The name of pipecat 0.0.x for a service that knows when words are said; all can now."""


@deprecated(
    "`WebsocketWordTTSService` is deprecated since 0.0.105 and will be removed in 2.0.0. "
    "Use `WebsocketTTSService` instead."
)
class WebsocketWordTTSService(WebsocketTTSService):
    """The name of pipecat 0.0.x for a `WebsocketTTSService` that knows when words are said."""


@deprecated(
    "`InterruptibleWordTTSService` is deprecated since 0.0.105 and will be removed in 2.0.0. "
    "Use `InterruptibleTTSService` instead."
)
class InterruptibleWordTTSService(InterruptibleTTSService):
    """The name of pipecat 0.0.x for an `InterruptibleTTSService` that knows words."""


@deprecated(
    "`AudioContextTTSService` is deprecated since 0.0.105 and will be removed in 2.0.0. "
    "Use `WebsocketTTSService` instead."
)
class AudioContextTTSService(WebsocketTTSService):
    """The name of pipecat 0.0.x for a `WebsocketTTSService` with requests of its own."""


@deprecated(
    "`AudioContextWordTTSService` is deprecated since 0.0.105 and will be removed in 2.0.0. "
    "Use `WebsocketTTSService` instead."
)
class AudioContextWordTTSService(AudioContextTTSService):
    """The same, with words."""
