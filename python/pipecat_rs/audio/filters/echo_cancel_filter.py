"""Echo cancellation: what the bot says, and the caller's microphone hears again, is taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipecat_rs.audio.dsp import EchoCanceller, Resampler
from pipecat_rs.audio.filters.base_audio_filter import BaseAudioFilter
from pipecat_rs.frames.frames import FilterEnableFrame

if TYPE_CHECKING:
    from pipecat_rs.frames.frames import FilterControlFrame


class EchoCancelFilter(BaseAudioFilter):
    """Takes out of the input what the output played, with WebRTC's AEC3.

    The transport needs both sides of it::

        echo = EchoCancelFilter()
        params = TransportParams(audio_in_filter=echo, audio_out_filter=echo.reference, ...)

    The canceller finds the delay from the one to the other by itself, up to some 500 ms, and has
    learned the room after a few seconds. Background sound of a mixer is added behind the output
    filter, and stays.

    A `FilterEnableFrame` that reaches the input switches it off and on.
    """

    def __init__(self) -> None:
        """Make a filter."""
        self.reference: BaseAudioFilter = _Reference(self)
        """The filter for the output, which changes nothing and listens."""
        self._enabled = True
        self._canceller: EchoCanceller | None = None
        self._sample_rate = 0
        self._resampler: Resampler | None = None
        self._held = b""

    async def start(self, sample_rate: int) -> None:
        """Get ready.

        Args:
            sample_rate: Rate of the input, in Hz.

        Raises:
            ValueError: If it is not from 8000 to 48000 Hz in steps of 100.
        """
        self._sample_rate = sample_rate
        self._canceller = EchoCanceller(sample_rate)

    async def stop(self) -> None:
        """Forget the room."""
        self._canceller = None
        self._held = b""

    async def process_frame(self, frame: FilterControlFrame) -> None:
        """Switch the filter on or off.

        Args:
            frame: The frame; what is no `FilterEnableFrame` is ignored.
        """
        if isinstance(frame, FilterEnableFrame):
            if self._enabled and not frame.enable and self._canceller:
                self._held += self._canceller.flush()
            self._enabled = frame.enable

    async def filter(self, audio: bytes) -> bytes:
        """Take the echo out of what is heard now.

        Args:
            audio: 16-bit mono samples.

        Returns:
            The samples that fill frames of 10 ms.
        """
        held, self._held = self._held, b""
        if self._canceller and self._enabled:
            audio = self._canceller.process(audio)
        return held + audio

    def played(self, audio: bytes, sample_rate: int) -> None:
        """Take in what is played now. For those who have no output transport to filter.

        Args:
            audio: 16-bit mono samples.
            sample_rate: Their rate, in Hz.

        Raises:
            ValueError: If it is not from 4000 to 384000 Hz.
        """
        if not self._canceller or not self._enabled:
            return
        if sample_rate != self._sample_rate:
            resampler = self._resampler
            rates = (sample_rate, self._sample_rate)
            if not resampler or (resampler.input_rate, resampler.output_rate) != rates:
                resampler = self._resampler = Resampler(*rates)
            audio = resampler.process(audio)
        self._canceller.render(audio)


class _Reference(BaseAudioFilter):
    """Listens to the output."""

    def __init__(self, owner: EchoCancelFilter) -> None:
        self._owner = owner
        self._sample_rate = 0

    async def start(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate

    async def stop(self) -> None:
        pass

    async def process_frame(self, frame: FilterControlFrame) -> None:
        pass

    async def filter(self, audio: bytes) -> bytes:
        self._owner.played(audio, self._sample_rate)
        return audio
