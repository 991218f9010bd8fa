"""The input half of a call in a room of Daily."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    InputAudioRawFrame,
    StartFrame,
    UserAudioRawFrame,
)
from pipecat_rs.transports.base_input import BaseInputTransport
from pipecat_rs.transports.daily.client import DailyTransportClient
from pipecat_rs.transports.daily.frames import DailyInputTransportMessageFrame
from pipecat_rs.transports.daily.params import DailyParams

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup


class DailyInputTransport(BaseInputTransport):
    """Hears the participants, each by itself or all mixed."""

    _params: DailyParams

    def __init__(self, client: DailyTransportClient, params: DailyParams, **kwargs: Any) -> None:
        """Initialize the input. Made by `DailyTransport.input`."""
        super().__init__(params, **kwargs)
        self._client = client
        self._streaming = False
        # Whom to hear once audio is streamed.
        self._to_hear: list[tuple[str, str, int]] = []
        self._mixed_audio: asyncio.Task[None] | None = None

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Join the room.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        await self._client.join(self, setup)

    async def start(self, frame: StartFrame) -> None:
        """Stream audio, unless that is to wait.

        Args:
            frame: The StartFrame.
        """
        await super().start(frame)
        await self.set_transport_ready(frame)
        if self._params.audio_in_stream_on_start:
            await self._start_audio_in_streaming()

    async def stop(self, frame: EndFrame) -> None:
        """Leave the room.

        Args:
            frame: The EndFrame.
        """
        await super().stop(frame)
        await self._stop_streaming()
        await self._client.leave(self)

    async def cancel(self, frame: CancelFrame) -> None:
        """Leave the room.

        Args:
            frame: The CancelFrame.
        """
        await super().cancel(frame)
        await self._stop_streaming()
        await self._client.leave(self)

    async def cleanup(self) -> None:
        """Release the client."""
        await super().cleanup()
        await self._stop_streaming()
        await self._client.release(self)

    async def capture_participant_audio(
        self, participant_id: str, audio_source: str = "microphone", sample_rate: int = 16000
    ) -> None:
        """Begin to hear a participant, once audio is streamed.

        Args:
            participant_id: Whom.
            audio_source: Which of its tracks.
            sample_rate: In Hz.
        """
        if self._streaming:
            await self._client.hear(participant_id, self._heard, audio_source, sample_rate)
        else:
            self._to_hear.append((participant_id, audio_source, sample_rate))

    async def push_app_message(self, message: Any, sender: str) -> None:
        """Tell both ways what a participant has sent.

        Args:
            message: The message.
            sender: The participant.
        """
        await self.broadcast_frame(
            DailyInputTransportMessageFrame, message=message, participant_id=sender
        )

    async def _start_audio_in_streaming(self) -> None:
        if not self._params.audio_in_enabled or self._streaming:
            return
        self._streaming = True
        if not self._params.audio_in_user_tracks:
            self._mixed_audio = self.create_task(self._hear_all(), "mixed_audio")
        while self._to_hear:
            participant_id, audio_source, sample_rate = self._to_hear.pop(0)
            await self._client.hear(participant_id, self._heard, audio_source, sample_rate)

    async def _stop_streaming(self) -> None:
        self._streaming = False
        task, self._mixed_audio = self._mixed_audio, None
        if task is not None:
            await self.cancel_task(task)

    async def _heard(
        self, participant_id: str, audio: bytes, sample_rate: int, num_channels: int, source: str
    ) -> None:
        frame = UserAudioRawFrame(audio, sample_rate, num_channels, user_id=participant_id)
        frame.transport_source = source
        await self.push_audio_frame(frame)

    async def _hear_all(self) -> None:
        while True:
            audio = await self._client.read_audio()
            if audio:
                await self.push_audio_frame(
                    InputAudioRawFrame(audio, self.sample_rate, self._params.audio_in_channels)
                )
