"""Ways to serve a bot over WebSockets, one session for each caller.

`fastapi` is how pipecat's users serve; `native` is pipecat_rs's server and transport; `python` is a
transport written in Python on the package's base classes, over the `websockets` library: the same
source for both packages.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ..api import Api
from .bots import BOTS, CHUNKS

HOST = "127.0.0.1"
Serve = Callable[[Api, str], Awaitable[int]]
_RUNNING: set[Any] = set()


async def _hold(api: Api, bot: str, transport: Any) -> None:
    """Run a session to its end, which comes when the caller goes."""
    task = BOTS[bot](api, transport)

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(*_: Any) -> None:
        await task.cancel()

    await api.PipelineRunner(handle_sigint=False).run(task)


def _params(api: Api, bot: str, kind: Any) -> Any:
    return kind(
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_out_10ms_chunks=CHUNKS.get(bot, 4),
        serializer=api.module("serializers.protobuf").ProtobufFrameSerializer(),
    )


async def fastapi(api: Api, bot: str) -> int:
    """Serve with FastAPI and uvicorn; returns the port."""
    import uvicorn
    from fastapi import FastAPI, WebSocket

    module = api.module("transports.websocket.fastapi")
    app = FastAPI()

    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()
        params = _params(api, bot, module.FastAPIWebsocketParams)
        await _hold(api, bot, module.FastAPIWebsocketTransport(websocket, params))

    app.add_api_websocket_route("/", ws)
    server = uvicorn.Server(
        uvicorn.Config(app, host=HOST, port=0, log_level="warning", access_log=False)
    )
    _keep(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    return server.servers[0].sockets[0].getsockname()[1]


async def native(api: Api, bot: str) -> int:
    """Serve with pipecat_rs's own server, as `pipecat-rs serve` does; returns the port."""
    module = api.module("transports.websocket.fastapi")

    async def session(arguments: Any) -> None:
        params = _params(api, bot, module.FastAPIWebsocketParams)
        await _hold(api, bot, module.FastAPIWebsocketTransport(arguments.websocket, params))

    # How many are too many is the question here.
    server = api.module("runner.session_server").SessionServer(
        session, HOST, 0, max_sessions=10_000, max_output_lateness=None, max_loop_delay=None
    )
    await server.start()
    _RUNNING.add(server)
    return server.address[1]


async def python(api: Api, bot: str) -> int:
    """Serve with a transport written in Python; returns the port."""
    from websockets.asyncio.server import serve

    base = api.module("transports.base_transport")
    transport_class = _python_transport(api)

    async def ws(websocket: Any) -> None:
        params = _params_of_base(api, bot, base.TransportParams)
        serializer = api.module("serializers.protobuf").ProtobufFrameSerializer()
        await _hold(api, bot, transport_class(websocket, params, serializer))

    server = await serve(ws, HOST, 0, compression=None)
    _RUNNING.add(server)
    return next(iter(server.sockets)).getsockname()[1]


def _params_of_base(api: Api, bot: str, kind: Any) -> Any:
    return kind(
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_out_10ms_chunks=CHUNKS.get(bot, 4),
    )


def _python_transport(api: Api) -> type[Any]:
    """A transport as users write one who have a wire of their own."""
    frames = api.frames
    base_transport = api.module("transports.base_transport").BaseTransport
    base_input = api.module("transports.base_input").BaseInputTransport
    base_output = api.module("transports.base_output").BaseOutputTransport

    class Input(base_input):
        def __init__(self, transport: Any, params: Any) -> None:
            super().__init__(params)
            self.of = transport
            self.receiving: Any = None

        async def start(self, frame: Any) -> None:
            await super().start(frame)
            await self.of.connected()
            self.receiving = self.create_task(self.receive(), "receive")
            await self.set_transport_ready(frame)

        async def receive(self) -> None:
            async for message in self.of.websocket:
                frame = await self.of.serializer.deserialize(message)
                if isinstance(frame, frames.InputAudioRawFrame):
                    await self.push_audio_frame(frame)
                elif isinstance(frame, frames.InputTransportMessageFrame):
                    await self.broadcast_frame(
                        frames.InputTransportMessageFrame, message=frame.message
                    )
                elif frame:
                    await self.push_frame(frame)
            self.receiving = None
            await self.of.disconnected()

        async def cleanup(self) -> None:
            await super().cleanup()
            if self.receiving:
                await self.cancel_task(self.receiving)

    class Output(base_output):
        def __init__(self, transport: Any, params: Any) -> None:
            super().__init__(params)
            self.of = transport
            self.due = 0.0

        async def start(self, frame: Any) -> None:
            await super().start(frame)
            await self.set_transport_ready(frame)

        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, frames.InterruptionFrame):
                self.due = 0.0
                await self.write(frame)

        async def send_message(self, frame: Any) -> None:
            await self.write(frame)

        async def write(self, frame: Any) -> None:
            message = await self.of.serializer.serialize(frame)
            if message:
                await self.of.websocket.send(message)

        async def write_audio_frame(self, frame: Any) -> bool:
            await self.write(
                frames.OutputAudioRawFrame(frame.audio, self.sample_rate, frame.num_channels)
            )
            # As pipecat's own transports play: the first chunk goes ahead of the clock.
            lasts = len(frame.audio) / 2 / self.sample_rate
            ahead = self.due - time.monotonic()
            if ahead > 0:
                self.due += lasts
                await asyncio.sleep(ahead)
            else:
                self.due = time.monotonic() + lasts
            return True

    class Transport(base_transport):
        def __init__(self, websocket: Any, params: Any, serializer: Any) -> None:
            super().__init__()
            self.websocket, self.serializer = websocket, serializer
            self._input, self._output = Input(self, params), Output(self, params)
            self._register_event_handler("on_client_connected")
            self._register_event_handler("on_client_disconnected")

        def input(self) -> Any:
            return self._input

        def output(self) -> Any:
            return self._output

        async def connected(self) -> None:
            await self._call_event_handler("on_client_connected", self.websocket)

        async def disconnected(self) -> None:
            await self._call_event_handler("on_client_disconnected", self.websocket)

    return Transport


def _keep(running: Any) -> None:
    task = asyncio.ensure_future(running)
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)


SERVERS: dict[str, Serve] = {serve.__name__: serve for serve in (fastapi, native, python)}
