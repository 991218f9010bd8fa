"""A loopback HTTP server that stands in for a provider: fakes derive from it.

What it answers is put in line; it may misbehave as providers do. Each request is kept.
"""

import asyncio
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from support.waiting import within


@dataclass
class FakeRequest:
    """What a client has sent."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    query: dict[str, str]
    connection: int
    """Which connection it came on; requests on one connection have the same number."""


@dataclass
class FakeAnswer:
    """An answer in line, and how it goes wrong.

    `pieces` are sent one by one. After them the answer ends, unless it `stalls` or is `cut`: the
    connection is closed in the middle.
    """

    pieces: Sequence[bytes] = ()
    status: int = 200
    content_type: str = "text/event-stream"
    headers: dict[str, str] = field(default_factory=dict)
    stalls: bool = False
    stalls_before_headers: bool = False
    cut: bool = False


class FakeHttpServer:
    """Answers POST requests with what is put in line, the last answer for ever.

    `gone` is set when a client closes its connection before the answer has ended, `stalled` when an
    answer stalls.
    """

    def __init__(self, *answers: FakeAnswer) -> None:
        self.answers = list(answers)
        self.requests: list[FakeRequest] = []
        self.gone = asyncio.Event()
        self.stalled = asyncio.Event()
        self.url = ""
        self._connections: list[Any] = []
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def last(self) -> FakeRequest:
        """The last request."""
        return self.requests[-1]

    async def wait_until_gone(self) -> None:
        """Wait until a client has closed its connection before its answer has ended."""
        await within(self.gone.wait())

    async def wait_until_stalled(self) -> None:
        """Wait until an answer stalls."""
        await within(self.stalled.wait())

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.transport not in self._connections:
            self._connections.append(request.transport)
        self.requests.append(
            FakeRequest(
                path=request.path,
                headers=dict(request.headers),
                body=await request.json(),
                query=dict(request.query),
                connection=self._connections.index(request.transport),
            )
        )
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        try:
            return await self._answer(request, answer)
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise

    async def _answer(self, request: web.Request, answer: FakeAnswer) -> web.StreamResponse:
        if answer.stalls_before_headers:
            await self._stall()
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_type = answer.content_type
        response.enable_chunked_encoding()
        await response.prepare(request)
        for piece in answer.pieces:
            await response.write(piece)
        if answer.stalls:
            await self._stall()
        if answer.cut:
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write_eof()
        return response

    async def _stall(self) -> None:
        self.stalled.set()
        await asyncio.Event().wait()


def json_answer(body: Any, *, status: int = 200, **options: Any) -> FakeAnswer:
    """An answer in one piece."""
    return FakeAnswer(
        [json.dumps(body).encode()], status=status, content_type="application/json", **options
    )


def refused_url() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
