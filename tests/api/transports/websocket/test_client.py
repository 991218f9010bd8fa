"""The WebSocket client transport, against servers of the `websockets` library and of our own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import websockets
from pipecat_rs.frames.frames import (
    EndFrame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    TTSAudioRawFrame,
)
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer
from pipecat_rs.testing.recorder import Recorder
from pipecat_rs.transports.websocket.client import WebsocketClientParams, WebsocketClientTransport
from support.protobuf_peer import CHUNK, RATE
from support.tasks import task_of
from support.waiting import calls_of, until, within
from websockets.asyncio.server import ServerConnection, serve

WORDS = bytes(range(1, 129)) * 5 * 10  # ten chunks of 20 ms


class Server:
    """Keeps what it is sent; a `websockets` server on a free port."""

    def __init__(self) -> None:
        self.sockets: list[ServerConnection] = []
        self.received: list[bytes | str] = []
        self.serializer = ProtobufFrameSerializer()

    async def __call__(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        async for message in socket:
            self.received.append(message)

    async def heard(self) -> bytes:
        """What audio came so far."""
        frames = [await self.serializer.deserialize(message) for message in self.received]
        return b"".join(frame.audio for frame in frames if isinstance(frame, InputAudioRawFrame))


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[tuple[Server, str]]:
    server = Server()
    async with serve(server, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        yield server, f"ws://127.0.0.1:{port}/line"


def client_of(url: str, **options) -> WebsocketClientTransport:
    options.setdefault("add_wav_header", False)
    return WebsocketClientTransport(
        url,
        WebsocketClientParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_10ms_chunks=2,
            audio_out_end_silence_secs=0,
            **options,
        ),
    )


def pipeline_of(transport: WebsocketClientTransport, recorder: Recorder):
    params = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
    return task_of(transport.input(), transport.output(), recorder, params=params)


@pytest.mark.parametrize("add_wav_header", [False, True])
async def test_a_client_speaks_and_hears(add_wav_header):
    async with listening() as (server, url):
        transport = client_of(
            url, add_wav_header=add_wav_header, additional_headers={"X-Caller": "test"}
        )
        recorder = Recorder()
        task = pipeline_of(transport, recorder)
        connected = calls_of(transport, "on_connected")
        gone = calls_of(transport, "on_disconnected")
        run = asyncio.create_task(task.run())
        await connected.wait()
        assert server.sockets[0].request is not None
        assert server.sockets[0].request.headers["X-Caller"] == "test"
        message = await server.serializer.serialize(OutputAudioRawFrame(WORDS[:CHUNK], RATE, 1))
        assert message is not None
        await server.sockets[0].send(message)
        await until(lambda: bool(recorder.frames(InputAudioRawFrame)))
        assert recorder.frames(InputAudioRawFrame)[0].audio == WORDS[:CHUNK]
        await task.queue_frames([TTSAudioRawFrame(WORDS, RATE, 1), EndFrame()])
        await within(run, 10)
        await gone.wait()
        heard = await server.heard()
        if add_wav_header:
            assert heard.count(b"RIFF") == 10
            assert len(heard) == len(WORDS) + 10 * 44
        else:
            assert heard == WORDS
        assert server.sockets[0].close_code == 1000


async def test_a_server_that_is_not_there_is_an_error_that_names_it_and_the_pipeline_ends():
    transport = client_of("ws://127.0.0.1:9/nobody")
    task = pipeline_of(transport, Recorder())
    errors = calls_of(task, "on_pipeline_error")
    run = asyncio.create_task(task.run())
    (error,) = await errors.wait()
    assert "ws://127.0.0.1:9/nobody" in error.error
    await task.queue_frame(EndFrame())
    await within(run, 10)


async def test_a_server_that_goes_away_is_told_of_and_audio_goes_nowhere():
    async with listening() as (server, url):
        transport = client_of(url)
        task = pipeline_of(transport, Recorder())
        gone = calls_of(transport, "on_disconnected")
        connected = calls_of(transport, "on_connected")
        run = asyncio.create_task(task.run())
        await connected.wait()
        await until(lambda: bool(server.sockets))
        await server.sockets[0].close(1012, "restart")
        (websocket,) = await gone.wait()
        assert (websocket.close_code, websocket.close_reason) == (1012, "restart")
        await task.queue_frames([TTSAudioRawFrame(WORDS, RATE, 1), EndFrame()])
        await within(run, 10)


async def test_a_server_that_refuses_is_an_error():
    def refuse(connection: ServerConnection, _request: websockets.Request) -> websockets.Response:
        return connection.respond(401, "who are you?")

    async with serve(Server(), "127.0.0.1", 0, process_request=refuse) as listener:
        port = listener.sockets[0].getsockname()[1]
        transport = client_of(f"ws://127.0.0.1:{port}/")
        task = pipeline_of(transport, Recorder())
        errors = calls_of(task, "on_pipeline_error")
        run = asyncio.create_task(task.run())
        (error,) = await errors.wait()
        assert "401" in error.error
        await task.cancel()
        await within(run, 10)
