"""Bots over protobuf frames, as a user would write them, and what their callers send and hear."""

import asyncio
import threading

from pipecat_rs import _core
from pipecat_rs.frames.frames import (
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    TTSAudioRawFrame,
)
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer
from pipecat_rs.transports.websocket.connection import WebsocketConnection
from pipecat_rs.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)

from support.waiting import within

RATE = 16000
CHUNK = 640  # bytes in 20 ms


def transport_of(arguments) -> FastAPIWebsocketTransport:
    """The transport of a call over protobuf frames."""
    params = FastAPIWebsocketParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_out_10ms_chunks=2,
        serializer=ProtobufFrameSerializer(),
    )
    return FastAPIWebsocketTransport(websocket=arguments.websocket, params=params)


async def hold(transport: FastAPIWebsocketTransport, *processors: FrameProcessor) -> None:
    """Hold a call until its peer is gone."""
    pipeline = Pipeline([transport.input(), *processors, transport.output()])
    params = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
    task = PipelineTask(pipeline, params=params, idle_timeout_secs=None)

    @transport.event_handler("on_client_disconnected")
    async def _(transport: object, websocket: object) -> None:
        await task.cancel()

    await PipelineRunner(handle_sigint=False).run(task)


class Echo(FrameProcessor):
    """Says what it hears."""

    handles = (InputAudioRawFrame,)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self.push_frame(OutputAudioRawFrame(frame.audio, frame.sample_rate, 1))
        await self.push_frame(frame, direction)


async def echo_bot(arguments) -> None:
    """A bot that says what it hears, through a pipeline."""
    await hold(transport_of(arguments), Echo())


class SpeaksThenBlocks(FrameProcessor):
    """At the first word it hears it begins to speak, and then blocks its event loop."""

    handles = (InputAudioRawFrame,)

    def __init__(self, speech: bytes, released: threading.Event) -> None:
        super().__init__()
        self._speech, self._released = speech, released
        self.blocked = threading.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame) and not self.blocked.is_set():
            await self.push_frame(TTSAudioRawFrame(self._speech, RATE, 1))
            asyncio.get_running_loop().call_later(0.1, self._block)
        await self.push_frame(frame, direction)

    def _block(self) -> None:
        self.blocked.set()
        assert self._released.wait(20), "nobody released the loop"


class Caller:
    """The other end of a connection in protobuf frames."""

    def __init__(self, connection: WebsocketConnection) -> None:
        self.connection = connection
        self._wire = _core.WireSerializer("protobuf")

    async def say(self, audio: bytes) -> None:
        message = self._wire.audio(audio, RATE, 1)
        assert message is not None
        await self.connection.send(message)

    async def hear(self, count: int, seconds: float = 15.0) -> bytes:
        """Hear so many bytes."""

        async def collect() -> bytes:
            heard = b""
            while len(heard) < count:
                for kind, *values in self._wire.decode(await self.connection.recv()):
                    heard += values[0] if kind == "audio" else b""
            return heard

        return await within(collect(), seconds)
