"""Frames born in Rust: converted when Python looks, and the same object from then on."""

import asyncio
from typing import Any

import pytest
from pipecat_rs.frames.frames import EndFrame, Frame, InputAudioRawFrame, TextFrame
from pipecat_rs.processors.audio.audio_arrival_meter import AudioArrivalMeter
from pipecat_rs.processors.audio.paced_audio_source import PacedAudioSource
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.tasks import task_of
from support.waiting import within

AUDIO = bytes(range(256)) * 10
CHUNK = 320


class OnlyText(FrameProcessor):
    handles = (TextFrame,)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.seen.append(frame)
        await self.push_frame(frame, direction)


async def test_native_audio_is_the_same_object_at_both_ends_of_a_native_stretch():
    source = PacedAudioSource(AUDIO, 16000, chunk_ms=10)
    before, between, after = Recorder(), OnlyText(), Recorder()
    task = task_of(source, before, between, AudioArrivalMeter(chunk_ms=10), after)
    chunks = len(AUDIO) // CHUNK
    async with running(task):
        await after.wait_for(InputAudioRawFrame, count=chunks)
    first, last = before.frames(InputAudioRawFrame), after.frames(InputAudioRawFrame)
    assert all(one is other for one, other in zip(first, last, strict=True))
    assert b"".join(frame.audio for frame in last) == AUDIO
    assert {(frame.sample_rate, frame.num_channels) for frame in last} == {(16000, 1)}
    assert not any(isinstance(frame, InputAudioRawFrame) for frame in between.seen)


async def test_native_audio_keeps_its_order_with_frames_from_python():
    source, out = PacedAudioSource(AUDIO, 16000, chunk_ms=10), Recorder()
    task = task_of(source, OnlyText(), OnlyText(), out)
    async with running(task) as run:
        await out.wait_for(InputAudioRawFrame, count=3)
        await task.queue_frames([TextFrame("one"), TextFrame("two"), EndFrame()])
        await within(run)
    assert [frame.text for frame in out.frames(TextFrame)] == ["one", "two"]
    heard = b"".join(frame.audio for frame in out.frames(InputAudioRawFrame))
    assert AUDIO.startswith(heard)


async def test_a_native_source_can_run_again():
    source, out = PacedAudioSource(AUDIO[: 2 * CHUNK], 16000, chunk_ms=10), Recorder()
    for runs in (1, 2):
        async with running(task_of(source, out)):
            await out.wait_for(InputAudioRawFrame, count=2 * runs)


async def test_hops_of_native_audio_are_heard_by_observers_and_end_with_the_task():
    source = PacedAudioSource(AUDIO, 16000, chunk_ms=10, repeat=True)
    meter = AudioArrivalMeter(chunk_ms=10)
    task = task_of(source, meter)
    task.set_reached_downstream_filter((InputAudioRawFrame,))
    came = asyncio.Event()
    task.add_event_handler("on_frame_reached_downstream", came.set)
    async with running(task) as run:
        await within(came.wait())
        await task.cancel()
        await within(run)
    assert source.lateness()["count"] >= meter.lateness()["count"] >= 1


@pytest.mark.parametrize("audio", [b"", b"odd"])
def test_audio_that_is_no_audio_is_refused(audio: bytes):
    with pytest.raises(ValueError, match="16-bit samples"):
        PacedAudioSource(audio, 16000)
