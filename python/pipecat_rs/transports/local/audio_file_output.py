"""The loudspeaker of a call with a recording: paces what the bot says and records it."""

from __future__ import annotations

from typing import Any

from pipecat_rs.audio.call_recording import Track
from pipecat_rs.audio.samples import is_silence
from pipecat_rs.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame, StartFrame
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.transports.base_output import OUTPUT_FRAMES, BaseOutputTransport
from pipecat_rs.transports.local.recorded_call import (
    AudioFileTransportParams,
    RecordedCall,
    first_channel,
)
from pipecat_rs.transports.playout_clock import PlayoutClock


class AudioFileOutputTransport(BaseOutputTransport):
    """The loudspeaker: paces what the bot says and records it."""

    paced = True

    def __init__(self, call: RecordedCall, params: AudioFileTransportParams, **kwargs: Any) -> None:
        """Initialize the output. Made by `AudioFileTransport.output`."""
        super().__init__(params, **kwargs)
        self._call = call

    def create_playout_clock(self) -> PlayoutClock:
        """The call's clock."""
        return self._call.clock

    async def start(self, frame: StartFrame) -> None:
        """Pick up: from here on the caller speaks."""
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._call.output_ready.set()

    async def cleanup(self) -> None:
        """Complete the recording."""
        await super().cleanup()
        self._call.close()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note who is busy, and do what every output does."""
        if direction is FrameDirection.DOWNSTREAM:
            self._call.saw(frame)
        await super().process_frame(frame, direction)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Record a chunk at the time that it is heard.

        Args:
            frame: The chunk.

        Returns:
            True.
        """
        if not is_silence(frame.audio):
            self._call.heard_at = self._call.clock.time()
        if self._call.recording and frame.transport_destination is None:
            audio = frame.audio
            if frame.num_channels > 1:
                audio = first_channel(audio, frame.num_channels)
            self._call.recording.write(Track.BOT, self.writing_at, audio)
        return True

    def _native_sink(self, destination: str | None) -> Any:
        return self._call.collector if destination is None else None

    def _plays_natively(self, destination: str | None) -> bool:
        kind = type(self)
        return (
            super()._plays_natively(destination)
            and kind.write_audio_frame is AudioFileOutputTransport.write_audio_frame
            and kind.write_transport_frame is BaseOutputTransport.write_transport_frame
            and kind.send_message is BaseOutputTransport.send_message
        )


class FastAudioFileOutputTransport(AudioFileOutputTransport):
    """The output of a fast call, which must know when the caller's audio has come through."""

    handles = (*OUTPUT_FRAMES, InputAudioRawFrame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note how far the caller's audio has come, and do what every output does."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._call.came_through(frame)
