"""Frames which change the settings of services, filters, mixers and voice detection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic

from pipecat_rs.frames.base import ControlFrame, SystemFrame

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from pipecat_rs.audio.vad.vad_analyzer import VADParams
    from pipecat_rs.processors.frame_processor import FrameProcessor
    from pipecat_rs.services.settings import (  # noqa: F401 - named in strings below
        LLMSettings,
        ServiceSettings,
        STTSettings,
        TTSSettings,
    )

    TSettings = TypeVar("TSettings", bound=ServiceSettings, default=ServiceSettings, covariant=True)
else:
    from typing import TypeVar

    TSettings = TypeVar("TSettings", covariant=True)


@dataclass(repr=False, eq=False)
class ServiceUpdateSettingsFrame(ControlFrame, Generic[TSettings]):
    """Changes settings of a service.

    Attributes:
        settings: Names and values. Deprecated in pipecat 0.0.104: use `delta`.
        delta: The settings that change; it wins over `settings`.
        service: The one service that is meant, or None for whichever comes along.
        reach_inactive_services: Whether the inactive services of a switcher take it too.
    """

    interruptible: bool = field(default=False, init=False)

    settings: Mapping[str, Any] = field(default_factory=dict)
    delta: TSettings | None = None
    service: FrameProcessor | None = None
    reach_inactive_services: bool = False


class LLMUpdateSettingsFrame(ServiceUpdateSettingsFrame["LLMSettings"]):
    """Changes settings of a language model service."""


class TTSUpdateSettingsFrame(ServiceUpdateSettingsFrame["TTSSettings"]):
    """Changes settings of a text-to-speech service."""


class STTUpdateSettingsFrame(ServiceUpdateSettingsFrame["STTSettings"]):
    """Changes settings of a speech-to-text service."""


@dataclass(repr=False, eq=False)
class ServiceMetadataFrame(SystemFrame):
    """What a service says about itself when it starts or becomes active.

    Attributes:
        service_name: Name of the service.
        user_turn_strategies: The turn strategies that suit it, or None.
    """

    service_name: str
    user_turn_strategies: Any | None = field(default=None, kw_only=True)


@dataclass(repr=False, eq=False)
class STTMetadataFrame(ServiceMetadataFrame):
    """What a speech-to-text service says about itself.

    Attributes:
        ttfs_p99_latency: Seconds from the end of speech to its final transcript, 99th
            percentile.
    """

    ttfs_p99_latency: float


@dataclass(repr=False, eq=False)
class LLMServiceMetadataFrame(ServiceMetadataFrame):
    """What a language model service says about itself.

    Attributes:
        is_realtime_service: Whether it takes audio in and gives audio out.
    """

    is_realtime_service: bool = False


@dataclass(repr=False, eq=False)
class SpeechControlParamsFrame(SystemFrame):
    """The parameters by which speech and turns are detected.

    Attributes:
        vad_params: Those of voice activity detection, or None.
        turn_params: Those of turn analysis, or None.
    """

    vad_params: VADParams | None = None
    turn_params: Any | None = None


@dataclass(repr=False, eq=False)
class VADParamsUpdateFrame(ControlFrame):
    """Changes the parameters of voice activity detection.

    Attributes:
        params: The new parameters.
    """

    params: VADParams


class FilterControlFrame(ControlFrame):
    """Something for an audio filter."""


@dataclass(repr=False, eq=False)
class FilterUpdateSettingsFrame(FilterControlFrame):
    """Changes settings of an audio filter.

    Attributes:
        settings: Names and values.
    """

    settings: Mapping[str, Any]


@dataclass(repr=False, eq=False)
class FilterEnableFrame(FilterControlFrame):
    """Switches an audio filter.

    Attributes:
        enable: Whether it filters.
    """

    enable: bool


@dataclass(repr=False, eq=False)
class AudioBufferStartRecordingFrame(ControlFrame):
    """Audio buffers begin to record here."""

    interruptible: bool = field(default=False, init=False)


@dataclass(repr=False, eq=False)
class AudioBufferStopRecordingFrame(ControlFrame):
    """Audio buffers stop recording here, and hand out what they have."""

    interruptible: bool = field(default=False, init=False)


class MixerControlFrame(ControlFrame):
    """Something for an audio mixer."""


@dataclass(repr=False, eq=False)
class MixerUpdateSettingsFrame(MixerControlFrame):
    """Changes settings of an audio mixer.

    Attributes:
        settings: Names and values.
    """

    settings: Mapping[str, Any]


@dataclass(repr=False, eq=False)
class MixerEnableFrame(MixerControlFrame):
    """Switches an audio mixer.

    Attributes:
        enable: Whether it mixes.
    """

    enable: bool


@dataclass(repr=False, eq=False)
class VolumeFrame(ControlFrame):
    """Sets the output volume, from here to the next such frame.

    Attributes:
        volume: Factor on the samples: 1.0 changes nothing.
    """

    volume: float
    interruptible: bool = field(default=False, init=False)


@dataclass(repr=False, eq=False)
class VolumeGainFrame(ControlFrame):
    """Sets a factor on the output volume, for one passage.

    Attributes:
        gain: Factor on the volume: 1.0 changes nothing.
    """

    gain: float
    interruptible: bool = field(default=False, init=False)
