"""Counting the turns of a conversation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from pipecat_rs.frames.lifecycle import CancelFrame, EndFrame, StartFrame
from pipecat_rs.frames.turn import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    UserStartedSpeakingFrame,
)
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.utils.deprecation import warn_deprecated

_logger = logging.getLogger(__name__)


class TurnTrackingObserver(BaseObserver):
    """Tells when a turn begins and ends.

    Turn 1 begins with the StartFrame, any other when the user begins to speak. A turn ends when
    the user speaks again after the bot has, or when the bot stays silent for a while; cut off
    by the user, or by the end of the pipeline, it ends as interrupted.

    Events:
        on_turn_started(observer, turn_number)
        on_turn_ended(observer, turn_number, duration in seconds, was_interrupted)
    """

    handles = (
        StartFrame,
        UserStartedSpeakingFrame,
        BotStartedSpeakingFrame,
        BotStoppedSpeakingFrame,
        EndFrame,
        CancelFrame,
    )

    _declared_events: ClassVar[Mapping[str, bool]] = {
        "on_turn_started": False,
        "on_turn_ended": False,
    }

    def __init__(
        self, max_frames: int | None = None, turn_end_timeout_secs: float = 2.5, **kwargs: Any
    ) -> None:
        """Begin before the first turn.

        Args:
            max_frames: Not used. Deprecated in pipecat 1.12.
            turn_end_timeout_secs: How long the bot is silent, in seconds, when its turn ends.
            **kwargs: See `BaseObserver`.
        """
        if max_frames is not None:
            warn_deprecated(
                "`TurnTrackingObserver(max_frames=...)` is deprecated since 1.12.0 "
                "and will be removed in 2.0.0. No replacement.",
                stacklevel=2,
            )
        super().__init__(observe_every_push=False, **kwargs)
        self._turn_end_timeout_secs = turn_end_timeout_secs
        self._turn_count = 0
        self._turn_started_at: int | None = None
        self._is_bot_speaking = False
        self._has_bot_spoken = False
        self._silence_timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        frame = data.frame
        if isinstance(frame, StartFrame):
            if self._turn_count == 0:
                await self._start_turn(data.timestamp)
        elif isinstance(frame, UserStartedSpeakingFrame):
            await self._user_started_speaking(data.timestamp)
        elif isinstance(frame, BotStartedSpeakingFrame):
            self._is_bot_speaking = True
            self._has_bot_spoken = True
            self._stop_silence_timer()
        elif isinstance(frame, BotStoppedSpeakingFrame):
            # After an interruption it comes when the next turn has begun already.
            if self._is_bot_speaking:
                self._is_bot_speaking = False
                self._start_silence_timer(data.timestamp)
        elif isinstance(frame, (EndFrame, CancelFrame)):
            self._stop_silence_timer()
            await self._end_turn(data.timestamp, was_interrupted=True)

    async def cleanup(self) -> None:
        """See `BaseObject.cleanup`."""
        self._stop_silence_timer()
        await super().cleanup()

    async def _user_started_speaking(self, now: int) -> None:
        if self._turn_started_at is not None and not self._has_bot_spoken:
            return  # the user goes on
        self._stop_silence_timer()
        interrupted, self._is_bot_speaking = self._is_bot_speaking, False
        await self._end_turn(now, was_interrupted=interrupted)
        await self._start_turn(now)

    async def _start_turn(self, now: int) -> None:
        self._turn_count += 1
        self._turn_started_at = now
        self._has_bot_spoken = False
        await self._call_event_handler("on_turn_started", self._turn_count)

    async def _end_turn(self, now: int, *, was_interrupted: bool) -> None:
        if self._turn_started_at is None:
            return
        seconds = (now - self._turn_started_at) / 1e9
        self._turn_started_at = None
        _logger.debug("Turn %d ended after %.2f s", self._turn_count, seconds)
        await self._call_event_handler("on_turn_ended", self._turn_count, seconds, was_interrupted)

    def _start_silence_timer(self, stopped_at: int) -> None:
        self._stop_silence_timer()

        def bot_stayed_silent() -> None:
            self._ending = asyncio.ensure_future(self._end_turn(stopped_at, was_interrupted=False))

        loop = asyncio.get_running_loop()
        self._silence_timer = loop.call_later(self._turn_end_timeout_secs, bot_stayed_silent)

    def _stop_silence_timer(self) -> None:
        if self._silence_timer is not None:
            self._silence_timer.cancel()
            self._silence_timer = None
