"""One end of a conversation over a WebSocket, written for pipecat and run under either package.

    python peer.py pipecat single                            # a server; its first line is the URL
    python peer.py pipecat_rs client ws://127.0.0.1:1234/ws  # a client, until it is over

The client speaks and hears itself echoed, asks and is answered, has the bot speak, interrupts it,
and says goodbye. What an end observed is the last line that it prints, as JSON.
"""

import asyncio
import contextlib
import functools
import json
import logging
import os
import sys
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

if sys.argv[1] == "pipecat_rs":
    from pipecat_rs import compat

    compat.install()
warnings.simplefilter("ignore")

from pipecat.frames.frames import (  # noqa: E402
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline  # noqa: E402
from pipecat.pipeline.task import PipelineParams, PipelineTask  # noqa: E402
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor  # noqa: E402
from pipecat.serializers.protobuf import ProtobufFrameSerializer  # noqa: E402

RATE = 16000
CHUNK = 640  # bytes in 20 ms
PATIENCE_SECS = 20.0
DOWN = FrameDirection.DOWNSTREAM

WORDS = bytes(range(1, 251)) * 64  # half a second, of which no two chunks are alike
OLD, NEW = b"\x11\x11", b"\x22\x22"


def options() -> dict[str, Any]:
    """Settings of every transport."""
    return {
        "audio_in_enabled": True,
        "audio_out_enabled": True,
        "audio_out_10ms_chunks": 2,
        "audio_out_end_silence_secs": 0,
        "add_wav_header": False,
        "serializer": ProtobufFrameSerializer(),
    }


def task_of(transport: Any, *middle: FrameProcessor) -> PipelineTask:
    pipeline = Pipeline([transport.input(), *middle, transport.output()])
    params = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
    return PipelineTask(pipeline, params=params, idle_timeout_secs=None, enable_rtvi=False)


async def run(task: PipelineTask) -> None:
    """Run a task; how it ends is observed by other means."""
    from pipecat.pipeline.runner import PipelineRunner

    with contextlib.suppress(asyncio.CancelledError):
        await PipelineRunner(handle_sigint=False).run(task)


class Bot(FrameProcessor):
    """Says what it hears, and does what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = b""
        self.told: list[Any] = []
        self.hang_up: Callable[[], Awaitable[None]]

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self.heard += frame.audio
            await self.push_frame(OutputAudioRawFrame(frame.audio, frame.sample_rate, 1))
        elif isinstance(frame, InputTransportMessageFrame) and direction is DOWN:
            self.told.append(frame.message)
            await self.obey(frame.message)

    async def obey(self, message: Any) -> None:
        match message:
            case {"ask": question}:
                await self.push_frame(OutputTransportMessageUrgentFrame({"answer": question}))
            case {"do": "speak"}:
                await self.push_frame(TTSAudioRawFrame(OLD * RATE * 5, RATE, 1))
            case {"do": "stop"}:
                await self.broadcast_interruption()
                await self.push_frame(TTSAudioRawFrame(NEW * (RATE // 5), RATE, 1))
            case {"do": "go"}:
                await self.hang_up()


class Caller(FrameProcessor):
    """Hears the bot, and tells of the order in which it does."""

    def __init__(self) -> None:
        super().__init__()
        self.started = asyncio.Event()
        self.audio = b""
        self.messages: list[Any] = []
        self.interruptions = 0
        self.old_before_interruption = 0
        self._changed = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.started.set()
        elif isinstance(frame, InputAudioRawFrame):
            self.audio += frame.audio
        elif isinstance(frame, InputTransportMessageFrame) and direction is DOWN:
            self.messages.append(frame.message)
        elif isinstance(frame, InterruptionFrame):
            self.interruptions += 1
        self._changed.set()
        await self.push_frame(frame, direction)

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE_SECS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


async def call(url: str) -> dict[str, Any]:
    """The client's end."""
    from pipecat.transports.websocket.client import (
        WebsocketClientParams,
        WebsocketClientTransport,
    )

    transport = WebsocketClientTransport(url, WebsocketClientParams(**options()))
    events: Counter[str] = Counter()

    @transport.event_handler("on_connected")
    async def connected(_transport: Any, _websocket: Any) -> None:
        events["connected"] += 1

    gone = asyncio.Event()

    @transport.event_handler("on_disconnected")
    async def disconnected(_transport: Any, _websocket: Any) -> None:
        events["disconnected"] += 1
        gone.set()

    caller = Caller()
    task = task_of(transport, caller)
    running = asyncio.create_task(run(task))
    await caller.until(caller.started.is_set)

    async def tell(message: Any) -> None:
        await task.queue_frame(OutputTransportMessageUrgentFrame(message))

    await task.queue_frame(OutputAudioRawFrame(WORDS, RATE, 1))
    await caller.until(lambda: len(caller.audio) >= len(WORDS))
    echoed, caller.audio = caller.audio, b""

    await tell({"ask": "é漢"})
    await caller.until(lambda: caller.messages)

    await tell({"do": "speak"})
    await caller.until(lambda: len(caller.audio) >= 10 * CHUNK)
    await tell({"do": "stop"})
    await caller.until(lambda: caller.audio.count(NEW) >= RATE // 5)
    old, _, new = caller.audio.partition(NEW)
    interruptions = caller.interruptions

    await tell({"do": "go"})
    await asyncio.wait_for(gone.wait(), PATIENCE_SECS)
    await task.cancel()
    await running
    return {
        "echo is what was said": echoed == WORDS,
        "messages": caller.messages,
        "stopped early": 0 < len(old) < 3 * RATE * 2 and set(old) == set(OLD),
        "nothing old after new": set(new) <= set(NEW),
        "interruptions": interruptions,
        "events": dict(events),
    }


class Served:
    """What a server's end observes."""

    def __init__(self) -> None:
        self.bot = Bot()
        self.events: Counter[str] = Counter()

    async def serve(self, transport: Any) -> None:
        @transport.event_handler("on_client_connected")
        async def connected(_transport: Any, _websocket: Any) -> None:
            self.events["connected"] += 1

        @transport.event_handler("on_client_disconnected")
        async def disconnected(_transport: Any, _websocket: Any) -> None:
            self.events["disconnected"] += 1

        task = task_of(transport, self.bot)
        self.bot.hang_up = functools.partial(task.queue_frame, EndFrame())
        await run(task)

    def observed(self) -> dict[str, Any]:
        return {
            "heard what was said": self.bot.heard == WORDS,
            "told": self.bot.told,
            "events": dict(self.events),
        }


def free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def serve_single() -> dict[str, Any]:
    """A server for one client."""
    from pipecat.transports.websocket.server import (
        SingleClientWebsocketServerParams,
        SingleClientWebsocketServerTransport,
    )

    served, port = Served(), free_port()
    transport = SingleClientWebsocketServerTransport(
        SingleClientWebsocketServerParams(**options()), host="127.0.0.1", port=port
    )

    @transport.event_handler("on_websocket_ready")
    async def ready(_transport: Any) -> None:
        print(f"ws://127.0.0.1:{port}/", flush=True)

    await served.serve(transport)
    return served.observed()


async def serve_fastapi() -> dict[str, Any]:
    """A FastAPI application, for one client."""
    import uvicorn
    from fastapi import FastAPI, WebSocket
    from pipecat.transports.websocket.fastapi import (
        FastAPIWebsocketParams,
        FastAPIWebsocketTransport,
    )

    served, application, over = Served(), FastAPI(), asyncio.Event()

    async def accepted(websocket: WebSocket) -> None:
        await websocket.accept()
        params = FastAPIWebsocketParams(**options())
        await served.serve(FastAPIWebsocketTransport(websocket=websocket, params=params))
        over.set()

    application.websocket("/ws")(accepted)
    port = free_port()
    config = uvicorn.Config(application, "127.0.0.1", port, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(f"ws://127.0.0.1:{port}/ws", flush=True)
    await over.wait()
    server.should_exit = True
    await running
    return served.observed()


async def serve_many() -> dict[str, Any]:
    """The session server, which pipecat has not; for one client."""
    from pipecat.transports.websocket.fastapi import (
        FastAPIWebsocketParams,
        FastAPIWebsocketTransport,
    )
    from pipecat_rs.runner.session_server import SessionServer

    served, over = Served(), asyncio.Event()

    async def bot(arguments: Any) -> None:
        params = FastAPIWebsocketParams(**options())
        await served.serve(FastAPIWebsocketTransport(arguments.websocket, params=params))
        over.set()

    async with SessionServer(bot, "127.0.0.1", 0) as server:
        print(f"ws://127.0.0.1:{server.address[1]}/", flush=True)
        await over.wait()
    return served.observed()


def main(role: str, *arguments: str) -> None:
    """Run one end and print what it observed."""
    logging.disable(logging.CRITICAL)
    roles = {"single": serve_single, "fastapi": serve_fastapi, "many": serve_many, "client": call}
    observed = asyncio.run(roles[role](*arguments))
    print(json.dumps(observed), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[2:])
