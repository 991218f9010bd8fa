"""What a transport asks of an audio filter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipecat_rs.frames.frames import FilterControlFrame


class BaseAudioFilter(ABC):
    """Changes the audio that comes into a transport, or that goes out of it.

    As ``TransportParams.audio_in_filter`` it stands before voice activity detection and the
    pipeline; as ``audio_out_filter``, before the mixer and the wire.
    """

    @abstractmethod
    async def start(self, sample_rate: int) -> None:
        """Get ready: the transport is set up.

        Args:
            sample_rate: Rate of the transport's audio, in Hz.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Clean up: the transport is cleaned up."""

    @abstractmethod
    async def process_frame(self, frame: FilterControlFrame) -> None:
        """Follow a control frame that the transport has received.

        Args:
            frame: The frame.
        """

    @abstractmethod
    async def filter(self, audio: bytes) -> bytes:
        """Filter the next piece of the stream.

        Args:
            audio: 16-bit mono samples.

        Returns:
            What is ready of the stream: more, fewer or no samples, if the filter holds some back.
        """
