"""What joins a frontend and its backend: the tool, the session, and what the backend says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.exceptions import WorkerStateError
from pipecat_rs.frames.frames import (
    FunctionCallResultProperties,
    LLMMessagesAppendFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat_rs.pipeline.backend_requests import (
    BACKEND_MESSAGE_PREFIX,
    BACKEND_NOTE_PREFIX,
    BACKEND_THOUGHT_PREFIX,
    BACKEND_WORKING_PREFIX,
    BackendRequestStrategy,
    ExplicitBackendRequestStrategy,
    TranscriptBackendRequestStrategy,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContextMessage
from pipecat_rs.services.llm_service import FunctionCallParams, LLMService
from pipecat_rs.workers.llm.backend_events import (
    BackendError,
    BackendEvent,
    BackendIdle,
    BackendOutput,
    BackendToolCall,
)
from pipecat_rs.workers.llm.backend_session import BackendSession

if TYPE_CHECKING:
    from pipecat_rs.workers.base_worker import BaseWorker

_logger = logging.getLogger(__name__)

DELEGATE_TOOL_NAME = "delegate"
"""Name of the tool that the frontend's model calls."""

RELAY_NOTE = (
    "(Tell the user this now, once and in your words, even if you talk about something else by "
    "now. Should they have said something that you have not answered, answer that first and tell "
    "this at the end of the same reply.)"
)
"""What stands below a message that the frontend's model is to tell the user."""

STRATEGY_PLACEHOLDER = "{strategy}"
"""Where the strategy's instruction goes in that of the connector."""

FRONTEND_PAIRING_INSTRUCTION = f"""\
There is a backend that does work for you. Give it whatever needs its tools or careful thought, \
and whatever the user says about work it has, such as a change, a limit or that it should stop, \
in whichever words. Work goes on until the backend is told otherwise, and it hears nothing but \
what you give it: do not say that you stop or change anything without calling \
{DELEGATE_TOOL_NAME}. Small talk, and what you can answer from results that you have, is yours; \
so is a short question back. Call {DELEGATE_TOOL_NAME} in the very reply in which you say that \
you will see to something, before any answer that depends on the outcome, and never guess the \
outcome. {STRATEGY_PLACEHOLDER}

For the user there is only you. Speak of the work as your own; do not mention a backend, tools, \
or that you passed something on.

After the call, say briefly that you are at it, and answer what else the user asked. The call's \
result tells whether the backend was idle or at work; in the latter case your request joins the \
rest. Each thing the user asks later takes a call again, also a yes to something that was \
offered. When asked whether something is under way, look at the conversation: if you never handed \
it over, say so and do it now.

What the backend has for the user comes as a message that begins with \
"{BACKEND_MESSAGE_PREFIX.strip()}", at any time. You owe it to the user, whatever you talk about \
by then: first answer what is unanswered, then tell it, once, in your own words, without \
repeating your last reply. Leave out only what the user no longer wants. Messages that begin with \
"{BACKEND_WORKING_PREFIX.strip()}", "{BACKEND_NOTE_PREFIX.strip()}" or \
"{BACKEND_THOUGHT_PREFIX.strip()}" show what the backend is at, not what came of it. Do not tell \
them on your own; if the user asks how it goes, name the latest step. Never claim a result, or \
that something is done, before the backend has said so."""
"""What the frontend's model is told of its backend, besides its own instruction."""


@dataclass
class ConnectorContext:
    """What a connector joins.

    Attributes:
        backend_name: Name of the backend.
        frontend_is_realtime: Whether the frontend's model listens and speaks by itself.
    """

    backend_name: str
    frontend_is_realtime: bool


class BackendConnector:
    """Joins a frontend and its backend, for as long as the frontend's pipeline runs.

    What the backend says becomes messages of the frontend's conversation: those for the user run
    its model, the others do not. Function calls of the backend are shown in the frontend's
    pipeline, by frames of their own.
    """

    def __init__(
        self,
        *,
        request_strategy: BackendRequestStrategy | None = None,
        frontend_pairing_instruction: str = FRONTEND_PAIRING_INSTRUCTION,
        respond_on_delegate: bool = True,
        timeout_secs: float | None = 30,
        client_trace: bool = False,
    ) -> None:
        """Make a connector.

        Args:
            request_strategy: What becomes of a call; None for what suits the frontend.
            frontend_pairing_instruction: What the frontend's model is told of its backend; the
                strategy's part goes where `STRATEGY_PLACEHOLDER` stands, or to the end.
            respond_on_delegate: Whether the frontend's model runs when a request is handed over,
                to say so.
            timeout_secs: Longest time for a request to be taken in, in seconds; None for no limit.
            client_trace: Whether the client gets a message of everything that goes to and fro.
        """
        self._strategy = request_strategy
        self._pairing_instruction = frontend_pairing_instruction
        self._respond_on_delegate = respond_on_delegate
        self._timeout_secs = timeout_secs
        self._client_trace = client_trace
        self._context: ConnectorContext | None = None
        self._tools: list[FunctionSchema] = []
        self._session: BackendSession | None = None
        self._is_open = asyncio.Event()

    # ---- what it installs

    def bind(self, context: ConnectorContext) -> None:
        """Take over what it joins.

        Args:
            context: What it joins.

        Raises:
            ValueError: If the strategy needs a conversation that the frontend does not have.
        """
        self._context = context
        if self._strategy is None:
            realtime = context.frontend_is_realtime
            kind = ExplicitBackendRequestStrategy if realtime else TranscriptBackendRequestStrategy
            self._strategy = kind()
        if context.frontend_is_realtime and self._strategy.requires_context:
            raise ValueError(
                f"{type(self._strategy).__name__} needs the conversation, and that of a frontend "
                "which listens and speaks by itself is behind what is said. Use "
                "ExplicitBackendRequestStrategy."
            )
        self._tools = self.build_tools()

    @property
    def _bound(self) -> ConnectorContext:
        if self._context is None:
            raise WorkerStateError(
                "this connector is not bound yet", hint="give it to LLMWithBackend, or bind() it"
            )
        return self._context

    @property
    def request_strategy(self) -> BackendRequestStrategy:
        """What becomes of a call.

        Raises:
            WorkerStateError: Before `bind`.
        """
        _ = self._bound
        assert self._strategy is not None
        return self._strategy

    @property
    def tools(self) -> list[FunctionSchema]:
        """The tools of the frontend's model.

        Raises:
            WorkerStateError: Before `bind`.
        """
        _ = self._bound
        return self._tools

    @property
    def tool(self) -> FunctionSchema:
        """The tool that hands work over.

        Raises:
            WorkerStateError: Before `bind`.
        """
        return self.tools[0]

    @property
    def frontend_instruction(self) -> str | None:
        """What the frontend's model is told, or None.

        Raises:
            WorkerStateError: Before `bind`.
        """
        own = self.request_strategy.frontend_instruction or ""
        if STRATEGY_PLACEHOLDER in self._pairing_instruction:
            together = self._pairing_instruction.replace(STRATEGY_PLACEHOLDER, own)
            return together.replace(" \n", "\n").strip()
        return "\n\n".join(part for part in (self._pairing_instruction, own) if part) or None

    def build_tools(self) -> list[FunctionSchema]:
        """Return the tools of the frontend's model, each with its handler. May be overridden."""
        strategy = self.request_strategy

        async def delegate(params: FunctionCallParams) -> None:
            await self.delegate(params)

        return [
            FunctionSchema(
                DELEGATE_TOOL_NAME,
                strategy.tool_description,
                strategy.tool_parameters,
                strategy.tool_required,
                handler=delegate,
            )
        ]

    # ---- the session

    @property
    def session(self) -> BackendSession | None:
        """The session with the backend, while there is one."""
        return self._session

    async def run_session(self, worker: BaseWorker, frontend: LLMService[Any]) -> None:
        """Hear the backend until it is over, or this is cancelled.

        Args:
            worker: The worker whose pipeline the frontend is in.
            frontend: The frontend.
        """
        name = self._bound.backend_name
        try:
            async with BackendSession(worker, name, timeout_secs=self._timeout_secs) as session:
                self._session = session
                self._is_open.set()
                async for event in session:
                    await self.deliver(frontend, event)
                if not session.detached:
                    _logger.warning("%s: the backend '%s' is over", frontend, name)
        except Exception:
            _logger.exception("%s: the session with the backend '%s' failed", frontend, name)
        finally:
            self._session = None
            self._is_open.clear()

    async def delegate(self, params: FunctionCallParams) -> None:
        """Hand over the request that a call makes, and answer the call.

        Args:
            params: The call.

        Raises:
            WorkerStateError: If there is no session in time.
            JobError: If the backend does not take it in.
        """
        request = await self.request_strategy.compose_request(params)
        if request is None:
            await params.result_callback(
                {"status": "already_delegated"},
                properties=FunctionCallResultProperties(run_llm=False),
            )
            return
        session = await self._open_session()
        status = await session.send(request)
        await self._trace(params.llm, event="request", text=request, backend=status)
        await params.result_callback(
            {"status": "delegated", "backend": status},
            properties=FunctionCallResultProperties(run_llm=self._respond_on_delegate),
        )

    async def _open_session(self) -> BackendSession:
        if self._session is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_open.wait(), self._timeout_secs)
        if self._session is None:
            raise WorkerStateError(
                f"the backend '{self._bound.backend_name}' is not attached",
                hint="does a worker of that name run under the same runner?",
            )
        return self._session

    # ---- what the backend says

    async def deliver(self, frontend: LLMService[Any], event: BackendEvent) -> None:
        """Bring something that the backend says into the frontend's pipeline.

        Args:
            frontend: The frontend.
            event: What the backend says.
        """
        match event:
            case BackendOutput():
                await self._trace(
                    frontend,
                    event="output",
                    text=event.text,
                    spoken=event.prefers_spoken,
                    thought=event.is_thought,
                )
                await self._add(frontend, self.render_output(event), run_llm=event.prefers_spoken)
            case BackendToolCall():
                await self._trace(
                    frontend,
                    event="tool_call",
                    phase=event.phase,
                    name=event.function_name,
                    arguments=event.arguments,
                    result=event.result,
                )
                await frontend.push_frame(event.to_frame())
                await self._add(frontend, self.render_tool_call(event), run_llm=False)
            case BackendError():
                _logger.warning("%s: the backend cannot go on: %s", frontend, event.error)
                await self._trace(frontend, event="error", error=event.error)
                failed = BackendOutput("This could not be finished.")
                await self._add(frontend, self.render_output(failed), run_llm=True)
            case BackendIdle():
                await self._trace(frontend, event="idle")

    def render_output(self, output: BackendOutput) -> LLMContextMessage | None:
        """Return the message that an output becomes, or None for none. May be overridden.

        Args:
            output: The output.
        """
        if not output.text:
            return None
        if output.is_thought:
            text = f"{BACKEND_THOUGHT_PREFIX}{output.text}"
        elif not output.prefers_spoken:
            text = f"{BACKEND_NOTE_PREFIX}{output.text}"
        else:
            text = f"{BACKEND_MESSAGE_PREFIX}{output.text}\n\n{RELAY_NOTE}"
        return {"role": "developer", "content": text}

    def render_tool_call(self, call: BackendToolCall) -> LLMContextMessage | None:
        """Return the message that a step of a call becomes, or None for none. May be overridden.

        Args:
            call: The step. As it stands, that a call has begun is noted, and nothing else.
        """
        if call.phase != "in_progress":
            return None
        arguments = ", ".join(f"{name}={value!r}" for name, value in (call.arguments or {}).items())
        text = f"{BACKEND_WORKING_PREFIX}{call.function_name}({arguments})"
        return {"role": "developer", "content": text}

    async def _add(
        self, frontend: LLMService[Any], message: LLMContextMessage | None, *, run_llm: bool
    ) -> None:
        if message is None:
            return
        frame = LLMMessagesAppendFrame([message], run_llm=run_llm)
        frame.interruptible = False  # an interruption ends what is said, not what is known
        await frontend.queue_frame(frame)

    async def _trace(self, frontend: LLMService[Any], **data: Any) -> None:
        if self._client_trace:
            message = {
                "label": "rtvi-ai",
                "type": "server-message",
                "data": {"type": "llm-with-backend", **data},
            }
            await frontend.push_frame(OutputTransportMessageUrgentFrame(message=message))
