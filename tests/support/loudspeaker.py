"""An output transport that keeps what it plays, on a clock that leaves out the waiting."""

import asyncio
from typing import Any

from pipecat_rs.frames.frames import OutputAudioRawFrame, StartFrame
from pipecat_rs.transports.base_output import BaseOutputTransport
from pipecat_rs.transports.base_transport import TransportParams
from pipecat_rs.transports.local.call_clock import CallClock
from pipecat_rs.transports.playout_clock import PlayoutClock

RATE = 16_000


def pcm(secs: float, level: int = 1000, rate: int = RATE) -> bytes:
    """Loud audio of a length."""
    return level.to_bytes(2, "little", signed=True) * round(secs * rate)


class Loudspeaker(BaseOutputTransport):
    """Plays nothing, but notes when each chunk was due and what it was.

    Time does not pass by itself: `hold` keeps it where it is, `release` lets it go on to whatever
    is due.
    """

    paced = True

    def __init__(self, held: bool = False, **params: Any) -> None:
        params.setdefault("audio_out_enabled", True)
        params.setdefault("audio_out_sample_rate", RATE)
        params.setdefault("audio_out_end_silence_secs", 0)
        super().__init__(TransportParams(**params))
        self.pipeline_clock = StandingClock()
        self.clock = CallClock(may_jump=lambda: not self.held and not self.busy)
        self.held = held
        self.played: list[tuple[float, OutputAudioRawFrame]] = []
        self.wrote = asyncio.Event()

    def create_playout_clock(self) -> PlayoutClock:
        return self.clock

    def release(self) -> None:
        self.held = False
        self.clock.poke()

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        self.clock.start(self.pipeline_clock)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        self.played.append((self.writing_at, frame))
        self.wrote.set()
        return True

    @property
    def audio(self) -> bytes:
        return b"".join(frame.audio for _, frame in self.played)


class StandingClock:
    """A pipeline clock that only goes on when it is told to."""

    def __init__(self) -> None:
        self._now = 0

    def advance(self, secs: float) -> None:
        self._now += round(secs * 1e9)

    def get_time(self) -> int:
        return self._now

    def start(self) -> None:
        pass
