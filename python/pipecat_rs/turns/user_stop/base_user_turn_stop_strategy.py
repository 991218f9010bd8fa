"""What decides that the user's turn stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.frames.frames import Frame
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.turns.types import ProcessFrameResult, UserTurnSpeculation
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.utils.deprecation import warn_deprecated

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup


@dataclass
class UserTurnStoppedParams:
    """How a turn stops.

    Attributes:
        enable_user_speaking_frames: Whether a `UserStoppedSpeakingFrame` announces it. Not if
            somebody else has.
        confirms_speculation: Whether the answer has been asked for already.
    """

    enable_user_speaking_frames: bool
    confirms_speculation: bool = False


class BaseUserTurnStopStrategy(BaseObject):
    """Looks at frames and says when the user's turn stops.

    It says two things, mostly together: that enough was heard to run the language model, and that
    the turn is over. A strategy wrapped by `deferred` says the first alone.

    Events, all awaited in place: `on_user_turn_inference_triggered` (with a `UserTurnSpeculation`
    or None), `on_user_turn_speculation_cancelled`, `on_user_turn_stopped` (with
    `UserTurnStoppedParams`), `on_push_frame` and `on_broadcast_frame`.

    Attributes:
        handles: The frames that it looks at, or None for all. A subclass that overrides
            `process_frame` says it anew, or is shown all.
    """

    handles: ClassVar[tuple[type[Frame], ...] | None] = None

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_push_frame": True,
        "on_broadcast_frame": True,
        "on_user_turn_inference_triggered": True,
        "on_user_turn_speculation_cancelled": True,
        "on_user_turn_stopped": True,
    }

    def __init__(self, *, enable_user_speaking_frames: bool | None = None, **kwargs: Any) -> None:
        """Make a strategy.

        Args:
            enable_user_speaking_frames: Whether a turn that it stops is announced. Deprecated in
                pipecat 1.8: say so to `trigger_user_turn_stopped`.
            **kwargs: For `BaseObject`.
        """
        super().__init__(**kwargs)
        if enable_user_speaking_frames is not None:
            warn_deprecated(
                "`BaseUserTurnStopStrategy.enable_user_speaking_frames` is deprecated since 1.8.0 "
                "and will be removed in 2.0.0. Use "
                "`trigger_user_turn_stopped(enable_user_speaking_frames=...)` instead.",
                stacklevel=2,
            )
        self._enable_user_speaking_frames = enable_user_speaking_frames is not False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.reset is not BaseUserTurnStopStrategy.reset:
            warn_deprecated(
                f"`{cls.__name__}.reset` is deprecated since 1.6.0 and will be removed in 2.0.0. "
                "Use overrides of `handle_user_turn_started` and `handle_user_turn_stopped` "
                "instead.",
                stacklevel=3,
            )

    @property
    def resolves_proposed_turn_stop_frames(self) -> bool:
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
        """Begin anew. Deprecated in pipecat 1.6: override the two methods below."""

    async def handle_user_turn_started(self) -> None:
        """Watch for the end of the turn that has started."""
        await self.reset()

    async def handle_user_turn_stopped(self) -> None:
        """Forget the turn, whoever has ended it."""
        await self.reset()

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

    async def trigger_user_turn_stopped(
        self, *, enable_user_speaking_frames: bool | None = None
    ) -> None:
        """Say that the language model is to run, and that the turn is over.

        Args:
            enable_user_speaking_frames: Whether the end is announced, or None as the strategy is
                set.
        """
        await self.trigger_user_turn_inference_triggered()
        await self.trigger_user_turn_finalized(
            enable_user_speaking_frames=enable_user_speaking_frames
        )

    async def trigger_user_turn_inference_triggered(
        self, *, speculation: UserTurnSpeculation | None = None
    ) -> None:
        """Say that the language model is to run.

        Args:
            speculation: The turn as it seems to be, if it has not ended yet.
        """
        await self._call_event_handler("on_user_turn_inference_triggered", speculation)

    async def trigger_user_turn_speculation_cancelled(self) -> None:
        """Say that the turn went on, so that the answer held back is to be dropped."""
        await self._call_event_handler("on_user_turn_speculation_cancelled")

    async def trigger_user_turn_finalized(
        self,
        *,
        enable_user_speaking_frames: bool | None = None,
        confirms_speculation: bool = False,
    ) -> None:
        """Say that the turn is over.

        Args:
            enable_user_speaking_frames: Whether the end is announced, or None as the strategy is
                set.
            confirms_speculation: Whether the answer has been asked for already.
        """
        if enable_user_speaking_frames is None:
            enable_user_speaking_frames = self._enable_user_speaking_frames
        await self._call_event_handler(
            "on_user_turn_stopped",
            UserTurnStoppedParams(
                enable_user_speaking_frames=enable_user_speaking_frames,
                confirms_speculation=confirms_speculation,
            ),
        )
