"""A WebSocket that FastAPI has accepted, served by uvicorn on a real socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn
import websockets
from fastapi import FastAPI, WebSocket
from pipecat_rs.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    TTSAudioRawFrame,
)
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer
from pipecat_rs.testing.recorder import Recorder
from pipecat_rs.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from support.protobuf_peer import CHUNK, RATE, ProtobufPeer
from support.tasks import task_of
from support.waiting import calls_of, until, within

# uvicorn's own protocol uses a part of websockets that is on its way out.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WORDS = bytes(range(1, 129)) * 5 * 10  # ten chunks of 20 ms


class Echo(FrameProcessor):
    """Gives back what is heard."""

    handles = (InputAudioRawFrame,)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self.push_frame(OutputAudioRawFrame(frame.audio, frame.sample_rate, 1))
        await self.push_frame(frame, direction)


class Raw(FrameSerializer):
    """A user's serializer: bare audio, in Python."""

    async def serialize(self, frame: Frame) -> str | bytes | None:
        return frame.audio if isinstance(frame, OutputAudioRawFrame) else None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        return InputAudioRawFrame(data, RATE, 1) if isinstance(data, bytes) else None


class App:
    """An application whose WebSocket is a bot."""

    def __init__(self, *middle: FrameProcessor, **options: Any) -> None:
        options.setdefault("serializer", ProtobufFrameSerializer())
        self.options = options
        self.middle = middle
        self.recorder = Recorder()
        self.transports: asyncio.Queue[FastAPIWebsocketTransport] = asyncio.Queue()
        self.url = ""
        self.task: Any = None
        self.disconnected: Any = None

    async def bot(self, websocket: WebSocket) -> None:
        await websocket.accept()
        transport = FastAPIWebsocketTransport(
            websocket,
            FastAPIWebsocketParams(
                audio_in_enabled=True,
                audio_out_enabled=True,
                audio_out_10ms_chunks=2,
                audio_out_end_silence_secs=0,
                **self.options,
            ),
        )
        self.task = task_of(
            transport.input(),
            *self.middle,
            transport.output(),
            self.recorder,
            params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        )
        self.disconnected = calls_of(transport, "on_client_disconnected")

        @transport.event_handler("on_client_disconnected")
        async def hang_up(_transport: Any, _websocket: WebSocket) -> None:
            await self.task.cancel()

        connected = calls_of(transport, "on_client_connected")
        run = asyncio.create_task(self.task.run())
        ((socket,),) = [await connected.wait()]
        assert socket is websocket
        self.transports.put_nowait(transport)
        await run


@contextlib.asynccontextmanager
async def serving(*middle: FrameProcessor, **options: Any) -> AsyncIterator[App]:
    app, fastapi = App(*middle, **options), FastAPI()
    fastapi.websocket("/ws")(app.bot)
    config = uvicorn.Config(fastapi, "127.0.0.1", 0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serve = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    app.url = f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/ws"
    try:
        yield app
    finally:
        server.should_exit = True
        await within(serve, 10)


async def test_a_bot_behind_fastapi_hears_and_speaks():
    async with serving(Echo()) as app, ProtobufPeer(app.url) as peer:
        await within(app.transports.get())
        for start in range(0, len(WORDS), CHUNK):
            await peer.say(WORDS[start : start + CHUNK])
        assert await within(peer.hear_audio(len(WORDS))) == WORDS


@pytest.mark.parametrize("serializer", [ProtobufFrameSerializer, Raw])
async def test_the_end_comes_behind_the_last_words(serializer: Callable[[], FrameSerializer]):
    async with serving(serializer=serializer()) as app, websockets.connect(app.url) as socket:
        await within(app.transports.get())
        await app.task.queue_frames([TTSAudioRawFrame(WORDS, RATE, 1), EndFrame()])
        heard = b""
        with pytest.raises(websockets.ConnectionClosedOK):
            while True:
                message = await within(socket.recv())
                frame = await app.options["serializer"].deserialize(message)
                heard += frame.audio if isinstance(frame, InputAudioRawFrame) else b""
        assert heard == WORDS
        assert not app.disconnected  # it was we who hung up


async def test_a_client_that_hangs_up_ends_the_call():
    async with serving() as app:
        async with ProtobufPeer(app.url):
            await within(app.transports.get())
        await app.disconnected.wait()
        await until(lambda: app.task.has_finished())


async def test_packets_of_a_fixed_size_and_none_of_what_was_interrupted():
    options = {"serializer": Raw(), "fixed_audio_packet_size": 500}
    async with serving(**options) as app, websockets.connect(app.url) as socket:
        await within(app.transports.get())
        await app.task.queue_frame(OutputAudioRawFrame(WORDS[: 2 * CHUNK], RATE, 1))
        assert [len(await within(socket.recv())) for _ in range(2)] == [500, 500]
        await app.task.queue_frame(InterruptionFrame())
        await until(lambda: bool(app.recorder.frames(InterruptionFrame)))
        fresh = b"\x11\x22" * CHUNK
        await app.task.queue_frame(OutputAudioRawFrame(fresh, RATE, 1))
        assert await within(socket.recv()) == fresh[:500]


async def test_pages_of_other_origins_are_refused():
    async with serving(allowed_origins=["https://good.example"]) as app:
        async with websockets.connect(app.url, origin="https://bad.example") as socket:
            with pytest.raises(websockets.ConnectionClosed) as refused:
                await within(socket.recv())
        assert refused.value.rcvd is not None and refused.value.rcvd.code == 1008
        await app.task.cancel()
