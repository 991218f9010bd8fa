"""The user's turns: asks the strategies and keeps account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipecat_rs.exceptions import ProcessorNotSetUpError
from pipecat_rs.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.turns.types import ProcessFrameResult, UserTurnSpeculation
from pipecat_rs.turns.user_start import BaseUserTurnStartStrategy, UserTurnStartedParams
from pipecat_rs.turns.user_stop import BaseUserTurnStopStrategy, UserTurnStoppedParams
from pipecat_rs.turns.user_turn_strategies import UserTurnStrategies
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.utils.restartable_timer import RestartableTimer

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup

_SPEAKING_STARTED = (
    UserStartedSpeakingFrame,
    ProposedUserStartedSpeakingFrame,
    VADUserStartedSpeakingFrame,
)
_SPEAKING_STOPPED = (
    UserStoppedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)


class UserTurnController(BaseObject):
    """Shows each frame to the strategies and says when a turn starts and stops.

    The first strategy to start a turn starts it; it does not start twice. It stops only while the
    user is not speaking. A turn which no strategy stops is stopped after a time without speech and
    transcripts.

    Events, all awaited in place: `on_user_turn_started`, `on_user_turn_inference_triggered`,
    `on_user_turn_speculation_cancelled`, `on_user_turn_stopped`, `on_user_turn_stop_timeout`,
    `on_reset_aggregation`, `on_push_frame` and `on_broadcast_frame`.
    """

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_push_frame": True,
        "on_broadcast_frame": True,
        "on_user_turn_started": True,
        "on_user_turn_inference_triggered": True,
        "on_user_turn_speculation_cancelled": True,
        "on_user_turn_stopped": True,
        "on_user_turn_stop_timeout": True,
        "on_reset_aggregation": True,
    }

    def __init__(
        self, *, user_turn_strategies: UserTurnStrategies, user_turn_stop_timeout: float = 5.0
    ) -> None:
        """Make a controller.

        Args:
            user_turn_strategies: The strategies.
            user_turn_stop_timeout: Time after which an open turn is stopped, in seconds.
        """
        super().__init__()
        self._user_turn_strategies = user_turn_strategies
        self._user_turn_stop_timeout = user_turn_stop_timeout
        self._setup: FrameProcessorSetup | None = None
        self._user_speaking = False
        self._user_turn = False
        self._running = False
        self._watchdog = RestartableTimer(self, self._on_turn_left_open, "user_turn_stop_timeout")
        self._forwarded = {
            name: self._forwarder(name)
            for name in (
                "on_push_frame",
                "on_broadcast_frame",
                "on_reset_aggregation",
                "on_user_turn_speculation_cancelled",
            )
        }

    @property
    def user_turn_strategies(self) -> UserTurnStrategies:
        """The strategies."""
        return self._user_turn_strategies

    @property
    def resolves_proposed_turn_start_frames(self) -> bool:
        """Whether a strategy decides on proposed starts, which then go no further."""
        return any(s.resolves_proposed_turn_start_frames for s in self._start_strategies)

    @property
    def resolves_proposed_turn_stop_frames(self) -> bool:
        """Whether a strategy decides on proposed stops, which then go no further."""
        return any(s.resolves_proposed_turn_stop_frames for s in self._stop_strategies)

    @property
    def _start_strategies(self) -> list[BaseUserTurnStartStrategy]:
        return self._user_turn_strategies.start or []

    @property
    def _stop_strategies(self) -> list[BaseUserTurnStopStrategy]:
        return self._user_turn_strategies.stop or []

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Set the strategies up.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup.task_manager)
        self._setup = setup
        await self._setup_strategies()

    async def start(self) -> None:
        """Begin to watch for turns left open."""
        self._running = True

    async def stop(self) -> None:
        """Stop watching for turns left open. The strategies stay as they are."""
        self._running = False
        self._watchdog.cancel()

    async def cleanup(self) -> None:
        """Release the strategies."""
        await super().cleanup()
        await self.stop()
        await self._cleanup_strategies()

    async def update_strategies(self, strategies: UserTurnStrategies) -> None:
        """Replace the strategies.

        Args:
            strategies: The new ones; they may be the old ones again.
        """
        await self._cleanup_strategies()
        self._user_turn_strategies = strategies
        await self._setup_strategies()

    async def process_frame(self, frame: Frame) -> None:
        """Show a frame to the strategies.

        Args:
            frame: The frame.
        """
        if isinstance(frame, _SPEAKING_STARTED):
            self._user_speaking = True
            self._rearm()
        elif isinstance(frame, _SPEAKING_STOPPED):
            self._user_speaking = False
            self._rearm()
        elif isinstance(frame, (TranscriptionFrame, InterimTranscriptionFrame)):
            self._rearm()
        for strategies in (self._start_strategies, self._stop_strategies):
            for strategy in strategies:
                if await strategy.process_frame(frame) is ProcessFrameResult.STOP:
                    break

    # ---- strategies

    async def _setup_strategies(self) -> None:
        if self._setup is None:
            raise ProcessorNotSetUpError(
                f"{self} is still not set up", hint="await its setup() before its strategies change"
            )
        for strategy, handlers in self._handlers():
            await strategy.setup(self._setup)
            for event, handler in handlers.items():
                strategy.add_event_handler(event, handler)

    async def _cleanup_strategies(self) -> None:
        for strategy, handlers in self._handlers():
            await strategy.cleanup()
            for event, handler in handlers.items():
                strategy.remove_event_handler(event, handler)

    def _handlers(self) -> list[tuple[Any, dict[str, Any]]]:
        """Return each strategy with what this controller listens to."""
        forwarded = self._forwarded
        both = {name: forwarded[name] for name in ("on_push_frame", "on_broadcast_frame")}
        start = both | {
            "on_user_turn_started": self._on_user_turn_started,
            "on_reset_aggregation": forwarded["on_reset_aggregation"],
        }
        stop = both | {
            "on_user_turn_inference_triggered": self._on_user_turn_inference_triggered,
            "on_user_turn_speculation_cancelled": forwarded["on_user_turn_speculation_cancelled"],
            "on_user_turn_stopped": self._on_user_turn_stopped,
        }
        return [(strategy, start) for strategy in self._start_strategies] + [
            (strategy, stop) for strategy in self._stop_strategies
        ]

    def _forwarder(self, event: str) -> Any:
        async def forward(strategy: Any, *args: Any, **kwargs: Any) -> None:
            if event == "on_reset_aggregation":
                args = (strategy, *args)
            await self._call_event_handler(event, *args, **kwargs)

        return forward

    # ---- turns

    async def _on_user_turn_started(
        self, strategy: BaseUserTurnStartStrategy | None, params: UserTurnStartedParams
    ) -> None:
        if self._user_turn:
            return
        self._user_turn = True
        self._rearm()
        for listener in (*self._start_strategies, *self._stop_strategies):
            await listener.handle_user_turn_started()
        await self._call_event_handler("on_user_turn_started", strategy, params)

    async def _on_user_turn_inference_triggered(
        self,
        strategy: BaseUserTurnStopStrategy | None,
        speculation: UserTurnSpeculation | None = None,
    ) -> None:
        if not self._user_turn:
            return
        self._rearm()
        await self._call_event_handler("on_user_turn_inference_triggered", strategy, speculation)

    async def _on_user_turn_stopped(
        self, strategy: BaseUserTurnStopStrategy | None, params: UserTurnStoppedParams
    ) -> None:
        # A strategy may have waited for something and come to its end when the user speaks again.
        if not self._user_turn or self._user_speaking:
            return
        self._user_turn = False
        self._watchdog.cancel()
        for listener in (*self._start_strategies, *self._stop_strategies):
            await listener.handle_user_turn_stopped()
        await self._call_event_handler("on_user_turn_stopped", strategy, params)

    def _rearm(self) -> None:
        if self._running and self._user_turn:
            self._watchdog.start(self._user_turn_stop_timeout)

    async def _on_turn_left_open(self) -> None:
        # While the user speaks there is nothing to do: the end of speech starts the time anew.
        if self._user_turn and not self._user_speaking:
            await self._call_event_handler("on_user_turn_stop_timeout")
            await self._on_user_turn_stopped(
                None, UserTurnStoppedParams(enable_user_speaking_frames=True)
            )
