"""G20: a peer that stalls, vanishes or never finishes ends in bounded time, alone."""

import asyncio
import contextlib

from pipecat_rs.runner.server_settings import ConnectionLimits
from support.serving import connect, echo, server_of
from support.waiting import until, within

QUICK = ConnectionLimits(
    handshake_timeout=0.3,
    ping_interval=0.2,
    pong_timeout=0.2,
    write_timeout=0.3,
    close_timeout=0.3,
)
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def works(server) -> None:
    """Whether others are served."""
    peer = await connect(server.url())
    await peer.send("hello")
    assert await within(peer.recv()) == "hello"
    await peer.send("end")
    await within(peer.wait_closed())


@contextlib.asynccontextmanager
async def socket_to(server):
    """A socket on which nothing is said."""
    host, port = server.address
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_g20_peers_that_never_ask_for_anything_are_closed():
    async with server_of(echo, max_sessions=2, limits=QUICK) as server:
        async with contextlib.AsyncExitStack() as stack:
            silent = [await stack.enter_async_context(socket_to(server)) for _ in range(20)]
            for _, writer in silent[:10]:
                writer.write(HANDSHAKE[:40])  # half a request
            await works(server)
            for reader, _ in silent:
                assert (await within(reader.read())).partition(b" ")[0] in (b"", b"HTTP/1.1")
        assert server.stats().totals["started"] == 1


async def test_g20_a_peer_that_vanishes_ends_its_session():
    async with server_of(echo, max_sessions=1, limits=QUICK) as server:
        async with socket_to(server) as (reader, writer):
            writer.write(HANDSHAKE)
            await within(reader.readuntil(b"\r\n\r\n"))
            assert server.stats().sessions == 1
            # It answers no ping, as one whose network is gone.
            await until(lambda: server.stats().sessions == 0, 10)
        await works(server)


async def test_g20_a_peer_that_does_not_read_ends_its_session():
    told: list[str] = []

    async def bot(arguments) -> None:
        websocket = arguments.websocket
        if websocket.path != "/deaf":
            return await echo(arguments)
        with contextlib.suppress(ConnectionError):
            while True:
                try:
                    await websocket.send(b"x" * 65536)
                except BufferError:
                    told.append("full")
                    await asyncio.sleep(0.01)
        return None

    async with server_of(bot, limits=QUICK) as server, socket_to(server) as (_, writer):
        writer.write(HANDSHAKE.replace(b"GET /", b"GET /deaf"))
        await until(lambda: bool(told), 10)
        await works(server)
        await until(lambda: server.stats().sessions == 0, 10)


async def test_g20_a_server_with_such_peers_closes():
    server = server_of(echo, limits=QUICK)
    async with contextlib.AsyncExitStack() as stack, server:
        for number in range(6):
            _, writer = await stack.enter_async_context(socket_to(server))
            if number % 2:
                writer.write(HANDSHAKE)
        await until(lambda: server.stats().sessions == 3)
        await within(server.drain(0.1), 15)
        await within(server.close(), 15)
