"""Engine rules 104-106: what a transport does to audio, and when it passes frames on."""

from dataclasses import dataclass, field

import pytest
from pipecat_rs.frames.frames import (
    BotSpeakingFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    StartFrame,
    TextFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.testing import Recorder, running
from pipecat_rs.transports.base_input import BaseInputTransport
from pipecat_rs.transports.base_transport import TransportParams
from support.frames import Data, Lasting, tags
from support.loudspeaker import RATE, Loudspeaker, pcm
from support.processors import Pass
from support.tasks import DOWN, UP, task_of
from support.waiting import settle, until, within

pytest.importorskip("numpy")


def speech(secs: float, rate: int = RATE, level: int = 1000) -> TTSAudioRawFrame:
    return TTSAudioRawFrame(audio=pcm(secs, level, rate), sample_rate=rate, num_channels=1)


@dataclass
class LastingSpeech(TTSAudioRawFrame):
    interruptible: bool = field(default=False, init=False)


def of(*kinds: type[Frame], frames: list[Frame]) -> list[str]:
    return [type(frame).__name__ for frame in frames if isinstance(frame, kinds)]


@pytest.mark.parametrize("tens", [1, 2, 4])
async def test_r104_audio_is_cut_into_chunks_of_n_times_10_ms(tens):
    speaker = Loudspeaker(audio_out_10ms_chunks=tens)
    out = Recorder()
    task = task_of(speaker, out)
    async with running(task) as run:
        for secs in (0.013, 0.25, 0.001):
            await task.queue_frame(speech(secs))
        await task.queue_frames([TTSStoppedFrame(), EndFrame()])
        await within(run)
    assert {len(frame.audio) for _, frame in speaker.played} == {2 * RATE // 100 * tens}
    assert {type(frame) for _, frame in speaker.played} == {TTSAudioRawFrame}
    whole = pcm(0.264)
    assert speaker.audio[: len(whole)] == whole
    assert not any(speaker.audio[len(whole) :])
    assert out.frames(TTSAudioRawFrame) == [frame for _, frame in speaker.played]


async def test_r104_audio_of_another_rate_is_played_at_the_transports_own():
    speaker = Loudspeaker(audio_out_sample_rate=24_000)
    task = task_of(speaker)
    async with running(task) as run:
        await task.queue_frames([speech(1.0), TTSStoppedFrame(), EndFrame()])
        await within(run)
    assert {frame.sample_rate for _, frame in speaker.played} == {24_000}
    assert len(speaker.audio) == pytest.approx(48_000, abs=2 * 24_000 * 0.04)


async def test_r104_without_a_rate_of_its_own_a_transport_takes_the_pipelines():
    speaker = Loudspeaker(audio_out_sample_rate=None)
    task = task_of(speaker, params=PipelineParams(audio_out_sample_rate=8_000))
    async with running(task):
        assert speaker.sample_rate == 8_000
        assert speaker.audio_chunk_size == 2 * 320


async def test_r104_the_bots_speech_is_announced_both_ways_as_siblings():
    before, speaker, after = Recorder(), Loudspeaker(), Recorder()
    task = task_of(before, speaker, after)
    async with running(task) as run:
        await task.queue_frames([speech(0.3), TTSStoppedFrame(), EndFrame()])
        await within(run)
    for kind in (BotStartedSpeakingFrame, BotSpeakingFrame, BotStoppedSpeakingFrame):
        ups = before.frames(kind, UP)
        downs = after.frames(kind, DOWN)
        assert ups and len(ups) == len(downs)
        for up, down in zip(ups, downs, strict=True):
            assert up is not down
            assert (up.broadcast_sibling_id, down.broadcast_sibling_id) == (down.id, up.id)
    announced = of(
        BotStartedSpeakingFrame, BotSpeakingFrame, BotStoppedSpeakingFrame, frames=after.frames()
    )
    assert announced[0] == "BotStartedSpeakingFrame"
    assert announced[-1] == "BotStoppedSpeakingFrame"


async def test_r104_a_speaking_bot_says_so_every_200_ms():
    speaker, out = Loudspeaker(), Recorder()
    task = task_of(speaker, out)
    async with running(task) as run:
        await task.queue_frames([speech(2.0), TTSStoppedFrame(), EndFrame()])
        await within(run)
    assert len(out.frames(BotSpeakingFrame)) == 10


async def test_r105_the_bot_stops_on_the_tts_stopped_frame_after_its_audio_was_heard():
    speaker, out = Loudspeaker(held=True), Recorder()
    task = task_of(speaker, out)
    async with running(task):
        await task.queue_frames([speech(0.2), TTSStoppedFrame()])
        await out.wait_for(BotStartedSpeakingFrame)
        await settle()
        assert not out.frames(BotStoppedSpeakingFrame)
        speaker.release()
        await out.wait_for(BotStoppedSpeakingFrame)
    assert speaker.clock.time() == pytest.approx(0.2)


async def test_r105_a_tts_stopped_frame_without_audio_stops_nothing():
    speaker, out = Loudspeaker(), Recorder()
    task = task_of(speaker, out)
    async with running(task):
        await task.queue_frame(TTSStoppedFrame())
        await out.wait_for(TTSStoppedFrame)
        assert not out.frames(BotStoppedSpeakingFrame)


async def test_r105_three_seconds_without_audio_stop_the_bot():
    speaker, out = Loudspeaker(), Recorder()
    task = task_of(speaker, out)
    async with running(task):
        await task.queue_frame(speech(0.04))
        await out.wait_for(BotStoppedSpeakingFrame)
    assert speaker.clock.time() == pytest.approx(3.0, abs=0.1)


async def test_r105_an_interruption_drops_queued_audio_and_stops_the_bot():
    before, speaker, out = Recorder(), Loudspeaker(held=True), Recorder()
    task = task_of(before, speaker, out)
    async with running(task):
        await task.queue_frames([speech(10.0), TextFrame("never said"), Lasting("kept")])
        await within(speaker.wrote.wait())
        await before.wait_for(Lasting)
        await settle()
        await task.queue_frame(InterruptionFrame())
        await out.wait_for(BotStoppedSpeakingFrame)
        await out.wait_for(Lasting)
        assert len(speaker.played) == 1
        assert not out.frames(TextFrame)


async def test_r105_an_interruption_keeps_uninterruptible_audio():
    speaker, out = Loudspeaker(held=True), Recorder()
    before = Recorder()
    task = task_of(before, speaker, out)
    lasting = LastingSpeech(audio=pcm(0.4, level=7), sample_rate=RATE, num_channels=1)
    async with running(task):
        await task.queue_frames([speech(1.0, level=5), lasting, Data("after")])
        await within(speaker.wrote.wait())
        await before.wait_for(Data)
        await settle()
        await task.queue_frame(InterruptionFrame())
        await out.wait_for(InterruptionFrame)
        speaker.release()
        await until(lambda: len(speaker.audio) >= 2 * RATE * 0.44)
        assert not out.frames(Data)
    assert speaker.audio == pcm(0.04, level=5) + pcm(0.4, level=7)


async def test_r105_an_end_frame_plays_what_is_queued_first():
    speaker, out = Loudspeaker(), Recorder()
    task = task_of(speaker, out)
    async with running(task) as run:
        await task.queue_frames([speech(5.0), EndFrame()])
        await within(run)
    assert speaker.audio == pcm(5.0)
    assert speaker.clock.time() == pytest.approx(5.0)
    assert isinstance(out.frames()[-1], EndFrame)


async def test_r105_frames_with_a_time_wait_for_it_in_its_order():
    speaker, out = Loudspeaker(held=True), Recorder()
    task = task_of(speaker, out)
    async with running(task) as run:
        for tag, secs in ((3, 3.0), (1, 1.0), (2, 2.0), (22, 2.0)):
            frame = Data(tag)
            frame.pts = round(secs * 1e9)
            await task.queue_frame(frame)
        await task.queue_frame(Data("at once"))
        await out.wait_for(Data)
        await settle()
        assert tags(out.frames()) == ["at once"]
        speaker.release()
        await task.queue_frame(EndFrame())
        await within(run)
    assert tags(out.frames()) == ["at once", 1, 2, 22, 3]


async def test_r105_an_interruption_drops_frames_that_wait_for_their_time():
    speaker, out = Loudspeaker(held=True), Recorder()
    task = task_of(speaker, out)
    async with running(task) as run:
        for frame in (Data("dropped"), Lasting("kept")):
            frame.pts = 10**9
            await task.queue_frame(frame)
        await task.queue_frame(Data("queued"))
        await out.wait_for(Data)
        await task.queue_frame(InterruptionFrame())
        await out.wait_for(InterruptionFrame)
        speaker.release()
        await task.queue_frame(EndFrame())
        await within(run)
    assert tags(out.frames()) == ["queued", "kept"]


async def test_r105_everything_keeps_its_place_behind_the_audio_before_it():
    speaker, out = Loudspeaker(), Recorder()
    task = task_of(speaker, out)
    async with running(task) as run:
        await task.queue_frames([speech(0.08), Data(1), speech(0.08), Data(2), EndFrame()])
        await within(run)
    kinds = of(TTSAudioRawFrame, Data, frames=out.frames())
    assert kinds == ["TTSAudioRawFrame"] * 2 + ["Data"] + ["TTSAudioRawFrame"] * 2 + ["Data"]


class Microphone(BaseInputTransport):
    def __init__(self) -> None:
        super().__init__(TransportParams(audio_in_enabled=True))
        self.log: list[str] = []

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        self.log.append("start")
        await self.push_audio_frame(
            InputAudioRawFrame(audio=b"\0\0", sample_rate=RATE, num_channels=1)
        )

    async def stop(self, frame: EndFrame) -> None:
        await super().stop(frame)
        self.log.append("stop")

    async def cancel(self, frame: CancelFrame) -> None:
        await super().cancel(frame)
        self.log.append("cancel")

    async def push_frame(self, frame: Frame, direction=DOWN) -> None:
        if isinstance(frame, StartFrame | EndFrame | CancelFrame):
            self.log.append(type(frame).__name__)
        await super().push_frame(frame, direction)


async def test_r106_an_input_pushes_the_start_before_it_starts_and_the_end_before_it_stops():
    microphone, out = Microphone(), Recorder()
    task = task_of(microphone, Pass(), out)
    async with running(task) as run:
        await out.wait_for(InputAudioRawFrame)
        await task.queue_frame(EndFrame())
        await within(run)
    assert microphone.log == ["StartFrame", "start", "EndFrame", "stop"]
    assert isinstance(out.frames()[0], StartFrame)


async def test_r106_an_input_is_cancelled_before_it_passes_the_cancel_on():
    microphone, out = Microphone(), Recorder()
    task = task_of(microphone, out)
    async with running(task) as run:
        await out.wait_for(InputAudioRawFrame)
        await task.queue_frame(CancelFrame())
        await within(run)
    assert microphone.log == ["StartFrame", "start", "cancel", "CancelFrame"]


async def test_r106_an_output_pushes_the_start_before_it_starts_and_the_end_after_it_stopped():
    log: list[str] = []

    class Speaker(Loudspeaker):
        async def start(self, frame: StartFrame) -> None:
            log.append("start")
            await super().start(frame)

        async def stop(self, frame: EndFrame) -> None:
            await super().stop(frame)
            log.append("stopped")

        async def push_frame(self, frame: Frame, direction=DOWN) -> None:
            if isinstance(frame, StartFrame | EndFrame | OutputAudioRawFrame):
                log.append(type(frame).__name__)
            await super().push_frame(frame, direction)

    task = task_of(Speaker())
    async with running(task) as run:
        await task.queue_frames([speech(0.04), EndFrame()])
        await within(run)
    assert log == ["StartFrame", "start", "TTSAudioRawFrame", "stopped", "EndFrame"]
