"""Cuts a stream of audio into chunks of one size, and keeps what an interruption must not drop."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of audio, cut to size.

    Attributes:
        audio: The samples, as bytes.
        interruptible: False if any part of it came from audio that must be played in any case.
    """

    audio: bytes
    interruptible: bool


class AudioChunker:
    """Collects audio of any length and gives it back in chunks of `size` bytes.

    Audio is kept in runs of equal interruptibility: an interruption drops the interruptible runs,
    also in the middle of a chunk that is not yet full.
    """

    def __init__(self, size: int) -> None:
        """Start empty.

        Args:
            size: Bytes in a chunk.

        Raises:
            ValueError: If `size` is not positive.
        """
        if size <= 0:
            raise ValueError(f"a chunk must hold at least one byte, not {size}")
        self._size = size
        self._runs: deque[tuple[bytearray, bool]] = deque()
        self._held = 0

    def __len__(self) -> int:
        """Bytes held back because they do not fill a chunk yet."""
        return self._held

    def push(self, audio: bytes, *, interruptible: bool = True) -> list[Chunk]:
        """Add audio and take out the chunks that are now full.

        Args:
            audio: Samples, as bytes.
            interruptible: Whether an interruption may drop it.

        Returns:
            Full chunks, oldest first.
        """
        if audio:
            if self._runs and self._runs[-1][1] == interruptible:
                self._runs[-1][0].extend(audio)
            else:
                self._runs.append((bytearray(audio), interruptible))
            self._held += len(audio)
        chunks: list[Chunk] = []
        while self._held >= self._size:
            chunks.append(self._take())
        return chunks

    def flush(self) -> Chunk | None:
        """Take out what is left as a last chunk, filled up with silence.

        Returns:
            The chunk, or None if nothing was held back.
        """
        if not self._held:
            return None
        rest = self._take()
        return Chunk(rest.audio + bytes(self._size - len(rest.audio)), rest.interruptible)

    def drop_interruptible(self) -> None:
        """Forget the audio that an interruption may drop."""
        self._runs = deque(run for run in self._runs if not run[1])
        self._held = sum(len(audio) for audio, _ in self._runs)

    def clear(self) -> None:
        """Forget everything."""
        self._runs.clear()
        self._held = 0

    def _take(self) -> Chunk:
        chunk = bytearray()
        interruptible = True
        while len(chunk) < self._size and self._runs:
            audio, flag = self._runs[0]
            interruptible = interruptible and flag
            needed = self._size - len(chunk)
            chunk += audio[:needed]
            if len(audio) <= needed:
                self._runs.popleft()
            else:
                del audio[:needed]
        self._held -= len(chunk)
        return Chunk(bytes(chunk), interruptible)
