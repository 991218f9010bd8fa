"""A task's conversation and its turns are spans."""

from typing import Any

from opentelemetry.trace import StatusCode
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    EndFrame,
    UserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.filters.identity_filter import IdentityFilter
from pipecat_rs.testing import running
from pipecat_rs.utils.tracing.tracing_context import TracingContext
from support.tasks import task_of
from support.waiting import calls_of, until, within


async def test_turns_go_below_the_conversation(spans: Any):
    task = task_of(
        IdentityFilter(),
        enable_tracing=True,
        conversation_id="call-1",
        additional_span_attributes={"customer": "x", "tier": 2},
    )
    begun = calls_of(task.turn_tracking_observer, "on_turn_started")
    async with running(task) as run:
        await begun.wait()
        traced = task.turn_trace_observer
        first = traced.get_current_turn_context()
        await task.queue_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await task.queue_frame(BotStartedSpeakingFrame())
        await until(lambda: "turn.user_bot_latency_seconds" in traced._turn_span.attributes)
        await task.queue_frame(UserStartedSpeakingFrame())
        await begun.wait(2)
        await until(lambda: traced.get_turn_context(2) is not None)
        assert traced.get_turn_context(1) == first and traced.get_turn_context(3) is None
        await task.queue_frame(EndFrame())
        await within(run)
    assert [span.name for span in spans()] == ["turn", "turn", "conversation"]
    conversation = spans.one("conversation")
    assert conversation.parent is None and conversation.status.status_code is StatusCode.UNSET
    assert dict(conversation.attributes) == {
        "conversation.id": "call-1",
        "conversation.type": "voice",
        "customer": "x",
        "tier": 2,
    }
    turns = spans("turn")
    assert [spans.parent(turn) for turn in turns] == [conversation, conversation]
    told = [dict(turn.attributes) for turn in turns]
    assert told[0].pop("turn.user_bot_latency_seconds") >= 0.2
    assert all(attributes.pop("turn.duration_seconds") >= 0 for attributes in told)
    assert told == [
        {
            "turn.number": number,
            "turn.type": "conversation",
            "turn.was_interrupted": True,
            "conversation.id": "call-1",
        }
        for number in (1, 2)
    ]
    assert traced.get_current_turn_context() is None


async def test_a_conversation_without_an_identifier_gets_one(spans: Any):
    for _ in range(2):
        task = task_of(IdentityFilter(), enable_tracing=True)
        async with running(task) as run:
            await task.queue_frame(EndFrame())
            await within(run)
    ids = {span.attributes["conversation.id"] for span in spans("conversation")}
    assert len(ids) == 2 and all(len(conversation) == 36 for conversation in ids)


async def test_a_task_that_is_cancelled_ends_its_spans(spans: Any):
    task = task_of(IdentityFilter(), enable_tracing=True)
    async with running(task) as run:
        await task.cancel()
        await within(run)
    assert spans.one("conversation").end_time is not None


async def test_a_turn_that_is_open_ends_with_the_conversation(spans: Any):
    task = task_of(IdentityFilter(), enable_tracing=True)
    begun = calls_of(task.turn_tracking_observer, "on_turn_started")
    async with running(task) as run:
        await begun.wait()
        traced = task.turn_trace_observer
        await until(lambda: traced.get_current_turn_context() is not None)
        traced.end_conversation_tracing()
        traced.end_conversation_tracing()  # there is none left
        await task.queue_frame(EndFrame())
        await within(run)
    turn = spans.one("turn")
    assert turn.attributes["turn.ended_by_conversation_end"] is True
    assert turn.attributes["turn.was_interrupted"] is True
    assert len(spans("conversation")) == 1


async def test_tasks_that_are_not_traced_record_nothing(spans: Any):
    task = task_of(IdentityFilter())
    async with running(task) as run:
        await task.queue_frame(EndFrame())
        await within(run)
    assert not spans() and task.turn_trace_observer is None


def test_a_context_is_empty_until_it_is_set(spans: Any):
    context = TracingContext()
    assert context.get_conversation_context() is None and context.get_turn_context() is None
    assert context.conversation_id is None
    context.set_conversation_context(None, "c")
    context.set_turn_context(None)
    assert context.conversation_id == "c" and context.get_conversation_context() is None
    assert TracingContext.generate_conversation_id() != TracingContext.generate_conversation_id()
