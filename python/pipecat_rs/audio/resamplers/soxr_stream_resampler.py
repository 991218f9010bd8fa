"""Sample rate conversion of a stream, piece by piece, with libsoxr."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pipecat_rs.audio.resamplers.base_audio_resampler import BaseAudioResampler, SoxrQuality
from pipecat_rs.exceptions import MissingDependencyError

if TYPE_CHECKING:
    import soxr


class SOXRStreamAudioResampler(BaseAudioResampler):
    """Keeps the filter's history from one piece to the next, so that no seam is heard."""

    def __init__(
        self,
        *,
        quality: SoxrQuality = "VHQ",
        clear_after_secs: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        """Initialize the resampler.

        Args:
            quality: soxr's preset.
            clear_after_secs: After a pause of this length the next piece begins a new stream.
                None never does.
            **kwargs: Not used; accepted so that resamplers can be exchanged.
        """
        self._quality: SoxrQuality = quality
        self._clear_after_secs = clear_after_secs
        self._rates: tuple[int, int] | None = None
        self._stream: soxr.ResampleStream | None = None
        self._last_used = 0.0

    async def resample(self, audio: bytes, in_rate: int, out_rate: int) -> bytes:
        """Convert the next piece of the stream.

        Args:
            audio: 16-bit mono samples.
            in_rate: Their rate, in Hz.
            out_rate: The rate wanted, in Hz.

        Returns:
            16-bit mono samples; the last few milliseconds stay in the filter until `flush`.

        Raises:
            ValueError: If the rates differ from those of an earlier piece.
            MissingDependencyError: If soxr is not installed.
        """
        if in_rate == out_rate:
            return audio
        import numpy as np

        stream = self._open(in_rate, out_rate)
        return stream.resample_chunk(np.frombuffer(audio, np.int16)).tobytes()

    async def flush(self) -> bytes:
        """Give out what the filter holds, and be ready for a new stream.

        Returns:
            16-bit mono samples, possibly none.
        """
        if self._stream is None:
            return b""
        import numpy as np

        tail = self._stream.resample_chunk(np.empty(0, np.int16), last=True).tobytes()
        await self.reset()
        return tail

    async def reset(self) -> None:
        """Forget what the filter holds."""
        if self._stream is not None:
            self._stream.clear()
            self._last_used = time.monotonic()

    def _open(self, in_rate: int, out_rate: int) -> soxr.ResampleStream:
        now = time.monotonic()
        if self._stream is None:
            self._stream = open_soxr_stream(in_rate, out_rate, quality=self._quality)
            self._rates = (in_rate, out_rate)
        elif self._rates != (in_rate, out_rate):
            raise ValueError(
                f"this resampler converts {self._rates} Hz, not {(in_rate, out_rate)} Hz: "
                "use one resampler for each stream"
            )
        elif self._clear_after_secs is not None and now - self._last_used > self._clear_after_secs:
            self._stream.clear()
        self._last_used = now
        return self._stream


def open_soxr_stream(
    in_rate: int, out_rate: int, dtype: str = "int16", quality: str = "VHQ"
) -> soxr.ResampleStream:
    """Make a soxr stream for mono audio, or say clearly what is missing.

    Args:
        in_rate: Rate of the samples that go in, in Hz.
        out_rate: Rate of those that come out, in Hz.
        dtype: Of the samples: "int16" or "float32".
        quality: soxr's preset.

    Raises:
        MissingDependencyError: If soxr is not installed.
    """
    try:
        import soxr
    except ImportError as error:
        raise MissingDependencyError.of(
            "soxr", needed_by=f"converting audio from {in_rate} Hz to {out_rate} Hz", extra="local"
        ) from error
    return soxr.ResampleStream(in_rate, out_rate, 1, dtype=dtype, quality=quality)
