"""What the SDK is told when a room is joined."""

from __future__ import annotations

from typing import Any

from pipecat_rs.transports.daily.params import DailyParams


def join_settings(params: DailyParams, microphone_id: str | None) -> dict[str, Any]:
    """Return the client settings of the SDK's ``join``.

    Args:
        params: Settings of the call.
        microphone_id: The microphone track, or None if no audio is sent.
    """
    microphone = {
        "isEnabled": microphone_id is not None,
        "settings": {"customTrack": {"id": microphone_id or "no-microphone-track"}},
    }
    sent = {
        "channelConfig": "stereo" if params.audio_out_channels == 2 else "mono",
        "bitrate": params.audio_out_bitrate,
    }
    settings: dict[str, Any] = {
        "inputs": {"camera": {"isEnabled": False}, "microphone": microphone},
        "publishing": {
            "camera": {"isPublishing": False},
            "microphone": {"isPublishing": microphone_id is not None, "sendSettings": sent},
        },
    }
    if params.initial_receive_bitrate is not None:
        settings["connection"] = {"initialReceiveBitrate": params.initial_receive_bitrate}
    return settings
