"""Both sides of a conversation are recorded on aligned tracks, and turn by turn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from pipecat_rs.clocks.base_clock import BaseClock
from pipecat_rs.frames.frames import (
    AudioBufferStartRecordingFrame,
    AudioBufferStopRecordingFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    TextFrame,
    TTSAudioRawFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.audio.audio_buffer_processor import AudioBufferProcessor, TurnAudioData
from pipecat_rs.processors.interest import declared_interest
from pipecat_rs.testing import Recorder, running
from support.tasks import task_of
from support.waiting import calls_of, within

RATE = 8000
TEN_MS = RATE // 100 * 2  # in bytes
PARAMS = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)


class HandClock(BaseClock):
    """Stands still between frames."""

    def __init__(self) -> None:
        self.now = 0

    def get_time(self) -> int:
        return self.now

    def start(self) -> None:
        self.now = 0


class Call:
    """A running recorder, and the frames that are given to it one by one."""

    def __init__(self, recorder: AudioBufferProcessor, **options: Any) -> None:
        self.recorder, self.clock, self.out = recorder, HandClock(), Recorder()
        options.setdefault("params", PARAMS)
        self.task = task_of(recorder, self.out, clock=self.clock, **options)
        self.run: Any = None

    async def hear(self, *frames: Frame, after_ms: int = 10) -> None:
        for frame in frames:
            self.clock.now += after_ms * 1_000_000
            await self.task.queue_frame(frame)
            await self.out.wait_for(lambda passed, sent=frame: passed is sent)

    async def end(self) -> None:
        await self.task.queue_frame(EndFrame())
        await within(self.run)


@asynccontextmanager
async def call(recorder: AudioBufferProcessor, **options: Any) -> AsyncIterator[Call]:
    made = Call(recorder, **options)
    async with running(made.task) as made.run:
        yield made


def user(level: int, ms: int = 10, rate: int = RATE) -> InputAudioRawFrame:
    return InputAudioRawFrame(pcm(level, ms, rate), rate, 1)


def bot(level: int, ms: int = 10, rate: int = RATE) -> OutputAudioRawFrame:
    return OutputAudioRawFrame(pcm(level, ms, rate), rate, 1)


def pcm(level: int, ms: int = 10, rate: int = RATE) -> bytes:
    return np.full(rate * ms // 1000, level, np.int16).tobytes()


def levels(audio: bytes) -> list[int]:
    """The level of each 10 ms."""
    samples = np.frombuffer(audio, np.int16).reshape(-1, TEN_MS // 2)
    assert (samples == samples[:, :1]).all()
    return samples[:, 0].tolist()


async def test_tracks_are_aligned_and_merged_when_the_pipeline_ends():
    recorder = AudioBufferProcessor(auto_start_recording=True)
    tracks, merged = calls_of(recorder, "on_track_audio_data"), calls_of(recorder, "on_audio_data")
    async with call(recorder) as session:
        await session.hear(user(1), user(2), bot(10), bot(20), user(3))
        assert recorder.has_audio() and recorder.sample_rate == RATE
        await session.end()
    ((user_audio, bot_audio, rate, channels),) = tracks
    assert (rate, channels) == (RATE, 1)
    # The bot's first audio is for the time of the user's second: each side is brought to where
    # the other's audio begins.
    assert levels(user_audio) == [1, 2, 3]
    assert levels(bot_audio) == [0, 10, 20]
    assert [levels(audio) for audio, *_ in merged] == [[1, 12, 23]]
    assert not recorder.has_audio()


async def test_stereo_has_the_user_left_and_the_bot_right():
    recorder = AudioBufferProcessor(num_channels=2, auto_start_recording=True)
    merged = calls_of(recorder, "on_audio_data")
    async with call(recorder) as session:
        await session.hear(user(5), user(6), bot(7))
        await session.end()
    ((audio, rate, channels),) = merged
    samples = np.frombuffer(audio, np.int16).reshape(-1, 2)
    assert (rate, channels) == (RATE, 2)
    assert levels(samples[:, 0].tobytes()) == [5, 6]
    assert levels(samples[:, 1].tobytes()) == [0, 7]


async def test_time_without_audio_is_silence():
    recorder = AudioBufferProcessor(auto_start_recording=True)
    tracks = calls_of(recorder, "on_track_audio_data")
    async with call(recorder) as session:
        await session.hear(user(1))
        await session.hear(user(2), after_ms=510)
        await session.hear(user(3), after_ms=150)  # no more than jitter
        await session.end()
    ((user_audio, *_),) = tracks
    assert levels(user_audio) == [1, *[0] * 50, 2, 3]


async def test_no_silence_is_put_between_the_words_of_who_speaks():
    recorder = AudioBufferProcessor(auto_start_recording=True)
    tracks = calls_of(recorder, "on_track_audio_data")
    async with call(recorder) as session:
        await session.hear(BotStartedSpeakingFrame(), bot(10))
        await session.hear(*[user(1) for _ in range(4)])
        await session.hear(bot(20), BotStoppedSpeakingFrame())
        await session.end()
    ((_, bot_audio, *_),) = tracks
    assert levels(bot_audio) == [10, 20, 0, 0]


async def test_audio_of_other_rates_is_resampled():
    recorder = AudioBufferProcessor(sample_rate=RATE, auto_start_recording=True)
    tracks = calls_of(recorder, "on_track_audio_data")
    speech = TTSAudioRawFrame(pcm(1000, 1000, 24_000), 24_000, 1)
    async with call(recorder) as session:
        await session.hear(user(1000, 1000, 16_000), speech, bot(1000, 1000, 16_000))
        await session.end()
    ((user_audio, bot_audio, *_),) = tracks
    seconds = len(bot_audio) / 2 / RATE
    assert len(user_audio) == len(bot_audio) and 1.8 < seconds <= 2.0
    assert np.median(np.frombuffer(bot_audio, np.int16)) == pytest.approx(1000, abs=2)


async def test_audio_is_handed_out_whenever_a_track_is_long_enough():
    recorder = AudioBufferProcessor(buffer_size=2 * TEN_MS, auto_start_recording=True)
    tracks = calls_of(recorder, "on_track_audio_data")
    async with call(recorder) as session:
        await session.hear(user(1), user(2), user(3))
        await tracks.wait()
        assert levels(tracks[0][0]) == [1, 2] and levels(tracks[0][1]) == [0, 0]
        await session.end()
    assert [levels(user_audio) for user_audio, *_ in tracks] == [[1, 2], [3]]


async def test_recording_goes_on_between_its_frames_only():
    recorder = AudioBufferProcessor()
    tracks = calls_of(recorder, "on_track_audio_data")
    begun = calls_of(recorder, "on_recording_started")
    ended = calls_of(recorder, "on_recording_stopped")
    async with call(recorder) as session:
        await session.hear(user(1), AudioBufferStartRecordingFrame(), user(2))
        await session.hear(AudioBufferStopRecordingFrame(), user(3))
        await ended.wait()
        await recorder.stop_recording()  # there is none to stop
        await recorder.start_recording()
        await recorder.start_recording()  # there is one already
        await session.hear(user(4))
        await session.end()
    assert [levels(user_audio) for user_audio, *_ in tracks] == [[2], [4]]
    assert (len(begun), len(ended)) == (2, 2)


async def test_a_recording_without_audio_hands_none_out():
    recorder = AudioBufferProcessor(auto_start_recording=True)
    tracks, ended = calls_of(recorder, "on_track_audio_data"), calls_of(recorder, "on_audio_data")
    async with call(recorder) as session:
        await session.end()
    assert not tracks and not ended


async def test_an_interruption_does_not_stop_a_recording():
    recorder = AudioBufferProcessor(auto_start_recording=True)
    tracks = calls_of(recorder, "on_track_audio_data")
    async with call(recorder) as session:
        await session.hear(user(1), InterruptionFrame(), user(2))
        await session.end()
    assert [levels(user_audio) for user_audio, *_ in tracks] == [[1, 2]]


async def test_what_was_recorded_is_handed_out_when_the_task_is_cancelled():
    recorder = AudioBufferProcessor(auto_start_recording=True)
    tracks = calls_of(recorder, "on_track_audio_data")
    async with call(recorder) as session:
        await session.hear(user(1))
        await session.task.cancel()
        await within(session.run)
    assert [levels(user_audio) for user_audio, *_ in tracks] == [[1]]


async def test_speech_is_handed_out_turn_by_turn_without_its_pauses():
    recorder = AudioBufferProcessor(auto_start_recording=True, enable_turn_audio=True)
    of_user, of_bot = (
        calls_of(recorder, "on_user_turn_audio"),
        calls_of(recorder, "on_bot_turn_audio"),
    )
    async with call(recorder) as session:
        # Speech is noticed late: the second before it belongs to it.
        await session.hear(user(1, 990), user(2, 20))
        await session.hear(UserStartedSpeakingFrame(), user(3), UserStoppedSpeakingFrame())
        await session.hear(UserStartedSpeakingFrame(), user(4), UserStoppedSpeakingFrame())
        await session.hear(bot(9), BotStartedSpeakingFrame(), bot(10))  # 9 is a mixer's, say
        await session.hear(user(5), UserStartedSpeakingFrame())  # the user cuts in
        first = (await of_user.wait())[0]
        second = (await of_bot.wait())[0]
        await session.hear(user(6), BotStoppedSpeakingFrame(), UserStoppedSpeakingFrame())
        await session.end()
    assert isinstance(first, TurnAudioData) and (first.turn_number, first.num_channels) == (1, 1)
    assert levels(first.audio) == [*[1] * 98, 2, 2, 3, 4] and first.sample_rate == RATE
    assert second == TurnAudioData(1, pcm(10), RATE, 1)
    assert [levels(data.audio) for (data,) in of_user[1:]] == [[5, 6]]
    assert of_user[1][0].turn_number == 2 and len(of_bot) == 1


async def test_the_older_events_tell_each_run_of_speech_and_are_deprecated():
    recorder = AudioBufferProcessor(auto_start_recording=True, enable_turn_audio=True)
    with pytest.deprecated_call(match="on_user_turn_audio"):
        of_user = calls_of(recorder, "on_user_turn_audio_data")
    with pytest.deprecated_call(match="on_bot_turn_audio"):
        of_bot = calls_of(recorder, "on_bot_turn_audio_data")
    async with call(recorder) as session:
        await session.hear(UserStartedSpeakingFrame(), user(1), UserStoppedSpeakingFrame())
        await session.hear(BotStartedSpeakingFrame(), bot(2), BotStoppedSpeakingFrame())
        await session.end()
    assert of_user == [(pcm(1), RATE, 1)] and of_bot == [(pcm(2), RATE, 1)]


async def test_turn_audio_needs_somebody_who_tracks_turns(caplog: pytest.LogCaptureFixture):
    recorder = AudioBufferProcessor(auto_start_recording=True, enable_turn_audio=True)
    async with call(recorder, enable_turn_tracking=False) as session:
        await session.end()
    assert "enable_turn_tracking=True" in caplog.text


def test_other_frames_are_routed_past_it():
    interest = declared_interest(AudioBufferProcessor)
    assert interest is not None and not issubclass(TextFrame, interest)
