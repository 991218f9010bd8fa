"""What all networks that judge the end of a turn have in common: the audio that they hear."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipecat_rs import _core
from pipecat_rs.audio.turn.base_turn_analyzer import (
    BaseTurnAnalyzer,
    BaseTurnParams,
    EndOfTurnState,
)
from pipecat_rs.metrics.metrics import MetricsData, TurnMetricsData

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STOP_SECS = 3
PRE_SPEECH_MS = 500
MAX_DURATION_SECONDS = 8

_FULL_SCALE = 32768.0


@dataclass
class SmartTurnParams(BaseTurnParams):
    """Which audio is judged, and when a turn is over without a judgement.

    Attributes:
        stop_secs: Silence behind speech after which the turn is over, in seconds.
        pre_speech_ms: How much audio from before speech is judged with it, in ms.
        max_duration_secs: How much audio is judged at most, in seconds: the end of the turn.
    """

    stop_secs: float = STOP_SECS
    pre_speech_ms: float = PRE_SPEECH_MS
    max_duration_secs: float = MAX_DURATION_SECONDS


class SmartTurnTimeoutException(Exception):
    """The judgement took too long. The turn counts as over."""


class BaseSmartTurn(BaseTurnAnalyzer):
    """Gathers the audio of a turn, natively, and has it judged when voice activity ends.

    A subclass gives the judgement: `_predict_endpoint`, which runs in a worker thread, or
    `_predict`, which runs on the loop.
    """

    def __init__(
        self, *, sample_rate: int | None = None, params: SmartTurnParams | None = None
    ) -> None:
        """Make an analyzer.

        Args:
            sample_rate: Sample rate in Hz, or None for that of the pipeline's input.
            params: Which audio is judged.
        """
        super().__init__(sample_rate=sample_rate)
        self._params = params or SmartTurnParams()
        self._segment = _core.SpeechSegment(
            self._sample_rate,
            self._params.stop_secs,
            self._params.pre_speech_ms / 1000,
            self._params.max_duration_secs,
        )

    @property
    def speech_triggered(self) -> bool:
        """Whether there was speech in this turn."""
        return self._segment.has_speech

    @property
    def params(self) -> SmartTurnParams:
        """The parameters."""
        return self._params

    def set_sample_rate(self, sample_rate: int) -> None:
        """Take over the pipeline's sample rate, unless the analyzer has its own.

        Args:
            sample_rate: Sample rate in Hz.
        """
        super().set_sample_rate(sample_rate)
        self._segment.set_sample_rate(self._sample_rate)

    def append_audio(self, buffer: bytes, is_speech: bool) -> EndOfTurnState:
        """Take audio in.

        Args:
            buffer: The audio: mono, 16-bit.
            is_speech: Whether there is voice in it.

        Returns:
            COMPLETE when it has been quiet for `stop_secs`; what was taken in is forgotten then.

        Raises:
            ValueError: If there is half a sample, or the sample rate is not known.
        """
        is_over = self._segment.append(buffer, is_speech)
        return EndOfTurnState.COMPLETE if is_over else EndOfTurnState.INCOMPLETE

    async def analyze_end_of_turn(self) -> tuple[EndOfTurnState, MetricsData | None]:
        """Judge what was taken in. If the turn is over, it is forgotten.

        Returns:
            Whether the turn is over, and how the judgement came about; None if there was none.
        """
        segment = self._segment
        if segment.is_empty:
            return EndOfTurnState.INCOMPLETE, None
        try:
            judgement = await self._predict(segment)
            is_over = judgement is not None and judgement.is_complete
        except SmartTurnTimeoutException:
            judgement, is_over = None, True
        if is_over:
            segment.clear()
        return EndOfTurnState.COMPLETE if is_over else EndOfTurnState.INCOMPLETE, judgement

    def audio_tap(self) -> _core.SpeechSegment | None:
        """Return what may listen in a pipeline in place of `append_audio`; None if that is needed.

        It is told by whom it follows whether somebody speaks, and does not say when it has been
        quiet for `stop_secs`.
        """
        is_own = "append_audio" in vars(self)
        if is_own or type(self).append_audio is not BaseSmartTurn.append_audio:
            return None
        return self._segment

    def update_vad_start_secs(self, vad_start_secs: float) -> None:
        """Learn how much speech has passed before it is reported, to reach back as far.

        Args:
            vad_start_secs: The time in seconds.
        """
        self._segment.set_start_secs(vad_start_secs)

    def clear(self) -> None:
        """Forget what was taken in."""
        self._segment.clear()

    async def _predict(self, segment: _core.SpeechSegment) -> TurnMetricsData | None:
        """Judge a segment; None if there is no judgement.

        Args:
            segment: The audio.
        """
        import numpy as np

        started = time.perf_counter()
        audio = np.frombuffer(segment.audio(), np.int16).astype(np.float32) / _FULL_SCALE
        result = await asyncio.to_thread(self._predict_endpoint, audio)
        return self._judgement(
            bool(result["prediction"]), result["probability"], time.perf_counter() - started
        )

    def _predict_endpoint(self, audio_array: NDArray[np.float32]) -> dict[str, Any]:
        """Judge audio, in a worker thread.

        Args:
            audio_array: The audio, full scale at 1.

        Returns:
            ``prediction``, which is 1 if the turn is over and else 0, and its ``probability``.

        Raises:
            SmartTurnTimeoutException: If it took too long.
        """
        raise NotImplementedError(f"{type(self).__name__} has no _predict_endpoint")

    def _judgement(self, is_complete: bool, probability: float, secs: float) -> TurnMetricsData:
        return TurnMetricsData(
            processor="BaseSmartTurn",
            is_complete=is_complete,
            probability=probability,
            e2e_processing_time_ms=secs * 1000,
        )
