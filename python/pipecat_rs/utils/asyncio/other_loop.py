"""Doing something on another event loop than the caller's, without waiting for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

OTHER_LOOP_TIMEOUT_SECS = 10.0
"""How long the other loop may take: it may have ended, and then nobody would say so."""


async def run_on_loop(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], what: str
) -> None:
    """Run a coroutine on another loop, in another thread, and wait until it is done.

    Args:
        loop: The loop.
        coroutine: The coroutine. What it raises is raised here.
        what: What it does, for the error.

    Raises:
        RuntimeError: If the loop is closed.
        TimeoutError: If it is not done in time.
    """
    try:
        running = asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError:
        coroutine.close()
        raise
    try:
        await asyncio.wait_for(asyncio.wrap_future(running), OTHER_LOOP_TIMEOUT_SECS)
    except TimeoutError as error:
        if running.done() and not running.cancelled():
            raise
        raise TimeoutError(
            f"{what}: its event loop has not done this for {OTHER_LOOP_TIMEOUT_SECS:g} s. "
            "It is blocked or has ended."
        ) from error
