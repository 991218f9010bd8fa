"""A WebSocket client without manners: bytes on a socket, and nothing it is not told to do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from support.waiting import within

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame of a client."""
    length = len(payload)
    if length < 126:
        size = struct.pack(">B", 0x80 | length)
    elif length < 1 << 16:
        size = struct.pack(">BH", 0x80 | 126, length)
    else:
        size = struct.pack(">BQ", 0x80 | 127, length)
    mask = os.urandom(4)
    pad = (mask * (length // 4 + 1))[:length]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(length, "big")
    return bytes([0x80 | opcode]) + size + mask + masked


class RawPeer:
    """What is behind the handshake: it reads when asked to, and answers no ping or goodbye."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    async def send(self, *messages: str | bytes) -> None:
        """Send messages, each in one frame."""
        for message in messages:
            text = isinstance(message, str)
            data = message.encode() if isinstance(message, str) else message
            await self.put(frame(TEXT if text else BINARY, data))

    async def put(self, data: bytes) -> None:
        """Send bytes as they are."""
        await within(asyncio.get_running_loop().sock_sendall(self.sock, data))

    async def get(self, count: int = 1 << 16) -> bytes:
        """Receive bytes as they are; none at the end."""
        return await within(asyncio.get_running_loop().sock_recv(self.sock, count), 10)

    def half_close(self) -> None:
        """Send nothing more; what comes could still be read."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Vanish with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


@contextlib.asynccontextmanager
async def raw_peer(url: str, *, receive_buffer: int | None = None) -> AsyncIterator[RawPeer]:
    """Connect, with a small buffer for what is received if one is given, in bytes."""
    parts = urlsplit(url)
    sock = socket.socket()
    sock.setblocking(False)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        peer = RawPeer(sock)
        await asyncio.get_running_loop().sock_connect(sock, (parts.hostname, parts.port))
        await peer.put(
            f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += await peer.get(1)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        yield peer
    finally:
        sock.close()
