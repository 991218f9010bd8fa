"""Plays one destination of an output transport: cuts, paces, writes, and keeps the order.

Everything that is not audio waits in the same queue behind the audio that came before it, so that
a text frame, say, leaves the transport when its words have been heard.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from pipecat_rs.audio.chunker import AudioChunker, Chunk
from pipecat_rs.audio.pacer import Pacer
from pipecat_rs.audio.resamplers.soxr_stream_resampler import SOXRStreamAudioResampler
from pipecat_rs.audio.samples import scale_audio
from pipecat_rs.frames.frames import (
    AssistantImageRawFrame,
    EndFrame,
    FilterControlFrame,
    Frame,
    MixerControlFrame,
    OutputAudioRawFrame,
    OutputDTMFFrame,
    OutputImageRawFrame,
    OutputTransportMessageFrame,
    SpriteFrame,
    TTSStoppedFrame,
    VolumeFrame,
    VolumeGainFrame,
)
from pipecat_rs.transports.base_transport import TransportParams
from pipecat_rs.transports.bot_speech import BotSpeech
from pipecat_rs.transports.timed_frames import TimedFrames

if TYPE_CHECKING:
    from pipecat_rs.transports.base_output import BaseOutputTransport

logger = logging.getLogger(__name__)

NO_AUDIO_STOP_SECS = 3.0
"""A bot that is said to speak but of which no audio comes has stopped after this time."""


class _State(Enum):
    IDLE = auto()  # Nothing is queued.
    WAITING = auto()  # The next frame is not due yet.
    WRITING = auto()


@dataclass(slots=True)
class _Queued:
    frame: Frame
    ready: float  # When it was queued, in seconds.


class MediaSender:
    """The player of one destination."""

    def __init__(
        self,
        transport: BaseOutputTransport,
        destination: str | None,
        params: TransportParams,
        pacer: Pacer | None,
    ) -> None:
        """Initialize the sender.

        Args:
            transport: Which writes what is to be played.
            destination: Its name; None for the default one.
            params: The transport's settings.
            pacer: Says when each chunk is due. None writes as fast as the transport takes it.
        """
        self._transport = transport
        self._destination = destination
        self._params = params
        self._pacer = pacer
        self._clock = transport.playout_clock
        self._chunker = AudioChunker(transport.audio_chunk_size)
        # The pause between two sentences is no reason to drop the end of the first: the end of
        # an utterance is told to the resampler.
        self._resampler = SOXRStreamAudioResampler(clear_after_secs=None)
        self._audio_kind: type[OutputAudioRawFrame] = OutputAudioRawFrame
        self._filter = params.audio_out_filter if destination is None else None
        self._mixer = params._mixer_of(destination)
        self._volume = params.audio_out_volume
        self._gain = 1.0
        self._speech = BotSpeech(transport, destination)
        self._timed = TimedFrames(self._clock, transport.push_frame)
        self._queue: deque[_Queued] = deque()
        self._wake = asyncio.Event()
        self._state = _State.IDLE
        self._write_failed = False
        self.writing_at = 0.0
        self._player: asyncio.Task[None] | None = None
        self._timer: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is to be done now, and not only later."""
        return self._state is _State.WRITING or (self._state is _State.IDLE and bool(self._queue))

    @property
    def silent(self) -> bool:
        """Whether there is nothing left to play."""
        return self._state is _State.IDLE and not self._queue and not self._speech.speaking

    async def start(self) -> None:
        """Start to play."""
        if self._mixer:
            await self._mixer.start(self._transport.sample_rate)
        self._player = self._transport.create_task(self._run(), "player")
        self._timer = self._transport.create_task(self._timed.run(), "timed_frames")

    async def finish(self, frame: EndFrame) -> None:
        """Play all that is queued, then stop.

        Args:
            frame: The EndFrame, which the transport passes on afterwards.
        """
        await self._flush()
        self._queue_in_turn(frame)
        self._timed.end()
        for task in (self._player, self._timer):
            if task:
                await task
        self._player = self._timer = None
        await self._stop_mixer()

    async def cancel(self) -> None:
        """Stop at once."""
        for task in (self._player, self._timer):
            if task:
                await self._transport.cancel_task(task)
        self._player = self._timer = None
        await self._stop_mixer()

    async def interrupt(self) -> None:
        """Drop what an interruption may drop. Uninterruptible frames and audio stay."""
        self._queue = deque(entry for entry in self._queue if not entry.frame.interruptible)
        self._chunker.drop_interruptible()
        self._timed.drop_interruptible()
        audio_left = len(self._chunker) or any(
            isinstance(entry.frame, OutputAudioRawFrame) for entry in self._queue
        )
        if not audio_left:
            await self._stop_speaking()

    async def play_audio(self, frame: OutputAudioRawFrame) -> None:
        """Queue audio, cut into chunks at the transport's rate.

        Args:
            frame: Audio of any length and rate.
        """
        if not self._params.audio_out_enabled:
            return
        self._audio_kind = type(frame)
        audio = await self._resampler.resample(
            frame.audio, frame.sample_rate, self._transport.sample_rate
        )
        for chunk in self._chunker.push(audio, interruptible=frame.interruptible):
            self._queue_chunk(chunk, frame.num_channels)

    async def end_utterance(self, frame: TTSStoppedFrame) -> None:
        """Queue the end of an utterance, after the audio that was still held back.

        Args:
            frame: The TTS's stop frame.
        """
        await self._flush()
        self._queue_in_turn(frame)

    async def show_image(self, frame: OutputImageRawFrame | SpriteFrame) -> None:
        """Show an image now, or after the audio before it if it asks for that.

        Args:
            frame: One image, or a sprite of several, of which the first is shown.
        """
        if not self._params.video_out_enabled:
            return
        if isinstance(frame, SpriteFrame) or not frame.sync_with_audio:
            await self._write_image(frame)
        if isinstance(frame, AssistantImageRawFrame) or (
            isinstance(frame, OutputImageRawFrame) and frame.sync_with_audio
        ):
            self._queue_in_turn(frame)

    async def control_mixer(self, frame: MixerControlFrame) -> None:
        """Hand a control frame to the mixer, if there is one.

        Args:
            frame: The frame.
        """
        if self._mixer:
            await self._mixer.process_frame(frame)

    def play_at(self, frame: Frame, pts: int) -> None:
        """Pass a frame on at its presentation time.

        Args:
            frame: The frame.
            pts: On the pipeline's clock, in nanoseconds.
        """
        self._timed.add(frame, self._clock.from_pipeline(pts))

    async def play_in_turn(self, frame: Frame) -> None:
        """Pass a frame on when all that was queued before it has been played.

        Args:
            frame: The frame.
        """
        self._queue_in_turn(frame)

    def _queue_in_turn(self, frame: Frame) -> None:
        self._queue.append(_Queued(frame, self._clock.time()))
        self._wake.set()

    # -- the player --------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            if not self._queue:
                await self._idle()
                continue
            entry = self._queue[0]
            due = self._due(entry)
            if due > self._clock.time():
                self._state = _State.WAITING
                await self._clock.wait_until(due)
                if not self._queue or self._queue[0] is not entry:
                    continue  # An interruption took it away.
            self._state = _State.WRITING
            self._queue.popleft()
            if isinstance(entry.frame, EndFrame):
                await self._end_silence()
                self._state = _State.IDLE
                return
            await self._deliver(entry.frame, due)

    def _due(self, entry: _Queued) -> float:
        if self._pacer is None:
            return 0.0
        if isinstance(entry.frame, OutputAudioRawFrame):
            return self._pacer.due(entry.ready)
        if isinstance(entry.frame, TTSStoppedFrame | EndFrame):
            # The last chunk has been written, but its end has not been heard.
            return self._pacer.free_at
        return 0.0

    async def _idle(self) -> None:
        self._state = _State.IDLE
        if self._mixer:
            await self._play_background(self._mixer)
            return
        self._wake.clear()
        timer = None
        if self._speech.speaking:
            timer = self._clock.call_at(self._clock.time() + NO_AUDIO_STOP_SECS, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer:
                timer.cancel()
        if timer and not self._queue:
            await self._stop_speaking()

    async def _deliver(self, frame: Frame, due: float) -> None:
        match frame:
            case OutputAudioRawFrame():
                if not await self._play_chunk(frame, due):
                    return
            case OutputImageRawFrame() | SpriteFrame():
                if not (isinstance(frame, OutputImageRawFrame) and not frame.sync_with_audio):
                    await self._write_image(frame)
            case OutputTransportMessageFrame():
                await self._transport.send_message(frame)
            case OutputDTMFFrame():
                await self._transport.write_dtmf(frame)
            case TTSStoppedFrame():
                if self._speech.tts_heard:
                    await self._stop_speaking()
            case FilterControlFrame() if self._filter:
                await self._filter.process_frame(frame)
            case VolumeFrame():
                self._volume = frame.volume
            case VolumeGainFrame():
                self._gain = frame.gain
            case _:
                await self._transport.write_transport_frame(frame)
        await self._transport.push_frame(frame)

    async def _play_chunk(self, frame: OutputAudioRawFrame, due: float) -> bool:
        if self._filter:
            frame.audio = await self._filter.filter(frame.audio)
        volume = self._volume * self._gain
        if volume != 1.0:
            frame.audio = scale_audio(frame.audio, volume)
        if self._mixer:
            frame.audio = await self._mixer.mix(frame.audio)
        if not frame.audio:
            return False
        await self._speech.playing(frame, self._clock.time())
        return await self._write(frame, due)

    async def _write(self, frame: OutputAudioRawFrame, due: float) -> bool:
        if not self._transport.is_usable:
            return False
        self.writing_at = due
        if self._pacer:
            duration = len(frame.audio) / (2 * frame.num_channels * frame.sample_rate)
            self._pacer.wrote(due, duration, self._clock.time())
        timeout = self._params.audio_out_write_timeout_secs
        try:
            async with asyncio.timeout(timeout):
                taken = await self._transport.write_audio_frame(frame)
        except TimeoutError as error:
            await self._transport.push_error(
                f"{self._transport}: writing audio took more than {timeout} s, the peer does not "
                "read any more. Raise TransportParams.audio_out_write_timeout_secs if it is slow.",
                exception=error,
                force_treat_as_permanent=True,
            )
            return False
        except Exception as error:
            # One report for a row of failures: each chunk of a long answer would repeat it.
            if not self._write_failed:
                await self._transport.push_error(
                    f"{self._transport}: could not write {frame}: {error}", exception=error
                )
            self._write_failed = True
            return False
        self._write_failed = False
        return taken

    async def _write_image(self, frame: OutputImageRawFrame | SpriteFrame) -> None:
        image = frame.images[0] if isinstance(frame, SpriteFrame) else frame
        await self._transport.write_video_frame(image)

    # -- audio that the sender makes itself --------------------------------------------------

    async def _play_background(self, mixer: Any) -> None:
        background = await mixer.mix(bytes(self._transport.audio_chunk_size))
        ready = due = self._clock.time()
        if self._pacer:
            due = self._pacer.due(ready)
            await self._clock.wait_until(due)
        if self._speech.speaking and not self._queue and self._silent_since(due):
            await self._stop_speaking()
        await self._write(self._frame(OutputAudioRawFrame, background), due)
        # A transport that takes audio at once must not keep the loop from anything else.
        await asyncio.sleep(0)

    def _silent_since(self, now: float) -> bool:
        return now - self._speech.voice_heard_at > NO_AUDIO_STOP_SECS

    async def _end_silence(self) -> None:
        secs = self._params.audio_out_end_silence_secs
        if secs > 0 and self._params.audio_out_enabled:
            frames = round(secs * self._transport.sample_rate)
            silence = bytes(2 * frames * self._params.audio_out_channels)
            due = self._pacer.due(self._clock.time()) if self._pacer else 0.0
            await self._write(self._frame(OutputAudioRawFrame, silence), due)

    async def _flush(self) -> None:
        """Queue what resampler and chunker hold back."""
        for chunk in self._chunker.push(await self._resampler.flush()):
            self._queue_chunk(chunk)
        if chunk := self._chunker.flush():
            self._queue_chunk(chunk)

    def _queue_chunk(self, chunk: Chunk, channels: int | None = None) -> None:
        frame = self._frame(self._audio_kind, chunk.audio, channels)
        frame.interruptible = chunk.interruptible
        self._queue_in_turn(frame)

    def _frame(
        self, kind: type[OutputAudioRawFrame], audio: bytes, channels: int | None = None
    ) -> OutputAudioRawFrame:
        frame = kind(
            audio=audio,
            sample_rate=self._transport.sample_rate,
            num_channels=channels or self._params.audio_out_channels,
        )
        frame.transport_destination = self._destination
        return frame

    # -- endings -----------------------------------------------------------------------------

    async def _stop_speaking(self) -> None:
        if await self._speech.stop():
            # What is left over belongs to an utterance that is over.
            self._chunker.clear()
            await self._resampler.reset()

    async def _stop_mixer(self) -> None:
        if self._mixer:
            mixer, self._mixer = self._mixer, None
            await mixer.stop()
