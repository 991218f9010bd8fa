"""The user's turn stops when it sounds as if it were over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pipecat_rs.audio.turn.base_turn_analyzer import BaseTurnAnalyzer, EndOfTurnState
from pipecat_rs.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat_rs.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    MetricsFrame,
    SpeechControlParamsFrame,
    StartFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.turns.types import ProcessFrameResult
from pipecat_rs.turns.user_stop.base_user_turn_stop_strategy import BaseUserTurnStopStrategy
from pipecat_rs.turns.user_stop.stop_secs_check import StopSecsCheck
from pipecat_rs.utils.restartable_timer import RestartableTimer

if TYPE_CHECKING:
    from pipecat_rs import _core
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup


class TurnAnalyzerUserTurnStopStrategy(BaseUserTurnStopStrategy):
    """Stops the turn when an analyzer says that it is over, and words were heard.

    For these it waits as long as speech-to-text usually takes, from the end of speech on, or until
    a transcript comes which is said to be the last. Where transcripts come without voice activity,
    that time runs from the latest one, and the analyzer is not asked.

    Where the analyzer gathers its audio natively, the audio meets no Python (`audio_tap`). How long
    it is quiet is then a matter of time, and not of audio that says so.
    """

    handles = (
        InputAudioRawFrame,
        VADUserStartedSpeakingFrame,
        VADUserStoppedSpeakingFrame,
        TranscriptionFrame,
        InterimTranscriptionFrame,
        STTMetadataFrame,
    )

    def __init__(
        self,
        *,
        turn_analyzer: BaseTurnAnalyzer,
        wait_for_transcript: bool = True,
        **kwargs: Any,
    ) -> None:
        """Make a strategy.

        Args:
            turn_analyzer: The analyzer.
            wait_for_transcript: Whether words have to be heard.
            **kwargs: For `BaseUserTurnStopStrategy`.
        """
        super().__init__(**kwargs)
        self._turn_analyzer = turn_analyzer
        self._wait_for_transcript = wait_for_transcript
        self._stt_timeout = 0.0
        self._stop_secs = 0.0
        self._stop_secs_check = StopSecsCheck(self)
        self._heard = False
        self._speaking = False
        self._vad_stopped = False
        self._turn_complete = False
        self._transcript_finalized = False
        self._stt_timer = RestartableTimer(self, self._maybe_stop, "stt_timeout")
        self._silence_timer = RestartableTimer(self, self._stop_in_silence, "silence")
        self._tap: _core.SpeechSegment | None = None

    @property
    def wait_for_transcript(self) -> bool:
        """Whether words have to be heard."""
        return self._wait_for_transcript

    @wait_for_transcript.setter
    def wait_for_transcript(self, value: bool) -> None:
        self._wait_for_transcript = value

    def audio_tap(self) -> _core.SpeechSegment | None:
        """Have the audio listened to on its way to the owner, which asks before it is set up.

        Returns:
            What listens there, or None: then the strategy has to be shown the audio.
        """
        analyzer = self._turn_analyzer
        is_own = type(self).process_frame is not TurnAnalyzerUserTurnStopStrategy.process_frame
        if isinstance(analyzer, BaseSmartTurn) and not is_own:
            self._tap = analyzer.audio_tap()
        return self._tap

    @property
    def is_tapped(self) -> bool:
        """Whether the strategy need not be shown audio."""
        return self._tap is not None

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Tell the analyzer the sample rate, and have it load what it needs.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        self._turn_analyzer.set_sample_rate(setup.audio_in_sample_rate)
        await self._turn_analyzer.load()

    async def cleanup(self) -> None:
        """Release the analyzer."""
        await super().cleanup()
        self._stt_timer.cancel()
        self._silence_timer.cancel()
        await self._turn_analyzer.cleanup()

    async def handle_user_turn_started(self) -> None:
        """Watch for the end of the turn. Whether there is voice is no matter of turns."""
        self._heard = False
        self._begin_anew()

    async def handle_user_turn_stopped(self) -> None:
        """Forget the turn, and have the analyzer forget it: others may have ended it."""
        self._heard = False
        self._begin_anew()
        self._silence_timer.cancel()
        self._turn_analyzer.clear()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at a frame.

        Args:
            frame: The frame.
        """
        if isinstance(frame, InputAudioRawFrame):
            await self._handle_audio(frame)
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self._turn_analyzer.update_vad_start_secs(frame.start_secs)
            self._set_speaking(True)
            self._begin_anew()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            await self._handle_vad_stop(frame)
        elif isinstance(frame, TranscriptionFrame):
            await self._handle_transcription(frame)
        elif isinstance(frame, InterimTranscriptionFrame):
            # More is on its way, so what was said to be the last one was not.
            self._transcript_finalized = False
        elif isinstance(frame, STTMetadataFrame):
            self._stt_timeout = frame.ttfs_p99_latency
            self._stop_secs_check.again()
        elif isinstance(frame, StartFrame):
            params = self._turn_analyzer.params
            await self.broadcast_frame(SpeechControlParamsFrame, turn_params=params)
        return ProcessFrameResult.CONTINUE

    def _begin_anew(self) -> None:
        self._turn_complete = False
        self._transcript_finalized = False
        self._vad_stopped = False
        self._stt_timer.cancel()

    def _set_speaking(self, speaking: bool) -> None:
        self._speaking = speaking
        if self._tap is None:
            return
        self._tap.set_speaking(speaking)
        params = self._turn_analyzer.params
        if speaking:
            self._silence_timer.cancel()
        elif isinstance(params, SmartTurnParams):
            self._silence_timer.start(params.stop_secs)

    async def _handle_audio(self, frame: InputAudioRawFrame) -> None:
        if self._tap is not None:
            return
        state = self._turn_analyzer.append_audio(frame.audio, self._speaking)
        if state is EndOfTurnState.COMPLETE:
            await self._stop_in_silence()

    async def _stop_in_silence(self) -> None:
        if self._tap is not None:
            self._turn_analyzer.clear()
        else:
            await self._analyze()
        self._turn_complete = True
        await self._maybe_stop()

    async def _handle_vad_stop(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._set_speaking(False)
        self._vad_stopped = True
        self._stop_secs = frame.stop_secs
        self._turn_complete = await self._analyze() is EndOfTurnState.COMPLETE
        self._stop_secs_check.check(frame.stop_secs, self._stt_timeout)
        # From the end of speech on, however long its report and the analysis have taken.
        deadline = frame.timestamp - frame.stop_secs + self._stt_timeout
        self._stt_timer.start(max(0.0, deadline - time.time()))
        await self._maybe_stop()

    async def _handle_transcription(self, frame: TranscriptionFrame) -> None:
        self._heard = bool(frame.text)
        self._transcript_finalized = self._transcript_finalized or frame.finalized
        if self._can_stop():
            await self.trigger_user_turn_stopped()
        elif not self._speaking and not self._vad_stopped:
            self._turn_complete = True
            self._stt_timer.start(max(0.0, self._stt_timeout - self._stop_secs))

    async def _analyze(self) -> EndOfTurnState:
        state, prediction = await self._turn_analyzer.analyze_end_of_turn()
        if prediction is not None:
            await self.push_frame(MetricsFrame(data=[prediction]))
        return state

    def _can_stop(self) -> bool:
        if not self._turn_complete:
            return False
        heard_all = self._transcript_finalized or not self._stt_timer.running
        return (self._heard and heard_all) or not self._wait_for_transcript

    async def _maybe_stop(self) -> None:
        if self._can_stop():
            self._stt_timer.cancel()
            await self.trigger_user_turn_stopped()
