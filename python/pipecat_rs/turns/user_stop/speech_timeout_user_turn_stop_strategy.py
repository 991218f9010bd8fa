"""The user's turn stops when the user has been quiet for a while."""

from __future__ import annotations

from typing import Any

from pipecat_rs.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_stop.base_user_turn_stop_strategy import BaseUserTurnStopStrategy
from pipecat_rs.turns.user_stop.stop_secs_check import StopSecsCheck
from pipecat_rs.utils.restartable_timer import RestartableTimer


class SpeechTimeoutUserTurnStopStrategy(BaseUserTurnStopStrategy):
    """Stops the turn when two times are over since voice activity stopped and words were heard.

    The first is the time the user is given to go on. The second is that which speech-to-text
    usually takes, less what the detection of the stop took; it is cut short by a transcript which
    is said to be the last. Where a transcript comes without voice activity, the first time runs
    from the latest transcript.
    """

    handles = (
        VADUserStartedSpeakingFrame,
        VADUserStoppedSpeakingFrame,
        TranscriptionFrame,
        InterimTranscriptionFrame,
        STTMetadataFrame,
    )

    def __init__(
        self,
        *,
        user_speech_timeout: float = 0.6,
        wait_for_transcript: bool = True,
        **kwargs: Any,
    ) -> None:
        """Make a strategy.

        Args:
            user_speech_timeout: The time the user is given to go on, in seconds.
            wait_for_transcript: Whether words have to be heard.
            **kwargs: For `BaseUserTurnStopStrategy`.
        """
        super().__init__(**kwargs)
        self._user_speech_timeout = user_speech_timeout
        self._wait_for_transcript = wait_for_transcript
        self._stt_timeout = 0.0
        self._stop_secs_check = StopSecsCheck(self)
        self._heard = False
        self._speaking = False
        self._vad_stopped = False
        self._transcript_finalized = False
        self._quiet_long_enough = False
        self._transcript_complete = False
        self._quiet_timer = RestartableTimer(
            self, self._on_quiet_long_enough, "user_speech_timeout"
        )
        self._stt_timer = RestartableTimer(self, self._on_transcript_overdue, "stt_timeout")

    @property
    def wait_for_transcript(self) -> bool:
        """Whether words have to be heard."""
        return self._wait_for_transcript

    @wait_for_transcript.setter
    def wait_for_transcript(self, value: bool) -> None:
        self._wait_for_transcript = value

    async def handle_user_turn_started(self) -> None:
        """Watch for the end of the turn. Whether there is voice is no matter of turns."""
        self._heard = False
        self._begin_anew()

    async def handle_user_turn_stopped(self) -> None:
        """Forget the turn."""
        self._heard = False
        self._speaking = False
        self._begin_anew()

    async def cleanup(self) -> None:
        """Give up the times that run."""
        await super().cleanup()
        self._begin_anew()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._speaking = True
            self._begin_anew()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._handle_vad_stop(frame)
        elif isinstance(frame, TranscriptionFrame):
            await self._handle_transcription(frame)
        elif isinstance(frame, InterimTranscriptionFrame):
            # More is on its way, so what was said to be the last one was not.
            self._transcript_finalized = False
        elif isinstance(frame, STTMetadataFrame):
            self._stt_timeout = frame.ttfs_p99_latency
            self._stop_secs_check.again()
        return ProcessFrameResult.CONTINUE

    def _begin_anew(self) -> None:
        self._transcript_finalized = False
        self._vad_stopped = False
        self._quiet_long_enough = False
        self._transcript_complete = False
        self._quiet_timer.cancel()
        self._stt_timer.cancel()

    def _handle_vad_stop(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._speaking = False
        self._vad_stopped = True
        self._stop_secs_check.check(frame.stop_secs, self._stt_timeout)
        self._restart_quiet_timer()
        left = self._stt_timeout - frame.stop_secs
        self._transcript_complete = self._transcript_finalized or left <= 0
        if not self._transcript_complete:
            self._stt_timer.start(left)

    async def _handle_transcription(self, frame: TranscriptionFrame) -> None:
        self._heard = self._heard or bool(frame.text)
        if frame.finalized:
            self._transcript_finalized = True
            self._transcript_complete = True
            self._stt_timer.cancel()
        if self._quiet_long_enough and self._transcript_complete:
            await self._maybe_stop()
        elif not self._speaking and not self._vad_stopped:
            self._transcript_complete = True
            self._restart_quiet_timer()

    def _restart_quiet_timer(self) -> None:
        self._quiet_long_enough = False
        self._quiet_timer.start(self._user_speech_timeout)

    async def _on_quiet_long_enough(self) -> None:
        self._quiet_long_enough = True
        await self._maybe_stop()

    async def _on_transcript_overdue(self) -> None:
        self._transcript_complete = True
        await self._maybe_stop()

    async def _maybe_stop(self) -> None:
        if (
            self._quiet_long_enough
            and self._transcript_complete
            and not self._speaking
            and (self._heard or not self._wait_for_transcript)
        ):
            await self.trigger_user_turn_stopped()
