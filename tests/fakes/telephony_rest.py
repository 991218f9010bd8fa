"""A loopback stand-in for the REST APIs that telephone calls are ended through."""

import asyncio
import base64
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from support.waiting import within


@dataclass
class FakeCallRequest:
    """What a client has sent."""

    method: str
    path: str
    user: str | None
    password: str | None
    authorization: str
    form: dict[str, str]


class FakeTelephonyRest:
    """Answers each request with one status and body, or never. Each request is kept."""

    def __init__(self, status: int = 200, body: Any = None, *, stalls: bool = False) -> None:
        self.status = status
        self.body = {} if body is None else body
        self.requests: list[FakeCallRequest] = []
        self.url = ""
        self._stalls = stalls
        self._asked = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
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

    async def wait_until_asked(self) -> None:
        """Wait until a request has come."""
        await within(self._asked.wait())

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        kind, _, word = authorization.partition(" ")
        basic = base64.b64decode(word).decode().split(":", 1) if kind == "Basic" else None
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.requests.append(
            FakeCallRequest(
                method=request.method,
                path=request.raw_path,
                user=basic[0] if basic else None,
                password=basic[1] if basic else None,
                authorization=authorization,
                form=form,
            )
        )
        self._asked.set()
        if self._stalls:
            await asyncio.Event().wait()
        if self.status == 204:
            return web.Response(status=204)
        if isinstance(self.body, str):
            return web.Response(status=self.status, text=self.body)
        return web.json_response(self.body, status=self.status)
