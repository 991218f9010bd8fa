"""A backend: what a frontend hears of its work, and what becomes of requests meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pipecat_rs.adapters.llm.schemas.direct_function import tool_options
from pipecat_rs.frames.frames import (
    ExternalFunctionCallCancelFrame,
    ExternalFunctionCallInProgressFrame,
    ExternalFunctionCallResultFrame,
    ExternalFunctionCallsStartedFrame,
    LLMThoughtEndFrame,
    LLMThoughtStartFrame,
    LLMThoughtTextFrame,
)
from pipecat_rs.pipeline.job_context import JobError, JobParams
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage
from pipecat_rs.services.llm_service import FunctionCallParams
from pipecat_rs.workers.base_worker import BaseWorker
from pipecat_rs.workers.llm import BackendLLMWorker, BackendOutput
from pipecat_rs.workers.llm.backend_events import (
    BackendError,
    BackendEvent,
    BackendIdle,
    BackendToolCall,
    event_of,
)
from pipecat_rs.workers.llm.backend_requests import (
    SPOKEN_MARK,
    explicit_request,
    split_spoken,
    transcript_request,
)
from pipecat_rs.workers.llm.backend_session import BackendSession
from support.models import Answer, ScriptedModel
from support.waiting import until, within
from support.workers import running_workers


class Tools:
    """Functions of the backend's model, which wait until they are let go."""

    def __init__(self) -> None:
        self.entered, self.go = asyncio.Event(), asyncio.Event()

    async def look(self, params: FunctionCallParams, at: str) -> None:
        """Look at something."""
        self.entered.set()
        await self.go.wait()
        await params.result_callback(f"a {at}")

    @tool_options(cancel_on_interruption=False)
    async def search(self, params: FunctionCallParams) -> None:
        """Search, while the conversation goes on."""
        self.entered.set()
        await self.go.wait()
        await params.result_callback("found")

    async def break_it(self, params: FunctionCallParams) -> None:
        """Break something."""
        raise ValueError("broken")

    def context(self) -> LLMContext:
        return LLMContext(tools=[self.look, self.search, self.break_it])


def backend_of(*answers: Answer, tools: Tools | None = None, **options: Any) -> BackendLLMWorker:
    context = tools.context() if tools else None
    return BackendLLMWorker(llm=ScriptedModel(*answers), name="backend", context=context, **options)


@asynccontextmanager
async def attached(backend: BackendLLMWorker) -> AsyncIterator[BackendSession]:
    asks = BaseWorker("asks")
    async with (
        running_workers(asks, backend),
        BackendSession(asks, "backend", timeout_secs=5) as session,
    ):
        yield session


async def next_of(session: BackendSession) -> BackendEvent:
    return await within(anext(session))


async def until_idle(session: BackendSession) -> list[BackendEvent]:
    """The events up to the one which says that nothing is left to do."""
    events = []
    while not isinstance(event := await next_of(session), BackendIdle):
        events.append(event)
    return events


async def test_a_request_is_answered():
    backend = backend_of(f"{SPOKEN_MARK} It rains.")
    async with attached(backend) as session:
        assert await session.send("How is the weather?") == "idle"
        assert await until_idle(session) == [BackendOutput("It rains.")]
        assert session.capabilities == {"steering": True, "progress": True}
        assert not backend.working
    model: Any = backend.llm
    assert model.contexts[0][-1] == {"role": "user", "content": "How is the weather?"}
    assert SPOKEN_MARK in model.settings.system_instruction
    assert model.settings.use_provider_thinking_default is True


async def test_notes_and_what_is_spoken_are_told_apart():
    backend = backend_of(f"I looked.\n{SPOKEN_MARK} It rains.\nIt will go on.", "Nothing new.")
    async with attached(backend) as session:
        await session.send("Weather?")
        assert await until_idle(session) == [
            BackendOutput("I looked.", prefers_spoken=False),
            BackendOutput("It rains.\nIt will go on."),
        ]
        await session.send("And now?")
        assert await until_idle(session) == [BackendOutput("Nothing new.", prefers_spoken=False)]


async def test_function_calls_are_shown_step_by_step():
    tools = Tools()
    tools.go.set()
    backend = backend_of([("look", {"at": "sky"})], f"{SPOKEN_MARK} Blue.", tools=tools)
    async with attached(backend) as session:
        await session.send("Colour?")
        events = await until_idle(session)
    steps = [e for e in events if isinstance(e, BackendToolCall)]
    assert [s.phase for s in steps] == ["started", "in_progress", "result"]
    assert (steps[1].function_name, steps[1].arguments) == ("look", {"at": "sky"})
    assert (steps[2].result, steps[2].is_final) == ("a sky", True)
    assert events[-1] == BackendOutput("Blue.")


async def test_a_request_during_a_call_is_seen_with_its_result():
    tools = Tools()
    backend = backend_of([("look", {"at": "sky"})], f"{SPOKEN_MARK} Both.", tools=tools)
    model: Any = backend.llm
    async with attached(backend) as session:
        await session.send("Colour?")
        await within(tools.entered.wait())
        assert await session.send("And the sea?") == "working"
        await until(lambda: backend.context.get_messages()[-1].get("content") == "And the sea?")
        assert len(model.contexts) == 1, "a call without its result cannot be shown to the model"
        tools.go.set()
        events = await until_idle(session)
    assert events[-1] == BackendOutput("Both.")
    assert len(model.contexts) == 2
    seen = [m.get("content") for m in model.contexts[1]]
    assert "And the sea?" in seen and '"a sky"' in seen


async def test_a_request_during_a_lasting_call_is_answered_at_once():
    tools = Tools()
    backend = backend_of([("search", {})], f"{SPOKEN_MARK} Sure.", tools=tools)
    async with attached(backend) as session:
        await session.send("Search.")
        await within(tools.entered.wait())
        assert await session.send("Are you there?") == "working"
        while not isinstance(event := await next_of(session), BackendOutput):
            pass
        assert event == BackendOutput("Sure.") and backend.working
        tools.go.set()
        events = await until_idle(session)
    assert events[-1] == BackendOutput("yes", prefers_spoken=False)
    assert not backend.working


async def test_leaving_stops_the_work():
    tools = Tools()
    backend, asks = backend_of([("search", {})], tools=tools), BaseWorker("asks")
    async with running_workers(asks, backend):
        async with BackendSession(asks, "backend") as session:
            await session.send("Search.")
            await within(tools.entered.wait())
        assert session.detached
        await until(lambda: not backend.working)
        async with BackendSession(asks, "backend") as again:
            assert await again.send("Hello?") == "idle"
            await until_idle(again)


async def test_one_frontend_at_a_time():
    backend, asks = backend_of(), BaseWorker("asks")
    async with running_workers(asks, backend):
        async with BackendSession(asks, "backend"), BackendSession(asks, "backend") as second:
            with pytest.raises(JobError, match="another frontend is attached"):
                await next_of(second)
        await until(lambda: not backend.active_jobs)
        params = JobParams(name="message", payload={"request": "Hello"})
        with pytest.raises(JobError, match="no frontend"):
            async with asks.job("backend", params=params):
                pass


async def test_a_request_without_words_is_refused():
    async with attached(backend_of()) as session:
        with pytest.raises(JobError, match="no request"):
            await session.send("  ")


async def test_a_backend_that_ends_ends_the_session():
    backend, asks = backend_of(), BaseWorker("asks")
    async with running_workers(asks, backend):
        async with BackendSession(asks, "backend") as session:
            await backend.stop_when_done()
            events = [event async for event in session]
        assert events == [] and not session.detached


async def test_outputs_may_be_changed_or_left_out():
    async def transform(output: BackendOutput) -> BackendOutput | None:
        if output.text == "secret":
            return None
        if output.text == "broken":
            raise ValueError("no")
        return BackendOutput(output.text.upper(), prefers_spoken=output.prefers_spoken)

    mark = SPOKEN_MARK
    backend = backend_of(
        f"secret\n{mark} open", f"{mark} broken", f"{mark} again", transform_output=transform
    )
    async with attached(backend) as session:
        await session.send("1")
        assert await until_idle(session) == [BackendOutput("OPEN")]
        await session.send("2")
        assert await until_idle(session) == [BackendError("no")]
        await backend.send_output(BackendOutput("as it is"))
        await backend.send_output(BackendOutput("changed"), apply_transform_output=True)
        assert await next_of(session) == BackendOutput("as it is")
        assert await next_of(session) == BackendOutput("CHANGED")


async def test_thoughts_are_shown():
    async with attached(backend := backend_of()) as session:
        for frame in (LLMThoughtStartFrame(), LLMThoughtTextFrame("Hm."), LLMThoughtEndFrame()):
            await backend.llm.push_frame(frame)
        assert await next_of(session) == BackendOutput("Hm.", is_thought=True, prefers_spoken=False)


async def test_errors_are_told_unless_they_are_a_functions():
    tools = Tools()
    backend = backend_of([("break_it", {})], f"{SPOKEN_MARK} Sorry.", tools=tools)
    async with attached(backend) as session:
        await session.send("Break it.")
        events = await until_idle(session)
        assert events[-1] == BackendOutput("Sorry.")
        assert not any(isinstance(event, BackendError) for event in events)
        await backend.llm.push_error("no connection")
        error = await next_of(session)
        assert isinstance(error, BackendError) and "no connection" in error.error


async def test_without_a_frontend_outputs_are_dropped(caplog: pytest.LogCaptureFixture):
    await backend_of().send_output(BackendOutput("unheard"))
    assert "unheard" in caplog.text


def test_a_model_may_decline():
    class Declines(ScriptedModel):
        def llm_with_backend_role_objection(self, role: Any) -> str | None:
            return f"no {role}"

    with pytest.raises(ValueError, match="no backend"):
        BackendLLMWorker(llm=Declines())


# ---- what travels, and how it is worded


@pytest.mark.parametrize(
    "event",
    [
        BackendOutput("a", is_thought=True, prefers_spoken=False),
        BackendToolCall("result", "f", "1", {"a": 1}, "b", False),
        BackendToolCall("started", "f", "1"),
    ],
)
def test_events_travel_as_payloads(event: BackendOutput | BackendToolCall):
    assert event_of(event.to_payload()) == event


def test_other_payloads():
    assert event_of({"type": "idle"}) == BackendIdle()
    assert event_of({"type": "error", "error": "a"}) == BackendError("a")
    assert event_of({"text": "a"}) == BackendOutput("a")
    assert event_of({"type": "news"}) is None


@pytest.mark.parametrize(
    ("phase", "frame_class"),
    [
        ("started", ExternalFunctionCallsStartedFrame),
        ("in_progress", ExternalFunctionCallInProgressFrame),
        ("result", ExternalFunctionCallResultFrame),
        ("cancelled", ExternalFunctionCallCancelFrame),
    ],
)
def test_steps_become_frames(phase: Any, frame_class: type):
    assert type(BackendToolCall(phase, "f", "1", {"a": 1}).to_frame()) is frame_class


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ("a", "")),
        (">> a", ("", "a")),
        ("a\n  >>b\n>> c", ("a", "b\nc")),
        ("a >> b", ("a >> b", "")),
        ("", ("", "")),
    ],
)
def test_the_mark_splits_what_is_written(text: str, parts: tuple[str, str]):
    assert split_spoken(text) == parts


def test_requests_as_the_backend_gets_them():
    assert explicit_request("a", instruction="b") == "a\n\nb"
    conversation: list[Any] = [
        {"role": "user", "content": "Hi"},
        {"role": "tool", "content": "x"},
        LLMSpecificMessage("other", {}),
        {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]},
    ]
    text = transcript_request(conversation, instruction="Do it.")
    assert text.splitlines()[1:] == ["USER: Hi", "ASSISTANT: Hello", "", "Do it."]
    assert transcript_request(conversation, first=False).splitlines()[0] != text.splitlines()[0]
    assert transcript_request([], instruction="Do it.") == "Do it."
