"""The life of a service's WebSocket, so that a service only says where to connect and what comes.

Put in front of the base of the service::

    class MySTTService(ManagedWebsocket, WebsocketSTTService): ...
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import ErrorFrame
from pipecat_rs.services.ai_service import AIService
from pipecat_rs.services.websocket_service import WebsocketService
from pipecat_rs.utils.errors import (
    ErrorCategory,
    classify_http_exception,
    extract_http_status_code,
)

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_logger = logging.getLogger(__name__)


class ManagedWebsocket(AIService, WebsocketService):
    """Opens the connection, receives, keeps it alive and closes it.

    Without a connection, be it lost or never made, it tries in the background. Each failed attempt
    is one error and one `on_connection_error`.

    Attributes:
        keepalive_secs: Seconds from one `keep_alive` to the next; 0 for never.
        peer_closes: Whether the server closes the connection upon the last of `farewell`.
    """

    handles = AIService.handles

    keepalive_secs: float = 0
    peer_closes: bool = False

    _receiver: asyncio.Task[Any] | None = None
    _keeper: asyncio.Task[Any] | None = None

    if TYPE_CHECKING:
        # Said by the base that this is put in front of.
        async def _report_error(
            self, error: ErrorFrame, force_treat_as_permanent: bool = False
        ) -> None: ...

    # ---- for services

    @abstractmethod
    async def open_connection(self) -> ClientConnection:
        """Connect, by `_websocket_connect`, and return the connection."""

    @abstractmethod
    async def handle_message(self, message: str | bytes) -> None:
        """Handle a message. What this raises is reported, and the next message handled.

        Args:
            message: The message.
        """

    async def connection_opened(self) -> None:
        """Say what has to be said first on a new connection."""

    async def keep_alive(self) -> None:
        """Send what keeps an idle connection."""

    def farewell(self) -> list[str]:
        """Return what to send before the connection is closed."""
        return []

    def explain_refusal(self, error: Exception) -> str:
        """Return what to say about a connection that could not be made.

        Args:
            error: Why.
        """
        status = extract_http_status_code(error)
        return f"HTTP {status}: {error}" if status is not None else str(error) or repr(error)

    # ---- connecting and disconnecting

    async def _connect(self) -> None:
        await super()._connect()
        if not self._is_websocket_open:
            try:
                await self._connect_websocket()
            except Exception as error:
                await self._report_error(
                    ErrorFrame(f"{self}: cannot connect: {error}", exception=_cause(error))
                )
        if self._is_service_usable and (self._receiver is None or self._receiver.done()):
            self._receiver = self.create_task(
                self._receive_task_handler(self._report_error), "receive"
            )
        if self.keepalive_secs and self._keeper is None:
            self._keeper = self.create_task(self._keep_alive_forever(), "keepalive")

    async def _disconnect(self) -> None:
        await super()._disconnect()
        for name in ("_keeper", "_receiver"):
            task: asyncio.Task[Any] | None = getattr(self, name)
            setattr(self, name, None)
            if task is not None and task is not asyncio.current_task():
                await self.cancel_task(task)
        await self._disconnect_websocket()

    async def _connect_websocket(self) -> None:
        try:
            self._websocket = await self.open_connection()
        except Exception as error:
            raise ConnectionError(self.explain_refusal(error)) from error
        _logger.debug("%s: connected", self)
        await self.connection_opened()
        await self._call_event_handler("on_connected")

    async def _disconnect_websocket(self) -> None:
        if self._websocket is None:
            return
        farewell = self.farewell() if self._is_websocket_open else []
        await self._websocket_close(*farewell, peer_closes=self.peer_closes and bool(farewell))
        _logger.debug("%s: disconnected", self)
        await self._call_event_handler("on_disconnected")

    async def _receive_messages(self) -> None:
        if self._websocket is None:
            raise ConnectionError("not connected")
        async for message in self._websocket:
            try:
                await self.handle_message(message)
            except Exception as error:
                # One message that nobody understands must not cost the others.
                await self.push_error(f"{self}: message not understood: {error!r}", error)

    def _classify_error(self, exception: Exception) -> ErrorCategory | None:
        cause = _cause(exception)
        category = classify_http_exception(cause)
        if category is ErrorCategory.UNKNOWN and type(cause).__module__.startswith("websockets."):
            # No handshake, or a connection that broke.
            return ErrorCategory.CONNECTIVITY
        return category

    async def _keep_alive_forever(self) -> None:
        while True:
            await asyncio.sleep(self.keepalive_secs)
            if not self._is_websocket_open:
                continue
            try:
                await self.keep_alive()
            except Exception as error:
                # The receiver notices a lost connection.
                _logger.warning("%s: keeping the connection alive failed: %s", self, error)


def _cause(error: Exception) -> Exception:
    """Return the library's own exception behind a refusal: it tells the category."""
    cause = error.__cause__
    return cause if isinstance(error, ConnectionError) and isinstance(cause, Exception) else error
