"""What can be set on a call in a room of Daily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipecat_rs.transports.base_transport import TransportParams


@dataclass(kw_only=True)
class DailyDialinSettings:
    """The call that dials in.

    Attributes:
        call_id: Its session in the telephone network.
        call_domain: Daily's domain there.
    """

    call_id: str = ""
    call_domain: str = ""


@dataclass(kw_only=True)
class DailyTranscriptionSettings:
    """How Daily transcribes, if it is asked to. The names are Daily's.

    Attributes:
        language: Code of the language.
        model: The model of the provider behind Daily.
        profanity_filter: Whether profanity is left out.
        redact: Whether sensitive words are left out.
        endpointing: Whether pauses end a segment.
        punctuate: Whether there is punctuation.
        includeRawResponse: Whether the provider's own message comes with each transcript.
        extra: Further options of the provider.
    """

    language: str = "en"
    model: str = "nova-2-general"
    profanity_filter: bool = True
    redact: bool = False
    endpointing: bool = True
    punctuate: bool = True
    includeRawResponse: bool = True
    extra: Mapping[str, Any] = field(default_factory=lambda: {"interim_results": True})


@dataclass(kw_only=True)
class DailyCustomAudioTrackParams:
    """A further audio track.

    Attributes:
        sample_rate: In Hz; None for that of the output.
        channels: Its channels.
        send_settings: How it is sent, as Daily has it.
    """

    sample_rate: int | None = None
    channels: int = 1
    send_settings: dict[str, Any] | None = None


@dataclass(kw_only=True)
class DailyCustomVideoTrackParams:
    """A further video track.

    Attributes:
        width: In pixels.
        height: In pixels.
        color_format: For example "RGB".
        send_settings: How it is sent, as Daily has it.
    """

    width: int = 1024
    height: int = 768
    color_format: str = "RGB"
    send_settings: dict[str, Any] | None = None


class DailyParams(TransportParams):
    """Settings of a call in a room of Daily.

    Attributes:
        api_url: Address of Daily's API.
        api_key: Key for it.
        audio_in_user_tracks: Whether each participant is heard by itself, rather than all mixed.
        camera_out_enabled: Whether there is a camera track, if video is sent.
        camera_out_send_settings: How the camera track is sent, as Daily has it.
        custom_audio_track_params: Settings of further audio tracks, by destination.
        custom_video_track_params: Settings of further video tracks, by destination.
        dialin_settings: The call that dials in.
        initial_receive_bitrate: What to expect of the connection, in bits a second.
        microphone_out_enabled: Whether there is a microphone track, if audio is sent.
        transcription_enabled: Whether Daily transcribes.
        transcription_settings: How it does so.
    """

    api_url: str = "https://api.daily.co/v1"
    api_key: str = ""
    audio_in_user_tracks: bool = True
    camera_out_enabled: bool = True
    camera_out_send_settings: dict[str, Any] | None = None
    custom_audio_track_params: Mapping[str, DailyCustomAudioTrackParams] | None = None
    custom_video_track_params: Mapping[str, DailyCustomVideoTrackParams] | None = None
    dialin_settings: DailyDialinSettings | None = None
    initial_receive_bitrate: int | None = None
    microphone_out_enabled: bool = True
    transcription_enabled: bool = False
    transcription_settings: DailyTranscriptionSettings = field(
        default_factory=DailyTranscriptionSettings
    )
