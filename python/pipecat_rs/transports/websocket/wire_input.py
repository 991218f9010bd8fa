"""The input half of every WebSocket transport: what a peer sends, as frames."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from typing import Any

from pipecat_rs import _core
from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InputTransportMessageFrame,
    StartFrame,
    StopFrame,
    TextFrame,
    TranscriptionFrame,
)
from pipecat_rs.processors.frame_processor import FrameProcessorSetup
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.transports.base_input import BaseInputTransport
from pipecat_rs.transports.base_transport import TransportParams
from pipecat_rs.transports.websocket.connection import Message, WebsocketConnection
from pipecat_rs.transports.websocket.starlette_connection import StarletteConnection

logger = logging.getLogger(__name__)

# Telephones have no keys A to D, which the tones know; nor have frames.
_KEYS = frozenset(entry.value for entry in KeypadEntry)


class WireInputTransport(BaseInputTransport):
    """Pushes what comes over a connection.

    Audio goes from the socket into the pipeline without a step of Python, unless something
    written in Python is to see it first: a serializer, a filter, or a `push_audio_frame`.
    """

    def __init__(
        self, params: TransportParams, serializer: FrameSerializer | None, **kwargs: Any
    ) -> None:
        """Initialize the input.

        Args:
            params: The transport's settings.
            serializer: The format of the messages. Without one they are ignored.
            **kwargs: For the base class.
        """
        super().__init__(params, **kwargs)
        self._serializer = serializer
        self._connection: WebsocketConnection | StarletteConnection | None = None
        self._audio_input: _core.AudioInput | None = None
        self._waiting: deque[Message | tuple[Any, ...]] = deque()
        self._handling: asyncio.Task[None] | None = None
        self._streaming = params.audio_in_stream_on_start

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Set up the serializer.

        Args:
            setup: What the pipeline task hands to its processors.
        """
        await super().setup(setup)
        if self._serializer is not None:
            await self._serializer.setup(setup)

    async def stop(self, frame: EndFrame) -> None:
        """Hear nothing more.

        Args:
            frame: The EndFrame.
        """
        await super().stop(frame)
        self._set_streaming(False)

    async def pause(self, frame: StopFrame) -> None:
        """Hear nothing until the next start.

        Args:
            frame: The StopFrame.
        """
        await super().pause(frame)
        self._set_streaming(False)

    async def start(self, frame: StartFrame) -> None:
        """Hear what comes, if that is wanted from the start.

        Args:
            frame: The StartFrame.
        """
        await super().start(frame)
        self._set_streaming(self._params.audio_in_stream_on_start)

    async def cancel(self, frame: CancelFrame) -> None:
        """Hear nothing more.

        Args:
            frame: The CancelFrame.
        """
        await super().cancel(frame)
        self._set_streaming(False)

    async def cleanup(self) -> None:
        """Forget what was not handled yet."""
        await super().cleanup()
        self._waiting.clear()
        handling, self._handling = self._handling, None
        if handling is not None:
            await self.cancel_task(handling)

    async def _start_audio_in_streaming(self) -> None:
        self._set_streaming(True)

    def _attach(self, connection: WebsocketConnection | StarletteConnection) -> None:
        """Hear a connection from now on."""
        self._connection = connection
        native = self._serializer._native() if self._serializer is not None else None
        if native is None or not self._hears_natively():
            self._audio_input = None
            connection._read_with(self._arrived)
            return
        native.set_rates(self.sample_rate, self._output_rate())
        self._audio_input = _core.AudioInput(self, native, self._said, connection._ended)
        self._audio_input.streaming = self._streaming and self._params.audio_in_enabled
        connection._read_natively(self._audio_input)

    def _detach(self) -> None:
        self._connection = self._audio_input = None

    def _hears_natively(self) -> bool:
        return (
            type(self).push_audio_frame is BaseInputTransport.push_audio_frame
            and not self._params.audio_in_filter
            and self._params.audio_in_passthrough
        )

    def _output_rate(self) -> int:
        setup = self._setup
        rate = self._params.audio_out_sample_rate
        return rate or (setup.audio_out_sample_rate if setup is not None else 0)

    def _set_streaming(self, streaming: bool) -> None:
        self._streaming = streaming
        if self._audio_input is not None:
            self._audio_input.streaming = streaming and self._params.audio_in_enabled

    # ---- what is handled in Python, in order, by one task that is there only while it is needed

    def _arrived(self, message: Message) -> None:
        self._handle_in_order(message)

    def _said(self, *said: Any) -> None:
        self._handle_in_order(said)

    def _handle_in_order(self, what: Message | tuple[Any, ...]) -> None:
        self._waiting.append(what)
        if self._handling is None or self._handling.done():
            self._handling = self.create_task(self._handle_waiting(), "messages")

    async def _handle_waiting(self) -> None:
        while self._waiting:
            what = self._waiting.popleft()
            try:
                if isinstance(what, tuple):
                    await self._handle_said(*what)
                else:
                    await self._handle_message(what)
            except Exception as error:
                await self.push_error(
                    f"{self}: a message of the peer could not be handled: {error}", exception=error
                )

    async def _handle_message(self, message: Message) -> None:
        if self._serializer is None:
            return
        frame = await self._serializer.deserialize(message)
        if frame is None:
            return
        if isinstance(frame, InputAudioRawFrame):
            if self._streaming:
                await self.push_audio_frame(frame)
        elif isinstance(frame, InputTransportMessageFrame):
            await self.broadcast_frame(InputTransportMessageFrame, message=frame.message)
        else:
            await self.push_frame(frame)

    async def _handle_said(self, kind: str, *values: Any) -> None:
        match kind, values:
            case "dtmf", (key,) if key in _KEYS:
                await self.push_frame(InputDTMFFrame(button=KeypadEntry(key)))
            case "application", (text,):
                message = json.loads(text)
                await self.broadcast_frame(InputTransportMessageFrame, message=message)
            case "text", (text,):
                await self.push_frame(TextFrame(text=text))
            case "transcription", (text, user_id, timestamp):
                await self.push_frame(TranscriptionFrame(text, user_id, timestamp))
            case "interruption", ():
                await self.broadcast_interruption()
            case "reply", (answer,) if self._connection is not None:
                await self._connection.send(answer)
            case "malformed", (why,):
                logger.warning(
                    "%s: a message that makes no sense is ignored, and so are those after it: %s",
                    self,
                    why,
                )
            case _:
                logger.debug("%s: the peer says %s %s", self, kind, values)
