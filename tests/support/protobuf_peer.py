"""The other end of a WebSocket that speaks protobuf frames; its socket is not one of ours."""

from __future__ import annotations

from typing import Any

import websockets
from pipecat_rs.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer
from websockets.asyncio.client import ClientConnection

RATE = 16000
CHUNK = 640  # bytes in 20 ms of mono


class ProtobufPeer:
    """A client. Use as an async context manager."""

    def __init__(self, url: str, **options: Any) -> None:
        self._connecting = websockets.connect(url, **options)
        self._serializer = ProtobufFrameSerializer(
            params=ProtobufFrameSerializer.InputParams(ignore_rtvi_messages=False)
        )
        self.socket: ClientConnection

    async def __aenter__(self) -> ProtobufPeer:
        self.socket = await self._connecting.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._connecting.__aexit__(*error)

    async def say(self, audio: bytes, sample_rate: int = RATE) -> None:
        """Send audio."""
        await self.send(OutputAudioRawFrame(audio, sample_rate, 1))

    async def send(self, frame: Frame) -> None:
        """Send a frame."""
        message = await self._serializer.serialize(frame)
        assert message is not None
        await self.socket.send(message)

    async def hear(self) -> Frame | None:
        """Receive a frame."""
        return await self._serializer.deserialize(await self.socket.recv())

    async def hear_audio(self, count: int) -> bytes:
        """Receive so many bytes of audio, and pass over other frames."""
        heard = b""
        while len(heard) < count:
            frame = await self.hear()
            if isinstance(frame, InputAudioRawFrame):
                heard += frame.audio
        return heard
