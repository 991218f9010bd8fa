"""A conversation as a transcript for a base model."""

from itertools import pairwise

from pipecat_rs.processors.aggregators.llm_context import LLMSpecificMessage
from pipecat_rs.services.llamacpp.transcript import Transcript, TranscriptFormat

PLAIN = TranscriptFormat(header="A call.", examples=())


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict:
    return {"role": "assistant", "content": text}


def prompt(messages, format=PLAIN, max_tokens=1000, instruction=None) -> str:
    return Transcript(format, max_tokens=max_tokens).prompt(messages, instruction)


def test_it_ends_where_the_assistant_speaks():
    assert prompt([user("Hello.")]) == "A call.\n\nCaller: Hello.\nAssistant:"
    assert prompt([]) == "A call.\n\nAssistant:"


def test_what_the_conversation_or_the_settings_say_stands_ahead():
    system = {"role": "system", "content": "A chat."}
    assert prompt([system, user("Hi.")]).startswith("A chat.\n\nCaller: Hi.")
    assert prompt([system, user("Hi.")], instruction="A fight.").startswith("A fight.\n\n")


def test_examples_stand_ahead_unless_the_conversation_has_some():
    format = TranscriptFormat(header="A call.", examples=(("One?", "Two."),))
    assert prompt([user("Three?")], format) == (
        "A call.\n\nCaller: One?\nAssistant: Two.\nCaller: Three?\nAssistant:"
    )
    own = [user("a"), assistant("b"), user("c")]
    assert "One?" not in prompt(own, format)


def test_the_examples_stay_when_the_assistant_has_answered():
    format = TranscriptFormat(header="A call.", examples=(("One?", "Two."),))
    transcript = Transcript(format, max_tokens=1000)
    first = transcript.prompt([user("Three?")])
    second = transcript.prompt([user("Three?"), assistant("Four."), user("Five?")])
    assert second.startswith(first), "the model keeps what it has read"


def test_a_message_is_one_line():
    assert "Caller: a b c\n" in prompt([user("a\nb  \n c")])


def test_two_lines_of_the_user_are_taken_apart():
    assert prompt([user("Stop."), user("What time is it?")]) == (
        "A call.\n\nCaller: Stop.\nAssistant: Yes?\nCaller: What time is it?\nAssistant:"
    )


def test_orders_are_notes_and_the_rest_is_left_out():
    messages = [
        user("Hi."),
        {"role": "developer", "content": "Ask again."},
        {"role": "tool", "content": "42", "tool_call_id": "1"},
        {"role": "assistant", "tool_calls": []},
        LLMSpecificMessage("other", "x"),
    ]
    assert prompt(messages) == "A call.\n\nCaller: Hi.\n(Ask again.)\nAssistant:"


def test_a_long_conversation_loses_its_older_half_and_then_grows_again():
    transcript = Transcript(PLAIN, max_tokens=100)
    messages = []
    prompts = []
    for number in range(40):
        messages += [user(f"Question {number}."), assistant(f"Answer {number}.")]
        prompts.append(transcript.prompt(messages))
    assert max(map(len, prompts)) <= 300 + len("\n\nAssistant:")
    assert all(f"Answer {n}." in p for n, p in enumerate(prompts))
    kept = sum(b.startswith(a.removesuffix("Assistant:")) for a, b in pairwise(prompts))
    assert kept >= 30, "most of the time the beginning stays the same"


def test_another_conversation_is_shown_whole():
    transcript = Transcript(PLAIN, max_tokens=100)
    transcript.prompt([user("x" * 50) for _ in range(20)])
    assert "Caller: Hi." in transcript.prompt([user("Hi.")])


def test_where_answers_stop():
    format = TranscriptFormat(user="Ada", assistant="Bot")
    assert format.stops == ["\n", "Ada:", "Bot:"]
