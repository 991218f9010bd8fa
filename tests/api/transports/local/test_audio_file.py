"""A call with a recording: paced like a microphone, recorded on both sides, ended by hanging up."""

import asyncio
import wave
from pathlib import Path

import pytest
from pipecat_rs.audio.audio_file_reader import AudioFileError
from pipecat_rs.frames.frames import (
    BotStoppedSpeakingFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from pipecat_rs.transports.local.audio_file import AudioFileTransport, AudioFileTransportParams
from support.processors import Pass
from support.tasks import DOWN, task_of
from support.waiting import calls_of, within

np = pytest.importorskip("numpy")
soundfile = pytest.importorskip("soundfile")

RATE = 16_000
OUT_RATE = 24_000


def caller(path: Path, *parts: tuple[float, float]) -> Path:
    """Write a file of tones and silences, each a pair of seconds and level."""
    audio = [
        level * np.sin(2 * np.pi * 440 * np.arange(round(secs * RATE)) / RATE)
        for secs, level in parts
    ]
    soundfile.write(path, np.concatenate(audio), RATE)
    return path


def tracks(path: Path):
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 2
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
        return samples[:, 0] / 32768, samples[:, 1] / 32768, file.getframerate()


def first_sound(track, rate: int) -> float:
    return np.flatnonzero(np.abs(track) > 0.05)[0] / rate


class Echo(FrameProcessor):
    """Says what it hears, and nothing while it hears nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._speaking = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            loud = any(frame.audio)
            if loud:
                await self.push_frame(
                    TTSAudioRawFrame(
                        audio=frame.audio, sample_rate=frame.sample_rate, num_channels=1
                    )
                )
            elif self._speaking:
                await self.push_frame(TTSStoppedFrame())
            self._speaking = loud
        await self.push_frame(frame, direction)


async def hold(transport: AudioFileTransport, *processors: FrameProcessor, secs: float = 20.0):
    """Hold a call to its end."""
    task = task_of(transport.input(), *processors, transport.output())
    async with running(task, wait_for_start=False) as run:
        await within(run, secs)
    return task


async def test_a_file_is_heard_in_20_ms_frames_in_order(tmp_path):
    path = caller(tmp_path / "caller.wav", (0.5, 0.5))
    out = Recorder()
    await hold(AudioFileTransport(path, fast=True), out)
    frames = out.frames(InputAudioRawFrame)
    assert {len(frame.audio) for frame in frames} == {2 * RATE // 50}
    assert {(frame.sample_rate, frame.num_channels) for frame in frames} == {(RATE, 1)}
    heard = np.frombuffer(b"".join(frame.audio for frame in frames), np.int16)
    sent = soundfile.read(path, dtype="int16")[0]
    assert (heard[: len(sent)] == sent).all()
    assert not heard[len(sent) :].any()


async def test_a_call_takes_as_long_as_it_lasts(tmp_path):
    path = caller(tmp_path / "caller.wav", (0.3, 0.5))
    transport = AudioFileTransport(path, params=AudioFileTransportParams(hang_up_after_secs=0.1))
    began = asyncio.get_running_loop().time()
    await hold(transport, Pass())
    assert asyncio.get_running_loop().time() - began >= 0.4
    assert transport.skipped == 0
    assert transport.input().lateness.count == 20


@pytest.mark.parametrize("fast", [False, True])
async def test_both_sides_are_recorded_at_the_time_they_were_heard(tmp_path, fast):
    path = caller(tmp_path / "caller.wav", (0.2, 0.0), (0.4, 0.5), (0.2, 0.0))
    recording = tmp_path / "new" / "call.wav"
    await hold(AudioFileTransport(path, recording, fast=fast), Echo())
    left, right, rate = tracks(recording)
    assert rate == OUT_RATE
    assert first_sound(left, rate) == pytest.approx(0.2, abs=0.01)
    # The echo comes when a frame of 20 ms has been heard and a chunk of 40 ms has been filled.
    assert 0.2 < first_sound(right, rate) < 0.36
    for track in (left, right):
        assert (np.abs(track) > 0.05).sum() / rate == pytest.approx(0.4, abs=0.05)


async def test_a_fast_call_gives_the_same_recording_as_a_real_one(tmp_path):
    path = caller(tmp_path / "caller.wav", (0.3, 0.3), (0.3, 0.0), (0.4, 0.6))
    for name, fast in (("real.wav", False), ("fast.wav", True)):
        await hold(AudioFileTransport(path, tmp_path / name, fast=fast), Echo())
    real, fast = tracks(tmp_path / "real.wav"), tracks(tmp_path / "fast.wav")
    length = RATE
    assert np.abs(real[0][:length] - fast[0][:length]).max() < 0.001
    assert first_sound(real[1], OUT_RATE) == pytest.approx(first_sound(fast[1], OUT_RATE), abs=0.05)


async def test_events_tell_when_the_call_begins_and_when_the_caller_hangs_up(tmp_path):
    transport = AudioFileTransport(caller(tmp_path / "caller.wav", (0.1, 0.5)), fast=True)
    connected = calls_of(transport, "on_client_connected")
    disconnected = calls_of(transport, "on_client_disconnected")
    task = await hold(transport, Pass())
    assert task.has_finished()
    assert (len(connected), len(disconnected)) == (1, 1)


async def test_a_bot_without_an_output_hears_the_whole_file(tmp_path):
    transport = AudioFileTransport(
        caller(tmp_path / "caller.wav", (0.2, 0.5)),
        tmp_path / "call.wav",
        params=AudioFileTransportParams(hang_up_after_secs=0.1),
    )
    out = Recorder()
    async with running(task_of(transport.input(), out)) as run:
        await within(run)
    assert len(out.frames(InputAudioRawFrame)) == 15
    left, right, rate = tracks(tmp_path / "call.wav")
    assert rate == RATE and not right.any()
    assert len(left) == pytest.approx(0.3 * RATE, abs=RATE * 0.03)


async def test_a_cancelled_call_leaves_what_was_recorded_so_far(tmp_path):
    recording = tmp_path / "call.wav"
    transport = AudioFileTransport(caller(tmp_path / "caller.wav", (30.0, 0.5)), recording)
    out = Recorder()
    task = task_of(transport.input(), Echo(), transport.output(), out)
    async with running(task) as run:
        await out.wait_for(TTSAudioRawFrame, count=5)
        await task.cancel()
        await within(run)
    left, right, rate = tracks(recording)
    assert 0.2 <= len(left) / rate < 10
    assert np.abs(left).max() > 0.4 and np.abs(right).max() > 0.4


async def test_cancelling_the_program_ends_the_call_and_keeps_the_recording(tmp_path):
    recording = tmp_path / "call.wav"
    transport = AudioFileTransport(caller(tmp_path / "caller.wav", (30.0, 0.5)), recording)
    out = Recorder()
    task = task_of(transport.input(), Echo(), transport.output(), out)
    async with running(task) as run:
        await out.wait_for(TTSAudioRawFrame, count=5)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(run)
    assert len(tracks(recording)[0]) > 0


async def test_an_end_in_mid_call_plays_what_the_bot_was_saying(tmp_path):
    transport = AudioFileTransport(
        caller(tmp_path / "caller.wav", (30.0, 0.5)), tmp_path / "call.wav", fast=True
    )
    task = task_of(transport.input(), Pass(), transport.output())
    async with running(task) as run:
        speech = np.full(round(1.2 * OUT_RATE), 9000, np.int16).tobytes()
        await task.queue_frames(
            [
                TTSAudioRawFrame(audio=speech, sample_rate=OUT_RATE, num_channels=1),
                TTSStoppedFrame(),
                EndFrame(),
            ]
        )
        await within(run)
    _, right, rate = tracks(tmp_path / "call.wav")
    assert (np.abs(right) > 0.05).sum() / rate == pytest.approx(1.2, abs=0.01)


@pytest.mark.parametrize("content", [b"", b"no audio" * 99])
def test_a_file_that_cannot_be_used_is_refused_when_the_transport_is_made(tmp_path, content):
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(AudioFileError, match=r"bad\.wav"):
        AudioFileTransport(tmp_path / "bad.wav")


def test_a_file_that_was_cut_off_is_used_with_a_warning(tmp_path, caplog):
    whole = caller(tmp_path / "whole.wav", (2.0, 0.5)).read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    transport = AudioFileTransport(tmp_path / "cut.wav")
    transport.source.close()
    assert "cut off" in caplog.text


# -- a fast call is the same conversation ----------------------------------------------------

PAUSE_SECS = 0.3  # How long the bot below waits whether the caller goes on, by a real timer.
THINK_SECS = 0.15


class Bot(FrameProcessor):
    """Hears when the caller speaks, waits to see if the turn is over, thinks, and answers.

    It stands for all that a fast call must get right: its timers and its thinking take real time.
    """

    def __init__(self, answer_secs: float) -> None:
        super().__init__()
        self.answer_secs = answer_secs
        self.turns = 0
        self._loud = self._quiet = 0
        self._speaking = False
        self._waiting: asyncio.Task | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self._listen(np.abs(np.frombuffer(frame.audio, np.int16)).max() > 1000)

    async def _listen(self, loud: bool) -> None:
        self._loud, self._quiet = (self._loud + 1, 0) if loud else (0, self._quiet + 1)
        if not self._speaking and self._loud == 5:
            self._speaking = True
            await self._give_up()
            await self.broadcast_frame(VADUserStartedSpeakingFrame)
            await self.broadcast_interruption()
        elif self._speaking and self._quiet == 5:
            self._speaking = False
            await self.broadcast_frame(VADUserStoppedSpeakingFrame)
            self._waiting = self.create_task(self._answer(), "answer")

    async def _answer(self) -> None:
        await asyncio.sleep(PAUSE_SECS)
        self.turns += 1
        await self.broadcast_frame(UserStoppedSpeakingFrame)
        await self.push_frame(LLMFullResponseStartFrame())
        for sentence in range(2):
            await asyncio.sleep(THINK_SECS)
            if sentence == 0:
                await self.push_frame(TTSStartedFrame())
            audio = np.full(round(self.answer_secs / 2 * OUT_RATE), 9000, np.int16).tobytes()
            await self.push_frame(
                TTSAudioRawFrame(audio=audio, sample_rate=OUT_RATE, num_channels=1)
            )
        await self.push_frame(TTSStoppedFrame())
        await self.push_frame(LLMFullResponseEndFrame())

    async def _give_up(self) -> None:
        if self._waiting:
            await self.cancel_task(self._waiting)
            self._waiting = None

    async def cleanup(self) -> None:
        await self._give_up()
        await super().cleanup()


def spans(track, rate: int) -> list[tuple[float, float]]:
    """Where a track is loud, pauses under 50 ms left out."""
    at = np.flatnonzero(np.abs(track) > 0.05)
    cuts = np.flatnonzero(np.diff(at) > 0.05 * rate)
    starts = at[np.r_[0, cuts + 1]] / rate
    ends = at[np.r_[cuts, len(at) - 1]] / rate
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


async def test_a_fast_call_leaves_out_what_only_goes_by_but_not_the_thinking(tmp_path):
    path = caller(tmp_path / "caller.wav", (1.0, 0.5), (20.0, 0.0))
    transport = AudioFileTransport(path, tmp_path / "call.wav", fast=True)
    bot = Bot(answer_secs=2.0)
    await hold(transport, bot)
    assert bot.turns == 1
    assert transport.skipped > 15
    _, right, rate = tracks(tmp_path / "call.wav")
    ((start, end),) = spans(right, rate)
    # The caller is quiet from 1.0 on, noticed at 1.1; then the bot waits and thinks.
    assert start == pytest.approx(1.1 + PAUSE_SECS + THINK_SECS, abs=0.15)
    # The second sentence was ready in time: there is no gap between the two.
    assert end - start == pytest.approx(2.0, abs=0.05)


async def test_in_a_fast_call_a_short_pause_does_not_end_the_turn(tmp_path):
    short, long = PAUSE_SECS * 0.6 + 0.1, PAUSE_SECS + 6.0
    path = caller(tmp_path / "caller.wav", (1, 0.5), (short, 0), (1, 0.5), (long, 0), (1, 0.5))
    bot = Bot(answer_secs=0.5)
    await hold(AudioFileTransport(path, fast=True), bot)
    assert bot.turns == 2


async def test_in_a_fast_call_an_interruption_falls_where_it_falls_in_a_real_one(tmp_path):
    path = caller(tmp_path / "caller.wav", (1.0, 0.5), (4.0, 0.0), (1.0, 0.5))
    transport = AudioFileTransport(path, tmp_path / "call.wav", fast=True)
    bot, out = Bot(answer_secs=10.0), Recorder()
    task = task_of(transport.input(), bot, transport.output(), out)
    async with running(task) as run:
        await within(run, 20)
    assert bot.turns == 2
    assert len(out.frames(InterruptionFrame, DOWN)) == 2
    assert len(out.frames(BotStoppedSpeakingFrame, DOWN)) == 2
    _, right, rate = tracks(tmp_path / "call.wav")
    (first_start, first_end), (second_start, second_end) = spans(right, rate)
    # Thinking takes real time here too, and on a busy machine more of it.
    assert 0 <= first_start - (1.0 + PAUSE_SECS + THINK_SECS) < 0.6
    # The caller speaks again at 5.0, and five frames later the bot falls silent.
    assert first_end == pytest.approx(5.1, abs=0.1)
    assert 0 <= second_start - (6.0 + PAUSE_SECS + THINK_SECS) < 0.6
    assert second_end - second_start == pytest.approx(10.0, abs=0.1)
