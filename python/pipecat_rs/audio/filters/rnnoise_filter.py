"""Noise suppression with RNNoise, a small recurrent network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipecat_rs.audio.dsp import Denoiser
from pipecat_rs.audio.filters.base_audio_filter import BaseAudioFilter
from pipecat_rs.frames.frames import FilterEnableFrame

if TYPE_CHECKING:
    from pipecat_rs.audio.resamplers.base_audio_resampler import SoxrQuality
    from pipecat_rs.frames.frames import FilterControlFrame


class RNNoiseFilter(BaseAudioFilter):
    """Takes noise out of speech. Needs no further package: network and weights are built in.

    The network works at 48 kHz; other rates are converted to it and back. Audio comes out 20 ms
    late at 48 kHz and 32 ms at 16 kHz, and takes 0.1 ms of a core for 10 ms.

    A `FilterEnableFrame` switches the filter off and on. What it holds when it is switched off
    goes before the audio that follows: nothing is lost.
    """

    def __init__(self, resampler_quality: SoxrQuality = "QQ") -> None:
        """Make a filter.

        Args:
            resampler_quality: Not used: there is one quality, as good as soxr's HQ.
        """
        self._enabled = True
        self._denoiser: Denoiser | None = None
        self._held = b""

    async def start(self, sample_rate: int) -> None:
        """Get ready.

        Args:
            sample_rate: Rate of the audio, in Hz.

        Raises:
            ValueError: If it is not from 4000 to 48000 Hz.
        """
        self._denoiser = Denoiser(sample_rate)

    async def stop(self) -> None:
        """Forget the stream."""
        self._denoiser = None
        self._held = b""

    async def process_frame(self, frame: FilterControlFrame) -> None:
        """Switch the filter on or off.

        Args:
            frame: The frame; what is no `FilterEnableFrame` is ignored.
        """
        if isinstance(frame, FilterEnableFrame):
            if self._enabled and not frame.enable and self._denoiser:
                self._held += self._denoiser.flush()
            self._enabled = frame.enable

    async def filter(self, audio: bytes) -> bytes:
        """Filter the next piece of the stream.

        Args:
            audio: 16-bit mono samples.

        Returns:
            The samples that are ready; none at the beginning of a stream.
        """
        held, self._held = self._held, b""
        if self._denoiser and self._enabled:
            audio = self._denoiser.process(audio)
        return held + audio
