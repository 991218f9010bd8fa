"""G1: one session's blocked Python delays no other's audio, nor its own that is on its way."""

import asyncio
import threading

from support.bots import CHUNK, Caller, SpeaksThenBlocks, echo_bot, hold, transport_of
from support.serving import connect, server_of
from support.waiting import until

WORD = b"\x11\x22" * (CHUNK // 2) * 5
SPEECH = b"\x33\x44" * 16000  # a second


async def test_g01_calls_go_on_while_a_bot_on_another_loop_blocks_it():
    released = threading.Event()
    blocking = SpeaksThenBlocks(SPEECH, released)

    async def bot(arguments) -> None:
        if arguments.websocket.path == "/blocks":
            await hold(transport_of(arguments), blocking)
        else:
            await echo_bot(arguments)

    async with server_of(bot, loops=2) as server:
        bad = Caller(await connect(server.url("/blocks")))
        other = Caller(await connect(server.url()))
        assert server.stats().loops == [1, 1]
        await bad.say(WORD)
        try:
            assert await asyncio.to_thread(blocking.blocked.wait, 10)
            for _ in range(10):
                await other.say(WORD)
                assert (await other.hear(len(WORD))).startswith(WORD)
            # A loop that does not answer is given no more calls.
            await until(lambda: _silent(server) > 0.1)
            more = [Caller(await connect(server.url())) for _ in range(3)]
            for caller in more:
                await caller.say(WORD)
                assert await caller.hear(len(WORD))
        finally:
            released.set()


def _silent(server) -> float:
    import json

    health = json.loads(server._opened().health())
    return max(one["silent_ms"] for one in health["loops"]) / 1e3


async def test_g01_what_a_bot_says_is_played_while_it_blocks_its_loop():
    released = threading.Event()
    blocking = SpeaksThenBlocks(SPEECH, released)

    async def bot(arguments) -> None:
        await hold(transport_of(arguments), blocking)

    async with server_of(bot, loops=2) as server:
        caller = Caller(await connect(server.url()))
        await caller.say(WORD)
        try:
            assert await asyncio.to_thread(blocking.blocked.wait, 10)
            heard = await caller.hear(len(SPEECH))  # all of it, though Python never comes back
            assert heard.startswith(SPEECH)
        finally:
            released.set()
