"""Answers the webhook of a telephone provider: connect the call to this server's WebSocket."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from pipecat_rs.runner.http import HttpRequest, HttpResponse
from pipecat_rs.runner.session_host import TELEPHONE_PATH
from pipecat_rs.runner.session_server import HttpHook

__all__ = ["PROVIDERS", "webhook_of"]

PROVIDERS = ("twilio", "telnyx", "plivo")
"""Those that ask over HTTP where a call is to go. Others have the WebSocket's address set up."""


def webhook_of(provider: str, host: str | None, otherwise: HttpHook | None) -> HttpHook:
    """Make the hook that answers ``POST /`` as a provider expects it.

    Args:
        provider: One of `PROVIDERS`.
        host: Name under which the provider reaches this server; None for the one that it used.
        otherwise: Answers all other requests.

    Raises:
        ValueError: If the provider is another one.
    """
    if provider not in PROVIDERS:
        raise ValueError(f"{provider!r} has no webhook: {', '.join(PROVIDERS)} have")

    async def http(request: HttpRequest) -> HttpResponse | None:
        if request.method == "POST" and request.path == "/":
            name = host or request.headers.get("host", "localhost")
            url = f"wss://{name}{TELEPHONE_PATH}"
            return HttpResponse(_document(provider, url), content_type="application/xml")
        return None if otherwise is None else await otherwise(request)

    return http


def _document(provider: str, url: str) -> str:
    match provider:
        case "plivo":
            kind = 'bidirectional="true" keepCallAlive="true"'
            stream = f'<Stream {kind} contentType="audio/x-mulaw;rate=8000">{escape(url)}</Stream>'
        case "telnyx":
            stream = (
                f'<Connect><Stream url={quoteattr(url)} bidirectionalMode="rtp"/></Connect>'
                '<Pause length="40"/>'
            )
        case _:
            stream = f"<Connect><Stream url={quoteattr(url)}/></Connect>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>{stream}</Response>\n'
