"""Writes both sides of a call into one stereo WAV, aligned on the call's timeline.

Left is the caller, right is the bot. The file is a valid WAV after every write, so a program that
is killed leaves a recording of all but the last second.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

from pipecat_rs.audio.dsp import WavRecorder, interleave

_CHANNELS = 2
_FRAME_BYTES = 2 * _CHANNELS
# A WAV's length field has 32 bits; what lies beyond it no player would find.
_MAX_FRAMES = (0xFFFFFFFF - 44) // _FRAME_BYTES


class Track(IntEnum):
    """The sides of a call."""

    CALLER = 0
    BOT = 1


class CallRecording:
    """A two-track recorder that is fed pieces of audio with the time they belong to.

    It does no waiting and no threading: `write` puts samples into memory, `settle` hands out what
    can no longer change, and `save` (the only method that touches the disk, and the only one that
    may run on another thread) appends that to the file.
    """

    def __init__(self, path: str | Path, sample_rate: int) -> None:
        """Create the file.

        Args:
            path: Where to write. Missing folders are made.
            sample_rate: Of both tracks, in Hz.

        Raises:
            OSError: If the file cannot be made.
        """
        self._path = Path(path)
        self._rate = sample_rate
        self._tracks = (bytearray(), bytearray())
        self._settled = 0  # Samples of each track that have left memory.
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file: WavRecorder | None = WavRecorder(self._path, sample_rate, _CHANNELS)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def sample_rate(self) -> int:
        """Of both tracks, in Hz."""
        return self._rate

    @property
    def duration(self) -> float:
        """Seconds recorded so far, the longer track counts."""
        return (self._settled + max(map(len, self._tracks)) // 2) / self._rate

    def append(self, track: Track, audio: bytes) -> None:
        """Put audio at the end of a track that has no gaps.

        Args:
            track: Whose voice it is.
            audio: 16-bit mono samples at the recording's rate.
        """
        self._tracks[track].extend(audio)

    def write(self, track: Track, at: float, audio: bytes) -> None:
        """Put audio on a track.

        Args:
            track: Whose voice it is.
            at: When it was heard, in seconds from the start of the call. Where the track is
                already longer, the audio goes to its end.
            audio: 16-bit mono samples at the recording's rate.
        """
        samples = self._tracks[track]
        gap = round(at * self._rate) - self._settled - len(samples) // 2
        if gap > 0:
            samples += bytes(2 * gap)
        samples += audio

    def cut(self, track: Track, until: float) -> None:
        """Take back what a track has beyond a time, as far as it is still in memory.

        Args:
            track: Whose voice it is.
            until: Seconds from the start of the call.
        """
        kept = max(0, round(until * self._rate) - self._settled)
        del self._tracks[track][2 * kept :]

    def settle(self, until: float) -> bytes:
        """Take out the part of the recording that no later `write` will touch.

        Args:
            until: Seconds from the start; nothing is going to be written before that time.

        Returns:
            Interleaved samples for `save`.
        """
        count = round(until * self._rate) - self._settled
        if count <= 0:
            return b""
        sides: list[bytes] = []
        for samples in self._tracks:
            sides.append(bytes(samples[: 2 * count]).ljust(2 * count, b"\0"))
            del samples[: 2 * count]
        self._settled += count
        return interleave(*sides)

    def save(self, block: bytes) -> None:
        """Append settled samples to the file.

        Args:
            block: What `settle` returned.

        Raises:
            OSError: If the disk is full or the file is gone.
        """
        if self._file is None or not block:
            return
        self._file.process(block[: _FRAME_BYTES * (_MAX_FRAMES - self._file.frames)])
        self._file.sync()

    def close(self) -> None:
        """Write what is still in memory and close the file. May be called more than once."""
        if self._file is None:
            return
        try:
            self.save(self.settle(self.duration))
        finally:
            self._file.finish()
            self._file = None
