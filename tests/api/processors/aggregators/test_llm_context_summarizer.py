"""The older part of a conversation gives way to a summary."""

import asyncio

import pytest
from pipecat_rs.frames.frames import (
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMContextSummaryRequestFrame,
    LLMContextSummaryResultFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMRunFrame,
    LLMSummarizeContextFrame,
    LLMTextFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregatorParams,
    LLMContextAggregatorPair,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.utils.context.llm_context_summarization import (
    LLMAutoContextSummarizationConfig,
    LLMContextSummaryConfig,
)
from support.passage import passage
from support.waiting import calls_of, settle, within

SYSTEM = {"role": "system", "content": "Be kind."}


class Writer(LLMService):
    """Answers "Yes." and summarizes as "notes", when it is let to."""

    handles = LLMService.handles

    def __init__(self, notes: str | None = "notes") -> None:
        super().__init__()
        self.notes = notes
        self.let = asyncio.Event()
        self.let.set()
        self.asked: list[tuple] = []
        self.asked_now = asyncio.Event()

    async def run_inference(self, context=None, max_tokens=None, system_instruction=None, **_):
        self.asked.append((context.messages, max_tokens, system_instruction))
        self.asked_now.set()
        await self.let.wait()
        return self.notes

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame("Yes."))
        await self.push_frame(LLMFullResponseEndFrame())


def user(number: int) -> dict:
    return {"role": "user", "content": f"message {number}"}


def conversation(context: LLMContext, model: Writer, **params):
    pair = LLMContextAggregatorPair(
        context, assistant_params=LLMAssistantAggregatorParams(**params)
    )
    applied = calls_of(pair.assistant(), "on_summary_applied")
    return pair, applied, passage(pair.user(), model, pair.assistant())


def automatic(**kwargs) -> dict:
    config = LLMContextSummaryConfig(min_messages_after_summary=1, **kwargs)
    return {
        "enable_auto_context_summarization": True,
        "auto_context_summarization_config": LLMAutoContextSummarizationConfig(
            max_unsummarized_messages=3, summary_config=config
        ),
    }


async def test_a_long_conversation_is_summarized_when_an_answer_begins():
    context = LLMContext([SYSTEM, user(1), user(2), user(3)])
    model = Writer()
    _, applied, passing = conversation(
        context, model, **automatic(target_context_tokens=99, summarization_prompt="Notes!")
    )
    async with passing as ways:
        await ways.send(LLMRunFrame())
        await applied.wait()
        await ways.end()

    assert context.messages[:2] == [
        SYSTEM,
        {"role": "user", "content": "Conversation summary: notes"},
    ]
    assert context.messages[-1]["content"] == "Yes."
    (asked, max_tokens, instruction) = model.asked[0]
    assert "USER: message 1" in asked[0]["content"]
    assert (max_tokens, instruction) == (99, "Notes!")
    _, event = applied[0]
    assert event.original_message_count == event.summarized_message_count + (
        event.preserved_message_count
    )
    assert event.new_message_count == event.preserved_message_count + 1


async def test_a_summary_does_not_count_as_a_message_to_summarize():
    context = LLMContext([SYSTEM, user(1), user(2), user(3)])
    model = Writer()
    pair, applied, passing = conversation(context, model, **automatic())
    async with passing as ways:
        await ways.send(LLMRunFrame())
        await applied.wait()
        await settle()
        # System message and summary, then two messages of the conversation at most.
        pair.assistant().set_messages([*context.messages[:2], user(4)])
        await ways.send(LLMRunFrame())
        await settle()
        await ways.end()

    assert len(model.asked) == 1


@pytest.mark.parametrize("automatically", [True, False])
async def test_a_short_conversation_is_summarized_only_when_told(automatically):
    context = LLMContext([user(number) for number in range(6)])
    _, applied, passing = conversation(
        context, Writer(), enable_auto_context_summarization=automatically
    )
    async with passing as ways:
        await ways.send(LLMRunFrame())
        await settle()
        assert not applied
        await ways.send(LLMSummarizeContextFrame())
        await applied.wait()
        await ways.end()

    assert context.messages[0]["content"] == "Conversation summary: notes"
    assert [m["content"] for m in context.messages[1:]] == [
        "message 3",
        "message 4",
        "message 5",
        "Yes.",
    ]


async def test_who_orders_a_summary_may_say_how():
    context = LLMContext([user(1), user(2)])
    config = LLMContextSummaryConfig(
        min_messages_after_summary=0, summary_message_template="<notes>{summary}</notes>"
    )
    _, applied, passing = conversation(context, Writer())
    async with passing as ways:
        await ways.send(LLMSummarizeContextFrame(config=config))
        await applied.wait()
        await ways.end()

    assert context.messages == [{"role": "user", "content": "<notes>notes</notes>"}]


async def test_another_service_may_write_it():
    context = LLMContext([user(1), user(2)])
    main, other = Writer(), Writer("other notes")
    config = LLMContextSummaryConfig(min_messages_after_summary=1, llm=other)
    _, applied, passing = conversation(context, main)
    async with passing as ways:
        await ways.send(LLMSummarizeContextFrame(config=config))
        await applied.wait()
        await ways.end()

    assert context.messages[0]["content"].endswith("other notes")
    assert not main.asked


async def test_one_summary_is_written_at_a_time_but_an_interruption_may_have_dropped_it():
    context = LLMContext([user(number) for number in range(6)])
    model = Writer()
    model.let.clear()
    _, applied, passing = conversation(context, model)
    async with passing as ways:
        await ways.send(LLMSummarizeContextFrame(), LLMSummarizeContextFrame())
        await within(model.asked_now.wait())
        await settle()
        assert len(model.asked) == 1
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame)
        model.asked_now.clear()
        await ways.send(LLMSummarizeContextFrame())
        await within(model.asked_now.wait())
        model.let.set()
        await applied.wait()
        await ways.down.wait_for(LLMContextSummaryResultFrame, count=2)
        await settle()
        await ways.end()

    assert len(applied) == 1
    assert len([m for m in context.messages if "summary" in m["content"]]) == 1


@pytest.mark.parametrize("change", ["cleared", "replaced"])
async def test_a_summary_of_what_is_no_longer_there_is_not_applied(change, caplog):
    context = LLMContext([user(number) for number in range(6)])
    model = Writer()
    model.let.clear()
    _, applied, passing = conversation(context, model)
    async with passing as ways:
        await ways.send(LLMSummarizeContextFrame())
        await within(model.asked_now.wait())
        new = [user(100 + number) for number in range(0 if change == "cleared" else 9)]
        context.set_messages(new)
        model.let.set()
        await ways.down.wait_for(LLMContextSummaryResultFrame)
        await ways.end()

    assert not applied
    assert context.messages == new
    assert "does not fit" in caplog.text


@pytest.mark.parametrize("kind", ["nothing to summarize", "empty", "too slow", "cannot"])
async def test_a_summary_that_fails_leaves_the_conversation_as_it_is(kind, monkeypatch):
    context = LLMContext([user(number) for number in range(2 if kind[0] == "n" else 6)])
    model = Writer("  " if kind == "empty" else "notes")
    config = LLMContextSummaryConfig()
    if kind == "too slow":
        model.let.clear()
        config.summarization_timeout = 0.005
    if kind == "cannot":
        monkeypatch.setattr(Writer, "run_inference", LLMService.run_inference)
    before = list(context.messages)
    _, applied, passing = conversation(context, model)
    async with passing as ways:
        await ways.send(LLMSummarizeContextFrame(config=config))
        result = await ways.down.wait_for(LLMContextSummaryResultFrame)
        await ways.up.wait_for(ErrorFrame)
        # It may be tried again.
        await ways.send(LLMSummarizeContextFrame(config=config))
        await ways.down.wait_for(LLMContextSummaryResultFrame, count=2)
        await ways.end()

    assert (result.summary, result.last_summarized_index) == ("", -1)
    assert result.error
    assert not applied
    assert context.messages == before


async def test_the_end_gives_a_summary_up():
    model = Writer()
    model.let.clear()
    _, applied, passing = conversation(LLMContext([user(n) for n in range(6)]), model)
    async with passing as ways:
        await ways.send(LLMSummarizeContextFrame())
        await within(model.asked_now.wait())
        await ways.end()
    assert not applied


def test_the_request_is_for_the_language_model():
    assert LLMContextSummaryRequestFrame in (LLMService.handles or ())


def test_the_parameters_of_earlier_versions():
    config = LLMAutoContextSummarizationConfig(max_context_tokens=100)
    with pytest.warns(DeprecationWarning) as warned:
        params = LLMAssistantAggregatorParams(
            enable_context_summarization=True, context_summarization_config=config
        )
    assert len(warned) == 2
    assert params.enable_auto_context_summarization
    assert params.auto_context_summarization_config is config
    assert params.context_summarization_config is None
