"""How loud a stream of audio is now."""

from __future__ import annotations

from pipecat_rs.audio.dsp import VolumeTracker
from pipecat_rs.audio.loudness import BLOCK_SECS

VOLUME_WINDOW_SECS = BLOCK_SECS
"""Seconds of audio that are measured: the least that can be."""


class AudioVolumeTracker:
    """Measures the volume of the latest stretch of a mono stream, when it is asked.

    It is 0 until there is enough audio to measure.
    """

    def __init__(self) -> None:
        """Begin without audio."""
        self._sample_rate = 0
        self._tracker: VolumeTracker | None = None
        self._volume: float | None = 0.0

    @property
    def volume(self) -> float:
        """The volume, from 0 (quiet) to 1 (loud)."""
        if self._volume is None:
            self._volume = self._tracker.volume() if self._tracker else 0.0
        return self._volume

    def update(self, audio: bytes, sample_rate: int) -> None:
        """Take audio in; another sample rate begins a new stream.

        Args:
            audio: The audio, 16-bit mono.
            sample_rate: Its sample rate, in Hz.
        """
        if self._tracker is None or sample_rate != self._sample_rate:
            self._sample_rate = sample_rate
            self._tracker = VolumeTracker(sample_rate)
        self._tracker.process(audio)
        self._volume = None

    def reset(self) -> None:
        """Begin without audio."""
        if self._tracker:
            self._tracker.reset()
        self._volume = 0.0
