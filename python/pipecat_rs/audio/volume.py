"""How loud a stream of audio is now."""

from __future__ import annotations

import math

from pipecat_rs.audio.loudness import BLOCK_SECS
from pipecat_rs.audio.utils import calculate_audio_volume

VOLUME_WINDOW_SECS = BLOCK_SECS
"""Seconds of audio that are measured: the least that can be."""

_BYTES_PER_SAMPLE = 2


class AudioVolumeTracker:
    """Measures the volume of the latest stretch of a mono stream, when it is asked.

    It is 0 until there is enough audio to measure.
    """

    def __init__(self) -> None:
        """Begin without audio."""
        self._sample_rate = 0
        self._window_bytes = 0
        self._window = bytearray()
        self._volume: float | None = 0.0

    @property
    def volume(self) -> float:
        """The volume, from 0 (quiet) to 1 (loud)."""
        if self._volume is None:
            self._volume = calculate_audio_volume(self._window, self._sample_rate)
        return self._volume

    def update(self, audio: bytes, sample_rate: int) -> None:
        """Take audio in; another sample rate begins a new stream.

        Args:
            audio: The audio, 16-bit mono.
            sample_rate: Its sample rate, in Hz.
        """
        if sample_rate != self._sample_rate:
            self._sample_rate = sample_rate
            samples = math.ceil(VOLUME_WINDOW_SECS * sample_rate)
            self._window_bytes = samples * _BYTES_PER_SAMPLE
            self.reset()
        self._window += audio
        surplus = len(self._window) - self._window_bytes
        if surplus >= 0:
            del self._window[:surplus]
            self._volume = None

    def reset(self) -> None:
        """Begin without audio."""
        self._window = bytearray()
        self._volume = 0.0
