"""The output transport beyond the rules: destinations, volume, filters, mixers, failures, pace."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    SpeechOutputAudioRawFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    VolumeFrame,
)
from pipecat_rs.testing import Recorder, running
from support.frames import Data
from support.loudspeaker import RATE, Loudspeaker, pcm
from support.tasks import UP, task_of
from support.waiting import within

np = pytest.importorskip("numpy")


def speech(secs: float, level: int = 1000) -> TTSAudioRawFrame:
    return TTSAudioRawFrame(audio=pcm(secs, level), sample_rate=RATE, num_channels=1)


async def play(speaker: Loudspeaker, *frames: Frame) -> Recorder:
    """Play frames to their end and give back what came out behind the transport."""
    out = Recorder()
    task = task_of(speaker, out)
    async with running(task) as run:
        await task.queue_frames([*frames, EndFrame()])
        await within(run)
    return out


async def test_chunks_are_written_on_an_absolute_schedule():
    speaker = Loudspeaker()
    await play(speaker, speech(0.5), speech(0.5))
    assert [at for at, _ in speaker.played] == pytest.approx([0.04 * n for n in range(25)])
    assert speaker.lateness.count == 25


async def test_a_write_that_is_late_does_not_delay_the_following_ones():
    class Slow(Loudspeaker):
        async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
            if len(self.played) == 3:
                self.pipeline_clock.advance(0.1)  # The loop was busy elsewhere for 100 ms.
            return await super().write_audio_frame(frame)

    speaker = Slow()
    await play(speaker, speech(0.8))
    assert [at for at, _ in speaker.played] == pytest.approx([0.04 * n for n in range(20)])
    assert speaker.lateness.max == pytest.approx(0.06, abs=0.001)
    assert speaker.lateness.percentile(50) < 0.001


async def test_a_transport_that_is_not_paced_writes_as_fast_as_it_can():
    class Instant(Loudspeaker):
        paced = False

    speaker = Instant(held=True)
    await play(speaker, speech(10.0))
    assert len(speaker.audio) == 2 * 10 * RATE
    assert speaker.lateness.count == 0


async def test_audio_that_is_no_speech_announces_no_speaker():
    speaker = Loudspeaker()
    out = await play(speaker, OutputAudioRawFrame(audio=pcm(1.0), sample_rate=RATE, num_channels=1))
    assert len(speaker.audio) == 2 * RATE
    assert not out.frames((BotStartedSpeakingFrame, BotStoppedSpeakingFrame))


async def test_in_a_stream_of_speech_silence_ends_it():
    def stream(secs: float, level: int) -> SpeechOutputAudioRawFrame:
        return SpeechOutputAudioRawFrame(audio=pcm(secs, level), sample_rate=RATE, num_channels=1)

    out = await play(Loudspeaker(), stream(1, 0), stream(1, 900), stream(1, 5), stream(1, 900))
    kinds = [
        type(frame) for frame in out.frames((BotStartedSpeakingFrame, BotStoppedSpeakingFrame))
    ]
    assert kinds[:3] == [BotStartedSpeakingFrame, BotStoppedSpeakingFrame, BotStartedSpeakingFrame]


async def test_a_named_destination_is_played_beside_the_default_one():
    speaker = Loudspeaker(audio_out_destinations=["spanish"])
    translated = speech(0.2, level=7)
    translated.transport_destination = "spanish"
    out = await play(speaker, speech(0.2, level=5), translated)
    by_destination = {
        name: b"".join(f.audio for _, f in speaker.played if f.transport_destination == name)
        for name in (None, "spanish")
    }
    assert by_destination[None].startswith(pcm(0.2, level=5))
    assert by_destination["spanish"].startswith(pcm(0.2, level=7))
    started = out.frames(BotStartedSpeakingFrame)
    assert {frame.transport_destination for frame in started} == {None, "spanish"}


async def test_a_frame_for_an_unknown_destination_is_dropped_with_a_warning(caplog):
    lost = speech(0.2)
    lost.transport_destination = "nowhere"
    speaker = Loudspeaker()
    await play(speaker, lost)
    assert not speaker.played
    assert "nowhere" in caplog.text and "audio_out_destinations" in caplog.text


async def test_the_volume_changes_in_its_place_in_the_audio():
    speaker = Loudspeaker(audio_out_volume=0.5)
    await play(speaker, speech(0.08), VolumeFrame(volume=2.0), speech(0.08))
    assert speaker.audio == pcm(0.08, level=500) + pcm(0.08, level=2000)


class Halving:
    """A filter that can be asked whether it was started and stopped."""

    def __init__(self) -> None:
        self.log: list[object] = []

    async def start(self, sample_rate: int) -> None:
        self.log.append(sample_rate)

    async def stop(self) -> None:
        self.log.append("stop")

    async def process_frame(self, frame: Frame) -> None:
        self.log.append(frame)

    async def filter(self, audio: bytes) -> bytes:
        return (np.frombuffer(audio, np.int16) // 2).tobytes()


async def test_audio_goes_through_the_filter():
    halving = Halving()
    speaker = Loudspeaker(audio_out_filter=halving)
    await play(speaker, speech(0.08))
    assert speaker.audio == pcm(0.08, level=500)
    assert halving.log == [RATE, "stop"]


class Hum:
    """A mixer that adds 100 to every sample."""

    def __init__(self) -> None:
        self.log: list[object] = []

    async def start(self, sample_rate: int) -> None:
        self.log.append(sample_rate)

    async def stop(self) -> None:
        self.log.append("stop")

    async def process_frame(self, frame: Frame) -> None:
        self.log.append(frame)

    async def mix(self, audio: bytes) -> bytes:
        return (np.frombuffer(audio, np.int16) + 100).astype(np.int16).tobytes()


async def test_a_mixer_is_heard_under_the_speech_and_between_it():
    hum = Hum()
    speaker, out = Loudspeaker(audio_out_mixer=hum), Recorder()
    task = task_of(speaker, out)
    async with running(task) as run:
        while len(speaker.played) < 5:
            speaker.wrote.clear()
            await within(speaker.wrote.wait())
        await task.queue_frames([speech(0.4), TTSStoppedFrame()])
        await out.wait_for(BotStoppedSpeakingFrame)
        await task.queue_frame(EndFrame())
        await within(run)
    heard = np.frombuffer(speaker.audio, np.int16)
    assert set(np.unique(heard)) == {100, 1100}
    assert (heard == 1100).sum() == 0.4 * RATE
    assert hum.log == [RATE, "stop"]


async def test_a_row_of_failed_writes_is_reported_once_and_what_follows_is_played():
    class Faulty(Loudspeaker):
        async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
            await super().write_audio_frame(frame)
            if 2 <= len(self.played) <= 4:
                raise OSError("the line is dead")
            return True

    before, speaker, after = Recorder(), Faulty(), Recorder()
    task = task_of(before, speaker, after)
    async with running(task) as run:
        await task.queue_frames([speech(0.4), Data("after"), EndFrame()])
        await within(run)
    (error,) = before.frames(ErrorFrame, UP)
    assert "the line is dead" in error.error
    assert len(speaker.played) == 10
    assert len(after.frames(TTSAudioRawFrame)) == 7
    assert after.frames(Data)


async def test_a_peer_that_does_not_read_any_more_costs_one_error_and_no_hang():
    class Stuck(Loudspeaker):
        async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
            await super().write_audio_frame(frame)
            await asyncio.Event().wait()
            return True

    before, speaker = Recorder(), Stuck(audio_out_write_timeout_secs=0.01)
    task = task_of(before, speaker)
    async with running(task) as run:
        await task.queue_frames([speech(0.4), EndFrame()])
        await within(run)
    (error,) = before.frames(ErrorFrame, UP)
    assert "audio_out_write_timeout_secs" in error.error
    assert not speaker.is_usable
    assert len(speaker.played) == 1


async def test_silence_is_played_after_the_last_words():
    speaker = Loudspeaker(audio_out_end_silence_secs=1)
    await play(speaker, speech(0.04))
    assert speaker.audio == pcm(0.04) + bytes(2 * RATE)


async def test_messages_are_sent_in_turn_or_at_once():
    class Messenger(Loudspeaker):
        def __init__(self) -> None:
            super().__init__(held=True)
            self.sent: list[object] = []

        async def send_message(self, frame) -> None:
            self.sent.append((frame.message, len(self.played)))

    speaker = Messenger()
    out = Recorder()
    task = task_of(speaker, out)
    async with running(task) as run:
        await task.queue_frames([speech(0.4), OutputTransportMessageFrame(message="in turn")])
        await within(speaker.wrote.wait())
        await task.queue_frame(OutputTransportMessageUrgentFrame(message="at once"))
        await task.queue_frame(EndFrame())
        while not speaker.sent:
            await asyncio.sleep(0)
        speaker.release()
        await within(run)
    assert speaker.sent == [("at once", 1), ("in turn", 10)]


@pytest.fixture
async def idle_speaker() -> AsyncIterator[Loudspeaker]:
    speaker = Loudspeaker()
    async with running(task_of(speaker)):
        yield speaker


async def test_a_transport_with_nothing_to_play_is_silent_and_not_busy(idle_speaker):
    assert idle_speaker.silent
    assert not idle_speaker.busy


def test_before_its_setup_a_transport_has_no_clock():
    with pytest.raises(RuntimeError, match="set it up"):
        _ = Loudspeaker().playout_clock
