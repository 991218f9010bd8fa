"""G22: thousands of sessions later a server has no more than it began with."""

import asyncio
import gc
import os
import threading

import pytest
from support.bots import CHUNK, Caller, echo_bot
from support.serving import connect, echo, hang_up_all, server_of
from support.waiting import settle, until, within

AT_ONCE = 50


async def talk(url: str, number: int) -> None:
    """A short session, ended by one side or the other."""
    peer = await connect(url)
    await peer.send("hello")
    assert await within(peer.recv(), 20) == "hello"
    match number % 3:
        case 0:
            await peer.close()
        case 1:
            await peer.send("end")
            await within(peer.wait_closed(), 20)
        case _:
            peer._native.close(1001, "gone")
            await within(peer.wait_closed(), 20)


class Holdings:
    """What the process has."""

    def __init__(self) -> None:
        gc.collect()
        self.tasks = len(asyncio.all_tasks())
        self.threads = threading.active_count()
        self.natives = len(os.listdir("/proc/self/task"))
        self.descriptors = len(os.listdir("/proc/self/fd"))
        self.objects = len(gc.get_objects()) // 1000

    def __le__(self, other: "Holdings") -> bool:
        # A thousand objects are those of the loops and of the test itself, and the process has
        # threads that come and go: one that watches loops, and some that look names up.
        spare = {"objects": 1, "natives": 2}
        return all(
            mine <= vars(other)[name] + spare.get(name, 0) for name, mine in vars(self).items()
        )

    def __repr__(self) -> str:
        return str(vars(self))


@pytest.mark.parametrize("loops", [1, 2])
async def test_g22_two_thousand_sessions_leave_nothing(loops: int):
    async with server_of(echo, max_sessions=AT_ONCE, loops=loops) as server:

        async def many(count: int) -> Holdings:
            for first in range(0, count, AT_ONCE):
                talks = (talk(server.url(), first + n) for n in range(AT_ONCE))
                await asyncio.gather(*talks)
                await until(lambda: server.stats().sessions == 0)
            await hang_up_all()  # and forget them
            await settle()
            return Holdings()

        before = await many(200)
        after = await many(2000)
        assert after <= before, (before, after)
        totals = server.stats().totals
        assert (totals["completed"], totals["failed"], totals["cancelled"]) == (2200, 0, 0)


async def test_g22_sessions_with_pipelines_leave_nothing():
    """A connection held what Python gave it, and with that its whole session, for ever."""
    word = b"\x11\x22" * (CHUNK // 2)

    async with server_of(echo_bot, max_sessions=20, loops=2) as server:

        async def call() -> None:
            caller = Caller(await connect(server.url()))
            await caller.say(word)
            await caller.hear(len(word))
            await caller.connection.close()

        async def many(rounds: int) -> Holdings:
            for _ in range(rounds):
                await asyncio.gather(*(call() for _ in range(20)))
                await until(lambda: server.stats().sessions == 0)
            await hang_up_all()  # and forget them
            await settle()
            return Holdings()

        before = await many(2)
        after = await many(10)
        assert after <= before, (before, after)
