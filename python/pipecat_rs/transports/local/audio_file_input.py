"""The caller of a call with a recording: streams the file, then silence, then hangs up.

In real time the audio sets out from a media thread, so that a busy event loop cannot make the
caller stutter. A fast call has a clock of its own, and the event loop keeps that.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pipecat_rs import _core
from pipecat_rs.audio.audio_file_reader import AudioFileReader
from pipecat_rs.audio.call_recording import Track
from pipecat_rs.audio.lateness import LatenessHistogram
from pipecat_rs.audio.resamplers.soxr_stream_resampler import SOXRStreamAudioResampler
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    EndTaskFrame,
    Frame,
    InputAudioRawFrame,
    StartFrame,
    StopFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat_rs.transports.base_input import INPUT_FRAMES, BaseInputTransport
from pipecat_rs.transports.local.call_activity import CallActivity
from pipecat_rs.transports.local.recorded_call import AudioFileTransportParams, RecordedCall

logger = logging.getLogger(__name__)

FRAME_SECS = 0.02
"""Length of an input frame."""

_READ_SECS = 1.0
"""How much is decoded and recorded at a time."""

_AHEAD_SECS = 2.0
"""How much of the caller's audio waits on the media thread: how long the loop may be busy."""

_SILENCE_AHEAD_SECS = 0.5
"""How much of the silence behind the file waits: the call may be over at any moment."""

_SETTLE_SECS = 1.0
"""How far behind the call the recording is written, so that late audio finds its place."""

_OUTPUT_PATIENCE_SECS = 30.0
"""How long the caller waits for the bot to pick up."""


class AudioFileInputTransport(BaseInputTransport):
    """The caller: streams the file, then silence, then hangs up."""

    handles = (*INPUT_FRAMES, *CallActivity.UPSTREAM)

    _params: AudioFileTransportParams

    def __init__(
        self,
        call: RecordedCall,
        reader: AudioFileReader,
        params: AudioFileTransportParams,
        **kwargs: Any,
    ) -> None:
        """Initialize the input. Made by `AudioFileTransport.input`."""
        super().__init__(params, **kwargs)
        self._call = call
        self._reader = reader
        self._to_recording = SOXRStreamAudioResampler(clear_after_secs=None)
        self._streamer: asyncio.Task[None] | None = None
        self._lateness = LatenessHistogram()
        self._feed: _core.AudioFeed | None = None

    @property
    def lateness(self) -> LatenessHistogram | _core.Lateness:
        """How late frames set out, by the schedule."""
        return self._lateness if self._feed is None else self._feed.lateness

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Prepare to read at the pipeline's rate."""
        await super().setup(setup)
        self._reader.convert_to(self.sample_rate)

    async def start(self, frame: StartFrame) -> None:
        """Start to stream, as soon as the output is ready too."""
        await super().start(frame)
        await self.set_transport_ready(frame)
        if self._feed is not None:
            self._feed.muted = False
        if self._streamer is None:
            self._streamer = self.create_task(self._stream(), "streamer")

    async def pause(self, frame: StopFrame) -> None:
        """Let nobody hear the caller until the next start."""
        await super().pause(frame)
        if self._feed is not None:
            self._feed.muted = True

    async def stop(self, frame: EndFrame) -> None:
        """Stop to stream."""
        await super().stop(frame)
        await self._stop_streaming()

    async def cancel(self, frame: CancelFrame) -> None:
        """Stop to stream."""
        await super().cancel(frame)
        await self._stop_streaming()

    async def cleanup(self) -> None:
        """Close the files."""
        await self._stop_streaming()
        await super().cleanup()
        self._reader.close()
        self._call.close()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note who is busy, and do what every input does."""
        self._call.saw(frame)
        await super().process_frame(frame, direction)

    async def _stop_streaming(self) -> None:
        if self._streamer:
            streamer, self._streamer = self._streamer, None
            await self.cancel_task(streamer)
            self._call.caller_busy = False
        if self._feed is not None:
            self._feed.close()
            self._call.hung_up()

    async def _stream(self) -> None:
        await self._wait_for_output()
        transport = self._call.transport
        await transport.connected()
        if self._streams_natively():
            position = await self._stream_natively()
        else:
            position = await self._stream_on_loop()
        logger.debug("%s: the caller hangs up after %.1f s", self, position)
        await transport.disconnected()
        await self.push_frame(EndTaskFrame(), FrameDirection.UPSTREAM)

    async def _stream_on_loop(self) -> float:
        """Send the file and the silence behind it. Return where in the call the caller hangs up."""
        position = 0.0
        pending = await asyncio.to_thread(self._reader.read, _READ_SECS)
        while pending:
            following = asyncio.create_task(asyncio.to_thread(self._reader.read, _READ_SECS))
            try:
                position, rest = await self._stream_block(pending, position)
                pending = await following
            finally:
                following.cancel()
            pending = rest + pending if pending else self._filled_up(rest)
            await self._save_recording()
        return await self._stay_on_the_line(position)

    async def _wait_for_output(self) -> None:
        """A call begins when both sides are there: until then the bot would hear nothing."""
        if self._call.output is not None:
            try:
                async with asyncio.timeout(_OUTPUT_PATIENCE_SECS):
                    await self._call.output_ready.wait()
            except TimeoutError:
                logger.warning("%s: the output did not start, the call begins without it", self)
        self._call.start(self, self._call.transport.output_path)

    async def _stream_block(self, audio: bytes, position: float) -> tuple[float, bytes]:
        """Send whole frames.

        Returns:
            The new position in the call, and the samples that did not fill a frame.
        """
        size = self._frame_bytes
        whole = len(audio) - len(audio) % size
        for offset in range(0, whole, size):
            position = await self._send(audio[offset : offset + size], position)
        return position, audio[whole:]

    async def _stay_on_the_line(self, position: float) -> float:
        silence = bytes(self._frame_bytes)
        quiet_since = position
        self._call.heard_at = max(self._call.heard_at, position)
        while position - quiet_since < self._params.hang_up_after_secs - FRAME_SECS / 2:
            position = await self._send(silence, position)
            if not self._call.over:
                quiet_since = position
            if round(position / FRAME_SECS) % round(_READ_SECS / FRAME_SECS) == 0:
                await self._save_recording()
        return position

    async def _send(self, audio: bytes, position: float) -> float:
        # A microphone hands over a frame when its last sample was taken, not its first.
        due = position + FRAME_SECS
        clock = self._call.clock
        self._call.caller_busy = False
        await clock.wait_until(due)
        self._call.caller_busy = True
        self._lateness.record(clock.time() - due)
        await self._record(audio)
        frame = InputAudioRawFrame(audio=audio, sample_rate=self.sample_rate, num_channels=1)
        self._call.sent(frame)
        await self.push_audio_frame(frame)
        # Frames are counted, so that a call of an hour does not drift by rounding.
        return round(due / FRAME_SECS) * FRAME_SECS

    # ---- on a media thread

    def _streams_natively(self) -> bool:
        params = self._params
        return (
            not self._call.fast
            and params.audio_in_enabled
            and params.audio_in_passthrough
            and not params.audio_in_filter
            and type(self).push_audio_frame is BaseInputTransport.push_audio_frame
        )

    async def _stream_natively(self) -> float:
        """Send the file and the silence behind it. Return where in the call the caller hangs up."""
        clock = self._call.clock
        self._call.caller_busy = False
        # A microphone hands over a frame when its last sample was taken, not its first.
        await clock.wait_until(FRAME_SECS)
        feed = self._feed = _core.AudioFeed(self, self.sample_rate, 1, FRAME_SECS)
        rest = b""
        position = 0.0
        while block := await asyncio.to_thread(self._reader.read, _READ_SECS):
            while (ahead := feed.queued_secs - (_AHEAD_SECS - _READ_SECS)) > 0:
                await asyncio.sleep(ahead)
            block = rest + block
            whole = len(block) - len(block) % self._frame_bytes
            position = await self._feed_frames(feed, block[:whole], position)
            rest = block[whole:]
            await self._save_recording()
        position = await self._feed_frames(feed, self._filled_up(rest), position)
        return await self._stay_on_the_line_natively(feed, position)

    async def _feed_frames(self, feed: _core.AudioFeed, audio: bytes, position: float) -> float:
        """Queue whole frames. Return the second of the call at which the last of them is heard."""
        feed.feed(audio)
        await self._record(audio)
        frames = round(position / FRAME_SECS) + len(audio) // self._frame_bytes
        return frames * FRAME_SECS

    async def _stay_on_the_line_natively(self, feed: _core.AudioFeed, position: float) -> float:
        clock = self._call.clock
        half = FRAME_SECS / 2  # Times are compared that have been rounded.
        quiet_since = position
        self._call.heard_at = max(self._call.heard_at, quiet_since)
        while True:
            if not self._call.over:
                quiet_since = max(quiet_since, clock.time())
            hang_up_at = quiet_since + self._params.hang_up_after_secs
            # So far ahead that a busy loop is not heard, but not beyond the end of the call.
            wanted = min(clock.time() + _SILENCE_AHEAD_SECS, hang_up_at) - position
            if wanted > half:
                silence = bytes(self._frame_bytes * round(wanted / FRAME_SECS))
                position = await self._feed_frames(feed, silence, position)
                await self._save_recording()
            if position > hang_up_at - half and clock.time() > position:
                return position
            await asyncio.sleep(FRAME_SECS)

    # ---- recording

    async def _record(self, audio: bytes) -> None:
        if self._call.recording:
            recorded = await self._to_recording.resample(
                audio, self.sample_rate, self._call.recording.sample_rate
            )
            self._call.recording.append(Track.CALLER, recorded)

    async def _save_recording(self) -> None:
        self._call.collect()
        if self._call.recording:
            block = self._call.recording.settle(self._call.clock.time() - _SETTLE_SECS)
            await asyncio.to_thread(self._call.recording.save, block)

    def _filled_up(self, rest: bytes) -> bytes:
        return rest + bytes(-len(rest) % self._frame_bytes)

    @property
    def _frame_bytes(self) -> int:
        return 2 * round(self.sample_rate * FRAME_SECS)
