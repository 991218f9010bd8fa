"""A browser's WebSocket at the other end: Chromium speaks with the server transport.

Its page knows nothing of ours: it writes protobuf by hand, or sends bare samples.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from pipecat_rs.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    OutputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer
from pipecat_rs.transports.websocket.server import (
    SingleClientWebsocketServerParams,
    SingleClientWebsocketServerTransport,
)
from support.bots import Echo
from support.chromium import chromium, opened
from support.tasks import task_of
from support.waiting import calls_of, within

pytestmark = pytest.mark.skipif(
    chromium() is None,
    reason="there is no Chromium: install one (Debian's package is `chromium`) or set CHROMIUM",
)

RATE = 16000

PAGE = """<!doctype html><title>not yet</title><script>
const url = URL_OF_BOT, format = FORMAT, chunk = 640, chunks = 50;

function varint(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push(value & 127 | 128);
  return [...bytes, value];
}
const field = (number, bytes) => [...varint(number << 3 | 2), ...varint(bytes.length), ...bytes];
const text = string => [...new TextEncoder().encode(string)];

// Frame { audio = 2 { audio = 3, sample_rate = 4, num_channels = 5 }, message = 4 { data = 1 } }
const audioFrame = samples =>
  field(2, [...field(3, samples), 4 << 3, ...varint(16000), 5 << 3, 1]);
const messageFrame = json => field(4, field(1, text(json)));

function* fields(bytes) {
  let at = 0;
  const read = () => {
    let value = 0, shift = 0, byte;
    do { byte = bytes[at++]; value += (byte & 127) * 2 ** shift; shift += 7; } while (byte > 127);
    return value;
  };
  while (at < bytes.length) {
    const tag = read(), number = tag >>> 3;
    if ((tag & 7) === 2) {
      const length = read();
      yield [number, bytes.subarray(at, at + length)];
      at += length;
    } else yield [number, read()];
  }
}

const said = Uint8Array.from({length: chunk * chunks}, (_, n) => n * 7 % 251 + 1);
const heard = [], messages = [], rates = new Set();
let reported = false;

function report(how) {
  if (reported) return;
  reported = true;
  document.title = how;
  const result = {
    how, heard: heard.length, same: heard.every((byte, n) => byte === said[n]),
    messages, rates: [...rates],
  };
  const line = new WebSocket(URL_OF_TEST);
  line.onopen = () => { line.send(JSON.stringify(result)); line.close(); };
}

const socket = new WebSocket(url);
socket.binaryType = "arraybuffer";
socket.onopen = () => {
  for (let at = 0; at < said.length; at += chunk) {
    const samples = said.subarray(at, at + chunk);
    socket.send(format === "protobuf" ? Uint8Array.from(audioFrame(samples)) : samples);
  }
};
socket.onmessage = event => {
  if (typeof event.data === "string") {
    messages.push(event.data);
  } else if (format === "protobuf") {
    for (const [kind, inner] of fields(new Uint8Array(event.data)))
      for (const [number, value] of fields(inner)) {
        if (kind === 2 && number === 3) heard.push(...value);
        if (kind === 2 && number === 4) rates.add(value);
        if (kind === 4 && number === 1) messages.push(new TextDecoder().decode(value));
      }
  } else heard.push(...new Uint8Array(event.data));
  if (heard.length >= said.length && !messages.length)
    socket.send(format === "protobuf" ? Uint8Array.from(messageFrame('{"how": "are you"}')) : "?");
  if (messages.length) socket.close(1000, "bye");
};
socket.onclose = event => report(`closed with ${event.code}`);
</script>"""


class Samples(FrameSerializer):
    """A user's serializer: bare samples, and text for what else there is to say."""

    async def serialize(self, frame: Frame) -> str | bytes | None:
        if isinstance(frame, OutputAudioRawFrame):
            return frame.audio
        if isinstance(frame, OutputTransportMessageUrgentFrame):
            return json.dumps(frame.message)
        return None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        if isinstance(data, bytes):
            return InputAudioRawFrame(data, RATE, 1)
        return InputTransportMessageFrame(message=data)


class Answers(FrameProcessor):
    """Answers messages."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputTransportMessageFrame) and direction == FrameDirection.DOWNSTREAM:
            await self.push_frame(OutputTransportMessageUrgentFrame({"i": "am well"}))
        await self.push_frame(frame, direction)


@contextlib.asynccontextmanager
async def reports() -> AsyncIterator[tuple[str, asyncio.Queue[Any]]]:
    """Where the page says what came of it."""
    came: asyncio.Queue[Any] = asyncio.Queue()

    async def listen(socket: websockets.ServerConnection) -> None:
        came.put_nowait(json.loads(await socket.recv()))

    async with websockets.serve(listen, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", came


class Browsing:
    """A server transport, and a browser with a page that connects to it."""

    def __init__(self, directory: Path, format: str, **options: Any) -> None:
        serializer = ProtobufFrameSerializer() if format == "protobuf" else Samples()
        params = SingleClientWebsocketServerParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_10ms_chunks=2,
            audio_out_end_silence_secs=0,
            serializer=serializer,
            **options,
        )
        self.directory, self.format = directory, format
        self.transport = SingleClientWebsocketServerTransport(params, host="127.0.0.1", port=0)
        self.connected = calls_of(self.transport, "on_client_connected")
        self.gone = calls_of(self.transport, "on_client_disconnected")

    async def result(self) -> dict[str, Any]:
        """What the page reports."""
        middle = (Echo(), Answers())
        params = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
        task = task_of(self.transport.input(), *middle, self.transport.output(), params=params)
        ready = calls_of(self.transport, "on_websocket_ready")
        run = asyncio.create_task(task.run())
        await ready.wait()
        async with reports() as (url, came):
            assert self.transport.address is not None
            bot = f"ws://127.0.0.1:{self.transport.address[1]}/page?name=ann"
            page = PAGE.replace("URL_OF_BOT", json.dumps(bot))
            page = page.replace("URL_OF_TEST", json.dumps(url))
            file = self.directory / "page.html"
            file.write_text(page.replace("FORMAT", json.dumps(self.format)))
            async with opened(file, self.directory / "profile"):
                result = await within(came.get(), 20)
        await task.cancel()
        await asyncio.wait({run})
        return result


@pytest.mark.parametrize("format", ["protobuf", "samples"])
async def test_a_page_speaks_and_hears_itself(tmp_path: Path, format: str) -> None:
    browsing = Browsing(tmp_path, format)
    result = await browsing.result()
    ((websocket,),) = browsing.connected
    assert result == {
        "how": "closed with 1000",
        "heard": 32000,
        "same": True,
        "messages": ['{"i": "am well"}'],
        "rates": [RATE] if format == "protobuf" else [],
    }
    assert websocket.query_params == {"name": "ann"}
    assert "Chrome" in websocket.headers["user-agent"]
    assert websocket.headers["origin"] in ("null", "file://")
    assert (websocket.closed_by, websocket.close_code, websocket.close_reason) == (
        "peer",
        1000,
        "bye",
    )
    assert len(browsing.gone) == 1


async def test_a_page_of_another_origin_is_refused(tmp_path: Path) -> None:
    browsing = Browsing(tmp_path, "protobuf", allowed_origins=["https://good.example"])
    result = await browsing.result()
    assert (result["how"], result["heard"]) == ("closed with 1006", 0)
    assert not browsing.connected
