"""The user's turn stops when another processor says so."""

from __future__ import annotations

from typing import Any

from pipecat_rs.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_stop.base_user_turn_stop_strategy import BaseUserTurnStopStrategy
from pipecat_rs.utils.restartable_timer import RestartableTimer


class ExternalUserTurnStopStrategy(BaseUserTurnStopStrategy):
    """Stops the turn at a service's proposal, or takes over an end that was announced.

    If no words were heard by then, it waits for them.
    """

    handles = (
        UserStartedSpeakingFrame,
        UserStoppedSpeakingFrame,
        ProposedUserStartedSpeakingFrame,
        ProposedUserStoppedSpeakingFrame,
        TranscriptionFrame,
        InterimTranscriptionFrame,
    )

    def __init__(
        self, *, timeout: float = 0.5, wait_for_transcript: bool = True, **kwargs: Any
    ) -> None:
        """Make a strategy.

        Args:
            timeout: How long transcripts that come late are gathered, in seconds.
            wait_for_transcript: Whether words have to be heard.
            **kwargs: For `BaseUserTurnStopStrategy`.
        """
        super().__init__(**kwargs)
        self._timeout = timeout
        self._wait_for_transcript = wait_for_transcript
        self._text = ""
        self._more_to_come = False
        self._speaking = False
        self._announced_elsewhere = False
        self._turn_open = False
        self._transcripts_timer = RestartableTimer(
            self, self._on_transcripts_gathered, "transcripts"
        )

    @property
    def resolves_proposed_turn_stop_frames(self) -> bool:
        """True: a proposal ends here."""
        return True

    @property
    def wait_for_transcript(self) -> bool:
        """Whether words have to be heard."""
        return self._wait_for_transcript

    @wait_for_transcript.setter
    def wait_for_transcript(self, value: bool) -> None:
        self._wait_for_transcript = value

    async def handle_user_turn_started(self) -> None:
        """Watch for the end of the turn."""
        self._begin_anew()
        self._turn_open = True

    async def handle_user_turn_stopped(self) -> None:
        """Forget the turn."""
        self._begin_anew()
        self._turn_open = False

    async def cleanup(self) -> None:
        """Give up the time that runs."""
        await super().cleanup()
        self._transcripts_timer.cancel()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, (UserStartedSpeakingFrame, ProposedUserStartedSpeakingFrame)):
            self._speaking = True
            self._announced_elsewhere = isinstance(frame, UserStartedSpeakingFrame)
        elif isinstance(frame, (UserStoppedSpeakingFrame, ProposedUserStoppedSpeakingFrame)):
            self._speaking = False
            self._announced_elsewhere = isinstance(frame, UserStoppedSpeakingFrame)
            await self._maybe_stop()
        elif isinstance(frame, InterimTranscriptionFrame):
            self._more_to_come = True
        elif isinstance(frame, TranscriptionFrame):
            self._text += frame.text
            self._more_to_come = False
            self._transcripts_timer.start(self._timeout)
        return ProcessFrameResult.CONTINUE

    def _begin_anew(self) -> None:
        self._text = ""
        self._more_to_come = False
        self._speaking = False
        self._announced_elsewhere = False
        self._transcripts_timer.cancel()

    async def _on_transcripts_gathered(self) -> None:
        if self._turn_open:
            await self._maybe_stop()

    async def _maybe_stop(self) -> None:
        heard_all = bool(self._text) and not self._more_to_come
        if not self._speaking and (heard_all or not self._wait_for_transcript):
            await self.trigger_user_turn_stopped(
                enable_user_speaking_frames=False if self._announced_elsewhere else None
            )
