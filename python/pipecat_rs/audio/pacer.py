"""When a chunk of audio is due, if chunks are to follow each other without gap or overlap.

The pacer has no clock and does no I/O: it is told the time. Each chunk is due when the one before
it ends, by the schedule and not by the moment it was really written, so a late write delays that
chunk alone and lateness does not add up.
"""

from __future__ import annotations

from pipecat_rs.audio.lateness import LatenessHistogram


class Pacer:
    """An absolute playout schedule, and a record of how well it was kept.

    For each chunk ask `due`, wait until then, write, and say so with `wrote`. A chunk that is
    dropped before it was written leaves no hole: simply do not call `wrote`.
    """

    def __init__(self, lateness: LatenessHistogram | None = None) -> None:
        """Start with a free line: the first chunk is due as soon as it is there.

        Args:
            lateness: Where to count how late chunks were written. None makes a new histogram.
        """
        self._free_at = 0.0
        self.lateness = LatenessHistogram() if lateness is None else lateness

    @property
    def free_at(self) -> float:
        """When all that was written has been played, in seconds on the caller's clock."""
        return self._free_at

    def due(self, ready: float) -> float:
        """When to write a chunk.

        Args:
            ready: When the chunk became available, in seconds. If that is after the end of what
                is playing there was nothing to play in between, and the schedule starts anew.

        Returns:
            The time at which the chunk should be written, in seconds.
        """
        return max(self._free_at, ready)

    def wrote(self, due: float, duration: float, now: float) -> None:
        """Note that a chunk was written.

        Args:
            due: What `due` said for it.
            duration: How long the chunk plays, in seconds.
            now: The time it was written.
        """
        self._free_at = due + duration
        self.lateness.record(now - due)
