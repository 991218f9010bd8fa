"""Telephone calls that go wrong: each ends once and leaves nothing, or goes on as if nothing were.

That nothing stays behind is seen to after every test (`tests/conftest.py`).
"""

import asyncio
import contextlib
import json
import random
import threading
import time
from typing import Any

import pytest
import websockets
from pipecat_rs.frames.frames import (
    EndFrame,
    InputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
    TTSAudioRawFrame,
)
from pipecat_rs.runner.server_settings import ConnectionLimits
from pipecat_rs.transports.websocket.connection import WebsocketConnection
from support.bots import Echo
from support.calls import Bot, call, raw_call
from support.doors import DOORS, UVICORNS_OWN, door
from support.phones import PHONES, Exotel, Genesys, Phone, Telnyx, Twilio, Vonage
from support.waiting import until, within
from websockets.sync.client import connect

pytestmark = pytest.mark.filterwarnings(UVICORNS_OWN)

QUICK = ConnectionLimits(ping_interval=0.2, pong_timeout=0.2, write_timeout=0.4, close_timeout=0.4)


@pytest.fixture(params=DOORS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def numbered(number: int) -> bytes:
    """20 ms of Exotel's audio that says its number in each sample."""
    return number.to_bytes(2, "little") * 160


def numbers(bot: Bot) -> list[int]:
    """The numbers of what was heard."""
    audio = b"".join(frame.audio for frame in bot.heard.frames(InputAudioRawFrame))
    return [int.from_bytes(audio[at : at + 2], "little") for at in range(0, len(audio), 320)]


async def test_what_comes_before_the_pipeline_runs_is_heard_in_order(kind: str) -> None:
    """A burst behind the first messages: some of it is read with them, some after."""
    phone = Exotel()
    bot = Bot(phone, "")
    async with door(kind, bot) as url, websockets.connect(url) as socket:
        for message in phone.opening():
            await socket.send(message)
        for number in range(300):
            await socket.send(phone.media(numbered(number)))
        await until(lambda: len(numbers(bot)) == 300)
        assert numbers(bot) == list(range(300))


async def test_audio_that_never_pauses_stays_in_order_while_the_pipeline_takes_over(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had been read, and waited for the loop, came behind what came after it."""
    phone = Exotel()
    bot = Bot(phone, "")
    heard_all = threading.Event()

    def send(url: str) -> None:
        with connect(url) as socket:
            for message in phone.opening():
                socket.send(message)
            for number in range(1500):
                socket.send(phone.media(numbered(number)))
            assert heard_all.wait(20)

    def read_more(connection: WebsocketConnection) -> None:
        """The loop has other things to do, and messages go on coming."""
        before = connection._native.stats()["messages_in"]
        while connection._native.stats()["messages_in"] < before + 100:
            time.sleep(0.001)

    take_over = WebsocketConnection._read_natively

    def take_over_late(self: WebsocketConnection, audio_input: Any) -> None:
        read_more(self)
        take_over(self, audio_input)
        read_more(self)

    monkeypatch.setattr(WebsocketConnection, "_read_natively", take_over_late)
    async with door(kind, bot) as url:
        sending = asyncio.create_task(asyncio.to_thread(send, url))
        await until(lambda: len(numbers(bot)) == 1500, 15)
        heard_all.set()
        await within(sending)
        await within(bot.ended.wait())
    assert numbers(bot) == list(range(1500))


@pytest.mark.parametrize("provider", PHONES)
async def test_nonsense_is_said_aloud_once_and_the_call_goes_on(
    provider: type[Phone], caplog: pytest.LogCaptureFixture
) -> None:
    phone = provider()
    said = bytes(range(1, 101)) * 8
    async with call("serve", phone, Echo()) as (bot, line):
        caplog.clear()
        await line.send(
            *("", "{", "[]", "null", '"media"', "{}", "\x00", "[" * 10_000),
            *(json.dumps({"event": event}) for event in ("media", "start", "dtmf", "?", 7, None)),
            *(json.dumps({"type": kind, "seq": []}) for kind in ("open", "ping", "dtmf", 7)),
            json.dumps({"event": "media", "media": {"payload": "no base64!"}}),
            json.dumps({"event": "start", "start": {"streamSid": 7}, "stream_id": {}}),
        )
        if provider not in (Vonage, Genesys):
            await line.send(b"\xff" * 101)
        await line.send(phone.media(said[: phone.chunk]))
        assert await line.hear(phone.chunk) == said[: phone.chunk]
        assert not bot.errors
    aloud = [one for one in caplog.records if one.name.endswith(".wire_input")]
    assert len(aloud) == 1, [one.message for one in aloud]


@pytest.mark.parametrize("provider", [Twilio, Telnyx, Exotel])
async def test_messages_out_of_order_and_of_other_streams(provider: type[Phone]) -> None:
    phone, other = provider(), provider()
    values = [bytes([number]) * phone.chunk for number in range(1, 9)]
    async with call("serve", phone, Echo()) as (bot, line):
        shuffled = [phone.media(value) for value in values]
        random.Random(7).shuffle(shuffled)
        await line.send(*phone.opening(), *shuffled)  # begun again, and numbered wildly
        heard = await line.hear(8 * phone.chunk)
        assert sorted(heard[at] for at in range(0, len(heard), phone.chunk)) == list(range(1, 9))
        stray = json.dumps(
            json.loads(other.media(values[0]))
            | dict.fromkeys(("streamSid", "stream_id", "stream_sid"), "stream-2")
        )
        await line.send(stray, phone.media(values[1]))
        assert await line.hear(phone.chunk) == values[1], "another stream's audio is not the caller"
        await line.send(*phone.stop(), phone.media(values[2]))
        await line.socket.close()
        await bot.gone.wait()
    assert len(bot.gone) == 1


async def test_a_message_that_is_too_long(kind: str) -> None:
    """The server's own sockets end there; of a socket of uvicorn's it is the message that ends."""
    phone = Twilio()
    async with raw_call(kind, phone, Echo()) as (bot, peer):
        with contextlib.suppress(ConnectionError):
            await peer.send(phone.media(bytes(3 << 20)))
        if kind == "serve":
            (websocket,) = await bot.gone.wait()
            assert (websocket.closed_by, websocket.close_code) == ("error", 1009)
        else:
            said = b"\x01" * 160
            await peer.send(phone.media(said))
            await until(lambda: bool(bot.heard.frames(InputAudioRawFrame)))
            assert len(bot.heard.frames(InputAudioRawFrame)[0].audio) == 2 * len(said)
            peer.sock.close()
            await bot.gone.wait()
    assert len(bot.gone) == 1
    assert not bot.errors


@pytest.mark.parametrize(
    "manner", ["half-closed", "reset", "no goodbye", "in a message", "rubbish"]
)
async def test_peers_that_leave_without_a_goodbye_are_told_of_once(kind: str, manner: str) -> None:
    phone = Twilio()
    async with raw_call(kind, phone, Echo()) as (bot, peer):
        await peer.send(phone.media(b"\x01" * 160))
        await peer.get()
        match manner:
            case "half-closed":
                peer.half_close()
            case "reset":
                peer.reset()
            case "no goodbye":
                peer.sock.close()
            case "in a message":
                await peer.put(b"\x81\xfe\x10")
                peer.half_close()
            case _:
                await peer.put(b"\xff" * 64)
        await bot.gone.wait()
    assert len(bot.gone) == 1
    assert not bot.errors


async def test_a_peer_that_is_nothing_but_silent_any_more_is_told_of_once() -> None:
    phone = Twilio()
    async with raw_call("serve", phone, server={"limits": QUICK}) as (bot, _):
        (websocket,) = await bot.gone.wait()
        assert websocket.closed_by == "timeout"
    assert len(bot.gone) == 1


async def stops_reading(bot: Bot) -> None:
    """Send more than the sockets' buffers take."""
    await bot.say(OutputTransportMessageUrgentFrame({"version": "2", "all": "x" * 900_000}))
    await bot.say(TTSAudioRawFrame(bytes(8000), bot.phone.rate, 1))


async def test_a_peer_that_reads_nothing_is_told_of_once() -> None:
    phone = Genesys()
    limits = ConnectionLimits(write_timeout=0.4, close_timeout=0.4)
    async with raw_call("serve", phone, server={"limits": limits}) as (bot, _):
        await stops_reading(bot)
        (websocket,) = await bot.gone.wait()
        assert websocket.closed_by == "timeout"
    assert len(bot.gone) == 1


@pytest.mark.parametrize("provider", [Twilio, Genesys])
async def test_the_end_of_a_pipeline_does_not_wait_for_a_peer_that_reads_nothing(
    provider: type[Phone], kind: str
) -> None:
    phone = provider()
    limits = ConnectionLimits(write_timeout=30, close_timeout=30)
    options: Any = {"server": {"limits": limits}} if kind == "serve" else {}
    async with raw_call(kind, phone, **options) as (bot, peer):
        await stops_reading(bot)
        await bot.say(EndFrame())
        await until(lambda: bot.task.has_finished(), 10)
        assert not bot.gone, "it was the bot that hung up"
        peer.reset()


async def test_a_goodbye_that_is_not_answered_holds_nothing_up_and_is_no_news(kind: str) -> None:
    phone = Twilio()
    limits = ConnectionLimits(close_timeout=30)
    options: Any = {"server": {"limits": limits}} if kind == "serve" else {}
    async with raw_call(kind, phone, ws_close_timeout=0.1, **options) as (bot, peer):
        await bot.say(EndFrame())
        await until(lambda: bot.task.has_finished())
        peer.reset()
    assert not bot.gone
