"""G22 for the transports that own their sockets: a thousand connections later all is as it was."""

import asyncio
import gc
import os
import threading
from pathlib import Path

import websockets
from pipecat_rs.frames.frames import EndFrame, InputAudioRawFrame
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer
from pipecat_rs.transports.websocket.client import WebsocketClientParams, WebsocketClientTransport
from pipecat_rs.transports.websocket.server import (
    SingleClientWebsocketServerParams,
    SingleClientWebsocketServerTransport,
)
from support.bots import CHUNK, RATE, Echo
from support.protobuf_peer import ProtobufPeer
from support.tasks import made, task_of
from support.waiting import calls_of, settle, until, within

WORD = b"\x11\x22" * (CHUNK // 2)
OPTIONS = {
    "audio_in_enabled": True,
    "audio_out_enabled": True,
    "audio_out_10ms_chunks": 2,
    "audio_out_end_silence_secs": 0,
}
PARAMS = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)


class Holdings:
    """What the process has."""

    def __init__(self) -> None:
        gc.collect()
        self.tasks = len(asyncio.all_tasks())
        self.threads = threading.active_count()
        # One a process, from when it is first needed.
        self.natives = len([one for one in Path("/proc/self/task").iterdir() if not is_bell(one)])
        self.descriptors = len(os.listdir("/proc/self/fd"))

    def __le__(self, other: "Holdings") -> bool:
        return all(mine <= vars(other)[name] for name, mine in vars(self).items())

    def __repr__(self) -> str:
        return str(vars(self))


def is_bell(thread: Path) -> bool:
    """Whether it is the thread that wakes loops for patient producers."""
    return (thread / "comm").read_text().strip() == "pipecat-bell"


def resident() -> int:
    """Bytes of memory in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def test_g22_a_thousand_clients_of_one_server_leave_nothing() -> None:
    params = SingleClientWebsocketServerParams(serializer=ProtobufFrameSerializer(), **OPTIONS)
    transport = SingleClientWebsocketServerTransport(params, host="127.0.0.1", port=0)
    ready = calls_of(transport, "on_websocket_ready")
    gone = calls_of(transport, "on_client_disconnected")
    task = task_of(transport.input(), Echo(), transport.output(), params=PARAMS)
    run = asyncio.create_task(task.run())
    await ready.wait()
    assert transport.address is not None
    url = f"ws://127.0.0.1:{transport.address[1]}/"
    count = 0

    async def many(more: int) -> Holdings:
        nonlocal count
        for _ in range(more):
            count += 1
            async with ProtobufPeer(url, compression=None) as peer:
                if count % 4 == 0:
                    await peer.say(WORD)
                    assert await within(peer.hear_audio(CHUNK)) == WORD
                elif count % 4 == 1:
                    peer.socket.transport.abort()
            await until(lambda count=count: len(gone) == count)
        gone[:] = [() for _ in gone]  # what was told of is ours to forget
        await settle()
        return Holdings()

    before, memory = await many(200), resident()
    after = await many(1000)
    grown = resident() - memory
    await task.cancel()
    await asyncio.wait({run})
    assert after <= before, (before, after)
    assert grown / 1000 < 2048, f"{grown / 1000:.0f} bytes stay behind a connection"


async def test_g22_clients_that_come_and_go_leave_nothing() -> None:
    async def echo(socket: websockets.ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async with websockets.serve(echo, "127.0.0.1", 0, compression=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

        async def call() -> None:
            client = WebsocketClientTransport(url, WebsocketClientParams(**OPTIONS))
            connected = calls_of(client, "on_connected")
            task = task_of(client.input(), client.output(), params=PARAMS)
            run = asyncio.create_task(task.run())
            await connected.wait()
            await task.queue_frames([InputAudioRawFrame(WORD, RATE, 1), EndFrame()])
            await within(run, 10)
            assert task.leak_report() == []

        async def many(count: int) -> Holdings:
            for _ in range(count):
                await asyncio.gather(*(call() for _ in range(10)))
            made.clear()
            await until(lambda: not server.connections)
            await settle()
            return Holdings()

        before = await many(3)
        after = await many(20)
        assert after <= before, (before, after)
