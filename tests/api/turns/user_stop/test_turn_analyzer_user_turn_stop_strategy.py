"""The turn stops when it sounds as if it were over."""

from types import SimpleNamespace

import pytest
from pipecat_rs.audio.turn.base_turn_analyzer import (
    BaseTurnAnalyzer,
    BaseTurnParams,
    EndOfTurnState,
)
from pipecat_rs.frames.frames import (
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    MetricsFrame,
    SpeechControlParamsFrame,
    StartFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.metrics.metrics import MetricsData
from pipecat_rs.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat_rs.utils.asyncio.task_manager import TaskManager
from support.waiting import calls_of, settle

COMPLETE, INCOMPLETE = EndOfTurnState.COMPLETE, EndOfTurnState.INCOMPLETE
STOP_SECS = 0.2


class Ear(BaseTurnAnalyzer):
    """Says what it is told to."""

    def __init__(self, at_stop: EndOfTurnState = COMPLETE) -> None:
        super().__init__()
        self.at_stop = at_stop
        self.in_audio = INCOMPLETE
        self.heard: list[bool] = []
        self.cleared = 0
        self.reach_back = 0.0

    @property
    def speech_triggered(self) -> bool:
        return any(self.heard)

    @property
    def params(self) -> BaseTurnParams:
        return BaseTurnParams()

    def append_audio(self, buffer: bytes, is_speech: bool) -> EndOfTurnState:
        self.heard.append(is_speech)
        return self.in_audio

    async def analyze_end_of_turn(self):
        return self.at_stop, MetricsData(processor="ear")

    def update_vad_start_secs(self, vad_start_secs: float) -> None:
        self.reach_back = vad_start_secs

    def clear(self) -> None:
        self.cleared += 1


@pytest.fixture
async def made():
    strategies = []

    async def make(ear: Ear, latency: float = 3600.0, **kwargs):
        strategy = TurnAnalyzerUserTurnStopStrategy(turn_analyzer=ear, **kwargs)
        await strategy.setup(
            SimpleNamespace(task_manager=TaskManager(), audio_in_sample_rate=16_000)
        )
        await strategy.process_frame(STTMetadataFrame("stt", latency))
        await strategy.handle_user_turn_started()
        strategies.append(strategy)
        return strategy, calls_of(strategy, "on_user_turn_stopped")

    yield make
    for strategy in strategies:
        await strategy.cleanup()


def audio() -> InputAudioRawFrame:
    return InputAudioRawFrame(audio=b"\0\0", sample_rate=16_000, num_channels=1)


def said(text: str = "yes", *, finalized: bool = False) -> TranscriptionFrame:
    return TranscriptionFrame(text, "user", "now", finalized=finalized)


async def speak(strategy) -> None:
    await strategy.process_frame(VADUserStartedSpeakingFrame(start_secs=0.3))
    await strategy.process_frame(audio())
    await strategy.process_frame(VADUserStoppedSpeakingFrame(stop_secs=STOP_SECS))


async def test_it_stops_at_the_final_transcript(made):
    ear = Ear()
    strategy, stopped = await made(ear)
    measured = calls_of(strategy, "on_push_frame")
    await strategy.process_frame(audio())
    await speak(strategy)
    await strategy.process_frame(said())
    assert not stopped
    await strategy.process_frame(said(finalized=True))

    assert len(stopped) == 1
    assert ear.heard == [False, True]
    assert (ear.sample_rate, ear.reach_back) == (16_000, 0.3)
    assert [type(frame) for frame, *_ in measured] == [MetricsFrame]


async def test_a_final_transcript_may_come_first(made):
    strategy, stopped = await made(Ear())
    await strategy.process_frame(VADUserStartedSpeakingFrame())
    await strategy.process_frame(said(finalized=True))
    assert not stopped
    await strategy.process_frame(VADUserStoppedSpeakingFrame(stop_secs=STOP_SECS))
    assert len(stopped) == 1


async def test_more_to_come_makes_a_final_transcript_one_that_was_not(made):
    strategy, stopped = await made(Ear())
    await strategy.process_frame(VADUserStartedSpeakingFrame())
    await strategy.process_frame(said(finalized=True))
    await strategy.process_frame(InterimTranscriptionFrame("and", "user", "now"))
    await strategy.process_frame(VADUserStoppedSpeakingFrame(stop_secs=STOP_SECS))
    assert not stopped


@pytest.mark.parametrize("transcript_first", [True, False])
async def test_a_transcript_that_is_not_final_has_its_time(made, transcript_first):
    strategy, stopped = await made(Ear(), latency=STOP_SECS + 0.01)
    if transcript_first:
        await speak(strategy)
        await strategy.process_frame(said())
        assert not stopped
    else:
        await speak(strategy)
        while strategy._stt_timer.running:
            await settle()
        await settle()
        assert not stopped
        await strategy.process_frame(said())
    await stopped.wait()
    assert len(stopped) == 1


async def test_a_turn_that_sounds_open_goes_on_until_it_does_not(made):
    ear = Ear(INCOMPLETE)
    strategy, stopped = await made(ear)
    await speak(strategy)
    await strategy.process_frame(said(finalized=True))
    assert not stopped
    ear.in_audio = COMPLETE  # silence that is long enough
    await strategy.process_frame(audio())
    assert len(stopped) == 1


async def test_who_speaks_again_makes_it_begin_anew(made):
    strategy, stopped = await made(Ear())
    await speak(strategy)
    await strategy.process_frame(VADUserStartedSpeakingFrame())
    await strategy.process_frame(said(finalized=True))
    assert not stopped


async def test_words_without_voice_stop_it_after_their_time(made):
    strategy, stopped = await made(Ear(), latency=0.01)
    await strategy.process_frame(said())
    assert not stopped
    await stopped.wait()
    assert len(stopped) == 1


async def test_it_need_not_wait_for_words(made):
    strategy, stopped = await made(Ear(), wait_for_transcript=False)
    await speak(strategy)
    assert len(stopped) == 1


async def test_the_end_of_the_turn_clears_the_analyzer(made):
    ear = Ear()
    strategy, _ = await made(ear)
    await strategy.handle_user_turn_stopped()
    assert ear.cleared == 1


async def test_its_parameters_are_told_at_the_start(made):
    strategy, _ = await made(Ear())
    told = []
    strategy.add_event_handler("on_broadcast_frame", lambda _s, cls, **fields: told.append(cls))
    await strategy.process_frame(StartFrame())
    assert told == [SpeechControlParamsFrame]
