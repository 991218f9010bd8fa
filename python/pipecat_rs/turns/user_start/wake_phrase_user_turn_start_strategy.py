"""The user's turn starts only after a wake phrase."""

from __future__ import annotations

import enum
import re
from typing import Any

from pipecat_rs.frames.frames import (
    BotSpeakingFrame,
    Frame,
    TranscriptionFrame,
    UserSpeakingFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_start.base_user_turn_start_strategy import BaseUserTurnStartStrategy
from pipecat_rs.utils.restartable_timer import RestartableTimer

_NOT_OF_WORDS = re.compile(r"[^\w\s]")
_LONGEST_MEMORY = 250
_ACTIVITY = (UserSpeakingFrame, BotSpeakingFrame, TranscriptionFrame, VADUserStartedSpeakingFrame)


class _WakeState(enum.Enum):
    IDLE = "idle"
    AWAKE = "awake"


class WakePhraseUserTurnStartStrategy(BaseUserTurnStartStrategy):
    """Lets no strategy behind it see anything until a final transcript has a wake phrase in it.

    The phrase starts a turn; what was said before it is forgotten. From then on the others decide,
    until nobody has said anything for a while. It belongs first in the list.

    Events, each in a task of its own: `on_wake_phrase_detected` (the phrase) and
    `on_wake_phrase_timeout`.
    """

    # All frames: those behind it are not to see any before the phrase.
    handles = None

    _declared_events = {  # noqa: RUF012 - annotated in the base
        **BaseUserTurnStartStrategy._declared_events,
        "on_wake_phrase_detected": False,
        "on_wake_phrase_timeout": False,
    }

    def __init__(
        self,
        *,
        phrases: list[str],
        timeout: float = 10.0,
        single_activation: bool = False,
        **kwargs: Any,
    ) -> None:
        """Make a strategy.

        Args:
            phrases: The wake phrases; case and punctuation are no matter.
            timeout: How long it stays awake when nobody says anything, in seconds.
            single_activation: Whether it stays awake for that time only, whoever speaks, so that
                each turn needs the phrase again.
            **kwargs: For `BaseUserTurnStartStrategy`.
        """
        super().__init__(**kwargs)
        self._patterns = {phrase: _pattern(phrase) for phrase in phrases}
        self._timeout = timeout
        self._single_activation = single_activation
        self._state = _WakeState.IDLE
        self._heard = ""
        self._timer = RestartableTimer(self, self._fall_asleep, "wake_phrase_timeout")

    @property
    def state(self) -> _WakeState:
        """Whether it waits for the phrase or is awake."""
        return self._state

    async def cleanup(self) -> None:
        """Give up the time that runs."""
        await super().cleanup()
        self._timer.cancel()

    async def handle_user_turn_started(self) -> None:
        """Stay awake: a turn is activity."""
        self._stay_awake()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if self._state is _WakeState.AWAKE:
            if isinstance(frame, _ACTIVITY):
                self._stay_awake()
            return ProcessFrameResult.CONTINUE
        if isinstance(frame, TranscriptionFrame):
            phrase = self._phrase_in(frame.text)
            if phrase is None:
                await self.trigger_reset_aggregation()
            else:
                await self._wake_up(phrase)
        return ProcessFrameResult.STOP

    def _phrase_in(self, text: str) -> str | None:
        """Return the phrase that ends in a text or was spread over several, if there is one."""
        heard = f"{self._heard} {_NOT_OF_WORDS.sub('', text)}"
        self._heard = heard[-_LONGEST_MEMORY:]
        for phrase, pattern in self._patterns.items():
            if pattern.search(self._heard):
                return phrase
        return None

    async def _wake_up(self, phrase: str) -> None:
        self._state = _WakeState.AWAKE
        self._heard = ""
        self._timer.start(self._timeout)
        await self._call_event_handler("on_wake_phrase_detected", phrase)
        await self.trigger_user_turn_started()

    def _stay_awake(self) -> None:
        if self._state is _WakeState.AWAKE and not self._single_activation:
            self._timer.start(self._timeout)

    async def _fall_asleep(self) -> None:
        self._state = _WakeState.IDLE
        self._heard = ""
        await self._call_event_handler("on_wake_phrase_timeout")


def _pattern(phrase: str) -> re.Pattern[str]:
    # Transcripts differ in where they see a space: "hey pipe cat".
    words = r"\s*".join(_NOT_OF_WORDS.sub("", phrase).split())
    return re.compile(rf"\b{words}\b", re.IGNORECASE)
