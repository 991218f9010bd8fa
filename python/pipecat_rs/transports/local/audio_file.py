"""A transport that holds a call with a recording: a file is the caller, a file is what was said.

The input file is streamed in 20 ms frames at the pace of a microphone; what the bot says is paced
as a loudspeaker would play it; both are recorded, side by side, into a stereo WAV.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.audio.audio_file_reader import AudioFileReader
from pipecat_rs.audio.call_recording import CallRecording, Track
from pipecat_rs.audio.lateness import LatenessHistogram
from pipecat_rs.audio.resamplers.soxr_stream_resampler import SOXRStreamAudioResampler
from pipecat_rs.audio.samples import is_silence
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    EndTaskFrame,
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    StartFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.transports.base_input import INPUT_FRAMES, BaseInputTransport
from pipecat_rs.transports.base_output import OUTPUT_FRAMES, BaseOutputTransport
from pipecat_rs.transports.base_transport import BaseTransport, TransportParams
from pipecat_rs.transports.local.call_activity import CallActivity
from pipecat_rs.transports.local.call_clock import CallClock
from pipecat_rs.transports.playout_clock import PlayoutClock

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup

logger = logging.getLogger(__name__)

FRAME_SECS = 0.02
"""Length of an input frame."""

_READ_SECS = 1.0
"""How much is decoded and recorded at a time."""

_SETTLE_SECS = 1.0
"""How far behind the call the recording is written, so that late audio finds its place."""

_OUTPUT_PATIENCE_SECS = 30.0
"""How long the caller waits for the bot to pick up."""

_GIVE_UP_SECS = 20.0
"""A bot that is busy for this long without a sound is not waited for at the end of the file."""

_INAUDIBLE_SECS = 5.0
"""A bot that goes on playing silence for this long (as an echo does) has nothing to say."""


class AudioFileTransportParams(TransportParams):
    """Settings of a call with a recording.

    Attributes:
        hang_up_after_secs: When the file has ended the caller stays on the line, in silence,
            until the bot has had nothing to say for this long. Then the task is ended.
    """

    audio_in_enabled: bool = True
    audio_out_enabled: bool = True
    audio_out_end_silence_secs: float = 0
    hang_up_after_secs: float = 1.5


class _Call:
    """What input and output share: the clock, the recording, and who is busy."""

    def __init__(self, transport: AudioFileTransport, fast: bool) -> None:
        self.transport = transport
        self.clock = CallClock(self._nothing_but_audio if fast else None)
        self.activity = CallActivity(self.clock.time)
        self.recording: CallRecording | None = None
        self.output: AudioFileOutputTransport | None = None
        self.input: AudioFileInputTransport | None = None
        self.output_ready = asyncio.Event()
        self.heard_at = 0.0  # When the bot last made a sound.
        self.caller_busy = True  # Whether the next frame is still being read, say.
        self._unheard: int | None = None

    @property
    def over(self) -> bool:
        """Whether nobody has anything to say."""
        unheard_for = self.clock.time() - self.heard_at
        if unheard_for > _GIVE_UP_SECS:
            return True
        if self.activity.thinking or self.activity.user_speaking:
            return False
        return self.output is None or self.output.silent or unheard_for > _INAUDIBLE_SECS

    def saw(self, frame: Frame) -> None:
        """Take note of a frame that tells who is busy."""
        self.activity.saw(frame)
        self.clock.poke()

    def sent(self, frame: InputAudioRawFrame) -> None:
        """Note that a piece of the caller's audio has set out through the pipeline."""
        self._unheard = frame.id

    def came_through(self, frame: InputAudioRawFrame) -> None:
        """Note that a piece of the caller's audio has reached the end of the pipeline.

        Audio frames are handled in order by every processor on the way. So all that the frame
        before this one has set off (an interruption, say) has arrived here as well.
        """
        if self._unheard is not None and frame.id >= self._unheard:
            self._unheard = None
            self.clock.poke()

    def start(self, processor: BaseInputTransport | BaseOutputTransport, path: Path | None) -> None:
        """Begin the call, unless it has begun."""
        if self.clock.running:
            return
        if path is not None:
            rate = self.output.sample_rate if self.output else processor.sample_rate
            self.recording = CallRecording(path, rate or processor.sample_rate)
        self.clock.start(processor.get_clock())

    def close(self) -> None:
        """Complete the recording."""
        if self.recording:
            self.recording.close()

    def _nothing_but_audio(self) -> bool:
        """Whether the next thing to happen is that audio goes in or out."""
        if self.output is None or self.output.busy or self.caller_busy:
            return False
        return self._unheard is None and not self.activity.thinking


class AudioFileInputTransport(BaseInputTransport):
    """The caller: streams the file, then silence, then hangs up."""

    handles = (*INPUT_FRAMES, *CallActivity.UPSTREAM)

    _params: AudioFileTransportParams

    def __init__(
        self, call: _Call, reader: AudioFileReader, params: AudioFileTransportParams, **kwargs: Any
    ) -> None:
        """Initialize the input. Made by `AudioFileTransport.input`."""
        super().__init__(params, **kwargs)
        self._call = call
        self._reader = reader
        self._to_recording = SOXRStreamAudioResampler(clear_after_secs=None)
        self._streamer: asyncio.Task[None] | None = None
        self.lateness = LatenessHistogram()

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Prepare to read at the pipeline's rate."""
        await super().setup(setup)
        self._reader.convert_to(self.sample_rate)

    async def start(self, frame: StartFrame) -> None:
        """Start to stream, as soon as the output is ready too."""
        await super().start(frame)
        await self.set_transport_ready(frame)
        if self._streamer is None:
            self._streamer = self.create_task(self._stream(), "streamer")

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

    async def _stream(self) -> None:
        await self._wait_for_output()
        transport = self._call.transport
        await transport.connected()
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
        position = await self._stay_on_the_line(position)
        logger.debug("%s: the caller hangs up after %.1f s", self, position)
        await transport.disconnected()
        await self.push_frame(EndTaskFrame(), FrameDirection.UPSTREAM)

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
        self.lateness.record(clock.time() - due)
        if self._call.recording:
            recorded = await self._to_recording.resample(
                audio, self.sample_rate, self._call.recording.sample_rate
            )
            self._call.recording.append(Track.CALLER, recorded)
        frame = InputAudioRawFrame(audio=audio, sample_rate=self.sample_rate, num_channels=1)
        self._call.sent(frame)
        await self.push_audio_frame(frame)
        # Frames are counted, so that a call of an hour does not drift by rounding.
        return round(due / FRAME_SECS) * FRAME_SECS

    async def _save_recording(self) -> None:
        if self._call.recording:
            block = self._call.recording.settle(self._call.clock.time() - _SETTLE_SECS)
            await asyncio.to_thread(self._call.recording.save, block)

    def _filled_up(self, rest: bytes) -> bytes:
        return rest + bytes(-len(rest) % self._frame_bytes)

    @property
    def _frame_bytes(self) -> int:
        return 2 * round(self.sample_rate * FRAME_SECS)


class AudioFileOutputTransport(BaseOutputTransport):
    """The loudspeaker: paces what the bot says and records it."""

    paced = True

    def __init__(self, call: _Call, params: AudioFileTransportParams, **kwargs: Any) -> None:
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
            audio = frame.audio if frame.num_channels == 1 else _first_channel(frame)
            self._call.recording.write(Track.BOT, self.writing_at, audio)
        return True


class _FastAudioFileOutputTransport(AudioFileOutputTransport):
    """The output of a fast call, which must know when the caller's audio has come through."""

    handles = (*OUTPUT_FRAMES, InputAudioRawFrame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note how far the caller's audio has come, and do what every output does."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._call.came_through(frame)


class AudioFileTransport(BaseTransport):
    """A call whose caller is a recording.

    Events: `on_client_connected(transport, path)` when the call begins, and
    `on_client_disconnected(transport, path)` when the caller hangs up, after which the task ends.

    A fast call gives the same conversation in less time: see `call_clock`. Timers of the program's
    own that run while nobody speaks (a user-idle time-out, say) are overtaken by it.

    Example:
        transport = AudioFileTransport("caller.wav", "call.wav")
        pipeline = Pipeline([transport.input(), ..., transport.output()])
    """

    _declared_events: ClassVar[Mapping[str, bool]] = {
        "on_client_connected": False,
        "on_client_disconnected": False,
    }

    def __init__(
        self,
        input_path: str | Path,
        output_path: str | Path | None = None,
        *,
        params: AudioFileTransportParams | None = None,
        fast: bool = False,
        name: str | None = None,
        input_name: str | None = None,
        output_name: str | None = None,
    ) -> None:
        """Open the input file.

        Args:
            input_path: What the caller says: an audio file of any usual kind.
            output_path: Where to record both sides of the call, as a stereo WAV: the caller on
                the left, the bot on the right. None records nothing.
            params: Settings.
            fast: Leave out the time in which audio merely goes by.
            name: Name of the transport.
            input_name: Name of its input processor.
            output_name: Name of its output processor.

        Raises:
            AudioFileError: If the input cannot be used, saying why.
            MissingDependencyError: If a package is missing, saying which.
        """
        super().__init__(name=name, input_name=input_name, output_name=output_name)
        self._reader = AudioFileReader(input_path)
        if self._reader.missing > 0.05:
            logger.warning(
                "%s was cut off: %.1f s are missing at its end", input_path, self._reader.missing
            )
        self.output_path = Path(output_path) if output_path is not None else None
        self._params = params or AudioFileTransportParams()
        self._fast = fast
        self._call = _Call(self, fast)

    def input(self) -> AudioFileInputTransport:
        """The processor that speaks for the caller."""
        if self._call.input is None:
            self._call.input = AudioFileInputTransport(
                self._call, self._reader, self._params, name=self._input_name
            )
        return self._call.input

    def output(self) -> AudioFileOutputTransport:
        """The processor that plays the bot's voice."""
        if self._call.output is None:
            kind = _FastAudioFileOutputTransport if self._fast else AudioFileOutputTransport
            self._call.output = kind(self._call, self._params, name=self._output_name)
        return self._call.output

    async def stop(self) -> None:
        """Hang up and close the files. A task that still runs on it is cancelled."""
        await super().stop()
        self._reader.close()
        self._call.close()

    def _processors(self) -> list[FrameProcessor]:
        made = (self._call.input, self._call.output)
        return [processor for processor in made if processor is not None]

    @property
    def source(self) -> AudioFileReader:
        """The input file: its format, its duration and so on."""
        return self._reader

    @property
    def begun(self) -> bool:
        """Whether the call has begun, so that there is a recording."""
        return self._call.clock.running

    @property
    def position(self) -> float:
        """Seconds since the call began."""
        return self._call.clock.time()

    @property
    def skipped(self) -> float:
        """Seconds of the call that a fast call has left out."""
        return self._call.clock.jumped

    def call_time(self, timestamp: int) -> float:
        """Place a time of the pipeline's clock on the call's timeline.

        Args:
            timestamp: In nanoseconds, as observers are told it.

        Returns:
            Seconds since the call began.
        """
        return self._call.clock.from_pipeline(timestamp)

    async def connected(self) -> None:
        """Tell the program that the call has begun."""
        await self._call_event_handler("on_client_connected", str(self._reader.path))

    async def disconnected(self) -> None:
        """Tell the program that the caller has hung up."""
        await self._call_event_handler("on_client_disconnected", str(self._reader.path))


def _first_channel(frame: OutputAudioRawFrame) -> bytes:
    return memoryview(frame.audio).cast("h")[:: frame.num_channels].tobytes()
