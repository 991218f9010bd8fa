"""Reading what a provider streams, without waiting for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

_logger = logging.getLogger(__name__)

_Chunk = TypeVar("_Chunk")

_CLOSING_SECS = 2.0


async def bounded_stream(
    open_stream: Callable[[], Awaitable[AsyncIterator[_Chunk]]],
    *,
    first_secs: float | None,
    idle_secs: float | None,
) -> AsyncGenerator[_Chunk, None]:
    """Read a stream whose provider may stall at any point.

    When the generator is closed, or its reader is cancelled, the stream is closed and with it the
    connection.

    Args:
        open_stream: Sends the request and returns the stream.
        first_secs: Longest time until the first chunk, the request included, in seconds; None for
            no limit.
        idle_secs: Longest time between two chunks, in seconds; None for no limit.

    Yields:
        The chunks.

    Raises:
        TimeoutError: If a chunk does not come in time.
    """
    stream: Any = None
    chunks: Any = None
    # Not None: that could be a chunk.
    end = object()
    try:
        async with asyncio.timeout(first_secs):
            stream = await open_stream()
            chunks = aiter(stream)
            chunk: Any = await anext(chunks, end)
        while chunk is not end:
            yield chunk
            async with asyncio.timeout(idle_secs):
                chunk = await anext(chunks, end)
    finally:
        # The iterator first, from the inside out: what it is made of is closed with it.
        for resource in (chunks, stream):
            await close(resource)


async def close(resource: Any) -> None:
    """Close a stream or client, whatever it calls that, and wait for it only so long.

    Args:
        resource: What to close. None, and what cannot be closed, is ignored.
    """
    closing = getattr(resource, "aclose", None) or getattr(resource, "close", None)
    if closing is None:
        return
    try:
        async with asyncio.timeout(_CLOSING_SECS):
            await closing()
    except Exception as error:
        # It is of no more use, whatever its peer does.
        _logger.debug("closing %s failed: %s", type(resource).__name__, error)
