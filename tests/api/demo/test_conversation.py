"""The record of a call: turns, stages and interruptions, from what happened one after another."""

import pytest
from pipecat_rs.demo.conversation import STAGES, Conversation


def answered(conversation: Conversation, start: float, words: str, answer: str) -> None:
    conversation.caller_started(start)
    conversation.caller_stopped(start + 1.0)
    conversation.understood(start + 1.5, words)
    conversation.turn_ended(start + 1.75)
    conversation.token(start + 2.0, answer)
    conversation.audio_made(start + 2.25)
    conversation.bot_started(start + 2.5)


def test_a_turn_knows_how_long_each_stage_took():
    conversation = Conversation()
    answered(conversation, 10.0, "Who?", "I.")
    conversation.bot_spoke("I.")
    conversation.bot_stopped(14.0)
    (turn,) = conversation.turns
    assert [stage.name for stage in turn.stages()] == list(STAGES)
    assert [stage.secs for stage in turn.stages()] == [0.5, 0.25, 0.25, 0.25, 0.25]
    assert turn.response_time == 1.5
    assert (turn.transcript, turn.answer, turn.spoken) == ("Who?", "I.", "I.")
    assert (turn.playing[0].start, turn.playing[0].end) == (12.5, 14.0)
    assert turn.interrupted_at is None


def test_an_answer_that_is_cut_short_belongs_to_the_turn_before():
    conversation = Conversation()
    answered(conversation, 0.0, "Tell me.", "Once upon a time.")
    conversation.caller_started(5.0)
    conversation.interrupted(5.2)
    conversation.bot_spoke("Once")
    conversation.bot_stopped(5.2)
    first, second = conversation.turns
    assert first.interrupted_at == 5.2
    assert first.spoken == "Once"
    assert not second.playing


def test_an_interruption_while_nobody_speaks_is_none():
    conversation = Conversation()
    conversation.caller_started(0.0)
    conversation.interrupted(0.2)
    assert conversation.turns[0].interrupted_at is None


def test_a_pause_does_not_begin_a_new_turn_before_the_answer_has_begun():
    conversation = Conversation()
    for start, words in ((0.0, "Well,"), (2.0, "who?")):
        conversation.caller_started(start)
        conversation.caller_stopped(start + 1.0)
        conversation.understood(start + 1.2, words)
    (turn,) = conversation.turns
    assert turn.transcript == "Well, who?"
    assert len(turn.speech) == 2
    assert turn.stages()[0].start == 3.0


def test_a_turn_without_an_answer_shows_the_stages_that_it_reached():
    conversation = Conversation()
    conversation.caller_started(0.0)
    conversation.caller_stopped(1.0)
    conversation.understood(1.5, "Hm.")
    assert [stage.name for stage in conversation.turns[0].stages()] == ["transcript"]
    assert conversation.turns[0].response_time is None


def test_the_end_of_the_call_ends_everything():
    conversation = Conversation()
    answered(conversation, 0.0, "Who?", "I.")
    conversation.caller_started(3.0)
    conversation.finish(4.0)
    assert [span.end for turn in conversation.turns for span in turn.speech] == [1.0, 4.0]
    assert conversation.turns[0].playing[0].end == 4.0
    assert not (conversation.caller_speaking or conversation.bot_speaking or conversation.thinking)


def test_a_bot_may_speak_first():
    conversation = Conversation()
    conversation.token(0.1, "Hello!")
    conversation.bot_started(0.5)
    conversation.bot_stopped(1.0)
    assert conversation.turns[0].answer == "Hello!"
    assert conversation.turns[0].stages() == []


@pytest.mark.parametrize("event", ["caller_stopped", "turn_ended", "bot_stopped", "interrupted"])
def test_an_end_without_a_beginning_is_ignored(event):
    conversation = Conversation()
    getattr(conversation, event)(1.0)
    assert conversation.turns == []
