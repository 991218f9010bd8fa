"""A model that talks and one that works: handing over, what comes back, and what does not fit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pipecat_rs.exceptions import WorkerStateError
from pipecat_rs.frames.frames import (
    ExternalFunctionCallResultFrame,
    LLMMessagesAppendFrame,
    LLMServiceMetadataFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat_rs.pipeline.llm_with_backend import (
    BACKEND_MESSAGE_PREFIX,
    BACKEND_NOTE_PREFIX,
    BACKEND_THOUGHT_PREFIX,
    BACKEND_WORKING_PREFIX,
    DELEGATE_TOOL_NAME,
    RELAY_NOTE,
    STRATEGY_PLACEHOLDER,
    BackendConnector,
    BackendRequestStrategy,
    ConnectorContext,
    ExplicitBackendRequestStrategy,
    LLMWithBackend,
    TranscriptBackendRequestStrategy,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat_rs.services.llm_service import FunctionCallParams
from pipecat_rs.testing import Recorder, running
from pipecat_rs.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat_rs.workers.llm import BackendLLMWorker, BackendOutput
from support.models import Answer, ScriptedModel
from support.tasks import task_of
from support.waiting import until, within
from support.workers import running_workers

DELEGATE: Answer = [(DELEGATE_TOOL_NAME, {})]


class Realtime(ScriptedModel):
    """A model that listens and speaks by itself."""

    def service_metadata_frame(self) -> LLMServiceMetadataFrame:
        return LLMServiceMetadataFrame(service_name=self.name, is_realtime_service=True)


class Call:
    """A conversation with a frontend and its backend."""

    def __init__(self, frontend: ScriptedModel, backend: Any, connector: Any = None) -> None:
        self.frontend = frontend
        self.llm = LLMWithBackend(frontend=frontend, backend=backend, connector=connector)
        self.context = LLMContext()
        pair = LLMContextAggregatorPair(
            self.context,
            user_params=LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies()),
        )
        self.out = Recorder()
        self.task = task_of(pair.user(), self.llm, self.out, pair.assistant())

    async def say(self, text: str) -> None:
        message = {"role": "user", "content": text}
        await self.task.queue_frame(LLMMessagesAppendFrame([message], run_llm=True))

    def contents(self) -> list[Any]:
        return [m.get("content") for m in self.context.get_messages() if isinstance(m, dict)]

    def said(self, prefix: str) -> list[Any]:
        return [c for c in self.contents() if isinstance(c, str) and c.startswith(prefix)]


@asynccontextmanager
async def call(
    *answers: Answer, backend: Any, realtime: bool = False, **options: Any
) -> AsyncIterator[Call]:
    model = Realtime(*answers) if realtime else ScriptedModel(*answers)
    made = Call(model, backend, BackendConnector(**options))
    async with running_workers(made.task):
        yield made


def backend_of(*answers: Answer, context: LLMContext | None = None) -> BackendLLMWorker:
    return BackendLLMWorker(llm=ScriptedModel(*answers), name="backend", context=context)


async def test_work_is_handed_over_and_comes_back():
    backend = backend_of("I look.\n>> It rains.")
    async with call(DELEGATE, "One moment.", "It rains, I hear.", backend=backend) as made:
        await made.say("How is the weather?")
        await until(lambda: "It rains, I hear." in made.contents())
        assert backend.parent == made.task.name
    model: Any = backend.llm
    request = model.contexts[0][-1]["content"]
    assert "USER: How is the weather?" in request and "ASSISTANT" not in request
    assert made.said(BACKEND_NOTE_PREFIX) == [f"{BACKEND_NOTE_PREFIX}I look."]
    assert made.said(BACKEND_MESSAGE_PREFIX) == [
        f"{BACKEND_MESSAGE_PREFIX}It rains.\n\n{RELAY_NOTE}"
    ]
    assert len(made.frontend.contexts) == 3, "the note has not run the model"


async def test_a_second_request_has_what_is_new():
    backend = backend_of(">> It rains.", ">> And it snows.")
    async with call(DELEGATE, "Moment.", "Rain.", DELEGATE, backend=backend) as made:
        await made.say("Rome?")
        await until(lambda: "Rain." in made.contents())
        await made.say("And Oslo?")
        await until(lambda: len(made.said(BACKEND_MESSAGE_PREFIX)) == 2)
    model: Any = backend.llm
    request = model.contexts[1][-1]["content"]
    assert "USER: And Oslo?" in request and "Rome" not in request
    assert BACKEND_MESSAGE_PREFIX not in request


async def test_a_frontend_that_hears_words_its_requests():
    request = (DELEGATE_TOOL_NAME, {"request": "Weather in Rome"})
    backend = backend_of(">> It rains.")
    async with call([request], backend=backend, realtime=True) as made:
        assert made.llm.tool.required == ["request"]
        await made.say("...")
        await until(lambda: bool(made.said(BACKEND_MESSAGE_PREFIX)))
    model: Any = backend.llm
    assert model.contexts[0][-1]["content"].startswith("Weather in Rome\n\n")


async def test_calls_of_the_backend_are_shown_and_noted():
    async def look(params: FunctionCallParams, at: str) -> None:
        """Look at something."""
        await params.result_callback("grey")

    backend = backend_of([("look", {"at": "sky"})], ">> Grey.", context=LLMContext(tools=[look]))
    async with call(DELEGATE, backend=backend) as made:
        await made.say("Colour?")
        await until(lambda: bool(made.said(BACKEND_MESSAGE_PREFIX)))
    assert made.said(BACKEND_WORKING_PREFIX) == [f"{BACKEND_WORKING_PREFIX}look(at='sky')"]
    (shown,) = made.out.frames(ExternalFunctionCallResultFrame)
    assert (shown.function_name, shown.result) == ("look", "grey")  # type: ignore[attr-defined]


async def test_the_frontend_may_stay_silent_when_it_hands_over():
    backend = backend_of("Noted.")
    async with call(DELEGATE, backend=backend, respond_on_delegate=False) as made:
        await made.say("Note this.")
        await until(lambda: bool(made.said(BACKEND_NOTE_PREFIX)))
    assert len(made.frontend.contexts) == 1


async def test_a_backend_that_cannot_go_on_is_spoken_of():
    backend = backend_of()
    async with call(backend=backend) as made:
        await until(lambda: made.llm.connector.session is not None)
        await until(lambda: bool(backend.active_jobs))
        await backend.llm.push_error("no connection")
        await until(lambda: bool(made.said(BACKEND_MESSAGE_PREFIX)))
        await until(lambda: len(made.frontend.contexts) == 1)


async def test_everything_is_traced_if_told_so():
    backend = backend_of(">> It rains.")
    async with call(DELEGATE, backend=backend, client_trace=True) as made:

        def traced() -> list[Any]:
            frames: list[Any] = made.out.frames(OutputTransportMessageUrgentFrame)
            return [frame.message["data"]["event"] for frame in frames]

        await made.say("Weather?")
        await until(lambda: "idle" in traced())
    assert sorted(traced()) == ["idle", "output", "request"]


async def test_a_backend_elsewhere_is_found_by_name():
    backend = backend_of(">> It rains.")
    made = Call(ScriptedModel(DELEGATE), "backend")
    assert made.llm.backend == "backend"
    async with running_workers(made.task, backend):
        await made.say("Weather?")
        await until(lambda: bool(made.said(BACKEND_MESSAGE_PREFIX)))
    assert backend.parent is None


async def test_a_backend_that_is_not_there_is_an_error_with_a_remedy():
    made = Call(ScriptedModel(), "nobody", BackendConnector(timeout_secs=0.01))
    async with running_workers(made.task):
        with pytest.raises(WorkerStateError, match=r"'nobody' is not attached\n.*runner"):
            await within(made.llm.connector._open_session())


async def test_a_backend_that_ends_is_noticed(caplog: pytest.LogCaptureFixture):
    backend = backend_of()
    async with call(backend=backend) as made:
        await until(lambda: made.llm.connector.session is not None)
        await backend.stop_when_done()
        await until(lambda: made.llm.connector.session is None)
    assert "'backend' is over" in caplog.text


async def test_without_a_runner_there_is_no_backend(caplog: pytest.LogCaptureFixture):
    made = Call(ScriptedModel("Hello."), backend_of())
    async with running(made.task):
        await made.say("Hi")
        await until(lambda: "Hello." in made.contents())
    assert "has no runner" in caplog.text


# ---- what fits together


def context_of(realtime: bool = False) -> ConnectorContext:
    return ConnectorContext(backend_name="backend", frontend_is_realtime=realtime)


def test_the_models_are_told_of_each_other():
    frontend = ScriptedModel()
    llm = LLMWithBackend(frontend=frontend, backend="backend")
    instruction = frontend.settings.system_instruction
    assert DELEGATE_TOOL_NAME in instruction and STRATEGY_PLACEHOLDER not in instruction
    assert llm.frontend is frontend and frontend.has_function(DELEGATE_TOOL_NAME)
    assert frontend.get_llm_adapter().builtin_tools == {DELEGATE_TOOL_NAME: llm.tool}


@pytest.mark.parametrize(
    ("pairing", "together"),
    [("First. {strategy}\n\nLast.", "First. Word it.\n\nLast."), ("First.", "First.\n\nWord it.")],
)
def test_the_strategys_part_of_the_instruction(pairing: str, together: str):
    strategy = ExplicitBackendRequestStrategy(frontend_instruction="Word it.")
    connector = BackendConnector(request_strategy=strategy, frontend_pairing_instruction=pairing)
    connector.bind(context_of())
    assert connector.frontend_instruction == together


def test_the_strategy_suits_the_frontend():
    for realtime, kind in (
        (False, TranscriptBackendRequestStrategy),
        (True, ExplicitBackendRequestStrategy),
    ):
        connector = BackendConnector()
        connector.bind(context_of(realtime))
        assert type(connector.request_strategy) is kind
    with pytest.raises(ValueError, match="ExplicitBackendRequestStrategy"):
        BackendConnector(request_strategy=TranscriptBackendRequestStrategy()).bind(context_of(True))


def test_an_unbound_connector_says_so():
    connector = BackendConnector()
    for attribute in ("request_strategy", "tools", "tool", "frontend_instruction"):
        with pytest.raises(WorkerStateError, match="not bound"):
            getattr(connector, attribute)


def test_a_frontend_may_decline():
    class Declines(ScriptedModel):
        def llm_with_backend_role_objection(self, role: Any) -> str | None:
            return f"no {role}"

    with pytest.raises(ValueError, match="no frontend"):
        LLMWithBackend(frontend=Declines(), backend="backend")


def test_what_the_backend_says_as_messages():
    connector = BackendConnector()
    thought = connector.render_output(BackendOutput("Hm.", is_thought=True, prefers_spoken=False))
    assert thought == {"role": "developer", "content": f"{BACKEND_THOUGHT_PREFIX}Hm."}
    assert connector.render_output(BackendOutput("")) is None


async def test_a_strategy_has_to_say_what_a_request_is():
    with pytest.raises(NotImplementedError, match="compose_request"):
        await BackendRequestStrategy().compose_request(None)  # type: ignore[arg-type]


async def test_nothing_new_is_not_handed_over():
    results: list[Any] = []

    async def result_callback(result: Any, *, properties: Any) -> None:
        results.append((result, properties.run_llm))

    class Params:
        context = LLMContext(messages=[{"role": "user", "content": "Hi"}])
        arguments: dict[str, Any] = {"request": " "}  # noqa: RUF012 - a stand-in

    params: Any = Params()
    params.result_callback = result_callback
    transcript = TranscriptBackendRequestStrategy()
    assert "USER: Hi" in (await transcript.compose_request(params) or "")
    assert await transcript.compose_request(params) is None
    params.context.set_messages([])
    assert await transcript.compose_request(params) is None
    connector = BackendConnector(request_strategy=ExplicitBackendRequestStrategy())
    connector.bind(context_of())
    await connector.delegate(params)
    assert results == [({"status": "already_delegated"}, False)]
