"""The two ways in which a WebSocket comes to a bot: a FastAPI application, and a session server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from support.serving import server_of
from support.waiting import until, within

DOORS = ["fastapi", "serve"]

UVICORNS_OWN = "ignore::DeprecationWarning"
"""uvicorn's WebSocket protocol uses a part of websockets that is on its way out."""


@contextlib.asynccontextmanager
async def door(
    kind: str, bot: Callable[[Any], Awaitable[None]], **options: Any
) -> AsyncIterator[str]:
    """Run a bot, on this loop, for each WebSocket. The URL is what is yielded.

    Args:
        kind: One of `DOORS`.
        bot: It is given the accepted WebSocket.
        **options: For the session server.
    """
    opened = _fastapi(bot) if kind == "fastapi" else _serve(bot, **options)
    async with opened as url:
        yield url


@contextlib.asynccontextmanager
async def _fastapi(bot: Callable[[Any], Awaitable[None]]) -> AsyncIterator[str]:
    import uvicorn
    from fastapi import FastAPI, WebSocket

    async def accepted(websocket: WebSocket) -> None:
        await websocket.accept()
        await bot(websocket)

    application = FastAPI()
    application.websocket("/ws")(accepted)
    config = uvicorn.Config(application, "127.0.0.1", 0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serve = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/ws"
    finally:
        server.should_exit = True
        await within(serve, 15)


@contextlib.asynccontextmanager
async def _serve(bot: Callable[[Any], Awaitable[None]], **options: Any) -> AsyncIterator[str]:
    async def served(arguments: Any) -> None:
        await bot(arguments.websocket)

    async with server_of(served, **options) as server:
        yield server.url()
