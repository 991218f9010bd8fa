"""Which part of a conversation is summarized, and when."""

import json

import pytest
from pipecat_rs.processors.aggregators import async_tool_messages
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage
from pipecat_rs.utils.context.llm_context_summarization import (
    DEFAULT_SUMMARIZATION_PROMPT,
    LLMAutoContextSummarizationConfig,
    LLMContextSummarizationConfig,
    LLMContextSummaryConfig,
)
from pipecat_rs.utils.context.llm_context_summarization import (
    LLMContextSummarizationUtil as Util,
)


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict:
    return {"role": "assistant", "content": text}


def call(*identifiers: str) -> dict:
    calls = [
        {"id": i, "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}}
        for i in identifiers
    ]
    return {"role": "assistant", "tool_calls": calls}


def result(identifier: str, content: str = "seen") -> dict:
    return {"role": "tool", "tool_call_id": identifier, "content": content}


SYSTEM = {"role": "system", "content": "Be kind."}


@pytest.mark.parametrize(
    ("messages", "keep", "chosen"),
    [
        ([], 0, []),
        ([user("a"), assistant("b")], 2, []),
        ([user("a"), assistant("b"), user("c")], 1, [0, 1]),
        ([SYSTEM, user("a"), assistant("b")], 1, [1]),
        ([SYSTEM, user("a")], 1, []),
        ([user("a"), SYSTEM, user("b")], 1, [0, 1]),
        # A call whose result is left as it is, or not there yet, stays with it.
        ([user("a"), call("1"), result("1"), user("b")], 1, [0, 1, 2]),
        ([user("a"), call("1"), result("1"), user("b")], 2, [0]),
        ([user("a"), call("1"), result("1", "IN_PROGRESS"), user("b"), user("c")], 1, [0]),
        ([call("1", "2"), result("1"), user("b"), user("c")], 1, []),
        ([call("1", "2"), result("2"), result("1"), user("c")], 1, [0, 1, 2]),
        ([user("a"), call("1"), result("1", "a list of 1"), user("b"), call("2")], 1, [0, 1, 2, 3]),
    ],
)
def test_what_is_chosen(messages, keep, chosen):
    found = Util.get_messages_to_summarize(LLMContext(messages), keep)

    assert found.messages == [messages[index] for index in chosen]
    assert found.last_summarized_index == (chosen[-1] if chosen else -1)


def test_a_call_that_runs_beside_the_conversation_is_settled_by_its_last_result():
    running = [
        call("1"),
        async_tool_messages.build_started_message("1"),
        user("And?"),
        async_tool_messages.build_intermediate_result_message("1", "half"),
        user("Well?"),
    ]
    assert Util.get_messages_to_summarize(LLMContext(running), 1).messages == []

    done = [*running[:4], async_tool_messages.build_final_result_message("1", "all"), user("?")]
    assert Util.get_messages_to_summarize(LLMContext(done), 1).messages == done[:5]


def test_messages_of_one_provider_are_no_obstacle():
    thought = LLMSpecificMessage("google", {"type": "thought"})
    context = LLMContext([thought, user("a"), call("1"), thought, result("1"), user("b")])

    chosen = Util.get_messages_to_summarize(context, 1)
    assert chosen.last_summarized_index == 4
    assert "thought" not in Util.format_messages_for_summary(chosen.messages)
    assert Util.estimate_context_tokens(LLMContext([thought])) == 0


def test_the_transcript_tells_who_said_what():
    parts = [{"type": "text", "text": "Look"}, {"type": "image_url"}, {"type": "text", "text": "!"}]
    messages = [user("Hi"), {"role": "user", "content": parts}, call("1"), result("1", "a cat")]

    assert Util.format_messages_for_summary(messages) == "\n\n".join(
        [
            "USER: Hi",
            "USER: Look !",
            'TOOL_CALL: look({"at": "it"})',
            "TOOL: a cat",
            "TOOL_RESULT[1]: a cat",
        ]
    )


def test_sizes():
    assert Util.estimate_tokens("") == 0
    assert Util.estimate_tokens("x" * 41) == 10
    image = {"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "x" * 8}]}
    assert Util.estimate_context_tokens(LLMContext([user("x" * 40)])) == 10 + 10
    assert Util.estimate_context_tokens(LLMContext([image])) == 10 + 500 + 2
    arguments = json.loads(call("1")["tool_calls"][0]["function"]["arguments"])
    assert arguments == {"at": "it"}
    assert (
        Util.estimate_context_tokens(LLMContext([call("1")])) == 10 + len('look{"at": "it"}') // 4
    )
    assert Util.estimate_context_tokens(LLMContext([result("1", "x" * 40)])) == 10 + 10 + 10


@pytest.mark.parametrize(
    ("cls", "fields"),
    [
        (LLMContextSummaryConfig, {"target_context_tokens": 0}),
        (LLMContextSummaryConfig, {"min_messages_after_summary": -1}),
        (LLMAutoContextSummarizationConfig, {"max_context_tokens": 0}),
        (LLMAutoContextSummarizationConfig, {"max_unsummarized_messages": 0}),
        (
            LLMAutoContextSummarizationConfig,
            {"max_context_tokens": None, "max_unsummarized_messages": None},
        ),
    ],
)
def test_numbers_that_make_no_sense(cls, fields):
    with pytest.raises(ValueError, match="m"):
        cls(**fields)


def test_a_summary_is_shorter_than_the_context():
    assert LLMAutoContextSummarizationConfig().summary_config.target_context_tokens == 6000
    small = LLMAutoContextSummarizationConfig(max_context_tokens=1000)
    assert small.summary_config.target_context_tokens == 800
    assert small.summary_config.summary_prompt == DEFAULT_SUMMARIZATION_PROMPT
    assert LLMContextSummaryConfig(summarization_prompt="Short.").summary_prompt == "Short."


def test_the_form_of_earlier_versions():
    with pytest.warns(DeprecationWarning, match="LLMAutoContextSummarizationConfig"):
        old = LLMContextSummarizationConfig(max_context_tokens=100, min_messages_after_summary=2)

    assert old.target_context_tokens == 80
    new = old.to_auto_config()
    assert new.max_context_tokens == 100
    assert new.summary_config.target_context_tokens == 80
    assert new.summary_config.min_messages_after_summary == 2
