"""Runs the bots of one event loop: one asyncio task for each session."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from pipecat_rs import _core
from pipecat_rs.runner.session_tasks import own_tasks_from_here, unwatch_tasks, watch_tasks
from pipecat_rs.runner.types import WebSocketRunnerArguments
from pipecat_rs.transports.websocket.connection import WebsocketConnection

logger = logging.getLogger(__name__)

Bot = Callable[[WebSocketRunnerArguments], Awaitable[object]]
"""A bot: called for each session, it runs until the session is over."""

CLOSE_SECS = 10.0
"""How long a connection may take to close when its bot has ended; then it is given up."""

_NORMAL, _FAILED = 1000, 1011

LINGER_SECS = 300.0
"""How long a bot may go on when its peer is gone, with what is left to do; then it is cancelled."""

TELEPHONE_PATH = "/ws"
"""Where telephone providers connect: what kind of call it is, is in their first messages."""


class SessionHost:
    """Runs bots on the loop that it is opened on."""

    def __init__(
        self, bot: Bot, *, linger_timeout: float | None = LINGER_SECS, cli_args: Any = None
    ) -> None:
        """Run nothing yet.

        Args:
            bot: The bot.
            linger_timeout: Seconds after which a bot whose peer is gone is cancelled; None for
                never.
            cli_args: What bots are given as `RunnerArguments.cli_args`.
        """
        self._bot = bot
        self._linger_timeout = linger_timeout
        self._cli_args = cli_args
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: _core.SessionServer | None = None
        self._number = -1

    def open(self, server: _core.SessionServer) -> None:
        """Run a server's sessions on the running loop.

        Args:
            server: The server.
        """
        watch_tasks()
        self._server = server
        self._number = server.add_loop(self._begin)

    async def close(self) -> None:
        """Cancel what runs, and take no more. On the same loop."""
        await self.cancel()
        server, self._server = self._server, None
        if server is not None:
            server.remove_loop(self._number)
            unwatch_tasks()

    async def cancel(self, patience: float = 30.0) -> None:
        """Cancel what runs, and wait for it.

        Args:
            patience: Seconds; a bot that does not end when it is cancelled is then left alone.
        """
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, stubborn = await asyncio.wait(tasks, timeout=patience)
            for task in stubborn:
                logger.error("%s does not end though it was cancelled", task.get_name())

    def _begin(self, session: _core.Session) -> None:
        task = asyncio.get_running_loop().create_task(
            self._run(session), name=f"session {session.id}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, session: _core.Session) -> None:
        connection = WebsocketConnection(session.connection)
        outcome = "cancelled"
        name = f"session {session.id}"
        lingering = _Lingering(connection, name, self._linger_timeout)
        tasks = own_tasks_from_here()
        try:
            arguments = _arguments(connection, session.claims)
            arguments.cli_args = self._cli_args
            logger.info("%s begins: %s", name, connection)
            await self._bot(arguments)
            outcome = "completed"
        except asyncio.CancelledError:
            logger.warning("%s was cancelled", name)
        except (Exception, SystemExit):  # a bot that exits ends its own session alone
            outcome = "failed"
            logger.exception("%s: the bot failed; its connection is closed", name)
        lingering.end()
        try:
            await _close(connection, name, failed=outcome == "failed")
            for left in await tasks.clear():
                logger.warning("%s left a task behind, which was cancelled: %s", name, left)
        finally:
            session.finish(outcome)
            logger.info("%s is over: %s", name, outcome)


class _Lingering:
    """Cancels the bot that runs in the current task when its peer has been gone for too long."""

    def __init__(self, connection: WebsocketConnection, name: str, patience: float | None) -> None:
        self._task, self._name, self._patience = asyncio.current_task(), name, patience
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        if patience is not None:
            connection._when_closed(self._closed)

    def end(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()

    def _closed(self, connection: WebsocketConnection) -> None:
        if not self._over and self._patience is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._patience, self._cancel)

    def _cancel(self) -> None:
        logger.error(
            "%s: the bot still runs %g s after its peer has gone, and is cancelled",
            self._name,
            self._patience,
        )
        assert self._task is not None
        self._task.cancel()


def _arguments(connection: WebsocketConnection, claims: Any) -> WebSocketRunnerArguments:
    is_call = urlsplit(connection.path).path == TELEPHONE_PATH
    return WebSocketRunnerArguments(
        websocket=connection,
        transport_type=None if is_call else "websocket",
        session_id=str(uuid.uuid4()),
        body={} if claims is None else claims,
    )


async def _close(connection: WebsocketConnection, name: str, *, failed: bool) -> None:
    closing = connection.close(_FAILED, "the bot failed") if failed else connection.close(_NORMAL)
    try:
        async with asyncio.timeout(CLOSE_SECS):
            await closing
    except TimeoutError:
        logger.error("%s: the connection does not close", name)
