"""HTTP clients that keep their connections between the turns of a conversation."""

from __future__ import annotations

import importlib
import ssl
from functools import cache
from typing import Any


def lasting_http_client(library: Any) -> Any:
    """Return an HTTP client for a provider's client library.

    The library's own closes a connection after 5 s without use; a new one costs a caller two to
    three round trips before the answer begins.

    Args:
        library: The module ``openai`` or ``anthropic``.
    """
    default = library.DEFAULT_CONNECTION_LIMITS
    # httpx, or httpx2 with newer libraries.
    http_library = type(default).__module__.partition(".")[0]
    return library.DefaultAsyncHttpxClient(
        limits=type(default)(
            max_connections=default.max_connections,
            max_keepalive_connections=default.max_keepalive_connections,
            keepalive_expiry=None,
        ),
        verify=tls_context(http_library),
    )


@cache
def tls_context(http_library: str) -> ssl.SSLContext:
    """Return the certificates that are trusted, read once for the process.

    Reading them takes some 40 ms, during which a session that begins would hold up all others.

    Args:
        http_library: ``httpx`` or ``httpx2``, which say where they are.
    """
    return importlib.import_module(http_library).create_ssl_context()
