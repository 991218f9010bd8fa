"""What services that talk over a WebSocket have in common: connecting, reconnecting, closing.

Nothing here waits without a bound. A connection that the peer lets die is noticed by pings, a peer
that stops reading by the time a write takes, one that stops answering by the time a close takes;
each ends in the connection being dropped, and the attempts to get a new one are counted.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import ErrorFrame
from pipecat_rs.utils.deprecation import warn_deprecated
from pipecat_rs.utils.network import QuickFailureTracker, exponential_backoff_time

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_logger = logging.getLogger(__name__)

WS_OPEN_TIMEOUT = 10.0
"""Seconds in which a connection must be there, with the handshake."""

WS_CLOSE_TIMEOUT = 2.0
"""Seconds in which the peer must answer a close. The end of a pipeline waits for it."""

WS_SEND_TIMEOUT = 5.0
"""Seconds that one write may take. It takes time only if the peer has stopped reading."""

WS_PING_INTERVAL = 10.0
"""Seconds from ping to ping, and in which each must be answered."""


class ReportErrorCallback(Protocol):
    """Reports an error of the connection."""

    async def __call__(self, error: ErrorFrame, force_treat_as_permanent: bool = False) -> None:
        """Report it.

        Args:
            error: The error.
            force_treat_as_permanent: Whether it will keep recurring whatever its category says.
        """
        ...


class WebsocketService(ABC):
    """A service with a WebSocket. Mixed into a processor.

    Subclasses say how to connect, disconnect and receive, and run `_receive_task_handler` in a task
    once they are connected. It connects again when the connection is lost, and gives up, which
    makes the service unusable, when the attempts are used up, when new connections do not last, or
    when an error says that trying again cannot help.

    Attributes:
        websockets_extra: The extra of this distribution that brings the package ``websockets``.
    """

    websockets_extra: ClassVar[str] = "websocket"

    def __init__(
        self,
        *,
        reconnect_backoff_min_wait: float = 4.0,
        reconnect_backoff_max_wait: float = 10.0,
        reconnect_on_error: bool = True,
        ws_open_timeout: float = WS_OPEN_TIMEOUT,
        ws_close_timeout: float = WS_CLOSE_TIMEOUT,
        ws_send_timeout: float | None = WS_SEND_TIMEOUT,
        **kwargs: Any,
    ) -> None:
        """Prepare to connect.

        Args:
            reconnect_backoff_min_wait: Shortest wait from attempt to attempt, in seconds.
            reconnect_backoff_max_wait: Longest wait from attempt to attempt, in seconds.
            reconnect_on_error: Whether to connect again when the connection is lost.
            ws_open_timeout: Seconds in which a connection must be there.
            ws_close_timeout: Seconds in which the peer must answer a close.
            ws_send_timeout: Seconds that one write may take, or None for no bound.
            **kwargs: Not used here.

        Raises:
            MissingDependencyError: If ``websockets`` is not installed.
        """
        if importlib.util.find_spec("websockets") is None:
            raise MissingDependencyError.of(
                "websockets", needed_by=self, extra=self.websockets_extra
            )
        self._websocket: ClientConnection | None = None
        self._reconnect_backoff_min_wait = reconnect_backoff_min_wait
        self._reconnect_backoff_max_wait = reconnect_backoff_max_wait
        self._reconnect_on_error = reconnect_on_error
        self._ws_open_timeout = ws_open_timeout
        self._ws_close_timeout = ws_close_timeout
        self._ws_send_timeout = ws_send_timeout
        self._reconnect_in_progress = False
        self._disconnecting = False
        self._quick_failure_tracker = QuickFailureTracker()
        self._last_connect_time = 0.0

    # ---- for services

    @abstractmethod
    async def _connect_websocket(self) -> None:
        """Open the connection, and nothing else."""

    @abstractmethod
    async def _disconnect_websocket(self) -> None:
        """Close the connection, and nothing else."""

    @abstractmethod
    async def _receive_messages(self) -> None:
        """Handle messages until the connection is closed."""

    async def _connect(self) -> None:
        """Connect. Overrides call this first."""
        self._disconnecting = False
        self._quick_failure_tracker.reset()

    async def _disconnect(self) -> None:
        """Disconnect for good. Overrides call this first."""
        self._disconnecting = True

    @property
    def _is_websocket_open(self) -> bool:
        """Whether messages can be sent."""
        # The state of the protocol, an IntEnum: 1 is OPEN. A stand-in without one counts as open.
        return self._websocket is not None and getattr(self._websocket, "state", 1) == 1

    @property
    def _is_service_usable(self) -> bool:
        return getattr(self, "is_usable", True)

    async def _websocket_connect(self, uri: str, **kwargs: Any) -> ClientConnection:
        """Open a connection whose waits are bounded.

        Args:
            uri: Where to connect.
            **kwargs: For ``websockets.connect``.

        Raises:
            OSError: If the peer cannot be reached.
            TimeoutError: If it does not answer in time.
            websockets.exceptions.InvalidHandshake: If it refuses.
        """
        from websockets.asyncio.client import connect

        kwargs.setdefault("open_timeout", self._ws_open_timeout)
        kwargs.setdefault("close_timeout", self._ws_close_timeout)
        kwargs.setdefault("ping_interval", WS_PING_INTERVAL)
        kwargs.setdefault("ping_timeout", WS_PING_INTERVAL)
        kwargs.setdefault("create_connection", _bounded_connection_class())
        websocket = await connect(uri, **kwargs)
        if hasattr(websocket, "send_timeout"):
            websocket.send_timeout = self._ws_send_timeout  # type: ignore[attr-defined]
        return websocket

    async def _websocket_close(self, *farewell: str, peer_closes: bool = False) -> None:
        """Close the connection, if there is one. It is gone afterwards, whatever the peer does.

        Args:
            *farewell: Messages to send first.
            peer_closes: Whether the peer closes upon the last of them.
        """
        websocket, self._websocket = self._websocket, None
        if websocket is None:
            return
        try:
            async with asyncio.timeout(self._ws_close_timeout):
                for message in farewell:
                    await websocket.send(message)
                if peer_closes:
                    await websocket.wait_closed()
                await websocket.close()
        except TimeoutError:
            _logger.debug("%s: the peer did not answer the close and is dropped", self)
        except Exception as error:
            # Closed by the peer already, or in the middle of this: it is what is wanted here.
            _logger.debug("%s: closing: %s", self, error)
        finally:
            _drop(websocket)

    # ---- connecting again

    async def _verify_connection(self) -> bool:
        """Return whether the connection is there."""
        try:
            if self._websocket is None or not self._is_websocket_open:
                return False
            await self._websocket.ping()
            return True
        except Exception as error:
            _logger.error("%s: the connection does not work: %s", self, error)
            return False

    async def _reconnect_websocket(self, attempt_number: int) -> bool:
        """Replace the connection.

        Args:
            attempt_number: Number of the attempt, from 1.

        Raises:
            ConnectionError: If the new connection does not work.
        """
        await self._disconnect_websocket()
        await self._connect_websocket()
        if not await self._verify_connection():
            raise ConnectionError(f"{self}: no connection")
        return True

    async def _try_reconnect(
        self, max_retries: int = 3, report_error: ReportErrorCallback | None = None
    ) -> bool:
        """Connect again; one failed attempt is one report, and the last one is permanent.

        Args:
            max_retries: How many attempts there are.
            report_error: Reports what fails.

        Returns:
            Whether there is a connection.
        """
        if self._reconnect_in_progress or not self._is_service_usable:
            return False
        self._reconnect_in_progress = True
        try:
            for attempt in range(1, max_retries + 1):
                if await self._attempt(attempt, max_retries, report_error):
                    return True
                # The report may have found out that trying again cannot help.
                if not self._is_service_usable or attempt == max_retries:
                    return False
                await asyncio.sleep(
                    exponential_backoff_time(
                        attempt,
                        min_wait=self._reconnect_backoff_min_wait,
                        max_wait=self._reconnect_backoff_max_wait,
                    )
                )
            return False
        finally:
            self._reconnect_in_progress = False

    async def _attempt(
        self, attempt: int, last: int, report_error: ReportErrorCallback | None
    ) -> bool:
        _logger.warning("%s: connecting again, attempt %d of %d", self, attempt, last)
        failure: Exception | None = None
        try:
            if await self._reconnect_websocket(attempt):
                self._last_connect_time = time.monotonic()
                return True
        except Exception as error:
            failure = error
        message = f"{self}: connecting again failed, attempt {attempt} of {last}: {failure}"
        if report_error is not None:
            await report_error(
                ErrorFrame(message, exception=failure), force_treat_as_permanent=attempt == last
            )
        else:
            _logger.error("%s", message)
        return False

    async def _maybe_try_reconnect(
        self,
        error_message: str,
        report_error: ReportErrorCallback,
        error: Exception | None = None,
    ) -> bool:
        """Connect again if that makes sense.

        Args:
            error_message: How the connection was lost.
            report_error: Reports what fails.
            error: The exception behind it, if there is one.

        Returns:
            Whether there is a connection.
        """
        if self._disconnecting:
            return False
        if self._last_connect_time > 0:
            lasted = time.monotonic() - self._last_connect_time
            if self._quick_failure_tracker.record(lasted).should_give_up:
                count = self._quick_failure_tracker.max_consecutive_failures
                await report_error(
                    ErrorFrame(
                        f"{self}: {count} connections in a row did not last: {error_message}",
                        exception=error,
                    ),
                    force_treat_as_permanent=True,
                )
                return False
        _logger.warning("%s", error_message)
        if self._reconnect_on_error:
            return await self._try_reconnect(report_error=report_error)
        await report_error(ErrorFrame(error_message, exception=error))
        return False

    async def _receive_task_handler(self, report_error: ReportErrorCallback) -> None:
        """Receive, and connect again, until disconnected or given up.

        Args:
            report_error: Reports what fails.
        """
        from websockets.exceptions import ConnectionClosedOK

        lost: Exception | None
        connected = True
        while connected:
            self._last_connect_time = time.monotonic()
            try:
                await self._receive_messages()
                how, lost = "the server has closed the connection", None
            except ConnectionClosedOK:
                return
            except Exception as error:
                how, lost = f"the connection is lost: {error}", error
            connected = await self._maybe_try_reconnect(f"{self}: {how}", report_error, lost)

    async def _receive_until_confirmed(
        self,
        messages: AsyncIterator[str | bytes],
        confirmed: asyncio.Event,
        handle_message: Callable[[str | bytes], Awaitable[None]],
        timeout: float,
    ) -> bool:
        """Handle messages until one of them confirms the connection.

        Args:
            messages: The messages; those behind the confirmation stay there.
            confirmed: Set by `handle_message` on the confirmation.
            handle_message: Handles a message.
            timeout: Seconds in which the confirmation must come.

        Returns:
            Whether it came; False if the connection was closed before.

        Raises:
            ConnectionError: If it did not come in time.
        """
        try:
            async with asyncio.timeout(timeout):
                while not confirmed.is_set():
                    await handle_message(await anext(messages))
        except StopAsyncIteration:
            return False
        except TimeoutError:
            # It never carried anything, so it counts as one that did not last.
            self._last_connect_time = time.monotonic()
            raise ConnectionError(f"{self}: not confirmed within {timeout} s") from None
        return True

    async def send_with_retry(self, message: Any, report_error: ReportErrorCallback) -> None:
        """Send a message, after connecting again if need be. Deprecated in pipecat 1.14.

        Args:
            message: The message.
            report_error: Reports what fails.
        """
        warn_deprecated(
            "`WebsocketService.send_with_retry` is deprecated since 1.14.0 and will be removed in "
            "2.0.0. No replacement.",
            stacklevel=2,
        )
        try:
            if self._websocket is None:
                raise ConnectionError(f"{self}: not connected")
            await self._websocket.send(message)
        except Exception as error:
            _logger.error("%s: sending failed: %s", self, error)
            if await self._try_reconnect(report_error=report_error) and self._websocket:
                await self._websocket.send(message)


def _drop(websocket: Any) -> None:
    """Drop what is left of a connection, its unsent data too."""
    transport = getattr(websocket, "transport", None)
    if transport is not None:
        transport.abort()


@functools.cache
def _bounded_connection_class() -> type[ClientConnection]:
    """Return the class of connections whose writes are bounded; websockets has no such thing."""
    from websockets.asyncio.client import ClientConnection

    class BoundedConnection(ClientConnection):
        """A connection that is dropped once a write takes too long."""

        send_timeout: float | None = None

        async def send(self, *args: Any, **kwargs: Any) -> None:
            """Send a message.

            Args:
                *args: As in websockets.
                **kwargs: As in websockets.

            Raises:
                websockets.exceptions.ConnectionClosed: If it is closed, or was dropped here.
            """
            bound = asyncio.timeout(self.send_timeout)
            try:
                async with bound:
                    await super().send(*args, **kwargs)
            except TimeoutError as error:
                if not bound.expired():
                    raise
                _logger.warning("the peer has not read for %s s and is dropped", self.send_timeout)
                # A close would have to get through the same full buffer.
                self.transport.abort()
                await asyncio.shield(self.connection_lost_waiter)
                raise self.protocol.close_exc from error

    return BoundedConnection
