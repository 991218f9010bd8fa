"""A network of the user's own."""

import threading

import numpy as np
import pytest
from pipecat_rs.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat_rs.audio.turn.smart_turn.base_smart_turn import (
    BaseSmartTurn,
    SmartTurnParams,
    SmartTurnTimeoutException,
)
from pipecat_rs.metrics.metrics import TurnMetricsData

COMPLETE, INCOMPLETE = EndOfTurnState.COMPLETE, EndOfTurnState.INCOMPLETE
RATE = 1_000


class Own(BaseSmartTurn):
    """Says what it is told to, and remembers what it heard."""

    def __init__(self, **kwargs) -> None:
        super().__init__(sample_rate=RATE, **kwargs)
        self.set_sample_rate(16_000)
        self.prediction: int | Exception = 1
        self.heard: list[list[int]] = []
        self.thread: threading.Thread | None = None

    def _predict_endpoint(self, audio_array):
        self.thread = threading.current_thread()
        self.heard.append(np.rint(audio_array * 32768).astype(int).tolist())
        if isinstance(self.prediction, Exception):
            raise self.prediction
        return {"prediction": self.prediction, "probability": 0.9}


def tone(value: int, samples: int) -> bytes:
    return np.full(samples, value, np.int16).tobytes()


def test_the_parameters_are_pipecats():
    params = SmartTurnParams()
    assert (params.stop_secs, params.pre_speech_ms, params.max_duration_secs) == (3, 500, 8)
    assert Own().params == params


async def test_it_is_given_the_turn_with_what_went_before_in_a_thread():
    turn = Own()
    turn.update_vad_start_secs(0.2)
    turn.append_audio(tone(1, 2_000), False)
    turn.append_audio(tone(2, 300), True)
    turn.append_audio(tone(3, 100), False)
    state, data = await turn.analyze_end_of_turn()
    assert state is COMPLETE
    assert isinstance(data, TurnMetricsData)
    assert (data.processor, data.is_complete, data.probability) == ("BaseSmartTurn", True, 0.9)
    assert turn.heard == [[1] * 700 + [2] * 300 + [3] * 100]
    assert turn.thread is not threading.current_thread()


async def test_it_is_given_no_more_than_the_end_of_a_long_turn():
    turn = Own(params=SmartTurnParams(max_duration_secs=1))
    turn.append_audio(tone(1, 900), True)
    turn.append_audio(tone(2, 500), True)
    await turn.analyze_end_of_turn()
    assert turn.heard == [[1] * 500 + [2] * 500]


async def test_what_is_not_complete_is_kept():
    turn = Own()
    turn.prediction = 0
    turn.append_audio(tone(1, 100), True)
    assert (await turn.analyze_end_of_turn())[0] is INCOMPLETE
    assert turn.speech_triggered
    turn.append_audio(tone(2, 100), True)
    await turn.analyze_end_of_turn()
    assert turn.heard[-1] == [1] * 100 + [2] * 100
    turn.clear()
    assert not turn.speech_triggered
    assert await turn.analyze_end_of_turn() == (INCOMPLETE, None)


async def test_too_late_is_complete():
    turn = Own()
    turn.prediction = SmartTurnTimeoutException()
    turn.append_audio(tone(1, 100), True)
    assert await turn.analyze_end_of_turn() == (COMPLETE, None)


async def test_what_the_network_raises_is_raised():
    turn = Own()
    turn.prediction = ValueError("no")
    turn.append_audio(tone(1, 100), True)
    with pytest.raises(ValueError, match="no"):
        await turn.analyze_end_of_turn()


def test_audio_without_a_sample_rate_is_refused():
    class Bare(BaseSmartTurn):
        pass

    with pytest.raises(ValueError, match="sample rate of the audio is not known"):
        Bare().append_audio(tone(1, 10), True)
