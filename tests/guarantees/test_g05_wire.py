"""G5 to the wire: no sample of a turn reaches the peer behind the message that ends the turn.

Bots speak, are interrupted and say things that must be heard, all at random moments; each sample
says which turn it was made in. Many calls go on at once, over sockets that the loop does not serve
and over sockets of an ASGI server that it does.
"""

import asyncio
import itertools
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
import websockets
from pipecat_rs import _core
from pipecat_rs.frames.frames import (
    EndFrame,
    Frame,
    InterruptionFrame,
    StartFrame,
    TTSAudioRawFrame,
)
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer
from pipecat_rs.testing.recorder import Recorder
from pipecat_rs.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from support.bots import RATE
from support.doors import DOORS, UVICORNS_OWN, door
from support.frames import System
from support.processors import Pass
from support.tasks import task_of
from support.waiting import until, within

pytestmark = pytest.mark.filterwarnings(UVICORNS_OWN)

CALLS = 24
CLEAR = -1
LAST = 1600
LASTING = 1 << 14
"""Added to the number of a turn in samples that must be heard."""


class Speaker(FrameProcessor):
    """Says numbers: that of the turn, in every sample."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = 1
        self.started = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self.turn += 1
        elif isinstance(frame, StartFrame):
            self.started.set()
        await self.push_frame(frame, direction)

    async def say(self, samples: int, lasting: bool) -> tuple[int, int]:
        """Say so many samples; what is in them, and how many."""
        number = self.turn + LASTING * lasting
        frame = TTSAudioRawFrame(number.to_bytes(2, "little") * samples, RATE, 1)
        if lasting:
            frame.interruptible = False
        await self.push_frame(frame)
        return number, samples


class Suspends(Pass):
    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, TTSAudioRawFrame):
            await asyncio.sleep(0)
        await super().process_frame(frame, direction)


class Interrupts(Pass):
    """Interrupts from the middle of the pipeline."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, System):
            await self.broadcast_interruption()
        else:
            await super().process_frame(frame, direction)


@dataclass
class Schedule:
    """What one bot does, drawn from a seed; and what it said."""

    seed: int
    lasting: bool
    said: list[tuple[int, int]] = field(default_factory=list)
    interruptions: int = 0

    async def follow(self, websocket: Any) -> None:
        params = FastAPIWebsocketParams(
            audio_out_enabled=True,
            audio_out_10ms_chunks=2,
            audio_out_end_silence_secs=0,
            serializer=ProtobufFrameSerializer(),
        )
        transport = FastAPIWebsocketTransport(websocket, params)
        speaker, interrupts, out = Speaker(), Interrupts(), Recorder()
        middle = [Pass(), speaker, Suspends(), interrupts, Suspends(), transport.output(), out]
        rates = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
        task = task_of(transport.input(), *middle, params=rates)
        run = asyncio.create_task(task.run())
        await within(speaker.started.wait())
        draw = random.Random(self.seed)
        for _ in range(14):
            match draw.randrange(5):
                case 0 | 1:
                    samples = draw.choice([1, 160, 320, 1000, 3200, 16000])
                    self.said.append(await speaker.say(samples, False))
                case 2 if self.lasting:
                    samples = draw.choice([320, 640, 960])
                    self.said.append(await speaker.say(samples, True))
                case 3:
                    self.interruptions += 1
                    if draw.random() < 0.5:
                        await task.queue_frame(InterruptionFrame())
                    else:
                        await interrupts.queue_frame(System())
                    await out.wait_for(InterruptionFrame, count=self.interruptions)
                case _:
                    await asyncio.sleep(draw.random() * 0.08)
        self.said.append(await speaker.say(LAST, False))
        await task.queue_frame(EndFrame())
        await run

    def check(self, heard: list[tuple[int, int]], native: bool) -> None:
        """Look at what the peer was sent: numbers and how often, with the clears in between."""
        numbers = [number for number, count in heard for _ in range(count if number < 0 else 1)]
        turns = [number for number in numbers if 0 < number < LASTING]
        assert turns == sorted(turns), "a turn goes on after a later one has begun"
        cleared = 0
        for number in numbers:
            cleared += number == CLEAR
            if 0 < number < LASTING and not self.lasting:
                assert number > cleared, "audio of a turn behind the clear that ends it"
        assert cleared <= self.interruptions
        if not self.lasting:
            assert cleared == self.interruptions
        # The rest of a chunk that a pause comes behind is no more than 20 ms, and may be dropped.
        assert heard[-1][0] == 0 or heard[-1][0] == self.interruptions + 1
        assert amount(heard, self.interruptions + 1) >= LAST, "the last words"
        # What a loop is late to send to a socket of its own is taken back with the rest.
        kept = {number for number, _ in self.said if number >= LASTING and native}
        for number in kept:
            assert amount(heard, number) == amount(self.said, number), "words that must be heard"
        for number, samples in heard:
            if number > 0:
                assert samples <= amount(self.said, number), "said twice"


def amount(pieces: list[tuple[int, int]], number: int) -> int:
    return sum(samples for one, samples in pieces if one == number)


async def listen(url: str) -> list[tuple[int, int]]:
    """All that is sent, as numbers and how often each comes in a row."""
    wire = _core.WireSerializer("protobuf")
    heard: list[int] = []
    async with websockets.connect(url, compression=None) as socket:
        async for message in socket:
            for kind, *values in wire.decode(message):
                if kind == "audio":
                    heard.extend(memoryview(values[0]).cast("H"))
                elif kind == "interruption":
                    heard.append(CLEAR)
    return [(number, len(list(row))) for number, row in itertools.groupby(heard)]


@pytest.mark.parametrize("lasting", [False, True], ids=["all may be dropped", "some must be heard"])
@pytest.mark.parametrize("kind", DOORS)
async def test_g05_nothing_of_a_turn_comes_behind_what_ends_it(kind: str, lasting: bool) -> None:
    waiting = [Schedule(seed, lasting) for seed in range(CALLS)]
    begun: list[Schedule] = []

    async def bot(websocket: Any) -> None:
        schedule = waiting.pop()
        begun.append(schedule)
        await schedule.follow(websocket)

    async with door(kind, bot) as url:
        heard = {}
        listening = []
        for _ in range(CALLS):
            before = len(begun)
            listening.append(asyncio.create_task(listen(url)))
            await until(lambda before=before: len(begun) > before)
            heard[begun[-1].seed] = listening[-1]
        await within(asyncio.gather(*listening), 25)
    assert sum(schedule.interruptions for schedule in begun) > CALLS
    for schedule in begun:
        try:
            schedule.check(heard[schedule.seed].result(), kind == "serve")
        except AssertionError as error:
            error.add_note(f"seed {schedule.seed}: said {schedule.said}")
            error.add_note(f"heard {heard[schedule.seed].result()}")
            raise
