"""Voice activity: from windows of audio to whether somebody speaks."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

VAD_CONFIDENCE = 0.7
VAD_START_SECS = 0.2
VAD_STOP_SECS = 0.2
VAD_MIN_VOLUME = 0.6

_VOLUME_SMOOTHING = 0.2
_BYTES_PER_SAMPLE = 2


class VADState(Enum):
    """What the voice does.

    Attributes:
        QUIET: There is none.
        STARTING: It may have begun.
        SPEAKING: It is there.
        STOPPING: It may have ended.
    """

    QUIET = 1
    STARTING = 2
    SPEAKING = 3
    STOPPING = 4


@dataclass
class VADParams:
    """When a voice counts.

    Attributes:
        confidence: Least confidence of a window with speech, from 0 to 1.
        start_secs: Seconds of speech after which it counts as begun.
        stop_secs: Seconds without speech after which it counts as ended.
        min_volume: Least volume of a window with speech, from 0 to 1.
    """

    confidence: float = VAD_CONFIDENCE
    start_secs: float = VAD_START_SECS
    stop_secs: float = VAD_STOP_SECS
    min_volume: float = VAD_MIN_VOLUME


class VADAnalyzer(ABC):
    """Follows the voice in one stream of audio: mono, 16-bit.

    A window speaks if its confidence and its volume reach their thresholds. Speech begins and ends
    once windows have spoken, or not spoken, for long enough without a break.

    Subclasses say how many samples a window has and how confident they are of it.

    Attributes:
        windows_on_loop: Most windows that are analyzed on the event loop, at once. A larger chunk
            goes to a worker thread, where each costs more, but nobody waits.
    """

    windows_on_loop: ClassVar[int] = 0

    def __init__(self, *, sample_rate: int | None = None, params: VADParams | None = None) -> None:
        """Make an analyzer.

        Args:
            sample_rate: Sample rate in Hz, or None for that of the pipeline's input.
            params: When a voice counts.
        """
        from pipecat_rs.audio.volume import AudioVolumeTracker

        self._init_sample_rate = sample_rate
        self._sample_rate = 0
        self._params = params or VADParams()
        self._num_channels = 1
        self._vad_buffer = bytearray()
        self._volume_tracker = AudioVolumeTracker()
        self._smoothed_volume = 0.0
        self._vad_state = VADState.QUIET
        self._window_bytes = 0
        self._start_windows = self._stop_windows = 0
        self._windows_in_state = 0

    @property
    def sample_rate(self) -> int:
        """Sample rate, in Hz; 0 until it is set."""
        return self._sample_rate

    @property
    def num_channels(self) -> int:
        """Number of channels: 1."""
        return self._num_channels

    @property
    def params(self) -> VADParams:
        """When a voice counts."""
        return self._params

    @property
    def runs_natively(self) -> bool:
        """Whether a pipeline may run the analysis without Python."""
        return False

    @abstractmethod
    def num_frames_required(self) -> int:
        """Return the number of samples of a window."""

    @abstractmethod
    def voice_confidence(self, buffer: bytes) -> float:
        """Return how sure it is that a window holds speech, from 0 to 1.

        Args:
            buffer: The window.
        """

    async def load(self) -> None:  # noqa: B027 - not every analyzer loads something
        """Load what the analyzer needs, off the event loop, before the first audio comes."""

    async def cleanup(self) -> None:  # noqa: B027 - nor holds something
        """Release what the analyzer holds."""

    def set_sample_rate(self, sample_rate: int) -> None:
        """Set the sample rate, unless the constructor was given one.

        Args:
            sample_rate: Sample rate in Hz.
        """
        self._sample_rate = self._init_sample_rate or sample_rate
        self.set_params(self._params)

    def set_params(self, params: VADParams) -> None:
        """Change when a voice counts; it is quiet to begin with. The volume goes on.

        Args:
            params: The new parameters.
        """
        self._params = params
        samples = self.num_frames_required()
        self._window_bytes = samples * self._num_channels * _BYTES_PER_SAMPLE
        window_secs = samples / self.sample_rate
        self._start_windows = round(params.start_secs / window_secs)
        self._stop_windows = round(params.stop_secs / window_secs)
        self._windows_in_state = 0
        self._vad_state = VADState.QUIET

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """Take audio of any length and return what the voice does after it.

        Args:
            buffer: The audio.
        """
        windows = (len(self._vad_buffer) + len(buffer)) // self._window_bytes
        if windows <= self.windows_on_loop:
            return self._run_analyzer(buffer)
        return await asyncio.to_thread(self._run_analyzer, buffer)

    def _run_analyzer(self, buffer: bytes) -> VADState:
        self._vad_buffer += buffer
        taken = 0
        while len(self._vad_buffer) - taken >= self._window_bytes:
            window = bytes(self._vad_buffer[taken : taken + self._window_bytes])
            taken += self._window_bytes
            self._follow(self._speaks(window))
        if taken:
            del self._vad_buffer[:taken]
            self._settle()
        return self._vad_state

    def _speaks(self, window: bytes) -> bool:
        confidence = self.voice_confidence(window)
        self._volume_tracker.update(window, self.sample_rate)
        self._smoothed_volume += _VOLUME_SMOOTHING * (
            self._volume_tracker.volume - self._smoothed_volume
        )
        return (
            confidence >= self._params.confidence
            and self._smoothed_volume >= self._params.min_volume
        )

    def _follow(self, speaks: bool) -> None:
        match self._vad_state, speaks:
            case (VADState.QUIET, True):
                self._vad_state, self._windows_in_state = VADState.STARTING, 1
            case (VADState.STARTING, True) | (VADState.STOPPING, False):
                self._windows_in_state += 1
            case (VADState.STARTING, False):
                self._vad_state = VADState.QUIET
            case (VADState.SPEAKING, False):
                self._vad_state, self._windows_in_state = VADState.STOPPING, 1
            case (VADState.STOPPING, True):
                self._vad_state = VADState.SPEAKING

    def _settle(self) -> None:
        if self._vad_state is VADState.STARTING and self._windows_in_state >= self._start_windows:
            self._vad_state = VADState.SPEAKING
        elif self._vad_state is VADState.STOPPING and self._windows_in_state >= self._stop_windows:
            self._vad_state = VADState.QUIET
