"""The output half of every WebSocket transport: what the bot says and sends, as messages."""

from __future__ import annotations

import logging
from typing import Any

from pipecat_rs import _core
from pipecat_rs.audio.utils import pcm_to_wav
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputDTMFFrame,
    OutputDTMFUrgentFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.transports.base_output import BaseOutputTransport
from pipecat_rs.transports.base_transport import TransportParams
from pipecat_rs.transports.websocket.connection import Message, WebsocketConnection
from pipecat_rs.transports.websocket.starlette_connection import StarletteConnection

logger = logging.getLogger(__name__)


class WireOutputTransport(BaseOutputTransport):
    """Sends what is played over a connection.

    Audio is cut, paced and sent on a media thread, and an interruption takes back at once what has
    not been sent. Where something written in Python is to see the audio on its way out (a
    serializer, a filter, a mixer, or an overridden `write_audio_frame`), the event loop does it.
    """

    paced = True

    _tells_interruptions = True
    """Whether the peer is to drop what it has not played when the user interrupts."""

    def __init__(
        self, params: TransportParams, serializer: FrameSerializer | None, **kwargs: Any
    ) -> None:
        """Initialize the output.

        Args:
            params: The transport's settings.
            serializer: The format of the messages. Without one nothing is sent.
            **kwargs: For the base class.
        """
        super().__init__(params, **kwargs)
        self._serializer = serializer
        self._connection: WebsocketConnection | StarletteConnection | None = None
        self._wire: _core.WireOutput | None = None
        self._input_rate = 0

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Set up the serializer.

        Args:
            setup: What the pipeline task hands to its processors.
        """
        await super().setup(setup)
        self._wire = _core.WireOutput(
            self.sample_rate,
            self._params.audio_out_channels,
            tells_interruptions=self._tells_interruptions,
        )
        self._input_rate = self._params.audio_in_sample_rate or setup.audio_in_sample_rate
        if self._serializer is not None:
            await self._serializer.setup(setup)

    async def stop(self, frame: EndFrame) -> None:
        """Play what is queued, and tell the peer of the end.

        Args:
            frame: The EndFrame.
        """
        await super().stop(frame)
        await self._send(frame)

    async def cancel(self, frame: CancelFrame) -> None:
        """Play nothing more, and tell the peer of the end.

        Args:
            frame: The CancelFrame.
        """
        await super().cancel(frame)
        await self._send(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Tell the peer of an interruption, unless the native player has done it.

        Args:
            frame: The frame.
            direction: Where it is going.
        """
        await super().process_frame(frame, direction)
        if not isinstance(frame, InterruptionFrame) or not self._tells_interruptions:
            return
        if not self._sends_natively():
            await self._send(frame)

    async def send_message(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ) -> None:
        """Send a message of the application.

        Args:
            frame: The message.
        """
        await self._send(frame)

    async def write_dtmf(self, frame: OutputDTMFFrame | OutputDTMFUrgentFrame) -> None:
        """Send a key, if the format has a message for that; as a tone otherwise.

        Args:
            frame: The key.
        """
        if not await self._send(frame):
            await super().write_dtmf(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Send a chunk of audio.

        Args:
            frame: The chunk.

        Returns:
            Whether there was somebody to take it.
        """
        if self._connection is None:
            return False
        audio = frame.audio
        if getattr(self._params, "add_wav_header", False):
            audio = pcm_to_wav(audio, self.sample_rate, self._params.audio_out_channels)
        written = OutputAudioRawFrame(audio, self.sample_rate, self._params.audio_out_channels)
        await self._send(written)
        return True

    def _attach(self, connection: WebsocketConnection | StarletteConnection) -> None:
        """Send to a connection from now on."""
        self._connection = connection
        native = self._serializer._native() if self._serializer is not None else None
        if native is not None and self._wire is not None:
            connection._take_from(self._wire, native, self._input_rate)

    def _detach(self) -> None:
        self._connection = None
        if self._wire is not None:
            self._wire.detach()

    async def _send(self, frame: Frame) -> bool:
        """Send what the serializer makes of a frame; say whether it made anything."""
        if self._serializer is None or self._connection is None:
            return False
        message = await self._serializer.serialize(frame)
        if not message:
            return False
        try:
            await self._write(frame, message)
        except ConnectionError:
            logger.debug("%s: %s comes too late, the peer is gone", self, frame)
        except BufferError:
            # Its end is told of by the connection; an end of our own must not stop here.
            logger.warning("%s: %s is not sent, the peer does not read", self, frame)
        return True

    async def _write(self, frame: Frame, message: Message) -> None:
        """Send what became of a frame."""
        if self._connection is not None:
            await self._connection.send(message)

    # ---- native

    def _sends_natively(self) -> bool:
        return self._native_sink(None) is not None and self._plays_natively(None)

    def _native_sink(self, destination: str | None) -> Any:
        if destination is not None or self._serializer is None:
            return None
        return self._wire if self._serializer._native() is not None else None

    def _plays_natively(self, destination: str | None) -> bool:
        kind = type(self)
        return (
            super()._plays_natively(destination)
            and kind.write_audio_frame is WireOutputTransport.write_audio_frame
            and kind.write_transport_frame is BaseOutputTransport.write_transport_frame
            and kind.send_message is WireOutputTransport.send_message
            and kind.write_dtmf is WireOutputTransport.write_dtmf
            and not getattr(self._params, "add_wav_header", False)
        )

    async def _wire_message(
        self, frame: OutputTransportMessageFrame | OutputDTMFFrame
    ) -> Message | None:
        if self._serializer is None:
            return None
        return await self._serializer.serialize(frame)
