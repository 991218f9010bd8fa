"""An agent without models, for trying the demo: it answers a tone by a tone.

As a program, it runs the demo on the file given, and presses Ctrl-C when the caller speaks after
`--stop-after N` turns, or before the call begins if N is -1.
"""

import signal
import sys
import types

import numpy as np
from pipecat_rs.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.transports.base_transport import BaseTransport

OUT_RATE = 24_000
BEFORE_THE_CALL = -1


class Parrot(FrameProcessor):
    """Takes 100 ms of sound for speech and 100 ms of silence for its end, and answers at once."""

    def __init__(self, answer_secs: float = 0.5, stop_after: int | None = None) -> None:
        super().__init__()
        self._answer_secs = answer_secs
        self._stop_after = stop_after
        self._loud = self._quiet = self._turns = 0
        self._speaking = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self._listen(np.abs(np.frombuffer(frame.audio, np.int16)).max() > 1000)

    async def _listen(self, loud: bool) -> None:
        self._loud, self._quiet = (self._loud + 1, 0) if loud else (0, self._quiet + 1)
        if not self._speaking and self._loud == 5:
            self._speaking = True
            if self._turns == self._stop_after:
                signal.raise_signal(signal.SIGINT)
            await self.broadcast_frame(VADUserStartedSpeakingFrame)
            await self.broadcast_interruption()
        elif self._speaking and self._quiet == 5:
            self._speaking = False
            await self.broadcast_frame(VADUserStoppedSpeakingFrame)
            await self._answer()

    async def _answer(self) -> None:
        self._turns += 1
        await self.push_frame(TranscriptionFrame(f"squawk {self._turns}", "caller", ""))
        await self.broadcast_frame(UserStoppedSpeakingFrame)
        words = f"Squawk {self._turns} yourself."
        audio = np.full(round(self._answer_secs * OUT_RATE), 9000, np.int16).tobytes()
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(words))
        await self.push_frame(TTSStartedFrame())
        await self.push_frame(TTSAudioRawFrame(audio=audio, sample_rate=OUT_RATE, num_channels=1))
        await self.push_frame(TTSTextFrame(words, "sentence"))
        await self.push_frame(TTSStoppedFrame())
        await self.push_frame(LLMFullResponseEndFrame())


def agent(**options: float | None) -> types.ModuleType:
    """A module to stand in for `pipecat_rs.demo.voice_agent`."""

    def create_task(transport: BaseTransport) -> PipelineTask:
        if options.get("stop_after") == BEFORE_THE_CALL:
            signal.raise_signal(signal.SIGINT)
        return PipelineTask(Pipeline([transport.input(), Parrot(**options), transport.output()]))

    module = types.ModuleType("pipecat_rs.demo.voice_agent")
    module.create_task = create_task
    return module


def main() -> int:
    """The demo with this agent, from the command line."""
    from pipecat_rs.cli import main as demo

    arguments = sys.argv[1:]
    stop_after = None
    if "--stop-after" in arguments:
        at = arguments.index("--stop-after")
        stop_after = int(arguments[at + 1])
        del arguments[at : at + 2]
    # A shell starts its background jobs with Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.modules["pipecat_rs.demo.voice_agent"] = agent(stop_after=stop_after)
    return demo(["demo", *arguments])


if __name__ == "__main__":
    sys.exit(main())
