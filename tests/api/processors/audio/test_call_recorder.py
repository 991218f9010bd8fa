"""Files of a recorded call."""

import logging
import wave
from pathlib import Path

import numpy as np
import pytest
from pipecat_rs.audio import recording
from pipecat_rs.frames.frames import (
    AudioBufferStartRecordingFrame,
    AudioBufferStopRecordingFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.audio.audio_buffer_processor import AudioBufferProcessor
from pipecat_rs.processors.audio.call_recorder import CallRecorder
from pipecat_rs.testing import Recorder, running
from support.tasks import task_of
from support.waiting import within

RATE = 8_000
PARAMS = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)


def pcm(level: int, ms: int = 100) -> bytes:
    return np.full(RATE * ms // 1_000, level, np.int16).tobytes()


def user(level: int) -> InputAudioRawFrame:
    return InputAudioRawFrame(pcm(level), RATE, 1)


def bot(level: int) -> OutputAudioRawFrame:
    return OutputAudioRawFrame(pcm(level), RATE, 1)


async def held(buffer: AudioBufferProcessor, *frames: Frame, **options) -> None:
    """A call of these frames, one after the other, to its end."""
    out = Recorder()
    task = task_of(buffer, out, params=PARAMS, **options)
    async with running(task) as run:
        for frame in frames:
            await task.queue_frame(frame)
            await out.wait_for(lambda passed, sent=frame: passed is sent)
        await task.queue_frame(EndFrame())
        await within(run)


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert file.getframerate() == RATE
        frames = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return frames.reshape(-1, file.getnchannels())


async def test_both_sides_and_each_by_itself(tmp_path):
    buffer = AudioBufferProcessor(num_channels=2, buffer_size=2_000, auto_start_recording=True)
    recorder = CallRecorder(buffer, tmp_path, tracks=("merged", "user", "bot"))
    await held(buffer, *(frame for level in range(1, 8) for frame in (user(level), bot(-level))))
    assert sorted(path.name for path in recorder.files) == [
        "call-1-bot.wav",
        "call-1-user.wav",
        "call-1.wav",
    ]
    merged = samples(tmp_path / "call-1.wav")
    left, right = samples(tmp_path / "call-1-user.wav"), samples(tmp_path / "call-1-bot.wav")
    assert (merged == np.hstack((left, right))).all()
    said = left[left != 0].reshape(7, -1)
    assert (said == np.arange(1, 8)[:, np.newaxis]).all()


async def test_every_recording_of_a_call_has_its_file(tmp_path):
    buffer = AudioBufferProcessor()
    recorder = CallRecorder(buffer, tmp_path / "new", name="2031")
    frames: list[Frame] = []
    for level in (5, 6):
        frames += [AudioBufferStartRecordingFrame(), user(level), AudioBufferStopRecordingFrame()]
    await held(buffer, *frames)
    assert [path.name for path in recorder.files] == ["2031-1.wav", "2031-2.wav"]
    assert [set(samples(path).flat) for path in recorder.files] == [{5}, {6}]


async def test_turn_by_turn_in_opus(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    buffer = AudioBufferProcessor(enable_turn_audio=True, auto_start_recording=True)
    recorder = CallRecorder(buffer, tmp_path, tracks=("turns",), format="ogg")
    await held(
        buffer,
        UserStartedSpeakingFrame(),
        *(user(2_000) for _ in range(3)),
        UserStoppedSpeakingFrame(),
        BotStartedSpeakingFrame(),
        *(bot(1_000) for _ in range(5)),
        BotStoppedSpeakingFrame(),
        enable_turn_tracking=True,
    )
    lengths = {path.name: soundfile.info(path).duration for path in recorder.files}
    assert lengths == {
        "call-1-turn-1-user.ogg": pytest.approx(0.3),
        "call-1-turn-1-bot.ogg": pytest.approx(0.5),
    }


async def test_a_disk_that_fails_is_told_and_the_call_goes_on(tmp_path, monkeypatch, caplog):
    def full(*_args: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(recording, "open_recorder", full)
    buffer = AudioBufferProcessor(auto_start_recording=True)
    recorder = CallRecorder(buffer, tmp_path)
    with caplog.at_level(logging.ERROR):
        await held(buffer, user(1))
    assert "no space left on device" in caplog.text
    assert recorder.files == []


def test_what_is_no_track_or_format_is_refused(tmp_path):
    buffer = AudioBufferProcessor()
    with pytest.raises(ValueError, match="no such tracks: \\['both'\\]"):
        CallRecorder(buffer, tmp_path, tracks=("both",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'wav' or 'ogg', not 'mp3'"):
        CallRecorder(buffer, tmp_path, format="mp3")  # type: ignore[arg-type]
