"""The base of speech-to-text services that stream audio over a WebSocket."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any

from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    ErrorFrame,
    InputAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.stt_service import STTService
from pipecat_rs.services.websocket_service import WebsocketService

_logger = logging.getLogger(__name__)

MAX_HELD_SECS = 10.0
"""Most audio that is held while there is no connection, in seconds; older audio is dropped."""

_KEEPALIVE_SILENCE_SECS = 0.1
_BYTES_PER_SAMPLE = 2


class WebsocketSTTService(STTService, WebsocketService):
    """A speech-to-text service with a WebSocket.

    Audio that comes while it connects again is held and sent afterwards. A connection that has to
    be replaced, as for new settings, is replaced once the user does not speak.
    """

    handles = STTService.handles

    def __init__(
        self,
        *,
        reconnect_on_error: bool = True,
        keepalive_timeout: float | None = None,
        keepalive_interval: float = 5.0,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            reconnect_on_error: Whether to connect again when the connection is lost.
            keepalive_timeout: Silence is sent after so many seconds without audio, for servers
                that close idle connections; None for never.
            keepalive_interval: How often to look, in seconds.
            **kwargs: For `STTService` and `WebsocketService`.
        """
        STTService.__init__(self, **kwargs)
        WebsocketService.__init__(self, reconnect_on_error=reconnect_on_error, **kwargs)
        self._keepalive_timeout = keepalive_timeout
        self._keepalive_interval = keepalive_interval
        self._keepalive_task: asyncio.Task[Any] | None = None
        self._last_audio_time = 0.0
        self._need_reconnect = False
        self._reconnecting = False
        self._held: deque[tuple[InputAudioRawFrame, FrameDirection]] = deque()
        self._held_secs = 0.0

    # ---- life cycle

    async def stop(self, frame: EndFrame) -> None:
        """Disconnect.

        Args:
            frame: The end frame.
        """
        await super().stop(frame)
        await self._disconnect()

    async def cancel(self, frame: CancelFrame) -> None:
        """Disconnect.

        Args:
            frame: The cancel frame.
        """
        await super().cancel(frame)
        await self._disconnect()

    async def cleanup(self) -> None:
        """Disconnect."""
        await super().cleanup()
        await self._disconnect()

    async def _connect(self) -> None:
        await super()._connect()
        if self._keepalive_timeout is not None and self._keepalive_task is None:
            self._last_audio_time = time.monotonic()
            self._keepalive_task = self.create_task(self._keep_alive(), "keepalive")

    async def _disconnect(self) -> None:
        await super()._disconnect()
        task, self._keepalive_task = self._keepalive_task, None
        if task is not None:
            await self.cancel_task(task)
        self._need_reconnect = False

    async def _report_error(
        self, error: ErrorFrame, force_treat_as_permanent: bool = False
    ) -> None:
        await self._call_event_handler("on_connection_error", error.error)
        await self.push_error_frame(error, force_treat_as_permanent=force_treat_as_permanent)

    # ---- audio

    async def process_audio_frame(
        self, frame: InputAudioRawFrame, direction: FrameDirection
    ) -> None:
        """Transcribe one chunk of audio, or hold it until there is a connection again.

        Args:
            frame: The audio.
            direction: Which way it travels.
        """
        if not self._holds_audio:
            self._last_audio_time = time.monotonic()
            await super().process_audio_frame(frame, direction)
        elif not self._muted and self.is_usable:
            self._held.append((frame, direction))
            self._held_secs += self._secs_of(frame)
            while self._held_secs > MAX_HELD_SECS:
                self._held_secs -= self._secs_of(self._held.popleft()[0])

    @property
    def _holds_audio(self) -> bool:
        # What is held goes first, or the words would change places.
        return self._reconnecting or self._reconnect_in_progress or bool(self._held)

    async def _send_held_audio(self) -> None:
        while self._held:
            # It stays there meanwhile, so that audio which comes now queues up behind it.
            frame, direction = self._held[0]
            await super().process_audio_frame(frame, direction)
            if self._held and self._held[0][0] is frame:
                self._held_secs -= self._secs_of(self._held.popleft()[0])

    def _drop_held_audio(self) -> None:
        self._held.clear()
        self._held_secs = 0.0

    def _secs_of(self, frame: InputAudioRawFrame) -> float:
        return len(frame.audio) / (_BYTES_PER_SAMPLE * (self.sample_rate or frame.sample_rate))

    # ---- connecting again

    async def _try_reconnect(self, *args: Any, **kwargs: Any) -> bool:
        connected = await super()._try_reconnect(*args, **kwargs)
        if connected:
            await self._send_held_audio()
        elif not self._reconnect_in_progress:
            self._drop_held_audio()
        return connected

    async def _request_reconnect(self) -> None:
        """Replace the connection, at once or when the user has stopped speaking."""
        if self._user_speaking:
            self._need_reconnect = True
        else:
            await self._reconnect()

    async def _reconnect(self) -> None:
        """Replace the connection. Audio that comes meanwhile is held."""
        self._need_reconnect = False
        self._reconnecting = True
        try:
            await self._do_reconnect()
        except Exception as error:
            await self._report_error(
                ErrorFrame(f"{self}: connecting again failed: {error}", exception=error)
            )
            self._drop_held_audio()
            return
        finally:
            self._reconnecting = False
        await self._send_held_audio()

    async def _do_reconnect(self) -> None:
        """Disconnect and connect."""
        await self._disconnect()
        await self._connect()

    async def _handle_vad_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        # Before anything is awaited: no connection is replaced from here on.
        self._user_speaking = True
        await super()._handle_vad_user_started_speaking(frame)

    async def _handle_vad_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        await super()._handle_vad_user_stopped_speaking(frame)
        if self._need_reconnect:
            await self._reconnect()

    # ---- keeping an idle connection

    async def _keep_alive(self) -> None:
        assert self._keepalive_timeout is not None
        while True:
            await asyncio.sleep(self._keepalive_interval)
            idle_secs = time.monotonic() - self._last_audio_time
            if idle_secs < self._keepalive_timeout or not self._is_keepalive_ready():
                continue
            samples = int(self.sample_rate * _KEEPALIVE_SILENCE_SECS)
            try:
                await self._send_keepalive(bytes(samples * _BYTES_PER_SAMPLE))
                self._last_audio_time = time.monotonic()
            except Exception as error:
                # The receiver notices a lost connection; the next one goes out on the new one.
                _logger.warning("%s: keeping the connection alive failed: %s", self, error)

    def _is_keepalive_ready(self) -> bool:
        """Return whether there is a connection to keep."""
        return self._is_websocket_open

    async def _send_keepalive(self, silence: bytes) -> None:
        """Keep the connection. Services whose server wants something else override this.

        Args:
            silence: Silence, 16-bit mono.
        """
        if self._websocket is not None:
            await self._websocket.send(silence)
            self._record_stt_audio_usage(silence)
