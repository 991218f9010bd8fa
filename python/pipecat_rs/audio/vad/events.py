"""What native voice activity detection tells the processor beside it."""

from __future__ import annotations

from dataclasses import dataclass

from pipecat_rs.frames.base import SystemFrame


@dataclass
class VoiceActivityFrame(SystemFrame):
    """Something was found in the audio that passes. Made in Rust, for the processor beside alone.

    Attributes:
        kind: "started", "activity" and "stopped" of speech, "ceased" if the audio has while
            somebody spoke, "drained" for a mark, "unread" for frames that only Python can read, or
            "failed".
        mark: The mark that was drained.
        error: What failed, or None.
    """

    kind: str = ""
    mark: int = 0
    error: str | None = None
