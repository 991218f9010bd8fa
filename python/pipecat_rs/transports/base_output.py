"""The output half of a transport: plays what comes down the pipeline to the user."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pipecat_rs import _core
from pipecat_rs.audio.lateness import LatenessHistogram
from pipecat_rs.audio.pacer import Pacer
from pipecat_rs.frames.frames import (
    CancelFrame,
    ControlFrame,
    DataFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    MixerControlFrame,
    OutputAudioRawFrame,
    OutputDTMFFrame,
    OutputDTMFUrgentFrame,
    OutputImageRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    OutputTransportReadyFrame,
    SpriteFrame,
    StartFrame,
    StopFrame,
    SystemFrame,
    TTSStoppedFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.transports.base_transport import TransportParams
from pipecat_rs.transports.media_sender import MediaSender
from pipecat_rs.transports.native_media_sender import NativeMediaSender
from pipecat_rs.transports.playout_clock import LoopPlayoutClock, PlayoutClock

if TYPE_CHECKING:
    from pipecat_rs.pipeline.capabilities import BotCapabilities
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup

logger = logging.getLogger(__name__)

OUTPUT_FRAMES: tuple[type[Frame], ...] = (
    DataFrame,
    ControlFrame,
    LLMContextFrame,
    OutputTransportMessageUrgentFrame,
    OutputDTMFUrgentFrame,
)
"""What a transport's output handles: all that keeps its place in the audio, and urgent messages."""


class BaseOutputTransport(FrameProcessor):
    """Base class of transport outputs.

    A subclass overrides `write_audio_frame`, calls `set_transport_ready` when it is connected,
    and sets `paced = True` if its `write_audio_frame` returns at once instead of taking as long as
    the audio lasts: chunks are then written on an absolute schedule, and `lateness` tells how
    well it is kept.
    """

    _speaks = True

    handles = OUTPUT_FRAMES

    paced: bool = False
    """Whether chunks wait for their turn on the schedule before they are written."""

    def __init__(self, params: TransportParams, **kwargs: Any) -> None:
        """Initialize the output.

        Args:
            params: The transport's settings.
            **kwargs: For the base class.
        """
        super().__init__(**kwargs)
        self._params = params
        self._sample_rate = 0
        self._audio_chunk_size = 0
        self._playout_clock: PlayoutClock | None = None
        self._lateness = LatenessHistogram()
        self._media_senders: dict[str | None, MediaSender | NativeMediaSender] = {}
        self._is_open = False

    @property
    def sample_rate(self) -> int:
        """Of the played audio, in Hz. 0 before `setup`."""
        return self._sample_rate

    @property
    def capabilities(self) -> BotCapabilities:
        """What this transport sends to the user."""
        from pipecat_rs.pipeline.capabilities import BotCapabilities

        return BotCapabilities(
            audio_out=self._params.audio_out_enabled, video_out=self._params.video_out_enabled
        )

    @property
    def audio_chunk_size(self) -> int:
        """Bytes in a chunk. 0 before `setup`."""
        return self._audio_chunk_size

    @property
    def lateness(self) -> LatenessHistogram | _core.Lateness:
        """How late audio chunks were written, by the schedule. Empty if nothing is paced."""
        sender = self._media_senders.get(None)
        native = sender.lateness if isinstance(sender, NativeMediaSender) else None
        return self._lateness if native is None else native

    @property
    def silent(self) -> bool:
        """Whether nothing plays and nothing is left to play."""
        return all(sender.silent for sender in self._media_senders.values())

    @property
    def busy(self) -> bool:
        """Whether something is being written, or could be written now."""
        return any(sender.busy for sender in self._media_senders.values())

    @property
    def writing_at(self) -> float:
        """When the chunk that is being written is due, in seconds on the playout clock."""
        return self._media_senders[None].writing_at

    @property
    def playout_clock(self) -> PlayoutClock:
        """The clock that audio is paced by. Set in `setup`."""
        if self._playout_clock is None:
            raise RuntimeError(f"{self} has no clock before the pipeline has set it up")
        return self._playout_clock

    def create_playout_clock(self) -> PlayoutClock:
        """The clock to pace audio by. A subclass may have one of its own."""
        return LoopPlayoutClock(self.get_clock())

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Work out rate and chunk size and start the audio filter.

        Args:
            setup: What the pipeline task hands to its processors.
        """
        await super().setup(setup)
        self._is_open = True
        params = self._params
        self._sample_rate = params.audio_out_sample_rate or setup.audio_out_sample_rate
        bytes_10ms = self._sample_rate // 100 * params.audio_out_channels * 2
        self._audio_chunk_size = bytes_10ms * params.audio_out_10ms_chunks
        self._playout_clock = self.create_playout_clock()
        if params.audio_out_filter:
            await params.audio_out_filter.start(self._sample_rate)

    async def cleanup(self) -> None:
        """Stop all that plays."""
        await super().cleanup()
        for sender in self._media_senders.values():
            await sender.cancel()
        if self._is_open and self._params.audio_out_filter:
            await self._params.audio_out_filter.stop()
        self._is_open = False

    async def start(self, frame: StartFrame) -> None:
        """Called when the StartFrame is on its way down the pipeline.

        Args:
            frame: The StartFrame.
        """

    async def stop(self, frame: EndFrame) -> None:
        """Called on an EndFrame: plays what is queued, then returns.

        Args:
            frame: The EndFrame.
        """
        for sender in self._media_senders.values():
            await sender.finish(frame)

    async def cancel(self, frame: CancelFrame) -> None:
        """Called on a CancelFrame: plays nothing more.

        Args:
            frame: The CancelFrame.
        """
        for sender in self._media_senders.values():
            await sender.cancel()

    async def set_transport_ready(self, frame: StartFrame) -> None:
        """To be called by a subclass when it is connected: audio is played from here on.

        Args:
            frame: The StartFrame.
        """
        for destination in self._params.audio_out_destinations:
            await self.register_audio_destination(destination)
        for destination in self._params.video_out_destinations:
            await self.register_video_destination(destination)
        named = self._params.audio_out_destinations + self._params.video_out_destinations
        for destination in dict.fromkeys((None, *named)):
            if destination in self._media_senders:
                continue  # Started again after a StopFrame.
            sender = self._make_sender(destination)
            self._media_senders[destination] = sender
            await sender.start()
        await self.push_frame(OutputTransportReadyFrame(), FrameDirection.UPSTREAM)

    def _make_sender(self, destination: str | None) -> MediaSender | NativeMediaSender:
        sink = self._native_sink(destination) if self._plays_natively(destination) else None
        if sink is not None:
            return NativeMediaSender(self, destination, self._params, sink)
        # Only the default destination is paced and measured: the others run beside it.
        pacer = Pacer(self._lateness if destination is None else None) if self.paced else None
        return MediaSender(self, destination, self._params, pacer)

    def _native_sink(self, destination: str | None) -> Any:
        """Return what takes a destination's audio without Python, if the transport has that."""
        return None

    def _plays_natively(self, destination: str | None) -> bool:
        """Return whether nothing written in Python is to see the audio on its way out."""
        if destination is None and self._params.audio_out_filter:
            return False
        mixer = self._params._mixer_of(destination)
        if mixer is None:
            return True
        from pipecat_rs.audio.mixers.soundfile_mixer import SoundfileMixer

        return (
            isinstance(mixer, SoundfileMixer)
            and type(mixer).mix is SoundfileMixer.mix
            and self._params.audio_out_channels == 1
        )

    async def _wire_message(
        self, frame: OutputTransportMessageFrame | OutputDTMFFrame
    ) -> str | bytes | None:
        """Return what a native wire is to send for a frame."""
        return None

    async def send_message(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ) -> None:
        """Send an application message to the user's side.

        Args:
            frame: The message.
        """

    async def register_audio_destination(self, destination: str) -> None:
        """Make a further audio track.

        Args:
            destination: Its name.
        """

    async def register_video_destination(self, destination: str) -> None:
        """Make a further video track.

        Args:
            destination: Its name.
        """

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Play a chunk of audio.

        Args:
            frame: The chunk.

        Returns:
            Whether it was taken.
        """
        return False

    async def write_video_frame(self, frame: OutputImageRawFrame) -> bool:
        """Show an image.

        Args:
            frame: The image.

        Returns:
            Whether it was taken.
        """
        return False

    async def write_transport_frame(self, frame: Frame) -> None:
        """Handle a frame of the transport's own kind, once the audio before it was played.

        Args:
            frame: The frame.
        """

    async def write_dtmf(self, frame: OutputDTMFFrame | OutputDTMFUrgentFrame) -> None:
        """Send keys: as messages if the transport has some for that, as tones otherwise.

        Args:
            frame: The keys.
        """
        if self._supports_native_dtmf():
            await self._write_dtmf_native(frame)
        else:
            await self._write_dtmf_audio(frame)

    def _supports_native_dtmf(self) -> bool:
        """Return whether the transport has messages for keys, see `_write_dtmf_native`."""
        return False

    async def _write_dtmf_native(self, frame: OutputDTMFFrame | OutputDTMFUrgentFrame) -> None:
        raise NotImplementedError(
            f"{type(self).__name__} has messages for keys: override _write_dtmf_native"
        )

    async def _write_dtmf_audio(self, frame: OutputDTMFFrame | OutputDTMFUrgentFrame) -> None:
        for tone in await self._tones(frame):
            await self.write_audio_frame(tone)

    async def _tones(
        self, frame: OutputDTMFFrame | OutputDTMFUrgentFrame
    ) -> list[OutputAudioRawFrame]:
        """Return the keys as audio at the transport's rate."""
        from pipecat_rs.audio.dtmf.utils import load_dtmf_audio

        return [
            OutputAudioRawFrame(
                await load_dtmf_audio(button, sample_rate=self._sample_rate), self._sample_rate, 1
            )
            for button in frame.buttons or []
        ]

    async def send_audio(self, frame: OutputAudioRawFrame) -> None:
        """Queue audio to be played.

        Args:
            frame: The audio.
        """
        await self.queue_frame(frame, FrameDirection.DOWNSTREAM)

    async def send_image(self, frame: OutputImageRawFrame | SpriteFrame) -> None:
        """Queue an image to be shown.

        Args:
            frame: The image.
        """
        await self.queue_frame(frame, FrameDirection.DOWNSTREAM)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Play what is to be played, and pass everything on when its turn has come.

        Args:
            frame: The frame.
            direction: Where it is going.
        """
        await super().process_frame(frame, direction)
        match frame:
            case StartFrame():
                # Before start(): everybody is to see the StartFrame before anything else.
                await self.push_frame(frame, direction)
                await self.start(frame)
            case EndFrame():
                await self.stop(frame)
                await self.push_frame(frame, direction)
            case CancelFrame():
                await self.cancel(frame)
                await self.push_frame(frame, direction)
            case InterruptionFrame():
                await self.push_frame(frame, direction)
                if sender := self._media_senders.get(frame.transport_destination):
                    await sender.interrupt()
            case OutputTransportMessageUrgentFrame():
                await self.send_message(frame)
            case OutputDTMFUrgentFrame():
                await self.write_dtmf(frame)
            case SystemFrame():
                await self.push_frame(frame, direction)
            case _ if direction == FrameDirection.UPSTREAM:
                await self.push_frame(frame, direction)
            case _:
                await self._play(frame)

    async def _play(self, frame: Frame) -> None:
        sender = self._media_senders.get(frame.transport_destination)
        if sender is None:
            if isinstance(frame, StopFrame):
                await self.push_frame(frame)
                return
            logger.warning(
                "%s has no destination %r: %s is dropped. Name it in "
                "TransportParams.audio_out_destinations.",
                self,
                frame.transport_destination,
                frame,
            )
            return
        match frame:
            case OutputAudioRawFrame():
                await sender.play_audio(frame)
            case OutputImageRawFrame() | SpriteFrame():
                await sender.show_image(frame)
            case MixerControlFrame():
                await sender.control_mixer(frame)
            case TTSStoppedFrame():
                await sender.end_utterance(frame)
            case _ if frame.pts:
                sender.play_at(frame, frame.pts)
            case _:
                await sender.play_in_turn(frame)
