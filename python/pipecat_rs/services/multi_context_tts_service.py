"""The base of text-to-speech services whose provider keeps several requests on one WebSocket."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from typing import Any

from pipecat_rs.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat_rs.processors.frame_processor import FrameProcessorSetup
from pipecat_rs.services.managed_websocket import ManagedWebsocket
from pipecat_rs.services.websocket_service import ReportErrorCallback
from pipecat_rs.services.websocket_tts_service import WebsocketTTSService
from pipecat_rs.utils.errors import ErrorCategory

_logger = logging.getLogger(__name__)

_CANCEL_PATIENCE_SECS = 0.05
"""How long an interruption waits for its message to the provider to leave. It leaves later too."""


@dataclass
class _Request:
    """What the provider was given of a request.

    Attributes:
        texts: The pieces of text.
        opened: Whether this connection knows the request.
        finished: Whether no more text comes.
        heard: Whether audio has come.
    """

    texts: list[str] = field(default_factory=list)
    opened: bool = False
    finished: bool = False
    heard: bool = False


class MultiContextTTSService(ManagedWebsocket, WebsocketTTSService):
    """Sends text under the identifier of its request, under which audio comes back.

    If the connection is lost, a request of which nothing was heard yet is made again on the next
    one; of one that was heard in part, what has come is spoken.
    """

    handles = WebsocketTTSService.handles

    def __init__(self, **kwargs: Any) -> None:
        """Make a service.

        Args:
            **kwargs: For `WebsocketTTSService`.
        """
        # Words come with their times, so they are told one by one.
        kwargs.setdefault("push_text_frames", False)
        super().__init__(push_start_frame=True, push_stop_frames=True, **kwargs)
        self._requests: dict[str, _Request] = {}

    def can_generate_metrics(self) -> bool:
        """Return True."""
        return True

    # ---- for services

    def opening_messages(self, context_id: str) -> list[str]:
        """Return what opens a request, if that is not just its first text.

        Args:
            context_id: The request.
        """
        return []

    @abstractmethod
    def text_messages(self, text: str, context_id: str) -> list[str]:
        """Return what has the provider speak a piece of text.

        Args:
            text: The text.
            context_id: The request.
        """

    @abstractmethod
    def finish_messages(self, context_id: str) -> list[str]:
        """Return what says that no more text comes.

        Args:
            context_id: The request.
        """

    @abstractmethod
    def cancel_messages(self, context_id: str) -> list[str]:
        """Return what has the provider stop.

        Args:
            context_id: The request.
        """

    async def audio_received(self, context_id: str, audio: bytes, sample_rate: int) -> None:
        """Take over audio.

        Args:
            context_id: The request.
            audio: 16-bit mono.
            sample_rate: Sample rate in Hz.
        """
        if context_id in self._requests:
            self._requests[context_id].heard = True
        audio = await self._at_own_rate(audio, sample_rate)
        if audio:
            await self.append_to_audio_context(
                context_id, TTSAudioRawFrame(audio, self.sample_rate, 1, context_id=context_id)
            )

    async def request_done(self, context_id: str) -> None:
        """Take note that the provider has sent all the audio of a request.

        Args:
            context_id: The request.
        """
        self._requests.pop(context_id, None)
        await self.remove_audio_context(context_id)

    async def request_failed(self, context_id: str | None, error: ErrorFrame) -> None:
        """Report that the provider cannot speak a request, and end it.

        Args:
            context_id: The request, or None if the provider does not say which.
            error: Why.
        """
        await self.push_error_frame(error)
        if context_id is not None:
            await self.request_done(context_id)

    # ---- life cycle and connection

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Connect.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        if self._settings.voice:
            await self._connect()
        else:
            await self.push_error(
                f"{self}: no voice is set: give voice_id, or settings with a voice",
                category=ErrorCategory.INVALID_REQUEST,
            )

    async def cleanup(self) -> None:
        """Disconnect, and forget what was not spoken."""
        await super().cleanup()
        self._requests.clear()

    async def connection_opened(self) -> None:
        """Make the requests again that the last connection has left without any audio."""
        for context_id, request in list(self._requests.items()):
            request.opened = False
            await self._send_request(context_id, request, request.texts)
            if request.finished:
                await self._send(self.finish_messages(context_id))

    async def _close_connection_contexts(self) -> None:
        unheard = {
            context_id
            for context_id, request in self._requests.items()
            if not request.heard and self.audio_context_available(context_id)
        }
        for context_id in self.get_audio_contexts():
            if context_id not in unheard:
                _logger.debug("%s: request %s ends with its connection", self, context_id)
                await self._cut_off(context_id)
        self._requests = {c: r for c, r in self._requests.items() if c in unheard}
        if self._turn_context_id is not None and self._turn_context_id not in unheard:
            self._turn_context_id = None
            self._turn_context_id = self.create_context_id()

    async def _receive_task_handler(self, report_error: ReportErrorCallback) -> None:
        await super()._receive_task_handler(report_error)
        # Given up: nobody is to wait for what does not come.
        self._requests.clear()
        await self._close_connection_contexts()

    # ---- requests

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Send a piece of text. The audio comes by itself.

        Args:
            text: The text.
            context_id: The request it belongs to.

        Yields:
            None, or an ErrorFrame.
        """
        if not await self._has_connection():
            yield ErrorFrame(
                f"{self}: no connection, so this is not spoken: {text!r}",
                category=ErrorCategory.CONNECTIVITY,
            )
            return
        request = self._requests.setdefault(context_id, _Request())
        request.texts.append(text)
        await self._send_request(context_id, request, [text])
        await self.start_tts_usage_metrics(text)
        yield None

    async def flush_audio(self, context_id: str | None = None) -> None:
        """Have the provider speak all that it was given.

        Args:
            context_id: The request, or None for the one that plays.
        """
        await self._finish(context_id or self.get_active_audio_context_id())

    async def on_turn_context_completed(self) -> None:
        """End the request of the present answer."""
        await self._finish(self._turn_context_id)
        await super().on_turn_context_completed()

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        """Have the provider stop.

        Args:
            context_id: The request.
        """
        await super().on_audio_context_interrupted(context_id)
        await self._abandon(context_id)

    async def on_audio_context_completed(self, context_id: str) -> None:
        """Forget a request that has ended here, and have the provider do so too.

        Args:
            context_id: The request.
        """
        await super().on_audio_context_completed(context_id)
        # The present answer may go on after a pause.
        if context_id != self._turn_context_id:
            await self._abandon(context_id)

    async def _handle_interruption(self) -> None:
        await super()._handle_interruption()
        for context_id in list(self._requests):
            if not self.audio_context_available(context_id):
                await self._abandon(context_id)

    async def _has_connection(self) -> bool:
        """Return whether there is a connection, or one is being made; make one if need be."""
        if not self._is_websocket_open and (self._receiver is None or self._receiver.done()):
            await self._connect()
        receiving = self._receiver is not None and not self._receiver.done()
        return self._is_websocket_open or receiving

    async def _begin_new_request(self) -> None:
        """Let the rest of the present answer be a new request, as for another voice."""
        if self._turn_context_id is not None:
            await self._finish(self._turn_context_id)
            self._turn_context_id = None
            self._turn_context_id = self.create_context_id()

    async def _finish(self, context_id: str | None) -> None:
        request = self._requests.get(context_id or "")
        if context_id is not None and request is not None and not request.finished:
            request.finished = True
            if request.opened:
                await self._send(self.finish_messages(context_id))

    async def _abandon(self, context_id: str) -> None:
        request = self._requests.pop(context_id, None)
        if request is not None and request.opened and self._is_websocket_open:
            messages = self.cancel_messages(context_id)
            # A peer that does not read must not hold up the interruption.
            sending = self.create_task(self._send(messages), "cancel_request")
            await asyncio.wait({sending}, timeout=_CANCEL_PATIENCE_SECS)

    async def _send_request(self, context_id: str, request: _Request, texts: list[str]) -> None:
        opening = [] if request.opened else self.opening_messages(context_id)
        messages = [m for text in texts for m in self.text_messages(text, context_id)]
        if await self._send(opening + messages):
            request.opened = True

    async def _send(self, messages: Iterable[str]) -> bool:
        """Send messages, and return whether that was possible.

        If the connection is lost, the receiver notices it, and what has to be is sent again.
        """
        websocket = self._websocket
        if websocket is None or not self._is_websocket_open:
            return False
        try:
            for message in messages:
                await websocket.send(message)
        except Exception as error:
            _logger.warning("%s: sending failed: %s", self, error)
            return False
        return True
