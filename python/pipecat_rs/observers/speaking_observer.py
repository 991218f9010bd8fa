"""Who spoke, and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from pipecat_rs.frames.base import Frame
from pipecat_rs.frames.turn import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    InterruptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.metrics.model import Model
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.processors.frame_processor import FrameDirection


class SpeechEventKind(StrEnum):
    """What happened.

    A user's speech is what voice activity detection heard, a user's turn what the turn
    strategies made of it.
    """

    USER_SPEECH_STARTED = "user_speech_started"
    USER_SPEECH_STOPPED = "user_speech_stopped"
    USER_TURN_STARTED = "user_turn_started"
    USER_TURN_STOPPED = "user_turn_stopped"
    BOT_SPEECH_STARTED = "bot_speech_started"
    BOT_SPEECH_STOPPED = "bot_speech_stopped"
    INTERRUPTION = "interruption"


@dataclass(kw_only=True)
class SpeechEvent(Model):
    """A moment of the conversation. Times are in seconds since the epoch.

    Attributes:
        kind: What happened.
        timestamp: When it happened, which for speech is before its detector was sure.
        started_at: When what ends here began, if that was seen.
    """

    kind: SpeechEventKind
    timestamp: float
    started_at: float | None = None


class SpeakingObserver(BaseObserver):
    """Tells each beginning and end of speech and turns, and interruptions.

    Events:
        on_speech_event(observer, SpeechEvent)
    """

    handles = (
        BotStartedSpeakingFrame,
        BotStoppedSpeakingFrame,
        InterruptionFrame,
        UserStartedSpeakingFrame,
        UserStoppedSpeakingFrame,
        VADUserStartedSpeakingFrame,
        VADUserStoppedSpeakingFrame,
    )

    _declared_events: ClassVar[Mapping[str, bool]] = {"on_speech_event": False}

    def __init__(self, *, time_source: Callable[[], float] = time.time, **kwargs: Any) -> None:
        """Begin before anybody has spoken.

        Args:
            time_source: Returns the time, in seconds since the epoch.
            **kwargs: See `BaseObserver`.
        """
        super().__init__(observe_every_push=False, **kwargs)
        self._now = time_source
        self._began_at: dict[SpeechEventKind, float] = {}

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        # A broadcast is two frames: the one that goes downstream stands for both.
        broadcast = data.frame.broadcast_sibling_id is not None
        if broadcast and data.direction != FrameDirection.DOWNSTREAM:
            return
        event = self._event(data.frame)
        if event is not None:
            await self._call_event_handler("on_speech_event", event)

    def _event(self, frame: Frame) -> SpeechEvent | None:
        kind = SpeechEventKind
        match frame:
            case VADUserStartedSpeakingFrame():
                return self._begin(kind.USER_SPEECH_STARTED, frame.timestamp - frame.start_secs)
            case VADUserStoppedSpeakingFrame():
                at = frame.timestamp - frame.stop_secs
                return self._end(kind.USER_SPEECH_STOPPED, kind.USER_SPEECH_STARTED, at)
            case UserStartedSpeakingFrame():
                return self._begin(kind.USER_TURN_STARTED, self._now())
            case UserStoppedSpeakingFrame():
                return self._end(kind.USER_TURN_STOPPED, kind.USER_TURN_STARTED, self._now())
            case BotStartedSpeakingFrame():
                return self._begin(kind.BOT_SPEECH_STARTED, self._now())
            case BotStoppedSpeakingFrame():
                return self._end(kind.BOT_SPEECH_STOPPED, kind.BOT_SPEECH_STARTED, self._now())
            case InterruptionFrame():
                return SpeechEvent(kind=kind.INTERRUPTION, timestamp=self._now())
            case _:
                return None

    def _begin(self, kind: SpeechEventKind, at: float) -> SpeechEvent:
        self._began_at[kind] = at
        return SpeechEvent(kind=kind, timestamp=at)

    def _end(self, kind: SpeechEventKind, began_by: SpeechEventKind, at: float) -> SpeechEvent:
        began_at = self._began_at.pop(began_by, None)
        return SpeechEvent(kind=kind, timestamp=at, started_at=began_at)
