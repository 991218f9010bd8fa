"""Cuts a stream of audio into chunks of one size, and keeps what an interruption must not drop."""

from __future__ import annotations

from dataclasses import dataclass

from pipecat_rs.audio.dsp import Chunker


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
        self._chunker = Chunker(size)

    def __len__(self) -> int:
        """Bytes held back because they do not fill a chunk yet."""
        return len(self._chunker)

    def push(self, audio: bytes, *, interruptible: bool = True) -> list[Chunk]:
        """Add audio and take out the chunks that are now full.

        Args:
            audio: Samples, as bytes.
            interruptible: Whether an interruption may drop it.

        Returns:
            Full chunks, oldest first.
        """
        return [Chunk(*chunk) for chunk in self._chunker.push(audio, interruptible=interruptible)]

    def flush(self) -> Chunk | None:
        """Take out what is left as a last chunk, filled up with silence.

        Returns:
            The chunk, or None if nothing was held back.
        """
        rest = self._chunker.flush()
        return Chunk(*rest) if rest else None

    def drop_interruptible(self) -> None:
        """Forget the audio that an interruption may drop."""
        self._chunker.drop_interruptible()

    def clear(self) -> None:
        """Forget everything."""
        self._chunker.clear()
