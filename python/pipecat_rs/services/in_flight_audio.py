"""Audio that a provider has been sent and has not transcribed for good.

If the connection is lost, it is sent again on the next one, so that no word is lost with it. Audio
that comes while there is no connection is in flight all the same.
"""

from __future__ import annotations


class InFlightAudio:
    """The audio from the last final transcript on, up to a bound; what is older is dropped."""

    def __init__(self, sample_rate: int, bytes_per_frame: int, max_secs: float) -> None:
        """Make an empty one.

        Args:
            sample_rate: Sample rate in Hz.
            bytes_per_frame: Size of one sample of all channels; 0 if it is not known, which keeps
                nothing.
            max_secs: Most audio that is kept, in seconds.
        """
        self._sample_rate = sample_rate
        self._bytes_per_frame = bytes_per_frame
        self._max_bytes = int(sample_rate * max_secs) * bytes_per_frame
        self._audio = bytearray()
        # Where the audio begins, in bytes since the connection began.
        self._position = 0

    def add(self, audio: bytes) -> None:
        """Take note of audio that is sent, or would be if there were a connection.

        Args:
            audio: The audio.
        """
        self._audio += audio
        self._drop(len(self._audio) - self._max_bytes)

    def confirm(self, secs: float) -> None:
        """Take note of how far the provider has transcribed for good.

        Args:
            secs: Seconds of audio since the connection began.
        """
        self._drop(int(secs * self._sample_rate) * self._bytes_per_frame - self._position)

    def restart(self) -> bytes:
        """Return what is to be sent first on a new connection; positions count from there."""
        self._position = 0
        return bytes(self._audio)

    def _drop(self, size: int) -> None:
        if size > 0:
            size = min(size, len(self._audio))
            del self._audio[:size]
            self._position += size
