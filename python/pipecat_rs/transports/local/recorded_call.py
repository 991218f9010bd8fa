"""What both sides of a call with a recording share: the clock, the recording, and who is busy."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from pipecat_rs import _core
from pipecat_rs.audio.call_recording import CallRecording, Track
from pipecat_rs.frames.frames import Frame, InputAudioRawFrame
from pipecat_rs.transports.base_input import BaseInputTransport
from pipecat_rs.transports.base_output import BaseOutputTransport
from pipecat_rs.transports.base_transport import TransportParams
from pipecat_rs.transports.local.call_activity import CallActivity
from pipecat_rs.transports.local.call_clock import CallClock

if TYPE_CHECKING:
    from pipecat_rs.transports.local.audio_file import AudioFileTransport
    from pipecat_rs.transports.local.audio_file_input import AudioFileInputTransport
    from pipecat_rs.transports.local.audio_file_output import AudioFileOutputTransport

_GIVE_UP_SECS = 20.0
"""A bot that is busy for this long without a sound is not waited for at the end of the file."""

_INAUDIBLE_SECS = 5.0
"""A bot that goes on playing silence for this long (as an echo does) has nothing to say."""

_JITTER_SECS = 0.03
"""How far from its time a chunk may be written and still follow the one before it."""


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


class RecordedCall:
    """One call, from when both sides are there."""

    def __init__(self, transport: AudioFileTransport, fast: bool) -> None:
        self.transport = transport
        self.fast = fast
        self.clock = CallClock(self._nothing_but_audio if fast else None)
        self.activity = CallActivity(self.clock.time)
        self.recording: CallRecording | None = None
        self.output: AudioFileOutputTransport | None = None
        self.input: AudioFileInputTransport | None = None
        self.output_ready = asyncio.Event()
        self.heard_at = 0.0  # When the bot last made a sound.
        self.caller_busy = True  # Whether the next frame is still being read, say.
        self._unheard: int | None = None
        self.collector = None if fast else _core.AudioCollector()
        self._collected_until = 0.0
        # The caller's audio is queued, and recorded, ahead of the time at which it is heard.
        self._hung_up_at: float | None = None

    @property
    def over(self) -> bool:
        """Whether nobody has anything to say."""
        silent_for = self.collector.silent_for_secs if self.collector is not None else None
        if silent_for is not None:
            self.heard_at = max(self.heard_at, self.clock.time() - silent_for)
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

    def hung_up(self) -> None:
        """Note that the caller says nothing more."""
        if self._hung_up_at is None and self.clock.running:
            self._hung_up_at = self.clock.time()

    def collect(self) -> None:
        """Record what was played on a media thread since the last time."""
        if self.collector is None:
            return
        now = self.clock.time()
        for ago, audio in self.collector.take():
            if self.recording is None or self.output is None:
                continue
            channels = self.output._params.audio_out_channels
            at = now - ago
            # Chunks follow each other without a gap, whatever the jitter of their writing.
            if abs(at - self._collected_until) < _JITTER_SECS:
                at = self._collected_until
            mono = audio if channels == 1 else first_channel(audio, channels)
            self.recording.write(Track.BOT, at, mono)
            self._collected_until = at + len(mono) / (2 * self.recording.sample_rate)

    def close(self) -> None:
        """Complete the recording."""
        self.collect()
        if self.recording:
            if self._hung_up_at is not None and not self.fast:
                self.recording.cut(Track.CALLER, self._hung_up_at)
            self.recording.close()

    def _nothing_but_audio(self) -> bool:
        """Whether the next thing to happen is that audio goes in or out."""
        if self.output is None or self.output.busy or self.caller_busy:
            return False
        return self._unheard is None and not self.activity.thinking


def first_channel(audio: bytes, channels: int) -> bytes:
    """Return one channel of interleaved 16-bit audio.

    Args:
        audio: The samples.
        channels: How many there are.
    """
    return memoryview(audio).cast("h")[::channels].tobytes()
