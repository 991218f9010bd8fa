"""Aggregators: gates, sentences, keys, contexts."""

from __future__ import annotations

from typing import Any

from kit import (
    UP,
    Control,
    Data,
    Observed,
    System,
    Tap,
    label,
    play,
    running,
    scenario,
    until,
)
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InputDTMFFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMessagesAppendFrame,
    LLMMessagesUpdateFrame,
    LLMRunFrame,
    LLMSetToolChoiceFrame,
    LLMSetToolsFrame,
    LLMTextFrame,
    TextFrame,
    TranscriptionFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.dtmf_aggregator import DTMFAggregator
from pipecat.processors.aggregators.gated import GatedAggregator
from pipecat.processors.aggregators.gated_llm_context import GatedLLMContextAggregator
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.aggregators.sentence import SentenceAggregator
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.utils.sync.event_notifier import EventNotifier


@scenario()
async def a_gate_holds_until_it_opens() -> Observed:
    def gate(**options: Any) -> GatedAggregator:
        return GatedAggregator(
            gate_open_fn=lambda frame: isinstance(frame, Control),
            gate_close_fn=lambda frame: getattr(frame, "tag", None) == "close",
            **options,
        )

    closed = gate(start_open=False)
    opened = gate(start_open=True)
    upward = gate(start_open=False, direction=UP)
    return {
        "closed": await play(closed, frames=[Data(1), Data(2), Control("open"), Data(3)]),
        "opened": await play(
            opened, frames=[Data(1), Data("close"), Data(2), Control("open"), Data(3)]
        ),
        "upward": await play(upward, frames=[Data(1)], up=[Data("a"), Control("open"), Data("b")]),
    }


@scenario()
async def system_frames_pass_a_gate() -> Observed:
    gate = GatedAggregator(lambda f: isinstance(f, Control), lambda f: False, False)
    async with running(gate) as run:
        await run.queue(Data(1), System(2))
        await run.tail.wait("System(2)")
        held = run.tail.down()
        await run.queue(Control("open"))
        await run.tail.wait("Data(1)")
        await run.end()
    return {"held": held, "down": run.tail.down()}


@scenario()
async def sentences() -> Observed:
    texts = ["Hello ", "there. ", "How are", " you? ", "I paid $1.50", " for it! ", "And rest"]
    observed = await play(SentenceAggregator(), frames=[TextFrame(t) for t in texts])
    other = await play(SentenceAggregator(), frames=[TextFrame("One. Two. Three."), Data(1)])
    return {"words": observed["down"], "at once": other["down"]}


@scenario()
async def sentences_and_interim_words() -> Observed:
    return await play(
        SentenceAggregator(), frames=[Data(1), TextFrame("No end"), System(2), Control(3)]
    )


@scenario()
async def keys_until_the_last() -> Observed:
    keys = [KeypadEntry.ONE, KeypadEntry.TWO, KeypadEntry.POUND, KeypadEntry.THREE]
    observed = await play(DTMFAggregator(), frames=[InputDTMFFrame(button=k) for k in keys])
    observed["down"] = [x for x in observed["down"] if not x.startswith("InputDTMF")]
    return observed


@scenario()
async def keys_and_silence() -> Observed:
    async with running(DTMFAggregator(timeout=0.02, prefix="keys ")) as run:
        await run.queue(InputDTMFFrame(button=KeypadEntry.FIVE))
        frame = await run.tail.wait("TranscriptionFrame(keys 5)")
        await run.end()
    return {
        "user": frame.user_id,  # type: ignore[attr-defined]
        "finalized": frame.finalized,  # type: ignore[attr-defined]
        "interruptions": run.tail.down().count("InterruptionFrame"),
    }


@scenario(
    differs={
        "held": "pipecat's gate pushes the start frame twice (a defect); here it passes once",
    }
)
async def a_context_waits_for_its_notifier() -> Observed:
    notifier = EventNotifier()
    first, second = LLMContext(), LLMContext()
    async with running(GatedLLMContextAggregator(notifier=notifier)) as run:
        await run.queue(LLMContextFrame(first), LLMContextFrame(second), Data(1))
        await run.tail.wait("Data(1)")
        held = run.tail.down()
        await notifier.notify()
        await run.tail.wait("LLMContextFrame")
        await run.end()
    passed = [f for f, _ in run.tail.seen if isinstance(f, LLMContextFrame)]
    return {"held": held, "count": len(passed), "last one": passed[0].context is second}


PASSES_TEXT_ON = (
    "the assistant aggregator may stand before the voice, as in the document's voice agent, so it "
    "passes on the text of the model; pipecat keeps it"
)


def pair_of(context: LLMContext, **options: Any) -> tuple[Any, Any]:
    """Both aggregators; turns are what frames from outside say, not what a model finds out."""
    params = LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies())
    pair = LLMContextAggregatorPair(context, user_params=params, **options)
    return pair.user(), pair.assistant()


async def converse(context: LLMContext, *frames: Any, wait: str | None = None) -> Observed:
    """Send frames through a pair of aggregators with a tap in between."""
    user, assistant = pair_of(context)
    between = Tap(name="between")
    async with running(user, between, assistant) as run:
        for frame in frames:
            await run.queue(frame)
        if wait:
            await until(lambda: between.has(wait) or run.head.has(wait))
        await run.end()
    return {
        "messages": context.get_messages(),
        "between": between.down(),
        "down": run.tail.down(),
        "up": run.head.up(),
    }


@scenario()
async def messages_are_added_and_replaced() -> Observed:
    context = LLMContext([{"role": "system", "content": "be brief"}])
    added = await converse(
        context,
        LLMMessagesAppendFrame([{"role": "user", "content": "one"}]),
        LLMMessagesAppendFrame([{"role": "user", "content": "two"}], run_llm=True),
    )
    replaced = await converse(
        context, LLMMessagesUpdateFrame([{"role": "user", "content": "new"}], run_llm=True)
    )
    ran = await converse(context, LLMRunFrame())
    return {"added": added, "replaced": replaced, "ran": ran}


@scenario()
async def tools_and_their_choice() -> Observed:
    from pipecat.adapters.schemas.function_schema import FunctionSchema
    from pipecat.adapters.schemas.tools_schema import ToolsSchema

    tool = FunctionSchema("f", "does f", {"a": {"type": "string"}}, ["a"])
    context = LLMContext()
    observed = await converse(
        context,
        LLMSetToolsFrame(tools=ToolsSchema(standard_tools=[tool])),
        LLMSetToolChoiceFrame(tool_choice="required"),
    )
    observed["tools"] = [t.name for t in context.tools.standard_tools]
    observed["choice"] = context.tool_choice
    return observed


@scenario(differs={"down": PASSES_TEXT_ON})
async def an_answer_is_written() -> Observed:
    context = LLMContext()
    return await converse(
        context,
        LLMFullResponseStartFrame(),
        LLMTextFrame("Hello "),
        LLMTextFrame("there."),
        LLMFullResponseEndFrame(),
    )


@scenario(differs={"down": PASSES_TEXT_ON})
async def an_answer_without_text() -> Observed:
    return await converse(LLMContext(), LLMFullResponseStartFrame(), LLMFullResponseEndFrame())


@scenario()
async def an_answer_is_interrupted() -> Observed:
    context = LLMContext()
    user, assistant = pair_of(context)
    async with running(user, assistant) as run:
        await run.queue(LLMFullResponseStartFrame(), LLMTextFrame("Hello "), LLMTextFrame("the"))
        await run.queue(Data("mark"))
        await run.tail.wait("Data(mark)")
        await run.queue(InterruptionFrame())
        await run.tail.wait("InterruptionFrame")
        await run.end()
    return {"messages": context.get_messages()}


@scenario(differs={"down": PASSES_TEXT_ON})
async def spoken_words_are_written() -> Observed:
    context = LLMContext()
    words = [TTSTextFrame(w, aggregated_by="word") for w in ("Hello", "there", "friend")]
    return await converse(context, LLMFullResponseStartFrame(), *words, LLMFullResponseEndFrame())


@scenario()
async def a_turn_of_the_user() -> Observed:
    context = LLMContext()
    user, assistant = pair_of(context)
    events: list[str] = []

    for event in ("on_user_turn_started", "on_user_turn_stopped", "on_user_turn_message_added"):

        def noting(event: str) -> Any:
            async def note(aggregator: Any, *args: Any) -> None:
                events.append(event)

            return note

        user.add_event_handler(event, noting(event))
    async with running(user, assistant) as run:
        await run.queue(VADUserStartedSpeakingFrame(), UserStartedSpeakingFrame())
        await run.queue(TranscriptionFrame("how are", "user", "now"))
        await run.queue(TranscriptionFrame("you", "user", "now"))
        await run.tail.wait("VADUserStartedSpeakingFrame")
        await run.queue(VADUserStoppedSpeakingFrame(), UserStoppedSpeakingFrame())
        await until(lambda: context.get_messages() and run.tail.has("LLMContextFrame"))
        await run.end()
    return {
        "messages": context.get_messages(),
        "events": sorted(events),
        "transcripts below": [x for x in run.tail.down() if x.startswith("Transcription")],
    }


@scenario()
async def a_function_call_is_written() -> Observed:
    context = LLMContext()
    user, assistant = pair_of(context)
    call = FunctionCallFromLLM(
        function_name="f", tool_call_id="1", arguments={"a": 1}, context=context
    )
    async with running(user, assistant) as run:
        await run.queue(
            FunctionCallsStartedFrame(function_calls=[call]),
            FunctionCallInProgressFrame(
                function_name="f", tool_call_id="1", arguments={"a": 1}, cancel_on_interruption=True
            ),
        )
        await until(context.get_messages)
        before = [dict(m) for m in context.get_messages()]
        await run.queue(
            FunctionCallResultFrame(
                function_name="f", tool_call_id="1", arguments={"a": 1}, result={"found": 2}
            )
        )
        await until(lambda: run.head.has("LLMContextFrame") or len(run.head.up()))
        await run.end()
    return {"before": before, "after": context.get_messages(), "up": run.head.up()}


@scenario()
async def a_context_by_itself() -> Observed:
    context = LLMContext([{"role": "system", "content": "be brief"}])
    context.add_message({"role": "user", "content": "hello"})
    context.add_messages([{"role": "assistant", "content": "hi"}])
    messages = context.get_messages()
    context.set_messages([{"role": "user", "content": "new"}])
    return {
        "messages": messages,
        "set": context.get_messages(),
        "tools": type(context.tools).__name__,
        "choice": type(context.tool_choice).__name__,
    }


@scenario()
async def what_the_assistant_reports() -> Observed:
    context = LLMContext()
    user, assistant = pair_of(context)
    log: list[Any] = []

    @assistant.event_handler("on_assistant_turn_started")
    async def _on_started(aggregator: Any) -> None:
        log.append("started")

    @assistant.event_handler("on_assistant_turn_stopped")
    async def _on_stopped(aggregator: Any, message: Any) -> None:
        log.append(["stopped", message.content])

    async with running(user, assistant) as run:
        await run.queue(
            LLMFullResponseStartFrame(), LLMTextFrame("Hello."), LLMFullResponseEndFrame()
        )
        await run.queue(BotStoppedSpeakingFrame())
        await until(lambda: len(log) == 2)
        await run.end()
    return {"log": log}


@scenario()
async def other_frames_pass_aggregators() -> Observed:
    observed = await converse(LLMContext(), Data(1), Control(2), System(3))
    observed["down"].sort()
    observed["between"].sort()
    return observed


@scenario(differs={"down": PASSES_TEXT_ON})
async def text_before_an_answer_is_no_answer() -> Observed:
    return await converse(LLMContext(), TextFrame("stray"), Data(1))


@scenario()
async def two_answers_are_two_messages() -> Observed:
    answer = [LLMFullResponseStartFrame, lambda: LLMTextFrame("x"), LLMFullResponseEndFrame]
    observed = await converse(LLMContext(), *(make() for make in [*answer, *answer]))
    return {
        "messages": observed["messages"],
        "contexts": [x for x in observed["down"] if "Context" in x],
    }


@scenario()
async def labels_of_what_passes_below() -> Observed:
    observed = await converse(LLMContext(), LLMRunFrame(), Data(1), wait="LLMContextFrame")
    return {"between": observed["between"], "kind": label(LLMRunFrame())}
