"""The microphone and the loudspeaker of this machine.

Audio goes between the devices and the pipeline on media threads, converted to the devices' rates.
The extension has devices if it was built with the feature `local-audio`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

from pipecat_rs import _core
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    StartFrame,
    StopFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat_rs.transports.base_input import BaseInputTransport
from pipecat_rs.transports.base_output import BaseOutputTransport
from pipecat_rs.transports.base_transport import BaseTransport, TransportParams

__all__ = [
    "LocalAudioDevice",
    "LocalAudioInputTransport",
    "LocalAudioOutputTransport",
    "LocalAudioTransport",
    "LocalAudioTransportParams",
    "local_audio_devices",
]

_FRAME_SECS = 0.02
_ROOM_SECS = 0.005
_WAITING_FRAMES = 500
"""Ten seconds: what a busy loop has not heard by then it will not want to hear."""


@dataclass(frozen=True)
class LocalAudioDevice:
    """An audio device of this machine.

    Attributes:
        index: By which `LocalAudioTransportParams` chooses it.
        name: The system's name for it.
        is_input: Whether it records.
        is_output: Whether it plays.
    """

    index: int
    name: str
    is_input: bool
    is_output: bool


def local_audio_devices() -> list[LocalAudioDevice]:
    """List the audio devices of this machine.

    Returns:
        The devices, in the order of their indices.

    Raises:
        MissingDependencyError: If the extension was built without devices.
        OSError: If the system does not tell.
    """
    _require_devices("local_audio_devices")
    return [LocalAudioDevice(*device) for device in _core._local_audio_devices()]


class LocalAudioTransportParams(TransportParams):
    """Settings of the local transport.

    Attributes:
        input_device_index: The microphone, as `local_audio_devices` counts. None takes the
            system's choice.
        output_device_index: The loudspeaker, in the same way.
    """

    input_device_index: int | None = None
    output_device_index: int | None = None


class LocalAudioInputTransport(BaseInputTransport):
    """Pushes what the microphone hears, in frames of 20 ms.

    Without a step of Python, unless a filter or a `push_audio_frame` written in Python is to see
    the audio first.
    """

    def __init__(self, params: LocalAudioTransportParams, **kwargs: Any) -> None:
        """Initialize the input. Made by `LocalAudioTransport.input`.

        Args:
            params: The transport's settings.
            **kwargs: For the base class.
        """
        super().__init__(params, **kwargs)
        self._device_index = params.input_device_index
        self._microphone: _core.LocalMicrophone | None = None
        self._waiting: deque[bytes] = deque(maxlen=_WAITING_FRAMES)
        self._handling: asyncio.Task[None] | None = None

    @property
    def overruns(self) -> int:
        """How often audio of the microphone was lost because nobody fetched it in time."""
        return self._microphone.overruns if self._microphone is not None else 0

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Open the microphone.

        Args:
            setup: What the pipeline task hands to its processors.

        Raises:
            OSError: If there is no microphone, or it cannot be opened.
        """
        await super().setup(setup)
        if self._params.audio_in_enabled:
            channels = self._params.audio_in_channels
            # The system may take its time.
            self._microphone = await asyncio.to_thread(
                _core.LocalMicrophone, self._device_index, self.sample_rate, channels, _FRAME_SECS
            )

    async def start(self, frame: StartFrame) -> None:
        """Hear the microphone from now on.

        Args:
            frame: The StartFrame.
        """
        await super().start(frame)
        if self._microphone is not None:
            self._microphone.streaming = self._params.audio_in_stream_on_start
            on_audio = None if self._hears_natively() else self._recorded
            self._microphone.start(self, self._lost, on_audio)
        await self.set_transport_ready(frame)

    async def stop(self, frame: EndFrame) -> None:
        """Hear nothing more.

        Args:
            frame: The EndFrame.
        """
        await super().stop(frame)
        self._set_streaming(False)

    async def pause(self, frame: StopFrame) -> None:
        """Hear nothing until the next start.

        Args:
            frame: The StopFrame.
        """
        await super().pause(frame)
        self._set_streaming(False)

    async def cancel(self, frame: CancelFrame) -> None:
        """Hear nothing more.

        Args:
            frame: The CancelFrame.
        """
        await super().cancel(frame)
        self._set_streaming(False)

    async def cleanup(self) -> None:
        """Let the microphone go."""
        await super().cleanup()
        microphone, self._microphone = self._microphone, None
        if microphone is not None:
            microphone.close()
        self._waiting.clear()
        handling, self._handling = self._handling, None
        if handling is not None:
            await self.cancel_task(handling)

    async def _start_audio_in_streaming(self) -> None:
        self._set_streaming(True)

    def _set_streaming(self, streaming: bool) -> None:
        if self._microphone is not None:
            self._microphone.streaming = streaming

    def _hears_natively(self) -> bool:
        return (
            type(self).push_audio_frame is BaseInputTransport.push_audio_frame
            and not self._params.audio_in_filter
            and self._params.audio_in_passthrough
        )

    def _recorded(self, audio: bytes) -> None:
        self._waiting.append(audio)
        if self._handling is None or self._handling.done():
            self._handling = self.create_task(self._push_waiting(), "microphone")

    async def _push_waiting(self) -> None:
        while self._waiting:
            audio = self._waiting.popleft()
            channels = self._params.audio_in_channels
            await self.push_audio_frame(InputAudioRawFrame(audio, self.sample_rate, channels))

    def _lost(self, why: str) -> None:
        error = self.push_error(f"{self}: the microphone is gone: {why}")
        self.create_task(error, "report_lost_microphone")


class LocalAudioOutputTransport(BaseOutputTransport):
    """Plays through the loudspeaker.

    Audio is cut and paced on a media thread, and an interruption takes back at once what has not
    been heard. Where a filter, a mixer or a `write_audio_frame` written in Python is to see the
    audio, the event loop does it.
    """

    paced = True

    def __init__(self, params: LocalAudioTransportParams, **kwargs: Any) -> None:
        """Initialize the output. Made by `LocalAudioTransport.output`.

        Args:
            params: The transport's settings.
            **kwargs: For the base class.
        """
        super().__init__(params, **kwargs)
        self._device_index = params.output_device_index
        self._speaker: _core.LocalSpeaker | None = None

    @property
    def underruns(self) -> int:
        """How often there were gaps in what was heard because audio came too late."""
        return self._speaker.underruns if self._speaker is not None else 0

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Open the loudspeaker.

        Args:
            setup: What the pipeline task hands to its processors.

        Raises:
            OSError: If there is no loudspeaker, or it cannot be opened.
        """
        await super().setup(setup)
        params = self._params
        if params.audio_out_enabled:
            chunk_secs = params.audio_out_10ms_chunks / 100
            channels = params.audio_out_channels
            self._speaker = await asyncio.to_thread(
                _core.LocalSpeaker, self._device_index, self.sample_rate, channels, chunk_secs
            )

    async def start(self, frame: StartFrame) -> None:
        """Play from now on.

        Args:
            frame: The StartFrame.
        """
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def stop(self, frame: EndFrame) -> None:
        """Play what is queued, to its end.

        Args:
            frame: The EndFrame.
        """
        await super().stop(frame)
        while self._speaker is not None and (queued := self._speaker.queued_secs) > 0:
            await asyncio.sleep(max(queued, _ROOM_SECS))

    async def cleanup(self) -> None:
        """Let the loudspeaker go."""
        await super().cleanup()
        speaker, self._speaker = self._speaker, None
        if speaker is not None:
            await asyncio.to_thread(speaker.close)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Do what every output does, and fall silent when the user interrupts.

        Args:
            frame: The frame.
            direction: Where it is going.
        """
        await super().process_frame(frame, direction)
        if (
            isinstance(frame, InterruptionFrame)
            and self._speaker is not None
            and not self._plays_natively(None)
        ):
            self._speaker.interrupt()

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Play a chunk of audio. Returns when there was room for it.

        Args:
            frame: The chunk.

        Returns:
            Whether there is a loudspeaker.

        Raises:
            OSError: If the loudspeaker is gone.
        """
        if self._speaker is None:
            return False
        while not self._speaker.write(frame.audio):
            await asyncio.sleep(_ROOM_SECS)
        return True

    def _native_sink(self, destination: str | None) -> Any:
        return self._speaker if destination is None else None

    def _plays_natively(self, destination: str | None) -> bool:
        kind = type(self)
        return (
            super()._plays_natively(destination)
            and kind.write_audio_frame is LocalAudioOutputTransport.write_audio_frame
            and kind.write_transport_frame is BaseOutputTransport.write_transport_frame
            and kind.send_message is BaseOutputTransport.send_message
        )


class LocalAudioTransport(BaseTransport):
    """A conversation with whoever sits in front of this machine.

    Example:
        params = LocalAudioTransportParams(audio_in_enabled=True, audio_out_enabled=True)
        transport = LocalAudioTransport(params)
        pipeline = Pipeline([transport.input(), ..., transport.output()])
    """

    def __init__(
        self,
        params: LocalAudioTransportParams,
        *,
        name: str | None = None,
        input_name: str | None = None,
        output_name: str | None = None,
    ) -> None:
        """Initialize the transport. Devices are opened when a pipeline with it is set up.

        Args:
            params: Settings.
            name: Name of the transport.
            input_name: Name of its input processor.
            output_name: Name of its output processor.

        Raises:
            MissingDependencyError: If the extension was built without devices.
        """
        super().__init__(name=name, input_name=input_name, output_name=output_name)
        _require_devices(self)
        self._params = params
        self._input: LocalAudioInputTransport | None = None
        self._output: LocalAudioOutputTransport | None = None

    def input(self) -> LocalAudioInputTransport:
        """The processor that hears the microphone."""
        if self._input is None:
            self._input = LocalAudioInputTransport(self._params, name=self._input_name)
        return self._input

    def output(self) -> LocalAudioOutputTransport:
        """The processor that plays through the loudspeaker."""
        if self._output is None:
            self._output = LocalAudioOutputTransport(self._params, name=self._output_name)
        return self._output


def _require_devices(needed_by: Any) -> None:
    if _core.LOCAL_AUDIO:
        return
    raise MissingDependencyError(
        f"{needed_by} needs audio devices, and this build of pipecat_rs has none",
        hint="install ALSA's development files (Debian: apt install libasound2-dev) and build it "
        'from a checkout with: pip install . -C build-args="--features local-audio"',
    )
