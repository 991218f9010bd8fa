"""Requests whose audio arrives at the same time, played one after the other."""

import asyncio

import pytest
from pipecat_rs.frames.frames import TTSAudioRawFrame, TTSStoppedFrame
from pipecat_rs.utils.context.audio_context_manager import AudioContextFrame, AudioContextManager
from support.frames import Control, Lasting


def audio(data: bytes, channels: int = 1) -> TTSAudioRawFrame:
    return TTSAudioRawFrame(data, 16_000, channels)


async def test_requests_and_frames_are_played_in_the_order_they_came():
    contexts = AudioContextManager()
    frame = Control()
    await contexts.create("a")
    await contexts.put_frame(frame)
    await contexts.create("gone")
    await contexts.create("b")
    contexts.remove("gone")
    await contexts.end_playback()

    first = await contexts.next_for_playback()
    assert isinstance(first, AudioContextFrame)
    assert (first.context_id, contexts.playing_context_id) == ("a", "a")
    assert await contexts.next_for_playback() is frame
    assert (await contexts.next_for_playback()).context_id == "b"
    assert contexts.playing_context_id == "b"
    assert await contexts.next_for_playback() is None
    assert contexts.context_ids == ["a", "b"]
    assert contexts.available("a") and not contexts.available("gone")


async def test_what_belongs_to_a_request_comes_in_order():
    contexts = AudioContextManager()
    await contexts.create("a")
    await contexts.create("b")
    for item in ("word", None):
        await contexts.append("a", item)
    await contexts.append("b", "other")

    assert await contexts.get("b", 1) == "other"
    assert await contexts.get("a", 1) == "word"
    assert await contexts.get("a", 1) is None
    with pytest.raises(KeyError):
        await contexts.append("c", "word")


async def test_nothing_comes_in_time():
    contexts = AudioContextManager()
    await contexts.create("a")
    with pytest.raises(TimeoutError):
        await contexts.get("a", 0.001)


async def test_a_request_that_goes_on_has_as_much_time_again():
    contexts = AudioContextManager()
    await contexts.create("a")
    contexts.keepalive("a")
    contexts.keepalive("unknown")
    getting = asyncio.create_task(contexts.get("a", 5))
    await asyncio.sleep(0)
    await contexts.append("a", "word")
    assert await getting == "word"


async def test_samples_that_were_cut_in_two_are_put_together():
    contexts = AudioContextManager()
    await contexts.create("a")
    for data in (b"\1\2\3", b"\4\5\6\7", b"\x08"):
        await contexts.append("a", audio(data))
    await contexts.append("a", TTSStoppedFrame())

    frames = [await contexts.get("a", 1) for _ in range(4)]
    assert [f.audio for f in frames[:3]] == [b"\1\2", b"\3\4\5\6", b"\7\x08"]
    assert [f.num_frames for f in frames[:3]] == [1, 2, 1]
    assert isinstance(frames[3], TTSStoppedFrame)


@pytest.mark.parametrize("end", [None, TTSStoppedFrame])
async def test_half_a_sample_at_the_end_is_filled_up(end):
    contexts = AudioContextManager()
    await contexts.create("a")
    await contexts.append("a", audio(b"\1\2\3\4\5", channels=2))
    await contexts.append("a", end and end())

    assert (await contexts.get("a", 1)).audio == b"\1\2\3\4"
    rest = await contexts.get("a", 1)
    assert (rest.audio, rest.context_id) == (b"\5\0\0\0", "a")


async def test_an_interruption_drops_what_waits_to_be_played():
    contexts = AudioContextManager()
    await contexts.create("a")
    await contexts.create("kept", interruptible=False)
    await contexts.put_frame(Control())
    lasting = Lasting()
    await contexts.put_frame(lasting)
    contexts.reset()

    assert (await contexts.next_for_playback()).context_id == "kept"
    assert await contexts.next_for_playback() is lasting
    assert contexts.available("a")
