"""Holding an answer back until the turn that it answers has ended."""

import pytest
from pipecat_rs.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.turns.speculation_gate import SpeculationGate, SpeculationState
from support.frames import Lasting

DOWN, UP = FrameDirection.DOWNSTREAM, FrameDirection.UPSTREAM


def through(gate: SpeculationGate, *frames: Frame) -> list[type]:
    """Push frames; the classes of those that come out, in order."""
    return [type(out) for frame in frames for out, _ in gate.process(frame, DOWN)]


def holding() -> SpeculationGate:
    gate = SpeculationGate()
    gate.begin_speculation(True)
    assert through(gate, LLMFullResponseStartFrame(), LLMTextFrame("Hi")) == []
    assert gate.state is SpeculationState.HOLDING
    return gate


def test_an_ordinary_answer_passes():
    gate = SpeculationGate()
    gate.begin_speculation(False)
    answer = [LLMFullResponseStartFrame(), LLMTextFrame("Hi"), LLMFullResponseEndFrame()]

    assert through(gate, *answer) == [type(frame) for frame in answer]
    assert not gate.is_speculating


def test_the_end_of_the_turn_lets_an_answer_go_behind_itself():
    gate = holding()
    assert gate.is_speculating

    assert through(gate, UserStoppedSpeakingFrame()) == [
        UserStoppedSpeakingFrame,
        LLMFullResponseStartFrame,
        LLMTextFrame,
    ]
    assert not gate.is_speculating
    assert through(gate, LLMTextFrame("!")) == [LLMTextFrame]


def test_an_end_that_came_first_holds_nothing_back():
    gate = SpeculationGate()
    through(gate, UserStoppedSpeakingFrame())
    gate.begin_speculation(True)
    assert through(gate, LLMFullResponseStartFrame()) == [LLMFullResponseStartFrame]

    through(gate, UserStartedSpeakingFrame())
    gate.begin_speculation(True)
    assert through(gate, LLMFullResponseStartFrame()) == []


@pytest.mark.parametrize("withdrawal", [EagerEndOfTurnCancelFrame, InterruptionFrame])
def test_a_withdrawal_drops_the_answer_and_what_still_comes_of_it(withdrawal):
    gate = holding()

    assert through(gate, withdrawal()) == [withdrawal]
    assert gate.state is SpeculationState.DROPPING
    assert through(gate, LLMTextFrame("!"), LLMFullResponseEndFrame()) == []
    assert gate.state is SpeculationState.OPEN
    assert through(gate, LLMTextFrame("next")) == [LLMTextFrame]


def test_an_answer_that_was_whole_has_nothing_more_to_drop():
    gate = holding()
    through(gate, LLMFullResponseEndFrame(), EagerEndOfTurnCancelFrame())

    assert gate.state is SpeculationState.OPEN


def test_a_new_answer_takes_the_place_of_one_without_an_end():
    gate = holding()
    through(gate, EagerEndOfTurnCancelFrame())
    gate.begin_speculation(False)

    assert through(gate, LLMFullResponseStartFrame(), LLMTextFrame("So")) == [
        LLMFullResponseStartFrame,
        LLMTextFrame,
    ]


def test_a_new_answer_on_trial_drops_the_one_that_was_held():
    gate = holding()
    gate.begin_speculation(True)
    through(gate, LLMFullResponseStartFrame(), LLMTextFrame("second"))

    let_go = [out for out, _ in gate.process(UserStoppedSpeakingFrame(), DOWN)]
    assert [out.text for out in let_go if isinstance(out, LLMTextFrame)] == ["second"]


def test_what_nothing_may_drop_waits_its_turn_and_is_not_dropped():
    gate = holding()
    assert through(gate, Lasting()) == []
    assert through(gate, EagerEndOfTurnCancelFrame()) == [EagerEndOfTurnCancelFrame, Lasting]
    assert through(gate, Lasting(), LLMTextFrame("rest")) == [Lasting]


def test_the_end_of_the_session_is_never_held():
    gate = holding()
    through(gate, Lasting())

    assert through(gate, EndFrame()) == [Lasting, EndFrame]


def test_system_frames_and_frames_upstream_pass():
    gate = holding()
    assert through(gate, MetricsFrame(data=[])) == [MetricsFrame]
    upstream = LLMTextFrame("up")
    assert gate.process(upstream, UP) == [(upstream, UP)]
