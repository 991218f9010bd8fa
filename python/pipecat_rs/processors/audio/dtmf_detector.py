"""Keys that the user presses, heard in the audio itself."""

from __future__ import annotations

from typing import Any

from pipecat_rs.audio.dsp import ChannelMapper, DtmfDetector
from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.frames.frames import Frame, InputAudioRawFrame, InputDTMFFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

_KEYS = {entry.value: entry for entry in KeypadEntry}


class DTMFDetector(FrameProcessor):
    """Pushes an `InputDTMFFrame` for each key whose tone is in the user's audio.

    For telephony that does not report keys by itself. To be put behind the input transport. The
    frame comes about 40 ms after the tone has begun, once for each press; tones of less than 34 ms
    may be missed, and the column A to D is not reported. Audio passes on unchanged.
    """

    handles = (InputAudioRawFrame,)

    def __init__(self, **kwargs: Any) -> None:
        """Make a processor.

        Args:
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._stream = (0, 0)
        self._detector: DtmfDetector | None = None
        self._mapper: ChannelMapper | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Listen, and pass the frame on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame) and frame.audio:
            for key in self._pressed(frame):
                await self.push_frame(InputDTMFFrame(button=key))

    def _pressed(self, frame: InputAudioRawFrame) -> list[KeypadEntry]:
        stream = (frame.sample_rate, frame.num_channels)
        if self._detector is None or stream != self._stream:
            self._stream = stream
            self._detector = DtmfDetector(frame.sample_rate)
            self._mapper = ChannelMapper(frame.num_channels, 1) if frame.num_channels > 1 else None
        audio = self._mapper.process(frame.audio) if self._mapper else frame.audio
        events = self._detector.process(audio)
        return [_KEYS[event.key] for event in events if event.is_pressed and event.key in _KEYS]
