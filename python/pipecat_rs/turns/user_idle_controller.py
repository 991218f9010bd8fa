"""Whether the user has said nothing for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    UserIdleTimeoutUpdateFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.utils.restartable_timer import RestartableTimer

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup


class UserIdleController(BaseObject):
    """Measures the time since the bot stopped speaking, until somebody speaks.

    It does not run while functions do, nor within a turn of the user.

    Event, awaited in place: `on_user_turn_idle`.
    """

    _declared_events = {"on_user_turn_idle": True}  # noqa: RUF012 - annotated in the base

    def __init__(self, *, user_idle_timeout: float = 0) -> None:
        """Make a controller.

        Args:
            user_idle_timeout: The time in seconds; 0 switches it off.
        """
        super().__init__()
        self._user_idle_timeout = user_idle_timeout
        self._waiting_for_user = False
        self._bot_speaking = False
        self._user_turn = False
        self._function_calls = 0
        self._timer = RestartableTimer(self, self._on_idle, "user_idle")

    @property
    def waiting_for_user(self) -> bool:
        """Whether the bot has finished and it is the user's turn to speak."""
        return self._waiting_for_user

    @property
    def function_calls_in_progress(self) -> bool:
        """Whether functions run."""
        return self._function_calls > 0

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Get ready.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup.task_manager)

    async def stop(self) -> None:
        """Give up the time that runs."""
        self._timer.cancel()

    async def cleanup(self) -> None:
        """Give up the time that runs."""
        await super().cleanup()
        self._timer.cancel()

    async def process_frame(self, frame: Frame) -> None:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, UserIdleTimeoutUpdateFrame):
            self._user_idle_timeout = frame.timeout
            self._restart_timer()
        elif isinstance(frame, BotStartedSpeakingFrame):
            self._bot_speaking = True
            self._stop_waiting()
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._bot_speaking = False
            await self.wait_for_user()
        elif isinstance(frame, UserStartedSpeakingFrame):
            self._user_turn = True
            self._stop_waiting()
        elif isinstance(frame, UserStoppedSpeakingFrame):
            self._user_turn = False
        elif isinstance(frame, FunctionCallsStartedFrame):
            self._function_calls += len(frame.function_calls)
            self._stop_waiting()
        elif isinstance(frame, (FunctionCallResultFrame, FunctionCallCancelFrame)):
            self._function_calls = max(0, self._function_calls - 1)

    async def wait_for_user(self) -> None:
        """Let the time begin, unless the bot or the user is busy."""
        if not (self._bot_speaking or self._user_turn or self._function_calls):
            self._waiting_for_user = True
            self._restart_timer()

    def _stop_waiting(self) -> None:
        self._waiting_for_user = False
        self._timer.cancel()

    def _restart_timer(self) -> None:
        self._timer.cancel()
        if self._waiting_for_user and self._user_idle_timeout > 0:
            self._timer.start(self._user_idle_timeout)

    async def _on_idle(self) -> None:
        await self._call_event_handler("on_user_turn_idle")
