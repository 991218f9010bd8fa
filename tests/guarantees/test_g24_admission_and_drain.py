"""G24: a session server admits up to a hard maximum, and its drain waits for every call."""

import asyncio

import pytest
from support.bots import CHUNK, Caller, echo_bot
from support.serving import connect, fetch, refusal, server_of
from support.waiting import until, within

WORD = b"\x11\x22" * (CHUNK // 2) * 5


@pytest.mark.parametrize("loops", [1, 3])
async def test_g24_admission_is_exact_in_a_burst(loops: int):
    async with server_of(echo_bot, max_sessions=10, loops=loops) as server:
        for _ in range(3):
            attempts = [connect(server.url()) for _ in range(50)]
            results = await asyncio.gather(*attempts, return_exceptions=True)
            callers = [Caller(one) for one in results if not isinstance(one, BaseException)]
            assert len(callers) == 10
            assert server.stats().sessions == 10
            for caller in callers:  # each of them has a bot
                await caller.say(WORD)
            for caller in callers:
                assert (await caller.hear(len(WORD))).startswith(WORD)
            await asyncio.gather(*(caller.connection.close() for caller in callers))
            await until(lambda: server.stats().sessions == 0)
        totals = server.stats().totals
        assert (totals["started"], totals["refused_full"]) == (30, 120)


async def test_g24_drain_lets_every_call_go_on_to_its_end_and_begins_none():
    async with server_of(echo_bot, loops=2) as server:
        url = server.url().replace("ws:", "http:")
        callers = [Caller(await connect(server.url())) for _ in range(6)]
        for caller in callers:
            await caller.say(WORD)
            await caller.hear(len(WORD))
        draining = asyncio.create_task(server.drain())
        await until(lambda: server.stats().status == "draining")
        while callers:
            assert "503" in await refusal(server.url())
            assert (await fetch(url + "ready"))[0] == 503
            for caller in callers:
                await caller.say(WORD)
                assert await caller.hear(len(WORD)), "a call was cut off"
            assert not draining.done()
            await callers.pop().connection.close()
        assert await within(draining) is True
        assert server.stats().sessions == 0


async def test_g24_load_is_measured():
    async with server_of(echo_bot) as server:
        caller = Caller(await connect(server.url()))
        await caller.say(WORD * 4)
        await caller.hear(len(WORD) * 4)
        _, _, text = await fetch(server.url().replace("ws:", "http:") + "metrics")
        counts = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        assert int(counts["pipecat_rs_output_lateness_seconds_count"]) >= 20
        assert int(counts["pipecat_rs_sessions"]) == 1
        await caller.connection.close()
