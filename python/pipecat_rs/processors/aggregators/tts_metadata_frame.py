"""How a text-to-speech service makes itself known to what stands before it."""

from __future__ import annotations

from dataclasses import dataclass

from pipecat_rs.frames.frames import ServiceMetadataFrame


@dataclass(repr=False, eq=False)
class TTSMetadataFrame(ServiceMetadataFrame):
    """What a text-to-speech service says upstream when it starts: that answers are spoken here.

    By it an assistant aggregator learns that it stands before the voice and has to hand text on.
    """
