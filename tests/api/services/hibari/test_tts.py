"""A real voice."""

import pytest
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import (
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat_rs.metrics.metrics import TTFBMetricsData, TTSUsageMetricsData
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.services.hibari import tts as hibari_tts
from pipecat_rs.services.hibari.tts import HibariTTSService, HibariTTSSettings
from pipecat_rs.utils.model_store import LoadProgress
from support.passage import kinds, passage, passed
from support.waiting import calls_of, settle

pytestmark = pytest.mark.usefixtures("hibari")


async def spoken(text: str, **kwargs) -> list[TTSAudioRawFrame]:
    down, _ = await passed(HibariTTSService(**kwargs), frames=[TTSSpeakFrame(text)])
    return [f for f in down if isinstance(f, TTSAudioRawFrame)]


async def test_it_speaks_at_its_own_rate_or_at_that_of_the_pipeline():
    secs = []
    for rate in (24_000, 16_000, 8_000):
        frames = await spoken("The capital of France is Paris.", sample_rate=rate)
        assert {f.sample_rate for f in frames} == {rate}
        secs.append(sum(f.num_frames for f in frames) / rate)
        loudest = max(abs(x) for f in frames for x in memoryview(f.audio).cast("h"))
        assert loudest > 3000
    assert 1.5 < secs[0] < 4
    assert max(secs) - min(secs) < 0.2


async def test_the_first_sentence_leaves_before_the_next_is_spoken():
    frames = await spoken("One sentence. Another sentence. A third one.")
    assert len(frames) == 3


async def test_it_speaks_faster_if_told():
    slow = sum(f.num_frames for f in await spoken("How are you today?"))
    fast_settings = HibariTTSSettings(speed=1.5)
    fast = sum(f.num_frames for f in await spoken("How are you today?", settings=fast_settings))
    assert fast < 0.85 * slow


async def test_an_interruption_leaves_the_rest_unspoken():
    many = [LLMTextFrame(f"This is sentence number {n}. ") for n in range(40)]
    async with passage(HibariTTSService(sample_rate=24_000)) as ways:
        await ways.send(LLMFullResponseStartFrame(), *many, LLMFullResponseEndFrame())
        await ways.down.wait_for(TTSAudioRawFrame, timeout=20)
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame)
        count = len(ways.down.frames(TTSAudioRawFrame))
        await settle()
        await ways.end()
    assert count < 40
    assert len(ways.down.frames(TTSAudioRawFrame)) == count
    assert TTSStoppedFrame not in kinds(ways.went_down())


async def test_a_text_without_words_is_no_audio_and_no_harm():
    async with passage(HibariTTSService()) as ways:
        await ways.send(TTSSpeakFrame("..."), TTSSpeakFrame("Hello."))
        await ways.down.wait_for(lambda f: isinstance(f, TTSTextFrame) and f.text == "Hello.")
        await ways.end()


async def test_time_and_usage_are_measured():
    async with passage(
        HibariTTSService(), params=PipelineParams(enable_metrics=True, enable_usage_metrics=True)
    ) as ways:
        await ways.send(TTSSpeakFrame("Hello there."))
        await ways.down.wait_for(TTSStoppedFrame, timeout=20)
        await ways.end()
    data = [d for f in ways.down.frames(MetricsFrame) for d in f.data]
    assert [d.value for d in data if isinstance(d, TTSUsageMetricsData)] == [12]
    assert len([d for d in data if isinstance(d, TTFBMetricsData) and d.value]) == 1


async def test_loading_is_reported_and_shared():
    first, second = HibariTTSService(), HibariTTSService()
    progress = calls_of(first, "on_load_progress")
    await first.load()
    await second.load()
    assert first._voice is second._voice
    (report,) = await progress.wait()
    assert isinstance(report, LoadProgress) and report.fraction == 1.0
    await first.cleanup()


def test_a_package_that_is_not_there_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(hibari_tts.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"hibari(.|\n)*pipecat-rs\[local\]"):
        HibariTTSService()
