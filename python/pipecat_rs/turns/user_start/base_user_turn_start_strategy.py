"""What decides that the user's turn starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.frames.frames import Frame
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.utils.deprecation import warn_deprecated

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup


@dataclass
class UserTurnStartedParams:
    """How a turn starts.

    Attributes:
        enable_interruptions: Whether it interrupts the bot.
        enable_user_speaking_frames: Whether a `UserStartedSpeakingFrame` announces it. Not if
            somebody else has.
    """

    enable_interruptions: bool
    enable_user_speaking_frames: bool


class BaseUserTurnStartStrategy(BaseObject):
    """Looks at frames and says when the user's turn starts.

    Events, all awaited in place: `on_user_turn_started` (with `UserTurnStartedParams`),
    `on_reset_aggregation`, `on_push_frame` and `on_broadcast_frame`.

    Attributes:
        handles: The frames that it looks at, or None for all. A subclass that overrides
            `process_frame` says it anew, or is shown all.
    """

    handles: ClassVar[tuple[type[Frame], ...] | None] = None

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_push_frame": True,
        "on_broadcast_frame": True,
        "on_user_turn_started": True,
        "on_reset_aggregation": True,
    }

    def __init__(
        self,
        *,
        enable_interruptions: bool = True,
        enable_user_speaking_frames: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a strategy.

        Args:
            enable_interruptions: Whether a turn that it starts interrupts the bot.
            enable_user_speaking_frames: Whether such a turn is announced. Deprecated in pipecat
                1.8: say so to `trigger_user_turn_started`.
            **kwargs: For `BaseObject`.
        """
        super().__init__(**kwargs)
        self._enable_interruptions = enable_interruptions
        if enable_user_speaking_frames is not None:
            warn_deprecated(
                "`BaseUserTurnStartStrategy.enable_user_speaking_frames` is deprecated since "
                "1.8.0 and will be removed in 2.0.0. Use "
                "`trigger_user_turn_started(enable_user_speaking_frames=...)` instead.",
                stacklevel=2,
            )
        self._enable_user_speaking_frames = enable_user_speaking_frames is not False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.reset is not BaseUserTurnStartStrategy.reset:
            warn_deprecated(
                f"`{cls.__name__}.reset` is deprecated since 1.6.0 and will be removed in 2.0.0. "
                "Use an override of `handle_user_turn_started` instead.",
                stacklevel=3,
            )

    @property
    def resolves_proposed_turn_start_frames(self) -> bool:
        """Whether it decides on proposed turns; such a frame then goes no further."""
        return False

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Get ready.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup.task_manager)

    async def cleanup(self) -> None:
        """Release what the strategy holds."""

    async def reset(self) -> None:
        """Begin anew. Deprecated in pipecat 1.6: override `handle_user_turn_started`."""

    async def handle_user_turn_started(self) -> None:
        """Begin anew, as a turn has started."""
        await self.reset()

    async def handle_user_turn_stopped(self) -> None:
        """Learn that the turn has stopped."""

    async def process_frame(self, frame: Frame) -> ProcessFrameResult | None:
        """Look at a frame.

        Args:
            frame: The frame.

        Returns:
            Whether the strategies after this one see it too; None for yes.
        """
        return None

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Have the owner push a frame.

        Args:
            frame: The frame.
            direction: Which way.
        """
        await self._call_event_handler("on_push_frame", frame, direction)

    async def broadcast_frame(self, frame_cls: type[Frame], **kwargs: Any) -> None:
        """Have the owner push a frame both ways.

        Args:
            frame_cls: Class of the frame.
            **kwargs: Its fields.
        """
        await self._call_event_handler("on_broadcast_frame", frame_cls, **kwargs)

    async def trigger_user_turn_started(
        self,
        *,
        enable_interruptions: bool | None = None,
        enable_user_speaking_frames: bool | None = None,
    ) -> None:
        """Say that the user's turn starts.

        Args:
            enable_interruptions: Whether it interrupts the bot, or None as the strategy is set.
            enable_user_speaking_frames: Whether it is announced, or None as the strategy is set.
        """
        if enable_interruptions is None:
            enable_interruptions = self._enable_interruptions
        if enable_user_speaking_frames is None:
            enable_user_speaking_frames = self._enable_user_speaking_frames
        await self._call_event_handler(
            "on_user_turn_started",
            UserTurnStartedParams(
                enable_interruptions=enable_interruptions,
                enable_user_speaking_frames=enable_user_speaking_frames,
            ),
        )

    async def trigger_reset_aggregation(self) -> None:
        """Say that what was heard so far is to be forgotten."""
        await self._call_event_handler("on_reset_aggregation")
