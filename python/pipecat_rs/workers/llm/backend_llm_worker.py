"""A worker whose language model does the work that a conversation hands off."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol

from pipecat_rs.frames.frames import (
    ErrorFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
)
from pipecat_rs.pipeline.job_context import JobStatus
from pipecat_rs.pipeline.job_decorator import job
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    AssistantTurnStoppedMessage,
    LLMAssistantAggregatorParams,
    LLMUserAggregatorParams,
)
from pipecat_rs.processors.aggregators.turn_messages import AssistantThoughtMessage
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.services.settings import LLMSettings
from pipecat_rs.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat_rs.utils.errors import ErrorCategory
from pipecat_rs.workers.llm.backend_events import (
    ATTACHED_UPDATE_TYPE,
    ERROR_UPDATE_TYPE,
    IDLE_UPDATE_TYPE,
    OUTPUT_UPDATE_TYPE,
    TOOL_CALL_UPDATE_TYPE,
    BackendError,
    BackendEvent,
    BackendIdle,
    BackendOutput,
    BackendToolCall,
)
from pipecat_rs.workers.llm.backend_requests import (
    BACKEND_PAIRING_INSTRUCTION,
    EXPLICIT_REQUEST_INSTRUCTION,
    SPOKEN_MARK,
    TRANSCRIPT_REQUEST_INSTRUCTION,
    split_spoken,
)
from pipecat_rs.workers.llm.backend_session import ATTACH_JOB_NAME, MESSAGE_JOB_NAME
from pipecat_rs.workers.llm.llm_context_worker import LLMContextWorker

if TYPE_CHECKING:
    from pipecat_rs.bus.messages import BusJobCancelMessage, BusJobRequestMessage

__all__ = [
    "ATTACHED_UPDATE_TYPE",
    "ATTACH_JOB_NAME",
    "BACKEND_PAIRING_INSTRUCTION",
    "ERROR_UPDATE_TYPE",
    "EXPLICIT_REQUEST_INSTRUCTION",
    "IDLE_UPDATE_TYPE",
    "MESSAGE_JOB_NAME",
    "OUTPUT_UPDATE_TYPE",
    "SPOKEN_MARK",
    "TOOL_CALL_UPDATE_TYPE",
    "TRANSCRIPT_REQUEST_INSTRUCTION",
    "BackendError",
    "BackendEvent",
    "BackendIdle",
    "BackendLLMWorker",
    "BackendOutput",
    "BackendOutputTransform",
    "BackendToolCall",
]

_logger = logging.getLogger(__name__)


class BackendOutputTransform(Protocol):
    """Changes what the backend's model has written before the frontend gets it."""

    async def __call__(self, output: BackendOutput) -> BackendOutput | None:
        """Return what the frontend gets instead, or None for nothing."""
        ...


class BackendLLMWorker(LLMContextWorker):
    """Does what a frontend asks for, with a language model, tools and a conversation of its own.

    A frontend attaches with the job ``attach``, which lasts until it is taken back. Its first
    update has the type ``attached``; then come the outputs of the model, the steps of its function
    calls, ``idle`` when nothing is left to do, and ``error`` when it cannot go on. The job
    ``message`` adds a request to the conversation and is answered at once with what the backend was
    at: ``{"backend": "idle"}`` or ``"working"``. A request that comes while the model runs, or
    waits for a function, is seen by the run behind that.
    """

    def __init__(
        self,
        *,
        llm: LLMService[Any],
        context: LLMContext | None = None,
        name: str | None = None,
        transform_output: BackendOutputTransform | None = None,
        pairing_instruction: str = BACKEND_PAIRING_INSTRUCTION,
        user_params: LLMUserAggregatorParams | None = None,
        assistant_params: LLMAssistantAggregatorParams | None = None,
    ) -> None:
        """Make a backend.

        Args:
            llm: The language model.
            context: Its conversation, usually with its tools; None for an empty one.
            name: Its name, unique under its runner, or None for class name, ``#`` and a number.
            transform_output: Changes what the model has written before the frontend gets it.
            pairing_instruction: What the model is told of the frontend. It has to say what
                `SPOKEN_MARK` is for.
            user_params: How requests are taken in; None for no detection of turns, as there is no
                audio.
            assistant_params: How answers are taken in.

        Raises:
            ValueError: If the language model cannot play this part.
        """
        objection = llm.llm_with_backend_role_objection("backend")
        if objection:
            raise ValueError(objection)
        llm.settings.apply_update(LLMSettings(use_provider_thinking_default=True))
        super().__init__(
            name,
            llm=llm,
            active=True,
            context=context,
            user_params=user_params
            or LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies()),
            assistant_params=assistant_params,
        )
        llm.append_system_instruction(pairing_instruction)
        self._transform_output = transform_output
        self._frontend_job: str | None = None
        self._requests = 0  # queued, and not taken into the conversation yet
        self._runs = 0  # of the model, begun and not over
        self._awaits_run: int | None = None  # where in the conversation a request stands that does
        self._is_idle = False  # whether the frontend has been told so
        self._watch()

    def _watch(self) -> None:
        llm, user, assistant = self.llm, self.user_aggregator, self.assistant_aggregator
        llm.add_event_handler("on_before_process_frame", self._before_model)
        user.add_event_handler("on_before_process_frame", self._before_user_aggregator)
        assistant.add_event_handler("on_before_process_frame", self._before_assistant_aggregator)
        assistant.add_event_handler("on_after_process_frame", self._after_assistant_aggregator)
        assistant.add_event_handler("on_assistant_turn_stopped", self._turn_stopped)
        assistant.add_event_handler("on_assistant_thought", self._thought)
        self.add_event_handler("on_pipeline_error", self._pipeline_error)

    # ---- what it is at

    @property
    def working(self) -> bool:
        """Whether it has anything to do: a request, a run of the model, a function call."""
        calls = self.assistant_aggregator.has_function_calls_in_progress
        return self._requests > 0 or self._model_is_busy or calls

    @property
    def capabilities(self) -> dict[str, bool]:  # type: ignore[override]
        """What a frontend can count on."""
        return {"steering": True, "progress": True}

    @property
    def _model_is_busy(self) -> bool:
        return self._runs > 0 or self.llm.has_queued_frame(LLMContextFrame)

    @property
    def _must_wait(self) -> bool:
        """Whether a run of the model has to wait: for another one, or for a function's result."""
        aggregator = self.assistant_aggregator
        return self._model_is_busy or aggregator.has_synchronous_function_calls_in_progress

    # ---- what a frontend asks for

    @job(name=ATTACH_JOB_NAME)
    async def attach_frontend(self, message: BusJobRequestMessage) -> None:
        """Let a frontend hear what happens here, until it takes the job back.

        Args:
            message: The request.
        """
        if self._frontend_job is not None:
            await self._refuse(message, "another frontend is attached")
            return
        self._frontend_job = message.job_id
        try:
            await self._tell_frontend(
                {"type": ATTACHED_UPDATE_TYPE, "capabilities": self.capabilities}
            )
            await asyncio.Event().wait()  # until it is cancelled
        finally:
            self._frontend_job = None

    @job(name=MESSAGE_JOB_NAME)
    async def handle_message(self, message: BusJobRequestMessage) -> None:
        """Take a request in.

        Args:
            message: The request; what is asked for stands in ``payload["request"]``.
        """
        request = str((message.payload or {}).get("request") or "").strip()
        if self._frontend_job is None:
            await self._refuse(
                message, f"no frontend is attached: the job {ATTACH_JOB_NAME!r} does"
            )
        elif not request:
            await self._refuse(message, "the message has no request")
        else:
            status = "working" if self.working else "idle"
            await self._take_request(request)
            await self.send_job_response(message.job_id, {"backend": status})

    async def on_job_cancelled(self, message: BusJobCancelMessage) -> None:
        """Stop the work when the frontend has left.

        Args:
            message: Which job was taken back.
        """
        await super().on_job_cancelled(message)
        request = self.active_jobs.get(message.job_id)
        if request is not None and request.job_name == ATTACH_JOB_NAME:
            self._requests = 0
            self._awaits_run = None
            await self.queue_frame(InterruptionFrame())
            # Also those that an interruption leaves alone.
            await self.llm.cancel_function_calls(reason="the frontend has left")

    async def _refuse(self, message: BusJobRequestMessage, reason: str) -> None:
        _logger.warning("%s: the job of '%s' is refused: %s", self, message.source, reason)
        await self.send_job_response(message.job_id, {"error": reason}, status=JobStatus.ERROR)

    async def _take_request(self, request: str) -> None:
        run_llm = not self._must_wait
        self._requests += 1
        self._is_idle = False
        await self.queue_frame(
            LLMMessagesAppendFrame([{"role": "user", "content": request}], run_llm=run_llm)
        )

    async def _run_if_owed(self) -> None:
        """Run the model on a request that has waited, if nothing else is going to."""
        if self._awaits_run is not None and not self._must_wait:
            await self.queue_frame(LLMRunFrame())

    # ---- what happens in its pipeline

    async def _before_model(self, _: Any, frame: Frame) -> None:
        if isinstance(frame, LLMContextFrame):
            self._runs += 1
            if self._awaits_run is not None and len(frame.context.messages) > self._awaits_run:
                self._awaits_run = None
        elif isinstance(frame, InterruptionFrame):
            self._runs = 0  # it cancels what runs, and what waits to

    async def _before_user_aggregator(self, _: Any, frame: Frame) -> None:
        if isinstance(frame, LLMMessagesAppendFrame) and self._requests:
            self._requests -= 1
            if not frame.run_llm:
                self._awaits_run = len(self.context.messages)
                await self._run_if_owed()  # what it waited for may be over by now

    async def _before_assistant_aggregator(self, _: Any, frame: Frame) -> None:
        for call in _steps_of(frame):
            await self._tell_frontend(call.to_payload())

    async def _after_assistant_aggregator(self, _: Any, frame: Frame) -> None:
        settles_quietly = isinstance(frame, FunctionCallCancelFrame) or (
            isinstance(frame, FunctionCallResultFrame)
            and frame.properties is not None
            and frame.properties.run_llm is False
        )
        if settles_quietly:  # other results bring a run of the model
            await self._run_if_owed()
            await self._say_when_idle()

    async def _turn_stopped(self, _: Any, message: AssistantTurnStoppedMessage) -> None:
        if message.interrupted:
            return
        self._runs = max(0, self._runs - 1)
        note, spoken = split_spoken(message.content or "")
        try:
            if note:
                await self._emit(BackendOutput(note, prefers_spoken=False))
            if spoken:
                await self._emit(BackendOutput(spoken))
        except Exception as error:
            _logger.exception("%s: transform_output failed", self)
            await self._tell_frontend({"type": ERROR_UPDATE_TYPE, "error": str(error)})
        await self._run_if_owed()
        await self._say_when_idle()

    async def _thought(self, _: Any, message: AssistantThoughtMessage) -> None:
        text = (message.content or "").strip()
        if text:
            await self._emit(BackendOutput(text, is_thought=True, prefers_spoken=False))

    async def _pipeline_error(self, _: Any, frame: ErrorFrame) -> None:
        # A function that fails is no end: the model gets that as its result.
        if frame.category is not ErrorCategory.APPLICATION:
            await self._tell_frontend({"type": ERROR_UPDATE_TYPE, "error": frame.error})

    # ---- what the frontend hears

    async def send_output(
        self, output: BackendOutput, *, apply_transform_output: bool = False
    ) -> None:
        """Send something to the frontend that the model has not written.

        Args:
            output: What is sent. Without a frontend it is dropped, with a warning.
            apply_transform_output: Whether `transform_output` changes it.
        """
        if self._frontend_job is None:
            _logger.warning("%s: there is no frontend that would hear %r", self, output.text)
        elif apply_transform_output:
            await self._emit(output)
        else:
            await self._tell_frontend(output.to_payload())

    async def _emit(self, output: BackendOutput) -> None:
        if self._frontend_job is None:
            return
        changed: BackendOutput | None = output
        if self._transform_output is not None:
            changed = await self._transform_output(output)
        if changed is not None:
            await self._tell_frontend(changed.to_payload())

    async def _say_when_idle(self) -> None:
        if self._frontend_job is not None and not self.working and not self._is_idle:
            self._is_idle = True
            await self._tell_frontend({"type": IDLE_UPDATE_TYPE})

    async def _tell_frontend(self, payload: dict[str, Any]) -> None:
        if self._frontend_job is not None and self._frontend_job in self.active_jobs:
            await self.send_job_update(self._frontend_job, payload)


def _steps_of(frame: Frame) -> list[BackendToolCall]:
    """Return the steps of function calls that a frame is about."""
    match frame:
        case FunctionCallsStartedFrame():
            return [
                BackendToolCall("started", call.function_name, call.tool_call_id)
                for call in frame.function_calls
            ]
        case FunctionCallInProgressFrame():
            name, call_id = frame.function_name, frame.tool_call_id
            return [BackendToolCall("in_progress", name, call_id, frame.arguments)]
        case FunctionCallResultFrame():
            is_final = frame.properties is None or frame.properties.is_final
            name, call_id = frame.function_name, frame.tool_call_id
            return [
                BackendToolCall("result", name, call_id, frame.arguments, frame.result, is_final)
            ]
        case FunctionCallCancelFrame():
            return [BackendToolCall("cancelled", frame.function_name, frame.tool_call_id)]
        case _:
            return []
