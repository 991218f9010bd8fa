"""The microphone and the loudspeaker, on a sound server whose microphone hears the loudspeaker."""

import array
import math
import subprocess
from collections.abc import Iterator

import pytest
from pipecat_rs import _core
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EndFrame,
    ErrorFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat_rs.testing import Recorder, running
from pipecat_rs.transports.local.audio import (
    LocalAudioInputTransport,
    LocalAudioOutputTransport,
    LocalAudioTransport,
    LocalAudioTransportParams,
    local_audio_devices,
)
from support.sound_server import sound_server
from support.tasks import task_of
from support.waiting import within

IN_RATE = 16_000
OUT_RATE = 24_000
DEVICE_RATE = 48_000

with_devices = pytest.mark.skipif(
    not _core.LOCAL_AUDIO, reason="the extension was built without the feature local-audio"
)


@pytest.fixture
def server() -> Iterator[subprocess.Popen[bytes]]:
    with sound_server(DEVICE_RATE) as server:
        yield server


class PythonInput(LocalAudioInputTransport):
    """Sees each frame of the microphone."""

    pushed = 0

    async def push_audio_frame(self, frame: InputAudioRawFrame) -> None:
        self.pushed += 1
        await super().push_audio_frame(frame)


class PythonOutput(LocalAudioOutputTransport):
    """Sees each chunk on its way to the loudspeaker."""

    written = 0

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        self.written += 1
        return await super().write_audio_frame(frame)


class PythonTransport(LocalAudioTransport):
    """Whose halves are written in Python."""

    def input(self) -> PythonInput:
        self._input = self._input or PythonInput(self._params)
        assert isinstance(self._input, PythonInput)
        return self._input

    def output(self) -> PythonOutput:
        self._output = self._output or PythonOutput(self._params)
        assert isinstance(self._output, PythonOutput)
        return self._output


def params(**settings) -> LocalAudioTransportParams:
    given = {
        "audio_in_enabled": True,
        "audio_out_enabled": True,
        "audio_in_sample_rate": IN_RATE,
        "audio_out_sample_rate": OUT_RATE,
        "audio_out_end_silence_secs": 0,
        **settings,
    }
    return LocalAudioTransportParams(**given)


def tone(secs: float) -> TTSAudioRawFrame:
    step = 2 * math.pi * 440 / OUT_RATE
    wave = [round(16_000 * math.sin(step * n)) for n in range(round(secs * OUT_RATE))]
    return TTSAudioRawFrame(array.array("h", wave).tobytes(), OUT_RATE, 1)


def loud_secs(recorder: Recorder) -> float:
    """How long the microphone has heard something."""
    heard = array.array("h")
    for frame in recorder.frames(InputAudioRawFrame):
        assert isinstance(frame, InputAudioRawFrame)
        heard.frombytes(frame.audio)
    step = IN_RATE // 100
    tens = [heard[at : at + step] for at in range(0, len(heard), step)]
    return sum(max(map(abs, ten)) > 1_000 for ten in tens) / 100


async def heard(recorder: Recorder, secs: float) -> None:
    """Wait until the microphone has heard something for so long."""

    async def listen() -> None:
        while loud_secs(recorder) < secs:
            await recorder.wait_for(
                InputAudioRawFrame, count=len(recorder.frames(InputAudioRawFrame)) + 1
            )

    await within(listen(), 20)


@with_devices
@pytest.mark.parametrize("kind", [LocalAudioTransport, PythonTransport])
async def test_what_the_bot_says_is_heard_by_the_microphone(server, kind):
    transport = kind(params())
    ears, end = Recorder(), Recorder()
    task = task_of(transport.input(), ears, transport.output(), end)
    async with running(task):
        await task.queue_frames([tone(1.0), TTSStoppedFrame()])
        await heard(ears, 0.8)
        await end.wait_for(BotStoppedSpeakingFrame)
        frames = ears.frames(InputAudioRawFrame)
        assert {len(frame.audio) for frame in frames} == {2 * IN_RATE // 50}
        assert {(frame.sample_rate, frame.num_channels) for frame in frames} == {(IN_RATE, 1)}
        assert loud_secs(ears) <= 1.05
    if kind is PythonTransport:
        assert transport.input().pushed >= len(frames)
        assert transport.output().written == 25


@with_devices
async def test_stereo_and_chunks_of_ten_milliseconds(server):
    transport = LocalAudioTransport(
        params(audio_out_channels=2, audio_in_channels=2, audio_out_10ms_chunks=1)
    )
    ears = Recorder()
    task = task_of(transport.input(), ears, transport.output())
    async with running(task):
        await task.queue_frame(tone(0.5))
        await heard(ears, 0.4)
    (frame, *_) = ears.frames(InputAudioRawFrame)
    assert isinstance(frame, InputAudioRawFrame)
    assert (frame.num_channels, len(frame.audio)) == (2, 4 * IN_RATE // 50)


@with_devices
@pytest.mark.parametrize("kind", [LocalAudioTransport, PythonTransport])
async def test_an_interruption_silences_the_loudspeaker(server, kind):
    transport = kind(params())
    ears, end = Recorder(), Recorder()
    task = task_of(transport.input(), ears, transport.output(), end)
    async with running(task):
        await task.queue_frame(tone(10.0))
        await end.wait_for(BotStartedSpeakingFrame)
        await heard(ears, 0.3)
        await task.queue_frame(InterruptionFrame())
        await end.wait_for(BotStoppedSpeakingFrame)
        await task.queue_frames([tone(0.5), EndFrame()])
        await end.wait_for(EndFrame, timeout=20)
    assert loud_secs(ears) < 5


@with_devices
async def test_an_end_waits_until_the_last_word_has_been_heard(server):
    ears = Recorder()
    listener = LocalAudioTransport(params(audio_out_enabled=False))
    speaker = LocalAudioTransport(params(audio_in_enabled=False))
    listening, speaking = task_of(listener.input(), ears), task_of(speaker.output())
    async with running(listening):
        async with running(speaking) as run:
            await speaking.queue_frames([tone(1.0), EndFrame()])
            await within(run, 20)
        await heard(ears, 0.8)


@with_devices
async def test_a_held_back_microphone_is_silent_until_it_is_asked_for(server):
    from pipecat_rs.frames.frames import InputTransportStartAudioStreamingFrame

    transport = LocalAudioTransport(params(audio_in_stream_on_start=False))
    ears, end = Recorder(), Recorder()
    task = task_of(transport.input(), ears, transport.output(), end)
    async with running(task):
        await task.queue_frames([tone(0.3), TTSStoppedFrame()])
        await end.wait_for(BotStoppedSpeakingFrame)
        assert not ears.frames(InputAudioRawFrame)
        await task.queue_frame(InputTransportStartAudioStreamingFrame())
        await ears.wait_for(InputAudioRawFrame, count=5)


@with_devices
async def test_devices_that_vanish_are_reported(server):
    transport = LocalAudioTransport(params())
    begin, ears = Recorder(), Recorder()
    task = task_of(begin, transport.input(), ears, transport.output())
    async with running(task):
        await ears.wait_for(InputAudioRawFrame)
        server.kill()
        lost = await begin.wait_for(ErrorFrame)
        assert "the microphone is gone" in str(lost)
        await task.queue_frame(tone(0.5))
        lost = await begin.wait_for(ErrorFrame, count=2)
        assert "the loudspeaker is gone" in str(lost)


@with_devices
def test_devices_are_listed_by_the_index_that_chooses_them(server):
    devices = local_audio_devices()
    assert [device.index for device in devices] == list(range(len(devices)))
    assert any(device.is_input for device in devices)
    assert any(device.is_output for device in devices)


@with_devices
async def test_a_device_is_chosen_by_its_index(server):
    pulse = next(device.index for device in local_audio_devices() if "pulse" in device.name.lower())
    transport = LocalAudioTransport(params(input_device_index=pulse, output_device_index=pulse))
    ears = Recorder()
    task = task_of(transport.input(), ears, transport.output())
    async with running(task):
        await task.queue_frame(tone(0.5))
        await heard(ears, 0.4)


@with_devices
def test_a_device_that_is_not_there_is_named_with_those_that_are(server):
    last = len(local_audio_devices()) - 1
    for kind in (_core.LocalMicrophone, _core.LocalSpeaker):
        with pytest.raises(OSError, match=f"no audio device 99: 0 to {last} are there"):
            kind(99, IN_RATE, 1, 0.02)


def test_a_build_without_devices_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(_core, "LOCAL_AUDIO", False)
    with pytest.raises(MissingDependencyError, match="--features local-audio") as caught:
        LocalAudioTransport(params())
    assert "libasound2-dev" in str(caught.value)
    with pytest.raises(MissingDependencyError, match="local_audio_devices needs audio devices"):
        local_audio_devices()


@pytest.mark.skipif(_core.LOCAL_AUDIO, reason="the extension was built with devices")
def test_the_extension_without_devices_opens_none():
    for kind in (_core.LocalMicrophone, _core.LocalSpeaker):
        with pytest.raises(OSError, match="feature local-audio"):
            kind(None, IN_RATE, 1, 0.02)
    with pytest.raises(OSError, match="feature local-audio"):
        _core._local_audio_devices()


def test_parameters_are_pipecats():
    made = LocalAudioTransportParams(input_device_index=1, output_device_index=2)
    assert (made.input_device_index, made.output_device_index) == (1, 2)
    assert LocalAudioTransportParams().input_device_index is None


async def test_a_transport_without_audio_opens_no_device(monkeypatch):
    monkeypatch.setattr(_core, "LOCAL_AUDIO", True)
    transport = LocalAudioTransport(LocalAudioTransportParams())
    task = task_of(transport.input(), transport.output())
    async with running(task) as run:
        await task.queue_frame(EndFrame())
        await within(run)
    assert (transport.input().overruns, transport.output().underruns) == (0, 0)
