"""What every transport has in common: its parameters, and the pair of processors it offers."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, dataclass_transform

from pipecat_rs.utils.base_object import BaseObject

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessor

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class VideoInSourceParams:
    """How one video source of a user is captured.

    Attributes:
        framerate: Frames a second that are passed on, at least 1.
        on_request_only: Pass a frame on only as the answer to an image request.
    """

    framerate: int = 30
    on_request_only: bool = False

    def __post_init__(self) -> None:
        """Check the values."""
        if self.framerate < 1:
            raise ValueError(
                f"framerate must be at least 1, not {self.framerate}: "
                "for frames on request alone set on_request_only=True"
            )


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
@dataclass(kw_only=True)
class TransportParams:
    """Settings that all transports understand. A subclass just declares more fields.

    Attributes:
        audio_out_enabled: Whether audio is played.
        audio_out_sample_rate: In Hz. None takes the pipeline's output rate.
        audio_out_channels: Channels of the played audio.
        audio_out_bitrate: In bits a second, for transports that compress.
        audio_out_10ms_chunks: Audio is written in pieces of this many times 10 ms.
        audio_out_filter: Filter for the audio of the default destination.
        audio_out_volume: Factor on the samples played; a `VolumeFrame` changes it later.
        audio_out_mixer: Mixer for background sound, or one for each destination.
        audio_out_destinations: Names of further audio tracks.
        audio_out_end_silence_secs: Silence played after the last words, before the end.
        audio_out_auto_silence: Whether the transport plays silence while nothing is queued.
        audio_out_write_timeout_secs: After this long in one write the peer counts as gone.
        audio_in_enabled: Whether audio is received.
        audio_in_sample_rate: In Hz. None takes the pipeline's input rate.
        audio_in_channels: Channels of the received audio.
        audio_in_filter: Filter for the received audio, for example a noise filter.
        audio_in_stream_on_start: Whether audio is streamed from the start on.
        audio_in_passthrough: Whether received audio is passed down the pipeline.
        video_in_enabled: Whether video is received.
        video_in_sources: Sources captured for each user, by name ("camera", "screenVideo").
        video_out_enabled: Whether video is sent.
        video_out_is_live: Whether images are sent as they come, at their own pace.
        video_out_width: In pixels.
        video_out_height: In pixels.
        video_out_bitrate: In bits a second.
        video_out_framerate: Frames a second.
        video_out_color_format: For example "RGB".
        video_out_codec: Preferred codec, for example "VP8".
        video_out_destinations: Names of further video tracks.
        vad_enabled: Whether the input detects voice activity, as in older programs; with Silero
            unless there is a `vad_analyzer`. Not beside a `VADProcessor` or an analyzer of the
            user aggregator: speech would be told twice.
        vad_analyzer: What detects it. Given one, the input does so in any case.
    """

    audio_out_enabled: bool = False
    audio_out_sample_rate: int | None = None
    audio_out_channels: int = 1
    audio_out_bitrate: int = 96000
    audio_out_10ms_chunks: int = 4
    audio_out_filter: Any = None
    audio_out_volume: float = 1.0
    audio_out_mixer: Any = None
    audio_out_destinations: list[str] = field(default_factory=list)
    audio_out_end_silence_secs: float = 2
    audio_out_auto_silence: bool = True
    audio_out_write_timeout_secs: float = 10.0
    audio_in_enabled: bool = False
    audio_in_sample_rate: int | None = None
    audio_in_channels: int = 1
    audio_in_filter: Any = None
    audio_in_stream_on_start: bool = True
    audio_in_passthrough: bool = True
    video_in_enabled: bool = False
    video_in_sources: Mapping[str, VideoInSourceParams] = field(default_factory=dict)
    video_out_enabled: bool = False
    video_out_is_live: bool = False
    video_out_width: int = 1024
    video_out_height: int = 768
    video_out_bitrate: int | None = None
    video_out_framerate: int = 30
    video_out_color_format: str = "RGB"
    video_out_codec: str | None = None
    video_out_destinations: list[str] = field(default_factory=list)
    vad_enabled: bool = False
    vad_analyzer: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the subclass's annotations fields, as users of pydantic models expect."""
        super().__init_subclass__(**kwargs)
        dataclass(kw_only=True)(cls)

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("audio_in_sample_rate", "audio_out_sample_rate"):
            rate = getattr(self, name)
            if rate is not None and rate <= 0:
                raise ValueError(f"{name} must be positive, or None for the pipeline's, not {rate}")
        if self.audio_out_10ms_chunks < 1:
            raise ValueError(
                f"audio_out_10ms_chunks must be at least 1, not {self.audio_out_10ms_chunks}"
            )
        if self.video_in_sources and not self.video_in_enabled:
            raise ValueError("video_in_sources needs video_in_enabled=True")

    def _mixer_of(self, destination: str | None) -> Any:
        """Return a destination's mixer: of the default one, unless there is one for each."""
        mixer = self.audio_out_mixer
        if isinstance(mixer, Mapping):
            return mixer.get(destination)
        return mixer if destination is None else None


class BaseTransport(BaseObject):
    """A way in and a way out for media: `input()` begins a pipeline, `output()` ends it."""

    def __init__(
        self,
        *,
        name: str | None = None,
        input_name: str | None = None,
        output_name: str | None = None,
    ) -> None:
        """Initialize the transport.

        Args:
            name: Name of the transport.
            input_name: Name of its input processor.
            output_name: Name of its output processor.
        """
        super().__init__(name=name)
        self._input_name = input_name
        self._output_name = output_name

    @abstractmethod
    def input(self) -> FrameProcessor:
        """The processor that brings the user's media into the pipeline."""

    @abstractmethod
    def output(self) -> FrameProcessor:
        """The processor that plays the bot's media to the user."""

    async def stop(self) -> None:
        """Release what the transport holds: nothing is heard or played from here on.

        A task that still runs on it is cancelled. It may be over, or never have run. A second call
        does nothing.
        """
        processors = self._processors()
        for processor in processors:
            worker = processor._setup.pipeline_worker if processor._setup is not None else None
            if worker is not None and not worker.has_finished():
                await worker.cancel(reason=f"{self} was stopped")
        for processor in processors:
            await processor.cleanup()

    def _processors(self) -> list[FrameProcessor]:
        """Return the input and the output, as far as they have been made."""
        made = (getattr(self, "_input", None), getattr(self, "_output", None))
        return [processor for processor in made if processor is not None]

    async def capture_participant_video(
        self,
        participant_id: str,
        framerate: int | None = 30,
        video_source: str = "camera",
        *,
        on_request_only: bool = False,
    ) -> None:
        """Start to capture a participant's video. Transports without video only warn.

        Args:
            participant_id: Whose video, as `get_client_id` says.
            framerate: Frames a second to pass on; None for all.
            video_source: "camera", "screenVideo" or a name of the transport's own.
            on_request_only: Pass frames on only in answer to image requests.
        """
        logger.warning("%s cannot capture a participant's video", self)

    def get_client_id(self, client: Any) -> str:
        """The id of a client as its events pass it. Transports without clients only warn.

        Args:
            client: The client, as `on_client_connected` got it.

        Returns:
            Its id, or an empty string.
        """
        logger.warning("%s has no client ids", self)
        return ""
