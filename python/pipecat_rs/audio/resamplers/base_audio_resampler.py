"""What a sample rate converter can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

SoxrQuality = Literal["VHQ", "HQ", "MQ", "LQ", "QQ"]
"""soxr's presets, from very high quality to quick."""


class BaseAudioResampler(ABC):
    """Converts 16-bit mono audio from one sample rate to another."""

    @abstractmethod
    async def resample(self, audio: bytes, in_rate: int, out_rate: int) -> bytes:
        """Convert a piece of audio.

        Args:
            audio: 16-bit mono samples.
            in_rate: Their rate, in Hz.
            out_rate: The rate wanted, in Hz.

        Returns:
            16-bit mono samples. A stream resampler may hold some back for the next call.
        """

    async def flush(self) -> bytes:
        """Give out what was held back, and be ready for a new stream.

        Returns:
            16-bit mono samples, possibly none.
        """
        return b""

    async def reset(self) -> None:  # noqa: B027 — nothing to forget is a fair default
        """Forget what was held back."""
