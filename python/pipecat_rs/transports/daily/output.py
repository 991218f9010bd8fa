"""The output half of a call in a room of Daily."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    OutputAudioRawFrame,
    OutputDTMFFrame,
    OutputDTMFUrgentFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
)
from pipecat_rs.transports.base_output import BaseOutputTransport
from pipecat_rs.transports.daily.client import DailyTransportClient
from pipecat_rs.transports.daily.frames import (
    DailySIPReferFrame,
    DailySIPTransferFrame,
    DailyUpdateRemoteParticipantsFrame,
)
from pipecat_rs.transports.daily.params import DailyParams

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup

_DTMF_OPTIONS = {
    "session_id": "sessionId",
    "digit_duration_ms": "digitDurationMs",
    "method": "method",
}


class DailyOutputTransport(BaseOutputTransport):
    """Speaks to the participants. Daily takes audio at the pace at which it is heard."""

    _params: DailyParams

    def __init__(self, client: DailyTransportClient, params: DailyParams, **kwargs: Any) -> None:
        """Initialize the output. Made by `DailyTransport.output`."""
        super().__init__(params, **kwargs)
        self._client = client
        self._told_of_messages = False

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Join the room.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        await self._client.join(self, setup)

    async def start(self, frame: StartFrame) -> None:
        """Begin to play.

        Args:
            frame: The StartFrame.
        """
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def stop(self, frame: EndFrame) -> None:
        """Play what is queued, and leave the room.

        Args:
            frame: The EndFrame.
        """
        await super().stop(frame)
        await self._client.leave(self)

    async def cancel(self, frame: CancelFrame) -> None:
        """Leave the room.

        Args:
            frame: The CancelFrame.
        """
        await super().cancel(frame)
        await self._client.leave(self)

    async def cleanup(self) -> None:
        """Release the client."""
        await super().cleanup()
        await self._client.release(self)

    async def register_audio_destination(self, destination: str) -> None:
        """Make a further audio track.

        Args:
            destination: Its name.
        """
        silence = self._params.audio_out_auto_silence
        await self._report(
            f"make the audio track {destination!r}",
            await self._client.add_audio_track(destination, silence),
        )

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Play a chunk of audio.

        Args:
            frame: The chunk.

        Returns:
            Whether it was taken.
        """
        return await self._client.write_audio(frame)

    async def send_message(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ) -> None:
        """Send a message to participants.

        Args:
            frame: The message.
        """
        error = await self._client.send_message(frame)
        # Once, until one gets through: a report may itself become a message.
        if error and not self._told_of_messages:
            await self._report("send a message", error)
        self._told_of_messages = bool(error)

    async def write_dtmf(self, frame: OutputDTMFFrame | OutputDTMFUrgentFrame) -> None:
        """Send key tones.

        Args:
            frame: The keys.
        """
        options = {daily: getattr(frame, ours, None) for ours, daily in _DTMF_OPTIONS.items()}
        settings = {name: value for name, value in options.items() if value is not None}
        error = await self._client.call_session(
            "send_dtmf", {"tones": frame.to_string()} | settings
        )
        await self._report("send key tones", error)

    async def write_transport_frame(self, frame: Frame) -> None:
        """Do what a frame of Daily's asks for, once the audio before it was played.

        Args:
            frame: The frame.
        """
        match frame:
            case DailySIPTransferFrame():
                error = await self._client.call_session("sip_call_transfer", frame.settings)
                await self._report("transfer the call", error)
            case DailySIPReferFrame():
                error = await self._client.call_session("sip_refer", frame.settings)
                await self._report("refer the call", error)
            case DailyUpdateRemoteParticipantsFrame():
                changes = frame.remote_participants
                error = await self._client.call("update_remote_participants", changes)
                await self._report("change participants", error)

    async def _report(self, what: str, error: str | None) -> None:
        if error:
            await self.push_error(f"{self}: cannot {what}: {error}")
