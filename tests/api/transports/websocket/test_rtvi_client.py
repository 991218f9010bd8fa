"""A client that speaks RTVI, against a bot's WebSocket of the `websockets` library."""

import asyncio
import base64
import json
from typing import Any

from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    EndFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
)
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.testing.recorder import Recorder
from pipecat_rs.transports.websocket.client import WebsocketClientParams
from pipecat_rs.transports.websocket.rtvi_client import RTVIClientTransport
from support.tasks import task_of
from support.waiting import calls_of, until, within
from websockets.asyncio.server import ServerConnection, serve

RATE = 16000


def told(kind: str, **data: Any) -> str:
    return json.dumps({"label": "rtvi-ai", "type": kind, "id": "1", "data": data})


async def test_both_say_that_they_are_ready_and_then_talk() -> None:
    received: list[dict[str, Any]] = []

    async def bot(socket: ServerConnection) -> None:
        received.append(json.loads(await socket.recv()))
        for nonsense in ("", "[]", "null", '{"type": "bot-ready"}'):
            await socket.send(nonsense)
        await socket.send(told("bot-ready", version="2.0.0"))
        await socket.send(told("bot-ready", version="2.0.0"))
        await socket.send(told("bot-started-speaking"))
        await socket.send(told("bot-llm-text", text="Hello!"))
        async for message in socket:
            received.append(json.loads(message))

    async with serve(bot, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        params = WebsocketClientParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_10ms_chunks=2,
            audio_out_end_silence_secs=0,
        )
        transport, recorder = RTVIClientTransport(url, params), Recorder()
        ready = calls_of(transport, "on_bot_ready")
        rates = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
        task = task_of(transport.input(), transport.output(), recorder, params=rates)
        run = asyncio.create_task(task.run())
        assert not transport.bot_ready
        await ready.wait()
        assert transport.bot_ready
        await until(lambda: bool(recorder.frames(LLMTextFrame)))
        assert recorder.frames(LLMTextFrame)[0].text == "Hello!"
        assert recorder.frames(BotStartedSpeakingFrame)
        await task.queue_frames([OutputAudioRawFrame(b"\1\2" * 320, RATE, 1), EndFrame()])
        await within(run, 10)
    assert len(ready) == 1, "though the bot says it twice"
    first, audio = received
    assert (first["label"], first["type"]) == ("rtvi-ai", "client-ready")
    assert first["data"]["about"]["library"] == "pipecat"
    assert audio["type"] == "raw-audio"
    assert base64.b64decode(audio["data"]["base64Audio"]) == b"\1\2" * 320
