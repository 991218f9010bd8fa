"""One port, a bot for each connection: many sessions in one process."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from pipecat_rs import _core
from pipecat_rs.exceptions import PipecatError
from pipecat_rs.runner.http import HttpRequest, HttpResponse
from pipecat_rs.runner.loop_threads import THREAD_NAME, LoopThread
from pipecat_rs.runner.server_settings import ConnectionLimits, ServerStats, TlsFiles
from pipecat_rs.runner.session_host import LINGER_SECS, Bot, SessionHost

__all__ = ["Authorize", "HttpHook", "SessionServer"]

logger = logging.getLogger(__name__)

Authorize = Callable[[HttpRequest], Awaitable["bool | Mapping[str, Any] | None"]]
"""Decides who may have a session. True, or a mapping that becomes the `body` of the bot's
arguments, lets a peer in; all else sends it away."""

HttpHook = Callable[[HttpRequest], Awaitable["HttpResponse | None"]]
"""Answers an HTTP request; None for a path at which there is nothing."""

DRAIN_SECS = 3600.0
"""How long running sessions may go on when a server drains."""

CANCEL_SECS = 30.0
"""How long a bot may take to end when it is cancelled."""


class SessionServer:
    """A WebSocket server that runs a bot for each peer.

    ::

        async with SessionServer(bot, port=7860, max_sessions=200, loops=2) as server:
            await stopped.wait()
            await server.drain()

    Reading, writing and pacing are native, so that Python which blocks one event loop delays
    neither the audio of the sessions on others nor that which is already on its way. A peer is
    admitted if there is a place, if what is served is not late already, and if `authorize` agrees;
    otherwise it gets an HTTP error, with ``Retry-After`` where that makes sense. ``/health``,
    ``/ready`` and ``/metrics`` (Prometheus) are answered whatever Python does.

    A bot that raises is logged, and closes its own connection alone.
    """

    def __init__(
        self,
        bot: Bot,
        host: str = "localhost",
        port: int = 7860,
        *,
        max_sessions: int = 100,
        loops: int = 1,
        tls: TlsFiles | None = None,
        authorize: Authorize | None = None,
        authorize_timeout: float = 5.0,
        http: HttpHook | None = None,
        allowed_origins: Sequence[str] | None = None,
        paths: Sequence[str] | None = None,
        limits: ConnectionLimits | None = None,
        max_output_lateness: float | None = 0.02,
        max_loop_delay: float | None = 0.5,
        drain_timeout: float = DRAIN_SECS,
        linger_timeout: float | None = LINGER_SECS,
        cli_args: Any = None,
        **options: Any,
    ) -> None:
        """Set up a server; entering it opens the port.

        Args:
            bot: The bot, called once for each session.
            host: Name or address to listen on; ``0.0.0.0`` for all.
            port: 0 for any that is free.
            max_sessions: The most sessions at once, a hard maximum. A session counts until its bot
                has ended.
            loops: Event loops that sessions are spread over. One is the running loop; more have a
                thread each.
            tls: Certificate and key, for ``wss``.
            authorize: Decides who is let in; None for everybody.
            authorize_timeout: Seconds that it has; then the peer is refused.
            http: Answers other HTTP requests, such as webhooks of telephone providers.
            allowed_origins: Origins of web pages that may connect; None for all.
            paths: Paths that have a WebSocket; None for all.
            limits: What one peer may cost.
            max_output_lateness: Seconds; nobody is let in while one chunk of audio in a hundred is
                written later than this. None for any lateness.
            max_loop_delay: Seconds; nobody is let in while no event loop answers within. None for
                any time.
            drain_timeout: Seconds that running sessions have when the server drains.
            linger_timeout: Seconds that a bot has when its peer is gone; then it is cancelled.
                None for any time.
            cli_args: What bots are given as `RunnerArguments.cli_args`.
            **options: Further native options, as `_core.SessionServer` has them.

        Raises:
            ValueError: If a number makes no sense.
        """
        if max_sessions < 1 or loops < 1:
            raise ValueError(
                f"max_sessions ({max_sessions}) and loops ({loops}) must be at least 1"
            )
        self._bot = bot
        self._host, self._port = host, port
        self._loops = loops
        self._authorize, self._authorize_timeout = authorize, authorize_timeout
        self._http = http
        self._drain_timeout, self._linger_timeout = drain_timeout, linger_timeout
        self._cli_args = cli_args
        self._options: dict[str, Any] = {
            **(limits or ConnectionLimits())._options(),
            "max_sessions": max_sessions,
            "max_output_lateness_secs": max_output_lateness,
            "max_loop_delay_secs": max_loop_delay,
            "authorize_timeout_secs": authorize_timeout,
            "allowed_origins": list(allowed_origins) if allowed_origins else None,
            "paths": list(paths) if paths else None,
            **(tls._options() if tls is not None else {}),
            **options,
        }
        self._native: _core.SessionServer | None = None
        self._hosts: list[tuple[SessionHost, LoopThread | None]] = []
        self._hooks: set[asyncio.Task[None]] = set()

    # ---- life

    async def __aenter__(self) -> Self:
        """Open the port.

        Raises:
            OSError: If the address cannot be listened on, or a file of TLS not be read.
            ValueError: If the certificate cannot be used, or an option makes no sense.
        """
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the port and cancel the sessions that run."""
        await self.close()

    async def start(self) -> None:
        """Open the port; see `__aenter__`."""
        if self._native is not None:
            raise PipecatError("this server is open already")
        self._native = native = _core.SessionServer(
            self._host,
            self._port,
            self._options,
            None if self._authorize is None else self._asked,
            None if self._http is None else self._requested,
        )
        try:
            for number in range(self._loops):
                host = SessionHost(
                    self._bot, linger_timeout=self._linger_timeout, cli_args=self._cli_args
                )
                thread = LoopThread(f"{THREAD_NAME}-{number}") if self._loops > 1 else None
                self._hosts.append((host, thread))
                await _on(thread, _open, host, native)
        except BaseException:
            await self.close()
            raise

    def begin_drain(self) -> None:
        """Let nobody in any more. May be called from any thread, and from a signal's handler."""
        self._opened().drain()

    async def drain(self, timeout: float | None = None) -> bool:
        """Let nobody in any more, and wait for the sessions that run.

        ``/health`` says so meanwhile. When the time is over, what still runs is cancelled.

        Args:
            timeout: Seconds; None for the server's `drain_timeout`.

        Returns:
            Whether all sessions came to their own end.
        """
        native = self._opened()
        self.begin_drain()
        patience = self._drain_timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(patience):
                await native.drained()
            return True
        except TimeoutError:
            logger.warning(
                "%d sessions still run after %.0f s of draining, and are cancelled",
                self.stats().sessions,
                patience,
            )
        await self._cancel_sessions()
        return False

    async def close(self) -> None:
        """Close the port, cancel the sessions that run, and end the event loops' threads."""
        native, self._native = self._native, None
        if native is None:
            return
        native.drain()
        hosts, self._hosts = self._hosts, []
        await asyncio.gather(*(_shut(host, thread) for host, thread in hosts))
        for hook in set(self._hooks):
            hook.cancel()
        if self._hooks:
            await asyncio.wait(self._hooks, timeout=1.0)
        await native.close(1.0)
        threads = [thread for _, thread in hosts if thread is not None]
        await asyncio.gather(*(thread.stop() for thread in threads))

    # ---- what it is

    @property
    def address(self) -> tuple[str, int]:
        """Address and port that it listens on."""
        return self._opened().local_address

    def url(self, path: str = "/") -> str:
        """Return what clients on this machine connect to."""
        address, port = self.address
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address, address)
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        return f"{'wss' if 'certificate' in self._options else 'ws'}://{host}:{port}{path}"

    def stats(self) -> ServerStats:
        """Return how it is."""
        native = self._opened()
        health = json.loads(native.health())
        return ServerStats(
            status=health["status"],
            sessions=health["sessions"],
            max_sessions=health["max_sessions"],
            loops=[one["sessions"] for one in health["loops"]],
            output_lateness_p99_ms=health["output_lateness_p99_ms"],
            totals=native.totals(),
        )

    def metrics(self) -> str:
        """Return what ``/metrics`` answers."""
        return self._opened().metrics()

    def _opened(self) -> _core.SessionServer:
        if self._native is None:
            raise PipecatError("this server is not open", hint="enter it with `async with`")
        return self._native

    async def _cancel_sessions(self) -> None:
        await asyncio.gather(
            *(_bounded(thread, host.cancel, CANCEL_SECS) for host, thread in self._hosts)
        )

    # ---- hooks

    def _asked(self, native: _core.HttpRequest) -> None:
        self._start_hook(self._decide(native))

    def _requested(self, native: _core.HttpRequest) -> None:
        self._start_hook(self._answer(native))

    def _start_hook(self, hook: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(hook)
        self._hooks.add(task)
        task.add_done_callback(self._hooks.discard)

    async def _decide(self, native: _core.HttpRequest) -> None:
        assert self._authorize is not None
        request = HttpRequest(native)
        try:
            async with asyncio.timeout(self._authorize_timeout):
                verdict = await self._authorize(request)
        except TimeoutError:
            logger.error("%r: the authorize hook takes too long, the peer is refused", request)
            HttpResponse("the server did not decide in time\n", 503)._send(native)
        except Exception:
            logger.exception("%r: the authorize hook failed, the peer is refused", request)
            HttpResponse("the server could not decide\n", 500)._send(native)
        else:
            if verdict is True or isinstance(verdict, Mapping):
                first = next(iter(request.subprotocols), None)
                native.accept(first, None if verdict is True else verdict)
            else:
                headers = {"www-authenticate": "Bearer"}
                HttpResponse("not authorized\n", 401, headers=headers)._send(native)

    async def _answer(self, native: _core.HttpRequest) -> None:
        assert self._http is not None
        request = HttpRequest(native)
        try:
            response = await self._http(request)
        except Exception:
            logger.exception("%r: the http hook failed", request)
            response = HttpResponse("internal error\n", 500)
        if response is None:
            native.ignore()
        else:
            response._send(native)


async def _open(host: SessionHost, native: _core.SessionServer) -> None:
    host.open(native)


async def _on(thread: LoopThread | None, function: Callable[..., Any], *arguments: Any) -> None:
    """Run something on a host's loop."""
    if thread is not None:
        await thread.call(function, *arguments)
        return
    result = function(*arguments)
    if inspect.isawaitable(result):
        await result


async def _bounded(
    thread: LoopThread | None, function: Callable[..., Any], *arguments: Any
) -> None:
    """Run something on a host's loop, unless the loop does not answer."""
    try:
        async with asyncio.timeout(CANCEL_SECS + 5.0):
            await _on(thread, function, *arguments)
    except TimeoutError:
        name = thread.name if thread is not None else "the event loop"
        logger.error("%s does not answer: something blocks it", name)


async def _shut(host: SessionHost, thread: LoopThread | None) -> None:
    await _bounded(thread, host.close)
