"""Audio at the pace of a microphone, sent from a thread of Rust.

Neither a busy event loop nor garbage collection can make it late: between this processor and the
next one that handles audio in Python, audio does not meet Python at all.
"""

from __future__ import annotations

from typing import Any

from pipecat_rs import _core
from pipecat_rs.processors.frame_processor import FrameProcessor


class PacedAudioSource(FrameProcessor):
    """Passes frames on, and from the start to the end adds InputAudioRawFrames, in time.

    The schedule is absolute: a late chunk delays itself alone.
    """

    handles = ()

    def __init__(
        self,
        audio: bytes,
        sample_rate: int,
        num_channels: int = 1,
        *,
        chunk_ms: int = 20,
        repeat: bool = False,
        name: str | None = None,
    ) -> None:
        """Hold the audio.

        Args:
            audio: 16-bit little-endian samples, channels interleaved.
            sample_rate: In Hz.
            num_channels: How many channels.
            chunk_ms: Length of each frame, in ms.
            repeat: Whether to begin again at the end.
            name: Name, or None for class name, ``#`` and a number.

        Raises:
            ValueError: If the audio is empty or does not hold whole samples.
        """
        super().__init__(name=name)
        self._audio = _core.PacedAudio(audio, sample_rate, num_channels, chunk_ms, repeat)

    def lateness(self) -> dict[str, float]:
        """Return how late chunks set out: ``count``, ``p50_ms``, ``p99_ms`` and ``max_ms``."""
        return self._audio.lateness()

    def _layout(self) -> tuple[Any, ...]:
        return ("native", self, self._audio)
