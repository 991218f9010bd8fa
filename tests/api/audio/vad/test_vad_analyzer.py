"""From windows that speak or not to what the voice does (rule 102)."""

import asyncio
import threading

import pytest
from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

RATE = 16_000
WINDOW = 512
LOUD, SOFT = 8000, 1


class Scripted(VADAnalyzer):
    """Is sure of a window of loud samples; each window is given out by its first sample."""

    windows_on_loop = 1000

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.threads: list[threading.Thread] = []

    def num_frames_required(self) -> int:
        return WINDOW

    def voice_confidence(self, buffer: bytes) -> float:
        self.threads.append(threading.current_thread())
        return 1.0 if abs(int.from_bytes(buffer[:2], "little", signed=True)) > 10 else 0.0


def windows(count: int, level: int = LOUD) -> bytes:
    """Windows of a square wave."""
    up = level.to_bytes(2, "little", signed=True)
    down = (-level).to_bytes(2, "little", signed=True)
    return (up * 8 + down * 8) * (count * WINDOW // 16)


def analyzer(**params) -> Scripted:
    # Windows of 32 ms: three of them make 96 ms.
    params = {"start_secs": 0.096, "stop_secs": 0.096, "min_volume": 0.0, **params}
    made = Scripted(params=VADParams(**params))
    made.set_sample_rate(RATE)
    return made


async def test_speech_starts_after_enough_windows_and_stops_after_enough():
    vad = analyzer()
    states = [await vad.analyze_audio(windows(1)) for _ in range(4)]
    states += [await vad.analyze_audio(windows(1, SOFT)) for _ in range(4)]
    assert states == [
        VADState.STARTING,
        VADState.STARTING,
        VADState.SPEAKING,
        VADState.SPEAKING,
        VADState.STOPPING,
        VADState.STOPPING,
        VADState.QUIET,
        VADState.QUIET,
    ]


async def test_a_click_is_no_speech_and_a_short_pause_no_end():
    vad = analyzer()
    await vad.analyze_audio(windows(2))
    assert await vad.analyze_audio(windows(1, SOFT)) is VADState.QUIET
    assert await vad.analyze_audio(windows(3)) is VADState.SPEAKING
    assert await vad.analyze_audio(windows(2, SOFT)) is VADState.STOPPING
    assert await vad.analyze_audio(windows(1)) is VADState.SPEAKING
    assert await vad.analyze_audio(windows(2, SOFT)) is VADState.STOPPING


async def test_audio_may_come_in_pieces_of_any_length():
    vad = analyzer()
    audio = windows(3) + windows(3, SOFT)
    seen = []
    for at in range(0, len(audio), 100):
        state = await vad.analyze_audio(audio[at : at + 100])
        if not seen or seen[-1] is not state:
            seen.append(state)
    assert seen == [
        VADState.QUIET,
        VADState.STARTING,
        VADState.SPEAKING,
        VADState.STOPPING,
        VADState.QUIET,
    ]


async def test_a_voice_below_the_volume_does_not_count():
    vad = analyzer(min_volume=0.6)
    whisper = windows(40, 20)
    assert await vad.analyze_audio(whisper) is VADState.QUIET
    assert await vad.analyze_audio(windows(40)) is VADState.SPEAKING


async def test_new_parameters_begin_with_quiet():
    vad = analyzer()
    assert await vad.analyze_audio(windows(3)) is VADState.SPEAKING
    vad.set_params(VADParams(start_secs=0.032, min_volume=0.0))
    assert await vad.analyze_audio(b"") is VADState.QUIET
    assert await vad.analyze_audio(windows(1)) is VADState.SPEAKING


async def test_a_sample_rate_given_to_the_constructor_wins():
    vad = Scripted(sample_rate=8000)
    vad.set_sample_rate(RATE)
    assert vad.sample_rate == 8000


@pytest.mark.parametrize("on_loop", [True, False])
async def test_what_takes_long_is_analyzed_in_a_thread(on_loop):
    vad = analyzer()
    type(vad).windows_on_loop, before = (2 if on_loop else 1), type(vad).windows_on_loop
    try:
        await asyncio.wait_for(vad.analyze_audio(windows(2)), 5)
    finally:
        type(vad).windows_on_loop = before
    here = {thread is threading.current_thread() for thread in vad.threads}
    assert here == {on_loop}
