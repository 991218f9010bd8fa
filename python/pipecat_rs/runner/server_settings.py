"""Settings and state of a session server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ConnectionLimits", "ServerStats", "TlsFiles"]


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """What a server shows to its peers.

    Attributes:
        certificate: PEM file with the certificate, and those between it and its authority.
        private_key: PEM file with its key.
    """

    certificate: str | Path
    private_key: str | Path

    def _options(self) -> dict[str, Any]:
        return {
            "certificate": Path(self.certificate).read_bytes(),
            "private_key": Path(self.private_key).read_bytes(),
        }


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """What one peer may cost. A peer that goes beyond is closed, and no other notices.

    Attributes:
        max_message_bytes: The longest message that is received.
        max_messages_per_second: Messages that a peer may send, for long; None for any number.
        message_burst: Messages that may come at once, after a gap of the network.
        max_connections_per_address: WebSockets from one address; None for any number.
        idle_timeout: Seconds without a message in either direction; None for any time.
        ping_interval: A peer that says nothing for this many seconds is asked whether it is there;
            None for never.
        pong_timeout: Seconds that it has to answer.
        write_timeout: Seconds after which a peer that takes no byte is gone.
        close_timeout: Seconds for the goodbye.
        handshake_timeout: Seconds for each step of opening.
        max_http_body: The longest body of an HTTP request, in bytes.
    """

    max_message_bytes: int = 1 << 20
    max_messages_per_second: int | None = 500
    message_burst: int = 2000
    max_connections_per_address: int | None = None
    idle_timeout: float | None = None
    ping_interval: float | None = 20.0
    pong_timeout: float = 20.0
    write_timeout: float = 10.0
    close_timeout: float = 5.0
    handshake_timeout: float = 10.0
    max_http_body: int = 1 << 20

    def _options(self) -> dict[str, Any]:
        seconds = {
            f"{name}_secs": getattr(self, name)
            for name in (
                *("idle_timeout", "ping_interval", "pong_timeout", "write_timeout"),
                *("close_timeout", "handshake_timeout"),
            )
        }
        same = {
            name: getattr(self, name)
            for name in (
                *("max_message_bytes", "max_messages_per_second", "message_burst"),
                *("max_connections_per_address", "max_http_body"),
            )
        }
        return {**seconds, **same}


@dataclass(frozen=True)
class ServerStats:
    """How a server is, and what it has done.

    Attributes:
        status: ``ok``, ``full``, ``overloaded`` or ``draining``.
        sessions: Sessions that run.
        max_sessions: The most there may be.
        loops: Sessions on each event loop.
        output_lateness_p99_ms: What one chunk of audio in a hundred exceeded in the last seconds.
        totals: Counters: ``started``, ``completed``, ``failed``, ``cancelled``, ``abandoned``, and
            ``refused_`` with ``full``, ``draining``, ``overloaded`` and ``unauthorized``.
    """

    status: str
    sessions: int
    max_sessions: int
    loops: list[int]
    output_lateness_p99_ms: float
    totals: Mapping[str, int]
