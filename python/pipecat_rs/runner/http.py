"""Requests and answers of a session server, as a bot's hooks see them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pipecat_rs import _core

__all__ = ["HttpRequest", "HttpResponse"]


class HttpRequest:
    """What a peer asks for: a WebSocket, or anything else that HTTP has."""

    def __init__(self, native: _core.HttpRequest) -> None:
        """Hold a request.

        Args:
            native: The request.
        """
        self._native = native

    @property
    def remote_address(self) -> tuple[str, int]:
        """Address and port of the peer, as the socket says."""
        return self._native.peer

    @property
    def method(self) -> str:
        """``GET``, ``POST``."""
        return self._native.method

    @property
    def path(self) -> str:
        """The path without its query."""
        return urlsplit(self._native.path).path

    @property
    def target(self) -> str:
        """The path with its query."""
        return self._native.path

    @cached_property
    def query_params(self) -> Mapping[str, str]:
        """The query; of a name given twice, the last value."""
        return dict(parse_qsl(urlsplit(self._native.path).query, keep_blank_values=True))

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """Headers by name in lower case; of a name given twice, the last value."""
        return dict(self._native.headers)

    @property
    def wants_websocket(self) -> bool:
        """Whether the peer wants a WebSocket."""
        return self._native.wants_websocket

    @property
    def subprotocols(self) -> list[str]:
        """The subprotocols on offer, the best one first."""
        return self._native.subprotocols

    @cached_property
    def body(self) -> bytes:
        """What was sent along; nothing with a WebSocket."""
        return self._native.body

    def form(self) -> dict[str, str]:
        """Return the fields of a body that is a form (``application/x-www-form-urlencoded``)."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))

    def json(self) -> Any:
        """Return a body that is JSON.

        Raises:
            ValueError: If it is not.
        """
        return json.loads(self.body)

    def bearer_token(self) -> str | None:
        """Return the token of ``Authorization: Bearer``, or of ``?token=`` for browsers."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return token.strip()
        return self.query_params.get("token")

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.path} of {self.remote_address[0]})"


@dataclass
class HttpResponse:
    """An answer.

    Attributes:
        body: Text or bytes.
        status: 200, 404.
        content_type: Of the body.
        headers: Further headers.
    """

    body: str | bytes = ""
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def _send(self, native: _core.HttpRequest) -> None:
        body = self.body.encode() if isinstance(self.body, str) else self.body
        headers = [("content-type", self.content_type), *self.headers.items()]
        native.respond(self.status, headers, body)
