"""Recording both sides of a conversation: as tracks, merged, and turn by turn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.frames.frames import (
    AudioBufferStartRecordingFrame,
    AudioBufferStopRecordingFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    StartFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.utils.deprecation import warn_deprecated

if TYPE_CHECKING:
    from pipecat_rs.audio.resamplers.base_audio_resampler import BaseAudioResampler

_logger = logging.getLogger(__name__)

_BYTES_PER_SAMPLE = 2
_LONGEST_JITTER_SECS = 0.2
"""Audio that comes later than this after what was before it follows a pause."""
_PREROLL_SECS = 1
"""How much is kept from before the user is known to speak, which is known only after a while."""
_REPLACED_EVENTS = {
    "on_user_turn_audio_data": "on_user_turn_audio",
    "on_bot_turn_audio_data": "on_bot_turn_audio",
}


@dataclass
class TurnAudioData:
    """What one side said in a turn.

    Attributes:
        turn_number: The turn, counted from 1.
        audio: The speech of the turn, 16-bit PCM, without the pauses in it.
        sample_rate: Its sample rate, in Hz.
        num_channels: Number of its channels.
    """

    turn_number: int
    audio: bytes
    sample_rate: int
    num_channels: int


class _Track:
    """One side of the conversation.

    Attributes:
        audio: What was recorded since it was last handed out.
        written_at: When that was last added to, in ns of the task's clock, or None for never.
        is_speaking: Whether this side speaks.
        run: The speech that goes on now.
        turn: The speech of this turn that is over.
    """

    def __init__(self) -> None:
        self.audio = bytearray()
        self.written_at: int | None = None
        self.is_speaking = False
        self.run = bytearray()
        self.turn = bytearray()
        self._resamplers: dict[int, BaseAudioResampler] = {}

    async def resampled(self, frame: InputAudioRawFrame | OutputAudioRawFrame, rate: int) -> bytes:
        if frame.sample_rate == rate:
            return frame.audio
        resampler = self._resamplers.get(frame.sample_rate)
        if resampler is None:
            from pipecat_rs.audio.utils import create_stream_resampler

            resampler = self._resamplers[frame.sample_rate] = create_stream_resampler()
        return await resampler.resample(frame.audio, frame.sample_rate, rate)

    def fill_pause(self, now: int, audio: bytes, rate: int) -> None:
        """Add silence for the time in which nothing came, ahead of audio that comes now."""
        if self.written_at is not None:
            byte_rate = rate * _BYTES_PER_SAMPLE
            pause = (now - self.written_at) / 1e9 - len(audio) / byte_rate
            if pause > _LONGEST_JITTER_SECS:
                self.audio += bytes(int(pause * rate) * _BYTES_PER_SAMPLE)
        self.written_at = now

    def pad_to(self, length: int) -> None:
        self.audio += bytes(max(0, length - len(self.audio)))

    def end_run(self) -> bytes:
        """End the speech that goes on, and return it."""
        ended = bytes(self.run)
        self.turn += ended
        self.run.clear()
        return ended

    def take_turn(self) -> bytes:
        taken = bytes(self.turn)
        self.turn.clear()
        return taken


class AudioBufferProcessor(FrameProcessor):
    """Records what the user and the bot say. To be put behind the output transport.

    Both tracks have one sample rate and stay aligned: where one side is quiet while the other is
    recorded, and where no audio came at all for a while, there is silence. All frames pass.

    Events:
        on_audio_data(processor, audio, sample_rate, num_channels): Both sides in one: mixed if
            mono; if stereo, the user left and the bot right.
        on_track_audio_data(processor, user_audio, bot_audio, sample_rate, num_channels): Each side
            by itself, mono, both of one length.
        on_user_turn_audio(processor, TurnAudioData): What the user said in a turn that is over.
        on_bot_turn_audio(processor, TurnAudioData): The same of the bot.
        on_recording_started(processor)
        on_recording_stopped(processor): After the rest of the audio was handed out.
        on_user_turn_audio_data(processor, audio, sample_rate, num_channels): What the user said up
            to a pause. Deprecated in pipecat 1.8.
        on_bot_turn_audio_data(processor, audio, sample_rate, num_channels): The same of the bot.
            Deprecated in pipecat 1.8.
    """

    handles = (
        AudioBufferStartRecordingFrame,
        AudioBufferStopRecordingFrame,
        BotStartedSpeakingFrame,
        BotStoppedSpeakingFrame,
        InputAudioRawFrame,
        OutputAudioRawFrame,
        UserStartedSpeakingFrame,
        UserStoppedSpeakingFrame,
    )

    _declared_events: ClassVar[Mapping[str, bool]] = {
        "on_audio_data": False,
        "on_track_audio_data": False,
        "on_user_turn_audio_data": False,
        "on_bot_turn_audio_data": False,
        "on_user_turn_audio": False,
        "on_bot_turn_audio": False,
        "on_recording_started": False,
        "on_recording_stopped": False,
    }

    def __init__(
        self,
        *,
        sample_rate: int | None = None,
        num_channels: int = 1,
        buffer_size: int = 0,
        enable_turn_audio: bool = False,
        auto_start_recording: bool = False,
        **kwargs: Any,
    ) -> None:
        """Make a recorder.

        Args:
            sample_rate: Sample rate of the recording in Hz, or None for that of the output.
            num_channels: 1 to mix both sides, 2 to keep them apart.
            buffer_size: After how much of a track audio is handed out, in bytes; 0 for only when
                the recording stops.
            enable_turn_audio: Whether speech is handed out turn by turn, too.
            auto_start_recording: Whether to record from the start of the pipeline on.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._init_sample_rate = sample_rate
        self._sample_rate = 0
        self._num_channels = num_channels
        self._buffer_size = buffer_size
        self._enable_turn_audio = enable_turn_audio
        self._auto_start_recording = auto_start_recording
        self._user = _Track()
        self._bot = _Track()
        self._is_recording = False
        self._turn_tracker: Any = None

    @property
    def sample_rate(self) -> int:
        """Sample rate of the recording, in Hz; 0 before the set-up."""
        return self._sample_rate

    @property
    def num_channels(self) -> int:
        """Number of channels of the merged audio."""
        return self._num_channels

    def has_audio(self) -> bool:
        """Return whether there is audio that was not handed out yet."""
        return bool(self._user.audio or self._bot.audio)

    def merge_audio_buffers(self) -> bytes:
        """Return the audio of both sides that was not handed out yet, in one.

        Nothing if the recorder is for more than two channels.
        """
        from pipecat_rs.audio.utils import interleave_stereo_audio, mix_audio

        user, bot = bytes(self._user.audio), bytes(self._bot.audio)
        if self._num_channels == 1:
            return mix_audio(user, bot)
        return interleave_stereo_audio(user, bot) if self._num_channels == 2 else b""

    def add_event_handler(self, event_name: str, handler: Callable[..., Any]) -> None:
        """Add a handler behind the others. An unknown event is only warned of."""
        replacement = _REPLACED_EVENTS.get(event_name)
        if replacement is not None:
            warn_deprecated(
                f"`{event_name}` is deprecated since 1.8.0 and will be removed in 2.0.0. "
                f"Use `{replacement}` instead.",
                stacklevel=2,
            )
        super().add_event_handler(event_name, handler)

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Take over the sample rate.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        self._sample_rate = self._init_sample_rate or setup.audio_out_sample_rate

    # ---- recording

    async def start_recording(self) -> None:
        """Begin a new recording, unless one goes on."""
        if self._is_recording:
            return
        self._is_recording = True
        for track in (self._user, self._bot):
            track.audio.clear()
            track.run.clear()
            track.turn.clear()
            track.written_at = None
        await self._call_event_handler("on_recording_started")

    async def stop_recording(self) -> None:
        """End the recording that goes on, and hand out what is left.

        It ends at once. For the bot to be recorded to the end of what it has been given to say,
        push an `AudioBufferStopRecordingFrame`.
        """
        if not self._is_recording:
            return
        await self._hand_out()
        self._is_recording = False
        # The speech of the turn stays: the turn is not over yet.
        for track in (self._user, self._bot):
            track.audio.clear()
            track.written_at = None
        await self._call_event_handler("on_recording_stopped")

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Record, and pass the frame on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        match frame:
            case StartFrame():
                if self._enable_turn_audio:
                    self._follow_turns()
                if self._auto_start_recording:
                    await self.start_recording()
            case AudioBufferStartRecordingFrame():
                await self.start_recording()
            case AudioBufferStopRecordingFrame() | EndFrame() | CancelFrame():
                await self.stop_recording()
            case UserStartedSpeakingFrame():
                self._user.is_speaking = True
            case BotStartedSpeakingFrame():
                self._bot.is_speaking = True
            case UserStoppedSpeakingFrame():
                await self._stopped_speaking(self._user, "on_user_turn_audio_data")
            case BotStoppedSpeakingFrame():
                await self._stopped_speaking(self._bot, "on_bot_turn_audio_data")
            case InputAudioRawFrame() if self._is_recording:
                await self._record(frame, self._user, self._bot)
            case OutputAudioRawFrame() if self._is_recording:
                await self._record(frame, self._bot, self._user)
        await self.push_frame(frame, direction)

    async def _record(
        self, frame: InputAudioRawFrame | OutputAudioRawFrame, track: _Track, other: _Track
    ) -> None:
        audio = await track.resampled(frame, self._sample_rate)
        if not audio:
            return  # the resampler's filter holds it
        now = self.get_clock().get_time()
        track.fill_pause(now, audio, self._sample_rate)
        # The other side is brought to where this audio begins, not to where it ends: it may have
        # audio of its own for the same time, still to come. And while it speaks, its audio is only
        # late, and silence would cut it to pieces.
        if not other.is_speaking:
            other.pad_to(len(track.audio))
            other.written_at = now
        track.audio += audio
        if self._enable_turn_audio:
            self._keep_for_turn(track, audio)
        if self._buffer_size and max(len(track.audio), len(other.audio)) >= self._buffer_size:
            await self._hand_out()
            for each in (track, other):
                each.audio.clear()
                each.written_at = now

    async def _hand_out(self) -> None:
        if not self.has_audio():
            return
        length = max(len(self._user.audio), len(self._bot.audio))
        self._user.pad_to(length)
        self._bot.pad_to(length)
        of_recording = (self._sample_rate, self._num_channels)
        if self._has_event_handlers("on_audio_data"):
            merged = self.merge_audio_buffers()
            await self._call_event_handler("on_audio_data", merged, *of_recording)
        user, bot = bytes(self._user.audio), bytes(self._bot.audio)
        await self._call_event_handler("on_track_audio_data", user, bot, *of_recording)

    # ---- turns

    def _follow_turns(self) -> None:
        tracker = self.pipeline_worker.turn_tracking_observer
        if tracker is None:
            _logger.warning(
                "%s: nobody tracks turns, so no audio is handed out by turns. "
                "Make the task with enable_turn_tracking=True.",
                self,
            )
        elif tracker is not self._turn_tracker:
            self._turn_tracker = tracker
            tracker.add_event_handler("on_turn_ended", self._turn_ended)

    async def _stopped_speaking(self, track: _Track, event: str) -> None:
        track.is_speaking = False
        if self._is_recording and self._enable_turn_audio:
            await self._call_event_handler(event, track.end_run(), self._sample_rate, 1)

    def _keep_for_turn(self, track: _Track, audio: bytes) -> None:
        if track is self._bot:
            if track.is_speaking:
                track.run += audio
            return
        track.run += audio
        surplus = len(track.run) - _PREROLL_SECS * self._sample_rate * _BYTES_PER_SAMPLE
        if surplus > 0 and not track.is_speaking:
            del track.run[:surplus]

    async def _turn_ended(self, _tracker: Any, turn_number: int) -> None:
        # If the user has interrupted, the bot has not stopped yet, and what it said belongs to
        # this turn. What the user says by now belongs to the next.
        self._bot.end_run()
        for event, track in (("on_user_turn_audio", self._user), ("on_bot_turn_audio", self._bot)):
            audio = track.take_turn()
            if audio:
                data = TurnAudioData(turn_number, audio, self._sample_rate, 1)
                await self._call_event_handler(event, data)
        # The end of the pipeline ends the last turn, when this processor is cleaned up already:
        # who waits for the tracker's handlers then waits for ours too.
        await BaseObject.cleanup(self)
