"""Function calls in a context, and the runs of the model that they and messages ask for."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pipecat_rs.frames.frames import (
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    LLMMessagesAppendFrame,
)
from pipecat_rs.processors.aggregators.media_messages import MediaMessages
from pipecat_rs.processors.frame_processor import FrameDirection

_logger = logging.getLogger(__name__)


class LLMRuns(MediaMessages):
    """Base of the assistant's side, which writes results and has the model go on with them."""

    def __init__(self, **kwargs: Any) -> None:
        """Make an aggregator.

        Args:
            **kwargs: For `MediaMessages`.
        """
        super().__init__(**kwargs)
        self._context_updated_tasks: set[asyncio.Task[Any]] = set()
        self._user_speaking = False
        self._bot_speaking = False
        # The model is to run once the bot has stopped speaking.
        self._run_after_speech = False
        # The model is to run; it waits for more results, or for the user. A run that starts for
        # another reason sees the context as it is, and settles it.
        self._run_owed = False

    @property
    def has_function_calls_in_progress(self) -> bool:
        """Whether functions run."""
        return bool(self._function_calls.running)

    @property
    def has_synchronous_function_calls_in_progress(self) -> bool:
        """Whether functions run whose results the model has to wait for."""
        return any(
            call is None or call.cancel_on_interruption
            for call in self._function_calls.running.values()
        )

    async def reset(self) -> None:
        """Forget what was gathered, and runs that are owed."""
        await super().reset()
        self._run_after_speech = False
        self._run_owed = False

    async def push_context_frame(
        self, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push the context; upstream for the language model to answer.

        Args:
            direction: Which way.
        """
        await super().push_context_frame(direction)
        self._run_after_speech = False
        self._run_owed = False

    async def _handle_function_call(self, frame: Frame) -> None:
        match frame:
            case FunctionCallsStartedFrame():
                self._function_calls.announce(frame)
            case FunctionCallInProgressFrame():
                self._function_calls.begin(frame)
            case FunctionCallResultFrame():
                await self._handle_function_call_result(frame)
            case FunctionCallCancelFrame():
                if self._function_calls.cancel(frame) and not self._user_speaking:
                    await self._run_llm_when_free()

    async def _handle_function_call_result(self, frame: FunctionCallResultFrame) -> None:
        if self._function_calls.running.get(frame.tool_call_id) is None:
            _logger.warning(
                "%s: the result of %s (%s) is dropped, as no such call is running",
                self,
                frame.function_name,
                frame.tool_call_id,
            )
            # Others may have waited for this one.
            await self._maybe_run_llm()
            return
        runs_llm = self._function_calls.settle(frame)
        image = self._function_call_images.pop(frame.tool_call_id, None)
        if image is not None and await self._write_image(image) and not frame.result:
            runs_llm = True
        if runs_llm:
            self._run_owed = True
        await self._maybe_run_llm()
        callback = frame.properties.on_context_updated if frame.properties else None
        if callback is not None:
            name = f"{frame.function_name}:{frame.tool_call_id}:on_context_updated"
            task = self.create_task(_await(callback), name)
            self._context_updated_tasks.add(task)
            task.add_done_callback(self._context_updated_tasks.discard)

    async def _maybe_run_llm(self) -> None:
        if self._run_owed and not self._user_speaking:
            await self._run_llm_when_free()

    async def _run_llm_when_free(self) -> None:
        if self.has_queued_frame(FunctionCallResultFrame) or self.has_queued_frame(
            LLMMessagesAppendFrame
        ):
            _logger.debug("%s: more is to come before the model runs", self)
        elif self._bot_speaking:
            self._run_after_speech = True
        else:
            await self.push_context_frame(FrameDirection.UPSTREAM)

    async def _cancel_callbacks(self) -> None:
        for task in list(self._context_updated_tasks):
            await self.cancel_task(task)


async def _await(callback: Any) -> None:
    await callback()
