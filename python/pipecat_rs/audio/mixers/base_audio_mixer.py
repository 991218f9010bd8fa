"""What an output transport asks of a mixer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipecat_rs.frames.frames import MixerControlFrame


class BaseAudioMixer(ABC):
    """Adds sound of its own to what an output transport plays.

    Given to a transport as ``TransportParams.audio_out_mixer``. While the bot is silent the
    transport mixes with silence, so that the mixer is heard all the time.
    """

    @abstractmethod
    async def start(self, sample_rate: int) -> None:
        """Get ready: the transport starts.

        Args:
            sample_rate: Rate of what the transport plays, in Hz.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Clean up: the transport stops."""

    @abstractmethod
    async def process_frame(self, frame: MixerControlFrame) -> None:
        """Follow a control frame that the transport has received.

        Args:
            frame: The frame.
        """

    @abstractmethod
    async def mix(self, audio: bytes) -> bytes:
        """Add the mixer's sound to a piece of audio that is about to be played.

        Args:
            audio: 16-bit samples.

        Returns:
            As many samples.
        """
