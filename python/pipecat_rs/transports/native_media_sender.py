"""Plays one destination of an output transport on a media thread, without the event loop.

The twin of `MediaSender` for transports whose wire is native: cutting, pacing, writing, the bot's
speech and interruptions are Rust, so a loop that blocks delays none of it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from pipecat_rs import _core
from pipecat_rs.frames.frames import (
    AssistantImageRawFrame,
    EndFrame,
    Frame,
    MixerControlFrame,
    OutputAudioRawFrame,
    OutputDTMFFrame,
    OutputImageRawFrame,
    OutputTransportMessageFrame,
    SpeechOutputAudioRawFrame,
    SpriteFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    VolumeFrame,
    VolumeGainFrame,
)
from pipecat_rs.transports.base_transport import TransportParams

if TYPE_CHECKING:
    from pipecat_rs.transports.base_output import BaseOutputTransport

logger = logging.getLogger(__name__)

SEND_AHEAD_SECS = 0.02
"""How far ahead of its time a chunk is written: what the peer needs to bridge jitter."""

_PROGRESS_SECS = 1.0


class NativeMediaSender:
    """The player of one destination, in Rust."""

    def __init__(
        self,
        transport: BaseOutputTransport,
        destination: str | None,
        params: TransportParams,
        sink: Any,
    ) -> None:
        """Initialize the sender.

        Args:
            transport: Whose frames it plays.
            destination: Its name; None for the default one.
            params: The transport's settings.
            sink: The native sink that takes the audio.
        """
        self._transport = transport
        self._destination = destination
        self._params = params
        self._sink = sink
        self._mixer = params._mixer_of(destination)
        self._playout: _core.Playout | None = None
        self._lateness: _core.Lateness | None = None

    @property
    def busy(self) -> bool:
        """Whether something is to be done now, and not only later."""
        return not self.silent

    @property
    def silent(self) -> bool:
        """Whether there is nothing left to play."""
        return self._playout is None or self._playout.silent

    @property
    def writing_at(self) -> float:
        """Native output keeps its own time: 0."""
        return 0.0

    @property
    def lateness(self) -> _core.Lateness | None:
        """How late chunks were written; None before the start."""
        return self._lateness

    async def start(self) -> None:
        """Start to play."""
        params = self._params
        background = None
        if self._mixer is not None:
            await self._mixer.start(self._transport.sample_rate)
            background = self._mixer.background
        settings = {
            "sample_rate": self._transport.sample_rate,
            "channels": params.audio_out_channels,
            "chunk": params.audio_out_10ms_chunks / 100,
            "lead": SEND_AHEAD_SECS,
            "end_silence": params.audio_out_end_silence_secs if params.audio_out_enabled else 0,
            "write_timeout": params.audio_out_write_timeout_secs,
            "volume": params.audio_out_volume,
        }
        self._playout = _core.Playout(
            self._transport, self._destination, settings, self._sink, self._failed, background
        )
        self._lateness = self._playout.lateness

    async def finish(self, frame: EndFrame) -> None:
        """Play all that is queued, then stop.

        Args:
            frame: The EndFrame, which the transport passes on afterwards.
        """
        playout = self._playout
        if playout is None:
            return
        done = playout.finish()
        written = playout.progress
        while not done.done():
            await asyncio.wait([done], timeout=_PROGRESS_SECS)
            if playout.progress != written:
                written = playout.progress
                # An end may wait for the last words, however long they are.
                self._transport.pipeline_worker._note_progress()
        await self.cancel()

    async def cancel(self) -> None:
        """Stop at once."""
        playout, self._playout = self._playout, None
        if playout is not None:
            playout.close()
            mixer, self._mixer = self._mixer, None
            if mixer is not None:
                await mixer.stop()

    async def interrupt(self) -> None:
        """Drop what an interruption may drop. Uninterruptible frames and audio stay."""
        if self._playout is not None:
            self._playout.interrupt()

    async def play_audio(self, frame: OutputAudioRawFrame) -> None:
        """Queue audio, cut into chunks at the transport's rate.

        Args:
            frame: Audio of any length and rate.
        """
        if self._playout is None or not self._params.audio_out_enabled:
            return
        kind = 0
        context = None
        if isinstance(frame, TTSAudioRawFrame):
            kind, context = 1, frame.context_id
        elif isinstance(frame, SpeechOutputAudioRawFrame):
            kind = 2
        self._playout.play_audio(
            frame.audio, frame.sample_rate, frame.num_channels, kind, frame.interruptible, context
        )

    async def end_utterance(self, frame: TTSStoppedFrame) -> None:
        """Queue the end of an utterance, after the audio that was still held back.

        Args:
            frame: The TTS's stop frame.
        """
        if self._playout is not None:
            self._playout.end_utterance(frame, frame.interruptible)

    async def show_image(self, frame: OutputImageRawFrame | SpriteFrame) -> None:
        """Show an image now, or after the audio before it if it asks for that.

        Args:
            frame: One image, or a sprite of several, of which the first is shown.
        """
        if not self._params.video_out_enabled:
            return
        image = frame.images[0] if isinstance(frame, SpriteFrame) else frame
        await self._transport.write_video_frame(image)
        if isinstance(frame, AssistantImageRawFrame) or (
            isinstance(frame, OutputImageRawFrame) and frame.sync_with_audio
        ):
            await self.play_in_turn(frame)

    async def control_mixer(self, frame: MixerControlFrame) -> None:
        """Hand a control frame to the mixer, if there is one.

        Args:
            frame: The frame.
        """
        if self._mixer is not None:
            await self._mixer.process_frame(frame)

    def play_at(self, frame: Frame, pts: int) -> None:
        """Pass a frame on at its presentation time.

        Args:
            frame: The frame.
            pts: On the pipeline's clock, in nanoseconds.
        """
        if self._playout is not None:
            delay_ns = pts - self._transport.get_clock().get_time()
            self._playout.play_at(frame, delay_ns, frame.interruptible)

    async def play_in_turn(self, frame: Frame) -> None:
        """Pass a frame on when all that was queued before it has been played.

        Args:
            frame: The frame.
        """
        if self._playout is None:
            return
        match frame:
            case VolumeFrame():
                self._playout.set_volume_in_turn(frame.volume, frame, frame.interruptible)
            case VolumeGainFrame():
                self._playout.set_gain_in_turn(frame.gain, frame, frame.interruptible)
            case OutputTransportMessageFrame() | OutputDTMFFrame():
                await self._send_in_turn(self._playout, frame)
            case _:
                self._playout.play_in_turn(frame, frame.interruptible)

    async def _send_in_turn(
        self, playout: _core.Playout, frame: OutputTransportMessageFrame | OutputDTMFFrame
    ) -> None:
        # Written down now and sent in its turn, without a way back to the loop.
        message = await self._transport._wire_message(frame)
        if message is not None:
            playout.send_in_turn(self._sink, message, frame, frame.interruptible)
            return
        if isinstance(frame, OutputDTMFFrame):
            for tone in await self._transport._tones(frame):
                await self.play_audio(tone)
        playout.play_in_turn(frame, frame.interruptible)

    def _failed(self, what: str, fatal: bool) -> None:
        transport = self._transport
        transport.create_task(
            transport.push_error(f"{transport}: {what}", force_treat_as_permanent=fatal),
            "report_failed_write",
        )
