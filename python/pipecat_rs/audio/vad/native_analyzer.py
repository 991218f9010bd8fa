"""Voice activity detection by a network that runs natively."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

if TYPE_CHECKING:
    from pipecat_rs import _core

# What is no speech shifts a network's state so that it under-reports the speech after it: music
# strongly, long silence at 8 kHz too. So the state is reset now and then, but only where that
# cannot cost a word: while it is quiet and a run of windows was clearly no speech.
_RESET_SECS = 2.0
_RESET_CONFIDENCE = 0.1
_RESET_WINDOWS = 5

_ANALYSIS = (
    "num_frames_required",
    "voice_confidence",
    "analyze_audio",
    "_run_analyzer",
    "_speaks",
    "_follow",
    "_settle",
    "_maybe_reset",
)
_FALLBACK_RATE = 16000


class NativeVADAnalyzer(VADAnalyzer):
    """Base of analyzers whose network is native.

    In a pipeline, all of the analysis is: the audio meets no Python, windows of all sessions share
    batches on one thread, and audio of any sample rate is heard. A subclass that overrides a part
    of the analysis has it done in Python, window by window.
    """

    windows_on_loop: ClassVar[int] = 8
    window_samples: ClassVar[dict[int, int]] = {16000: 512}
    """Samples of a window, by the sample rates in Hz at which the network hears."""

    def __init__(self, *, sample_rate: int | None = None, params: VADParams | None = None) -> None:
        """Make an analyzer.

        Args:
            sample_rate: Sample rate in Hz, or None for that of the pipeline's input.
            params: When a voice counts.
        """
        super().__init__(sample_rate=sample_rate, params=params)
        self._followers: list[_core.VoiceActivity] = []
        self._windows_since_reset = 0
        self._quiet_windows = 0

    @property
    def runs_natively(self) -> bool:
        """Whether a pipeline may run the analysis without Python: nothing of it is overridden."""
        return not any(name in vars(self) for name in _ANALYSIS) and all(
            getattr(type(self), name) is getattr(self._native_class, name) for name in _ANALYSIS
        )

    @property
    @abstractmethod
    def _native_class(self) -> type[NativeVADAnalyzer]:
        """The class whose analysis the native one equals."""

    @abstractmethod
    def _voice_model(self) -> _core.VoiceModel:
        """Return the network, loading it if nobody has."""

    @abstractmethod
    def _reset_states(self) -> None:
        """Have the network forget what it heard."""

    def set_params(self, params: VADParams) -> None:
        """Change when a voice counts; it is quiet to begin with. The volume goes on.

        Args:
            params: The new parameters.
        """
        super().set_params(params)
        for follower in self._followers:
            follower.set_params(_numbers(params))

    def num_frames_required(self) -> int:
        """Return the number of samples of a window: 32 ms."""
        return self.window_samples[self.sample_rate]

    def begin_following(
        self,
        activity: _core.VoiceActivity,
        sample_rate: int,
        *,
        activity_period: float,
        idle_timeout: float,
    ) -> None:
        """Have a place in a pipeline listen natively, until `end_following`.

        Args:
            activity: The place.
            sample_rate: Of the pipeline's input, in Hz. Any: what the network does not hear is
                resampled.
            activity_period: Least time from one activity to the next, in seconds.
            idle_timeout: Time without audio after which speech has stopped, in seconds; 0 for
                never.
        """
        if not self._init_sample_rate and sample_rate not in self.window_samples:
            sample_rate = _FALLBACK_RATE
        self.set_sample_rate(sample_rate)
        activity.begin(self._voice_model(), _numbers(self.params), activity_period, idle_timeout)
        self._followers.append(activity)

    def end_following(self, activity: _core.VoiceActivity) -> None:
        """Have a place in a pipeline listen no longer.

        Args:
            activity: The place.
        """
        activity.end()
        if activity in self._followers:
            self._followers.remove(activity)

    def _maybe_reset(self, confidence: float) -> None:
        self._windows_since_reset += 1
        self._quiet_windows = self._quiet_windows + 1 if confidence < _RESET_CONFIDENCE else 0
        due = self._windows_since_reset * self.num_frames_required() >= (
            _RESET_SECS * self.sample_rate
        )
        if due and self._quiet_windows >= _RESET_WINDOWS and self._vad_state is VADState.QUIET:
            self._reset_states()
            self._windows_since_reset = 0


def _numbers(params: VADParams) -> tuple[float, float, float, float]:
    return params.confidence, params.start_secs, params.stop_secs, params.min_volume
