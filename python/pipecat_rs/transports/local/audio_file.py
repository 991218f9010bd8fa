"""A transport that holds a call with a recording: a file is the caller, a file is what was said.

The input file is streamed in 20 ms frames at the pace of a microphone; what the bot says is paced
as a loudspeaker would play it; both are recorded, side by side, into a stereo WAV.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pipecat_rs.audio.audio_file_reader import AudioFileReader
from pipecat_rs.processors.frame_processor import FrameProcessor
from pipecat_rs.transports.base_transport import BaseTransport
from pipecat_rs.transports.local.audio_file_input import AudioFileInputTransport
from pipecat_rs.transports.local.audio_file_output import (
    AudioFileOutputTransport,
    FastAudioFileOutputTransport,
)
from pipecat_rs.transports.local.recorded_call import AudioFileTransportParams, RecordedCall

logger = logging.getLogger(__name__)

__all__ = [
    "AudioFileInputTransport",
    "AudioFileOutputTransport",
    "AudioFileTransport",
    "AudioFileTransportParams",
]


class AudioFileTransport(BaseTransport):
    """A call whose caller is a recording.

    Events: `on_client_connected(transport, path)` when the call begins, and
    `on_client_disconnected(transport, path)` when the caller hangs up, after which the task ends.

    A fast call gives the same conversation in less time: see `call_clock`. Timers of the program's
    own that run while nobody speaks (a user-idle time-out, say) are overtaken by it.

    Example:
        transport = AudioFileTransport("caller.wav", "call.wav")
        pipeline = Pipeline([transport.input(), ..., transport.output()])
    """

    _declared_events: ClassVar[Mapping[str, bool]] = {
        "on_client_connected": False,
        "on_client_disconnected": False,
    }

    def __init__(
        self,
        input_path: str | Path,
        output_path: str | Path | None = None,
        *,
        params: AudioFileTransportParams | None = None,
        fast: bool = False,
        name: str | None = None,
        input_name: str | None = None,
        output_name: str | None = None,
    ) -> None:
        """Open the input file.

        Args:
            input_path: What the caller says: an audio file of any usual kind.
            output_path: Where to record both sides of the call, as a stereo WAV: the caller on
                the left, the bot on the right. None records nothing.
            params: Settings.
            fast: Leave out the time in which audio merely goes by.
            name: Name of the transport.
            input_name: Name of its input processor.
            output_name: Name of its output processor.

        Raises:
            AudioFileError: If the input cannot be used, saying why.
            MissingDependencyError: If a package is missing, saying which.
        """
        super().__init__(name=name, input_name=input_name, output_name=output_name)
        self._reader = AudioFileReader(input_path)
        if self._reader.missing > 0.05:
            logger.warning(
                "%s was cut off: %.1f s are missing at its end", input_path, self._reader.missing
            )
        self.output_path = Path(output_path) if output_path is not None else None
        self._params = params or AudioFileTransportParams()
        self._fast = fast
        self._call = RecordedCall(self, fast)

    def input(self) -> AudioFileInputTransport:
        """The processor that speaks for the caller."""
        if self._call.input is None:
            self._call.input = AudioFileInputTransport(
                self._call, self._reader, self._params, name=self._input_name
            )
        return self._call.input

    def output(self) -> AudioFileOutputTransport:
        """The processor that plays the bot's voice."""
        if self._call.output is None:
            kind = FastAudioFileOutputTransport if self._fast else AudioFileOutputTransport
            self._call.output = kind(self._call, self._params, name=self._output_name)
        return self._call.output

    async def stop(self) -> None:
        """Hang up and close the files. A task that still runs on it is cancelled."""
        await super().stop()
        self._reader.close()
        self._call.close()

    def _processors(self) -> list[FrameProcessor]:
        made = (self._call.input, self._call.output)
        return [processor for processor in made if processor is not None]

    @property
    def source(self) -> AudioFileReader:
        """The input file: its format, its duration and so on."""
        return self._reader

    @property
    def begun(self) -> bool:
        """Whether the call has begun, so that there is a recording."""
        return self._call.clock.running

    @property
    def position(self) -> float:
        """Seconds since the call began."""
        return self._call.clock.time()

    @property
    def skipped(self) -> float:
        """Seconds of the call that a fast call has left out."""
        return self._call.clock.jumped

    def call_time(self, timestamp: int) -> float:
        """Place a time of the pipeline's clock on the call's timeline.

        Args:
            timestamp: In nanoseconds, as observers are told it.

        Returns:
            Seconds since the call began.
        """
        return self._call.clock.from_pipeline(timestamp)

    async def connected(self) -> None:
        """Tell the program that the call has begun."""
        await self._call_event_handler("on_client_connected", str(self._reader.path))

    async def disconnected(self) -> None:
        """Tell the program that the caller has hung up."""
        await self._call_event_handler("on_client_disconnected", str(self._reader.path))
