"""How a bot is served, as the command line has it."""

from __future__ import annotations

import argparse
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipecat_rs.exceptions import PipecatError
from pipecat_rs.runner.bot_loader import LoadedBot
from pipecat_rs.runner.http import HttpRequest
from pipecat_rs.runner.server_settings import ConnectionLimits, TlsFiles
from pipecat_rs.runner.session_server import Authorize, HttpHook, SessionServer
from pipecat_rs.runner.webhook import PROVIDERS, webhook_of

__all__ = ["ServeOptions", "add_serve_arguments"]


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """How a bot is served. The settings without a comment are those of `SessionServer`.

    Attributes:
        host: Name or address to listen on.
        port: 0 for any that is free.
        max_sessions: The most sessions at once, of all processes together.
        loops: Event loops in each process.
        processes: Processes that sessions are spread over.
        tls_cert: PEM file of the certificate.
        tls_key: PEM file of its key.
        auth_token: Name of the environment variable with the token that peers must show.
        allowed_origins: Origins of web pages that may connect; none for all.
        drain_timeout: Seconds that running sessions have when the server is to end.
        max_frame_bytes: The longest message that is received.
        max_message_rate: Messages a second that a peer may send, for long.
        max_per_address: WebSockets from one address, in each process.
        max_lateness_ms: Nobody is let in while audio is later than this; 0 for any lateness.
        transport: The telephone provider whose webhook is answered at ``POST /``.
        proxy: Name under which the provider reaches this server; None for the one that it used.
    """

    host: str = "localhost"
    port: int = 7860
    max_sessions: int = 100
    loops: int = 1
    processes: int = 1
    tls_cert: Path | None = None
    tls_key: Path | None = None
    auth_token: str | None = None
    allowed_origins: list[str] = field(default_factory=list)
    drain_timeout: float = 3600.0
    max_frame_bytes: int = 1 << 20
    max_message_rate: int = 500
    max_per_address: int | None = None
    max_lateness_ms: float = 20.0
    transport: str | None = None
    proxy: str | None = None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> ServeOptions:
        """Take the options from a command line.

        Args:
            arguments: What a parser with `add_serve_arguments` has read.
        """
        given = vars(arguments)
        return cls(**{name: given[name] for name in cls.__dataclass_fields__ if name in given})

    def __post_init__(self) -> None:
        """Check what makes no sense together.

        Raises:
            PipecatError: If it does not.
        """
        if (self.tls_cert is None) != (self.tls_key is None):
            raise PipecatError(
                "TLS needs both a certificate and a key", hint="--tls-cert, --tls-key"
            )
        if min(self.max_sessions, self.loops, self.processes) < 1:
            raise PipecatError("sessions, loops and processes: at least one of each is needed")
        if self.max_sessions < self.processes:
            raise PipecatError(
                f"{self.processes} processes cannot share {self.max_sessions} sessions",
                hint="--max-sessions is that of all processes together",
            )
        if self.auth_token is not None and not os.environ.get(self.auth_token):
            raise PipecatError(
                f"the environment variable {self.auth_token} is to hold the token and is not set",
                hint=f"{self.auth_token}=… before the command",
            )

    def server(
        self, loaded: LoadedBot, *, cli_args: argparse.Namespace | None = None, **options: Any
    ) -> SessionServer:
        """Make the server of one process.

        Args:
            loaded: The bot.
            cli_args: What bots are given as `RunnerArguments.cli_args`.
            **options: What is not to be as it stands here.
        """
        tls = None
        if self.tls_cert is not None and self.tls_key is not None:
            tls = TlsFiles(certificate=self.tls_cert, private_key=self.tls_key)
        limits = ConnectionLimits(
            max_message_bytes=self.max_frame_bytes,
            max_messages_per_second=self.max_message_rate,
            message_burst=4 * self.max_message_rate,
            max_connections_per_address=self.max_per_address,
        )
        settings: dict[str, Any] = {
            "max_sessions": self.max_sessions,
            "loops": self.loops,
            "tls": tls,
            "authorize": self._authorize(loaded),
            "http": self._http(loaded),
            "allowed_origins": self.allowed_origins,
            "limits": limits,
            "max_output_lateness": self.max_lateness_ms / 1e3 or None,
            "drain_timeout": self.drain_timeout,
            "cli_args": cli_args,
        }
        return SessionServer(loaded.bot, self.host, self.port, **{**settings, **options})

    def _http(self, loaded: LoadedBot) -> HttpHook | None:
        if self.transport not in PROVIDERS:
            return loaded.http
        return webhook_of(self.transport, self.proxy, loaded.http)

    def _authorize(self, loaded: LoadedBot) -> Authorize | None:
        """What lets a peer in: the token, if there is one, and then the bot's own hook."""
        if self.auth_token is None:
            return loaded.authorize
        token = os.environ[self.auth_token].encode()

        async def authorize(request: HttpRequest) -> bool | Mapping[str, Any] | None:
            shown = (request.bearer_token() or "").encode()
            if not hmac.compare_digest(shown, token):
                return False
            return True if loaded.authorize is None else await loaded.authorize(request)

        return authorize


def add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `ServeOptions` has to a parser.

    Args:
        parser: The parser.
    """
    plain = ServeOptions()
    parser.add_argument(
        "--host", default=plain.host, help="name or address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=plain.port, help="0: any that is free (default: %(default)s)"
    )
    parser.add_argument(
        "--max-sessions",
        type=int,
        default=plain.max_sessions,
        metavar="N",
        help="the most calls at once; others are refused (default: %(default)s)",
    )
    parser.add_argument(
        "--loops",
        type=int,
        default=plain.loops,
        metavar="N",
        help="event loops of a process, a thread for each: a bot that blocks one does not hold up "
        "those on others (default: %(default)s)",
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=plain.processes,
        metavar="N",
        help="processes that share the port: as many cores for Python (default: %(default)s)",
    )
    parser.add_argument("--tls-cert", type=Path, metavar="PEM", help="certificate, for wss://")
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="the certificate's key")
    parser.add_argument(
        "--auth-token",
        metavar="VARIABLE",
        help="environment variable with a token; who does not show it, as `Authorization: Bearer` "
        "or `?token=`, is refused",
    )
    parser.add_argument(
        "--allowed-origin",
        action="append",
        default=[],
        dest="allowed_origins",
        metavar="ORIGIN",
        help="a web page's origin, https://example.com; pages of others are refused. May be given "
        "more than once (default: all)",
    )
    parser.add_argument(
        "--drain-timeout",
        type=float,
        default=plain.drain_timeout,
        metavar="SECONDS",
        help="how long running calls may go on after SIGTERM or Ctrl-C (default: %(default)g)",
    )
    parser.add_argument(
        "--max-frame-bytes",
        type=int,
        default=plain.max_frame_bytes,
        metavar="N",
        help="longest message of a peer (default: %(default)s)",
    )
    parser.add_argument(
        "--max-message-rate",
        type=int,
        default=plain.max_message_rate,
        metavar="N",
        help="messages a second of a peer (default: %(default)s)",
    )
    parser.add_argument(
        "--max-per-address",
        type=int,
        metavar="N",
        help="calls from one address in each process (default: any number)",
    )
    parser.add_argument(
        "--max-lateness-ms",
        type=float,
        default=plain.max_lateness_ms,
        metavar="MS",
        help="refuse new calls while one chunk of audio in a hundred is later than this; 0: never "
        "(default: %(default)g)",
    )
    parser.add_argument(
        "-t",
        "--transport",
        choices=("websocket", *PROVIDERS, "exotel"),
        help="the telephone provider whose webhook is answered at `POST /`; every WebSocket is "
        "served whatever is given",
    )
    parser.add_argument(
        "-x",
        "--proxy",
        metavar="HOST",
        help="name under which the provider reaches this server (default: the one that it used)",
    )
