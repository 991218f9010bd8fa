"""The WebSocket server transport, talked to by the `websockets` library over real sockets."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import websockets
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    ClientConnectedFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    TextFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer
from pipecat_rs.testing.recorder import Recorder
from pipecat_rs.transports.native_media_sender import NativeMediaSender
from pipecat_rs.transports.websocket.server import (
    SingleClientWebsocketServerParams,
    SingleClientWebsocketServerTransport,
    WebsocketServerParams,
    WebsocketServerTransport,
)
from support.protobuf_peer import CHUNK, RATE, ProtobufPeer
from support.tasks import UP, task_of
from support.waiting import calls_of, until, within

TONE = bytes(range(1, 255)) * 6  # audible, and no two chunks of it are alike


class Slow(FrameSerializer):
    """A user's serializer: raw audio, in Python."""

    async def serialize(self, frame: Frame) -> str | bytes | None:
        return frame.audio if isinstance(frame, OutputAudioRawFrame) else None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        return InputAudioRawFrame(data, RATE, 1) if isinstance(data, bytes) else TextFrame(data)


class Session:
    """A running pipeline with a server in it."""

    def __init__(self, transport: SingleClientWebsocketServerTransport, *middle: FrameProcessor):
        self.transport = transport
        self.up, self.down = Recorder(), Recorder()
        self.task = task_of(
            self.up,
            transport.input(),
            *middle,
            transport.output(),
            self.down,
            params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        )
        self.connected = calls_of(transport, "on_client_connected")
        self.gone = calls_of(transport, "on_client_disconnected")

    @property
    def url(self) -> str:
        assert self.transport.address
        return f"ws://127.0.0.1:{self.transport.address[1]}/call?from=test"


def params_of(**options) -> SingleClientWebsocketServerParams:
    options.setdefault("serializer", ProtobufFrameSerializer())
    options.setdefault("audio_out_end_silence_secs", 0)
    options.setdefault("audio_out_10ms_chunks", 2)
    return SingleClientWebsocketServerParams(
        audio_in_enabled=True, audio_out_enabled=True, **options
    )


@contextlib.asynccontextmanager
async def serving(*middle: FrameProcessor, **options) -> AsyncIterator[Session]:
    transport = SingleClientWebsocketServerTransport(params_of(**options), port=0)
    session = Session(transport, *middle)
    ready = calls_of(transport, "on_websocket_ready")
    run = asyncio.create_task(session.task.run())
    try:
        await ready.wait()
        yield session
    finally:
        if not session.task.has_finished():
            await session.task.cancel()
        await within(run, 10)


class Echo(FrameProcessor):
    """Gives back what is heard."""

    handles = (InputAudioRawFrame,)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self.push_frame(OutputAudioRawFrame(frame.audio, frame.sample_rate, 1))
        await self.push_frame(frame, direction)


async def test_what_a_client_says_and_hears_is_what_the_pipeline_hears_and_says():
    async with serving(Echo()) as session, ProtobufPeer(session.url) as peer:
        (websocket,) = await session.connected.wait()
        assert websocket.path == "/call?from=test"
        assert websocket.query_params == {"from": "test"}
        assert websocket.remote_address[0] == "127.0.0.1"
        assert "websockets" in websocket.headers["user-agent"]
        for start in range(0, 5 * CHUNK, CHUNK):
            await peer.say((TONE * 3)[start : start + CHUNK])
        assert await within(peer.hear_audio(5 * CHUNK)) == (TONE * 3)[: 5 * CHUNK]
        assert [frame.audio for frame in session.down.frames(InputAudioRawFrame)] == [
            (TONE * 3)[start : start + CHUNK] for start in range(0, 5 * CHUNK, CHUNK)
        ]
        assert session.down.frames(ClientConnectedFrame)


async def test_native_audio_is_played_by_a_media_thread_and_a_users_serializer_by_the_loop():
    async with serving() as session:
        sender = session.transport.output()._media_senders[None]
        assert isinstance(sender, NativeMediaSender)
    async with serving(Echo(), serializer=Slow()) as session:
        assert not isinstance(session.transport.output()._media_senders[None], NativeMediaSender)
        async with websockets.connect(session.url) as socket:
            await session.connected.wait()
            await socket.send(TONE[:CHUNK])
            assert await within(socket.recv()) == TONE[:CHUNK]
            await socket.send("hello")
            await until(lambda: bool(session.down.frames(TextFrame)))


async def test_speech_is_paced_and_told_of_in_order():
    async with serving() as session, ProtobufPeer(session.url) as peer:
        await session.connected.wait()
        audio = (TONE * 20)[: 25 * CHUNK]
        await session.task.queue_frames(
            [
                TTSAudioRawFrame(audio, RATE, 1, context_id="one"),
                TTSTextFrame("said", text_type="sentence"),
                TTSStoppedFrame(),
            ]
        )
        began = time.monotonic()
        assert await within(peer.hear_audio(len(audio))) == audio
        assert time.monotonic() - began >= 0.4  # half a second less what is sent ahead
        await until(lambda: bool(session.down.frames(BotStoppedSpeakingFrame)))
        kinds = [
            type(frame)
            for frame in session.down.frames(Frame)
            if isinstance(
                frame,
                BotStartedSpeakingFrame | BotStoppedSpeakingFrame | TTSTextFrame | TTSAudioRawFrame,
            )
        ]
        assert kinds[0] is BotStartedSpeakingFrame
        assert kinds.count(TTSAudioRawFrame) == 25
        assert kinds[-2:] == [TTSTextFrame, BotStoppedSpeakingFrame]
        played = session.down.frames(TTSAudioRawFrame)
        assert {frame.context_id for frame in played} == {"one"}
        (started,) = session.down.frames(BotStartedSpeakingFrame)
        (sibling,) = session.up.frames(BotStartedSpeakingFrame, UP)
        assert started.broadcast_sibling_id == sibling.id
        assert sibling.broadcast_sibling_id == started.id
        assert session.transport.output().lateness.count == 25


async def test_an_interruption_drops_what_is_queued_and_what_is_to_be_kept_is_played():
    async with serving() as session, ProtobufPeer(session.url) as peer:
        await session.connected.wait()
        await session.task.queue_frame(TTSAudioRawFrame((TONE * 200)[: 250 * CHUNK], RATE, 1))
        await within(peer.hear_audio(5 * CHUNK))
        await session.task.queue_frame(InterruptionFrame())
        await until(lambda: bool(session.down.frames(BotStoppedSpeakingFrame)))
        goodbye = TTSAudioRawFrame(b"\x11\x22" * CHUNK, RATE, 1)
        await session.task.queue_frame(goodbye)
        heard = b""
        while goodbye.audio not in heard:
            heard += await within(peer.hear_audio(CHUNK))
        assert len(heard) <= 4 * CHUNK + len(goodbye.audio)


async def test_messages_and_texts_go_both_ways():
    params = ProtobufFrameSerializer.InputParams(ignore_rtvi_messages=False)
    serializer = ProtobufFrameSerializer(params=params)
    async with serving(serializer=serializer) as session, ProtobufPeer(session.url) as peer:
        await session.connected.wait()
        await peer.send(TextFrame("typed"))
        await peer.send(OutputTransportMessageFrame({"to": "bot"}))
        await until(lambda: bool(session.down.frames(InputTransportMessageFrame)))
        assert [frame.text for frame in session.down.frames(TextFrame)] == ["typed"]
        assert session.down.frames(InputTransportMessageFrame)[0].message == {"to": "bot"}
        await session.task.queue_frames(
            [
                OutputAudioRawFrame(TONE[:CHUNK] * 2, RATE, 1),
                OutputTransportMessageFrame({"to": "client"}),
            ]
        )
        frames = [await within(peer.hear()) for _ in range(3)]
        assert [type(frame) for frame in frames] == [
            InputAudioRawFrame,
            InputAudioRawFrame,
            InputTransportMessageFrame,
        ]
        assert frames[2].message == {"to": "client"}


async def test_one_client_at_a_time_and_another_after_it():
    async with serving(Echo()) as session:
        async with ProtobufPeer(session.url) as first:
            await session.connected.wait()
            async with ProtobufPeer(session.url) as second:
                with pytest.raises(websockets.ConnectionClosed) as refused:
                    await within(second.hear())
                assert refused.value.rcvd is not None and refused.value.rcvd.code == 1013
            await first.say(TONE[:CHUNK])
            assert await within(first.hear_audio(CHUNK)) == TONE[:CHUNK]
        (websocket,) = await session.gone.wait()
        assert (websocket.close_code, websocket.closed_by) == (1000, "peer")
        async with ProtobufPeer(session.url) as third:
            await session.connected.wait(2)
            await third.say(TONE[:CHUNK])
            assert await within(third.hear_audio(CHUNK)) == TONE[:CHUNK]


async def test_the_last_words_are_heard_before_the_connection_ends():
    async with serving() as session, ProtobufPeer(session.url) as peer:
        await session.connected.wait()
        words = (TONE * 20)[: 20 * CHUNK]
        await session.task.queue_frames([TTSAudioRawFrame(words, RATE, 1), EndFrame()])
        assert await within(peer.hear_audio(len(words))) == words
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await within(peer.hear())
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1000


async def test_audio_without_a_client_goes_nowhere_and_holds_nothing_up():
    async with serving() as session:
        await session.task.queue_frames(
            [TTSAudioRawFrame((TONE * 100)[: 100 * CHUNK], RATE, 1), TextFrame("after")]
        )
        await until(lambda: bool(session.down.frames(TextFrame)))
        assert not session.down.frames(BotStartedSpeakingFrame)
        await session.task.queue_frame(EndFrame())
        await until(lambda: session.task.has_finished())


async def test_pages_of_other_origins_are_refused():
    async with serving(allowed_origins=["https://good.example"]) as session:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with websockets.connect(session.url, origin="https://bad.example"):
                pass
        assert refused.value.response.status_code == 403
        async with websockets.connect(session.url, origin="https://good.example"):
            await session.connected.wait()


async def test_a_session_that_lasts_too_long_is_told_of():
    async with serving(session_timeout=0.05) as session:
        late = calls_of(session.transport, "on_session_timeout")
        async with ProtobufPeer(session.url):
            (websocket,) = await late.wait()
            assert websocket.is_open


async def test_nonsense_is_ignored_and_what_follows_is_heard():
    async with serving(Echo()) as session, ProtobufPeer(session.url) as peer:
        await session.connected.wait()
        for nonsense in (b"\xff" * 100, b"", "text", b"\x12\x05\x1a\xff\xff"):
            await peer.socket.send(nonsense)
        await peer.say(TONE[:CHUNK])
        assert await within(peer.hear_audio(CHUNK)) == TONE[:CHUNK]


async def test_a_client_that_vanishes_is_told_of_once():
    async with serving() as session:
        async with ProtobufPeer(session.url) as peer:
            await session.connected.wait()
            peer.socket.transport.abort()
            (websocket,) = await session.gone.wait()
            assert websocket.closed_by == "error"
            with pytest.raises(ConnectionError):
                await websocket.send(b"anybody?")
        assert len(session.gone) == 1


async def test_a_port_that_is_taken_is_an_error_that_names_it():
    async with serving() as session:
        assert session.transport.address
        port = session.transport.address[1]
        second = SingleClientWebsocketServerTransport(params_of(), host="127.0.0.1", port=port)
        task: PipelineTask = task_of(second.input(), second.output())
        errors = calls_of(task, "on_pipeline_error")
        run = asyncio.create_task(task.run())
        (error,) = await errors.wait()
        assert f"127.0.0.1:{port}" in error.error
        await task.cancel()
        await within(run)


def test_the_earlier_names_are_the_same_classes_by_another_name():
    params = WebsocketServerParams(serializer=ProtobufFrameSerializer(), audio_in_enabled=True)
    transport = WebsocketServerTransport(params, port=0)
    assert transport.input() is transport.input()
    assert transport.output() is transport.output()
    assert transport.address is None
