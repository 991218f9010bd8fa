"""G19: what bots say is paced and sent by media threads, whatever Python does meanwhile.

The peers are in a process of their own, so that they hear while the bots' process computes.
"""

import asyncio
import sys
from pathlib import Path

from pipecat_rs.frames.frames import Frame, InputAudioRawFrame, TTSAudioRawFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.transports.websocket.fastapi import FastAPIWebsocketTransport
from support.bots import CHUNK, RATE, hold, transport_of
from support.serving import server_of
from support.waiting import until, within

SESSIONS = 200
SPEECH = b"".join(number.to_bytes(2, "little") * (CHUNK // 2) for number in range(1, 51))  # 1 s

PEERS = """
import asyncio, sys
import websockets
from pipecat_rs import _core

async def listen(socket):
    wire, heard = _core.WireSerializer("protobuf"), b""
    await socket.send(wire.audio(bytes(640), 16000, 1))
    while len(heard) < {length}:
        for kind, *values in wire.decode(await socket.recv()):
            heard += values[0] if kind == "audio" else b""
    return heard[:{length}]

async def main():
    options = dict(compression=None, open_timeout=20, ping_interval=None)
    sockets = [await websockets.connect(sys.argv[1], **options) for _ in range({sessions})]
    heard = await asyncio.gather(*map(listen, sockets))
    sys.stdout.buffer.write(b"".join(heard))
    sys.stdout.buffer.flush()
    sys.stdin.buffer.read()
    await asyncio.gather(*(socket.close() for socket in sockets))

asyncio.run(main())
"""


class Speaks(FrameProcessor):
    """Says its speech as soon as it hears anything."""

    handles = (InputAudioRawFrame,)

    def __init__(self) -> None:
        super().__init__()
        self.has_spoken = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame) and not self.has_spoken:
            self.has_spoken = True
            await self.push_frame(TTSAudioRawFrame(SPEECH, RATE, 1))
        await self.push_frame(frame, direction)


def compute_until(path: Path, size: int) -> int:
    """Keep the loop's thread and the interpreter lock busy; how often it looked at the file."""
    looks = 0
    while path.stat().st_size < size:
        sum(range(20_000))
        looks += 1
    return looks


async def test_g19_speech_reaches_two_hundred_peers_while_python_computes(tmp_path: Path) -> None:
    transports: list[FastAPIWebsocketTransport] = []

    async def bot(arguments) -> None:
        transports.append(transport_of(arguments))
        await hold(transports[-1], Speaks())

    def speaking() -> int:
        players = [one.output()._media_senders.get(None) for one in transports]
        return sum(player is not None and player.busy for player in players)

    file = tmp_path / "heard"
    program = PEERS.format(length=len(SPEECH), sessions=SESSIONS)
    async with server_of(bot, max_sessions=SESSIONS) as server:
        with file.open("wb") as out:
            peers = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                program,
                server.url(),
                stdin=asyncio.subprocess.PIPE,
                stdout=out,
            )
        try:
            await until(lambda: speaking() == SESSIONS, 20)
            # From here on the loop does nothing, until every peer has heard all of it.
            looks = compute_until(file, SESSIONS * len(SPEECH))
            assert peers.stdin is not None
            peers.stdin.close()
            await within(peers.wait(), 15)
        finally:
            if peers.returncode is None:
                peers.kill()
                await peers.wait()
        assert looks > 1, "all had been heard before"
        heard = file.read_bytes()
        for at in range(0, len(heard), len(SPEECH)):
            assert heard[at : at + len(SPEECH)] == SPEECH, "a gap, or something out of order"
        await until(lambda: server.stats().sessions == 0, 15)
