"""A session server for tests, and peers that connect to it."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from pipecat_rs import _core
from pipecat_rs.runner.loop_threads import new_event_loop
from pipecat_rs.runner.session_server import SessionServer
from pipecat_rs.transports.websocket.connection import WebsocketConnection

from support.waiting import within

new_event_loop().close()  # libuv opens a pipe for signals, once a process

TLS = Path(__file__).parent / "tls"


_peers: list[WebsocketConnection] = []


async def hang_up_all() -> None:
    """End the connections of all peers; a peer that nobody reads from would not notice its end."""
    peers, _peers[:] = list(_peers), []
    await within(asyncio.gather(*(peer.close() for peer in peers)), 20)


class Server(SessionServer):
    """Hangs up its peers when it closes."""

    async def __aexit__(self, *error) -> None:
        await super().__aexit__(*error)
        await hang_up_all()


def server_of(bot, **options) -> Server:
    """A server on a free port that refuses nobody because the machine is slow."""
    unlimited = {"max_output_lateness": None, "max_loop_delay": None}
    return Server(bot, "127.0.0.1", 0, **{**unlimited, **options})


async def connect(
    url: str, headers: Sequence[tuple[str, str]] = (), protocols: Sequence[str] = (), **options
) -> WebsocketConnection:
    """Connect as a client."""
    connecting = _core._websocket_connect(url, list(headers), list(protocols), options)
    peer = WebsocketConnection(await within(connecting, 15))
    peer._begin()  # or it would not answer a goodbye
    _peers.append(peer)
    return peer


async def refusal(url: str, headers: Sequence[tuple[str, str]] = (), **options) -> str:
    """What a client is told that is not let in."""
    try:
        await connect(url, headers, **options)
    except ConnectionError as error:
        return str(error)
    raise AssertionError("it was let in")


async def fetch(url: str, *, method: str = "GET", body: bytes = b"") -> tuple[int, dict, str]:
    """Send an HTTP request: the status, the headers and the body of the answer."""
    host, _, path = url.partition("://")[2].partition("/")
    address, _, port = host.rpartition(":")
    reader, writer = await asyncio.open_connection(address.strip("[]"), int(port))
    length = f"content-length: {len(body)}\r\n" if body else ""
    writer.write(f"{method} /{path} HTTP/1.1\r\nhost: {host}\r\n{length}\r\n".encode() + body)
    answer = await within(reader.read())
    writer.close()
    await writer.wait_closed()
    head, _, text = answer.decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, text


async def health(url: str) -> dict:
    """What a server says of itself."""
    _, _, text = await fetch(url + "health")
    return json.loads(text)


async def echo(arguments) -> None:
    """A bot that says what it hears, until it hears `end`."""
    async for message in arguments.websocket:
        await arguments.websocket.send(message)
        if message == "end":
            return
