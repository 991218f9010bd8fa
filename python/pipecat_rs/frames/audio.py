"""Frames of raw audio: 16-bit little-endian PCM, channels interleaved."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipecat_rs.frames.base import DataFrame, SystemFrame
from pipecat_rs.frames.timestamp import format_pts

BYTES_PER_SAMPLE = 2


@dataclass(repr=False, eq=False)
class AudioRawFrame:
    """A chunk of raw audio; what input and output audio frames have in common.

    Attributes:
        audio: The samples, as 16-bit PCM.
        sample_rate: Samples per second and channel, in Hz.
        num_channels: Number of interleaved channels.
        num_frames: Samples per channel, worked out from the other fields.
    """

    audio: bytes
    sample_rate: int
    num_channels: int
    num_frames: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.num_frames = len(self.audio) // (self.num_channels * BYTES_PER_SAMPLE)

    def _audio_facts(self) -> str:
        return (
            f"size: {len(self.audio)}, frames: {self.num_frames}, "
            f"sample_rate: {self.sample_rate}, channels: {self.num_channels}"
        )


@dataclass(repr=False, eq=False)
class OutputAudioRawFrame(DataFrame, AudioRawFrame):
    """Audio for the output transport to play, on `transport_destination` if that is set."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.num_frames = len(self.audio) // (self.num_channels * BYTES_PER_SAMPLE)

    def __str__(self) -> str:
        return (
            f"{self.name}(pts: {format_pts(self.pts)}, "
            f"destination: {self.transport_destination}, {self._audio_facts()})"
        )


@dataclass(repr=False, eq=False)
class TTSAudioRawFrame(OutputAudioRawFrame):
    """Audio made by a text-to-speech service.

    Attributes:
        context_id: The synthesis request that the audio belongs to.
    """

    context_id: str | None = None


class SpeechOutputAudioRawFrame(OutputAudioRawFrame):
    """Audio out of an unbroken stream of speech, which holds silence as well."""


@dataclass(repr=False, eq=False)
class InputAudioRawFrame(SystemFrame, AudioRawFrame):
    """Audio that came in from a transport, on `transport_source` if it has several."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.num_frames = len(self.audio) // (self.num_channels * BYTES_PER_SAMPLE)

    def __str__(self) -> str:
        return (
            f"{self.name}(pts: {format_pts(self.pts)}, "
            f"source: {self.transport_source}, {self._audio_facts()})"
        )


@dataclass(repr=False, eq=False)
class UserAudioRawFrame(InputAudioRawFrame):
    """Audio of one user, from a transport that tells its users apart.

    Attributes:
        user_id: Identifier of the user.
    """

    user_id: str = ""

    def __str__(self) -> str:
        return (
            f"{self.name}(pts: {format_pts(self.pts)}, user: {self.user_id}, "
            f"source: {self.transport_source}, {self._audio_facts()})"
        )
